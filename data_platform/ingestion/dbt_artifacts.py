"""The files that a dbt project is known by, and what is wrong with those that cannot be read.

OpenMetadata's client fetches them from wherever they are. What it does not do is say which file is broken, go on with
the other projects of a bucket, or notice that a manifest is of a dbt whose schema it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Final, cast

from data_platform.ingestion.verdict import ARTIFACTS, Failure

_MANIFEST: Final = "https://schemas.getdbt.com/dbt/manifest/"


def guard(source: Any, note: Callable[[Failure], None]) -> None:
    """Let one project's broken artifacts cost that project only.

    Args:
        source: OpenMetadata's ``DbtSource``, before it runs.
        note: told what is wrong with them.
    """
    from metadata.ingestion.source.database.dbt import dbt_config

    inner = source.get_dbt_files
    _name_broken_files(dbt_config)

    def get_dbt_files() -> Iterator[Any]:
        for files in inner():
            problem = _problem(files.dbt_manifest)
            if problem is None:
                yield files
            else:
                note(Failure("manifest.json", ARTIFACTS, problem))

    source.get_dbt_files = get_dbt_files


def _problem(manifest: Any) -> str | None:
    """What keeps a manifest from being read, or None."""
    from collate_dbt_artifacts_parser.parsers.version_map import ArtifactTypes

    if not isinstance(manifest, dict) or not {"metadata", "nodes", "sources"} <= manifest.keys():
        return "the manifest is JSON, but not a manifest of dbt's: make it with 'dbt parse' or 'dbt build'"
    described = cast(dict[str, Any], cast(dict[str, Any], manifest)["metadata"])
    version = str(described.get("dbt_schema_version"))
    known = [str(each.value.dbt_schema_version) for each in ArtifactTypes]
    readable = [each.removeprefix(_MANIFEST).removesuffix(".json") for each in known if each.startswith(_MANIFEST)]
    if version in known and version.startswith(_MANIFEST):
        return None
    return (
        f"the manifest's schema is {version.removeprefix(_MANIFEST).removesuffix('.json')} (written by dbt"
        f" {described.get('dbt_version')}), and OpenMetadata's client reads {', '.join(readable)}:"
        " make it with a dbt of one of these"
    )


def _name_broken_files(dbt_config: Any) -> None:
    """Make a file that is not JSON an error that names it; the client's own names none and ends all projects."""
    if isinstance(dbt_config.json, SimpleNamespace):
        return
    paths: dict[int, tuple[str, Any]] = {}
    get_reader = dbt_config.get_reader

    def named_reader(**options: Any) -> Any:
        reader = get_reader(**options)
        read = reader.read

        def noted(path: str, **kwargs: Any) -> Any:
            text = read(path=path, **kwargs)
            paths[id(text)] = (path, text)  # kept, so that the id stays the text's
            return text

        return SimpleNamespace(read=noted)

    def loads(text: Any) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            path, _ = paths.get(id(text), ("an artifact", None))
            raise dbt_config.DBTConfigException(f"{path} is not JSON ({error})") from error

    dbt_config.get_reader = named_reader
    dbt_config.json = SimpleNamespace(loads=loads, JSONDecodeError=json.JSONDecodeError)
