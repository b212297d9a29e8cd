"""Dagster: the jobs and assets of every code location, by one question to the webserver.

Jobs that Dagster makes up for itself, and assets that nothing here materializes, are no pipelines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx

from data_platform.errors import SourceRefusedError
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed

_TIMEOUT: Final = 60.0
_ONLY_REPOSITORY: Final = "__repository__"
_QUESTION: Final = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { ... on RepositoryLocation {
  repositories { name jobs { name } assetNodes { assetKey { path } isMaterializable opNames } }
} } } } } }
"""


def listing(source: Any, filters: Filters) -> Iterator[Listed]:  # noqa: ARG001 - every connector's has both
    """Everything that the webserver has loaded.

    Raises:
        SourceRefusedError: a code location does not load, so that nobody knows what is in it.
    """
    connection: Any = source.service_connection
    headers = {"Dagster-Cloud-Api-Token": connection.token.get_secret_value()} if connection.token else {}
    url = f"{str(connection.host).rstrip('/')}/graphql"
    answer = httpx.post(url, json={"query": _QUESTION}, headers=headers, timeout=_TIMEOUT).raise_for_status().json()
    entries: list[dict[str, Any]] = answer["data"]["workspaceOrError"]["locationEntries"]
    for entry in entries:
        loaded: dict[str, list[dict[str, Any]]] = entry["locationOrLoadError"] or {}
        repositories = loaded.get("repositories")
        if repositories is None:
            raise SourceRefusedError(f"the code location {entry['name']} does not load", source=url)
        for repository in repositories:
            yield from _pipelines(str(entry["name"]), repository)


def _pipelines(location: str, repository: dict[str, Any]) -> Iterator[Listed]:
    place = location if repository["name"] == _ONLY_REPOSITORY else f"{location}/{repository['name']}"
    for job in repository["jobs"]:
        if not job["name"].startswith("__"):
            yield Listed("pipeline", (f"jobs/{place}/{job['name']}",), shown=job["name"])
    for asset in repository["assetNodes"]:
        if asset["isMaterializable"] and asset["opNames"]:
            key = "/".join(asset["assetKey"]["path"])
            yield Listed("pipeline", (f"assets/{key}",), shown=key)
