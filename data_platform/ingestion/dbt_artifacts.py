"""The files that a dbt project is known by, and what is wrong with those that cannot be read.

OpenMetadata's client fetches them from wherever they are. What it does not do is say which file is broken, go on with
the other projects of a bucket, notice that a file is of a dbt whose schema it does not know, or do without a catalog or
run results that it cannot read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, cast

from data_platform.ingestion.verdict import ARTIFACTS, Failure

_SCHEMAS: Final = "https://schemas.getdbt.com/dbt/"
_DESCRIBED: Final = frozenset({"model", "seed", "snapshot", "source"})

Path = tuple[str, str, str]
"""Database, schema and table."""


@dataclass
class Described:
    """What the manifests of a run describe.

    Attributes:
        projects: names of their projects.
        tables: the tables.
    """

    projects: set[str] = field(default_factory=set[str])
    tables: set[Path] = field(default_factory=set[Path])

    def add(self, manifest: Mapping[str, Any]) -> None:
        """Note what one manifest describes; it is a JSON object as dbt wrote it."""
        self.projects.add(str(manifest["metadata"].get("project_name")))
        for node in (*manifest["nodes"].values(), *manifest["sources"].values()):
            config = cast(dict[str, Any], node.get("config") or {})
            if node["resource_type"] in _DESCRIBED and config.get("materialized") != "ephemeral":
                database, schema = node["database"], node["schema"]
                if node["resource_type"] == "snapshot":
                    database, schema = config.get("target_database") or database, config.get("target_schema") or schema
                table = node.get("identifier") or node.get("alias") or node["name"]
                self.tables.add((str(database), str(schema), str(table)))


def guard(source: Any, note: Callable[[Failure], None], read: Callable[[dict[str, Any]], None]) -> None:
    """Let one project's broken artifacts cost that project only.

    Args:
        source: OpenMetadata's ``DbtSource``, before it runs.
        note: told what is wrong with them.
        read: told every manifest that can be read, as dbt wrote it.
    """
    from metadata.ingestion.source.database.dbt import dbt_config

    inner = source.get_dbt_files
    _name_broken_files(dbt_config)

    def get_dbt_files() -> Iterator[Any]:
        for files in inner():
            problem = _problem(files.dbt_manifest) or _unread(files.dbt_manifest, read)
            if problem is None:
                _leave_out(files, note)
                yield files
            else:
                note(Failure("manifest.json", ARTIFACTS, problem))

    source.get_dbt_files = get_dbt_files


def _problem(manifest: Any) -> str | None:
    """What keeps a manifest from being read, or None."""
    if not isinstance(manifest, dict) or not {"metadata", "nodes", "sources"} <= manifest.keys():
        return "the manifest is JSON, but not a manifest of dbt's: make it with 'dbt parse' or 'dbt build'"
    return _of_another_dbt("manifest", cast(dict[str, Any], manifest))


def _unread(manifest: dict[str, Any], read: Callable[[dict[str, Any]], None]) -> str | None:
    """Have a manifest read; what is wrong when it has the form of one and lacks what it is made of, or None."""
    try:
        read(manifest)
    except (AttributeError, KeyError, TypeError) as error:
        return f"the manifest is damaged ({type(error).__name__}: {error}): make it with 'dbt parse' or 'dbt build'"
    return None


def _leave_out(files: Any, note: Callable[[Failure], None]) -> None:
    """Do without a catalog and run results of a dbt that the client does not know: models are in the manifest."""
    if files.dbt_catalog and (problem := _of_another_dbt("catalog", files.dbt_catalog)):
        note(Failure("catalog.json", ARTIFACTS, problem))
        files.dbt_catalog = None
    results = cast(list[dict[str, Any]], files.dbt_run_results or [])
    problems = [_of_another_dbt("run-results", each) for each in results]
    for problem in dict.fromkeys(filter(None, problems)):
        note(Failure("run_results.json", ARTIFACTS, problem))
    files.dbt_run_results = [each for each, problem in zip(results, problems, strict=True) if not problem] or None


def _of_another_dbt(kind: str, artifact: Mapping[str, Any]) -> str | None:
    """What is wrong with an artifact whose schema the client does not know, or None."""
    from collate_dbt_artifacts_parser.parsers.version_map import ArtifactTypes

    described = cast(dict[str, Any], artifact.get("metadata") or {})
    version, schemas = str(described.get("dbt_schema_version")), f"{_SCHEMAS}{kind}/"
    known = [str(each.value.dbt_schema_version) for each in ArtifactTypes]
    if version in known and version.startswith(schemas):
        return None
    readable = [each.removeprefix(schemas).removesuffix(".json") for each in known if each.startswith(schemas)]
    return (
        f"the schema of the {kind.replace('-', ' ')} is {version.removeprefix(schemas).removesuffix('.json')}"
        f" (written by dbt {described.get('dbt_version')}), and OpenMetadata's client reads {', '.join(readable)}:"
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
