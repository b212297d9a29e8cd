"""What can be written in a source's definition: connectors, their connections and their workflows' options.

JSON Schemas (draft 2020-12) that ``generate`` takes from OpenMetadata's client, and hand-written ones for connectors
of our own, so that definitions are checked without the client, which is slow to import and lives in an environment of
its own. Their strings are checked by ``check``, which also accepts secret references.

- ``index.json``: every connector, its service category, and the schema of the options of each workflow it has
- ``connections/<connector>.json``: the connection's fields
- ``options/<pipeline>.json``: ``sourceConfig.config`` of a workflow; of ``tests`` what each test definition takes
- ``own.json``: both parts for connectors that OpenMetadata lacks

A connection's and an option's ``type`` are left out (the connector and the workflow decide them), and so are the
fields of :data:`OURS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast

from data_platform.ingestion.spec import Workflow

FOLDER: Final = Path(__file__).parent

Schema = Mapping[str, Any]
Category = Literal["api", "dashboard", "database", "messaging", "mlmodel", "pipeline", "search", "storage"]

OURS: Final[Mapping[str, str]] = {
    "markDeleted": "what disappeared from a source is deleted by data_platform, and only where a run listed all of it",
    "supports": "the connector knows what it supports",
}
"""Prefixes of fields that a definition cannot set, and why."""

TABLES: Final = "tables"
"""An option of ``profiling`` of ours: how single tables are profiled, by database.schema.table. OpenMetadata takes that
as the configuration of another step than the one that the options are for."""

MINUTES: Final = "maxMinutes"
"""An option of ``profiling`` of ours: after how many minutes no other table is begun."""

TESTS: Final = "testSuitePipeline"
"""The schema of what a ``tests`` workflow tests. OpenMetadata has no such options: its workflow tests one table."""


@dataclass(frozen=True)
class Connector:
    """A kind of source.

    Attributes:
        name: OpenMetadata's connector type, or one of ours, for example ``Trino``.
        category: the kind of service that it fills in the catalog.
        workflows: the workflows that it has, each with the name of its options' schema.
        own: whether it is one of ours.
    """

    name: str
    category: Category
    workflows: Mapping[Workflow, str]
    own: bool = False

    @property
    def service_collection(self) -> str | None:
        """The catalog's collection of the services that it fills, or None: dbt adds to other sources' tables."""
        return None if self.name == "dbt" else f"{self.category}Services"

    def page(self, catalog_url: str, service: str) -> str | None:
        """Where people look at a service in the catalog, for example ``https://…/service/databaseServices/trino``."""
        collection = self.service_collection
        return f"{catalog_url.removesuffix('/api')}/service/{collection}/{service}" if collection else None

    def connection_schema(self) -> Schema:
        """JSON Schema of the connection's fields."""
        if self.own:
            return _own()[self.name]["connection"]
        return _read(f"connections/{self.name}.json")

    @property
    def runs(self) -> tuple[tuple[Workflow, ...], ...]:
        """The workflows, those together that OpenMetadata does in one run: their options have one schema."""
        groups: dict[str, tuple[Workflow, ...]] = {}
        for workflow, options in self.workflows.items():
            groups[options] = (*groups.get(options, ()), workflow)
        return tuple(groups.values())

    def options_schema(self, workflow: Workflow) -> Schema:
        """JSON Schema of the options of one of the connector's workflows."""
        schema = _read(f"options/{self.workflows[workflow]}.json")
        if not self.own:
            return schema
        taken: dict[str, Any] = {name: schema["properties"][name] for name in _own_part(self, workflow)["of"]}
        return {**schema, "required": [], "properties": {**taken, **self.own_options(workflow)}}

    def own_options(self, workflow: Workflow) -> Mapping[str, Schema]:
        """Options of one of the connector's workflows that OpenMetadata does not know, with their JSON Schemas."""
        return _own_part(self, workflow)["own"] if self.own and workflow in self.workflows else {}


@cache
def connectors() -> Mapping[str, Connector]:
    """Every known connector by its name, in alphabetical order."""
    entries = {**_read("index.json"), **{name: {**entry, "own": True} for name, entry in _own().items()}}
    return {name: _connector(name, entries[name]) for name in sorted(entries, key=str.casefold)}


def test_definitions() -> Mapping[str, Schema]:
    """JSON Schema of a test of each of OpenMetadata's test definitions, by the definition's name."""
    return cast("Mapping[str, Schema]", _read(f"options/{TESTS}.json")["$defs"])


def _connector(name: str, entry: Mapping[str, Any]) -> Connector:
    workflows = {Workflow(workflow): options for workflow, options in entry["workflows"].items()}
    return Connector(name, entry["category"], workflows, own=entry.get("own", False))


@cache
def _read(name: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads((FOLDER / name).read_text(encoding="utf-8")))


def _own() -> dict[str, Any]:
    return _read("own.json")


def _own_part(connector: Connector, workflow: Workflow) -> dict[str, Any]:
    """What a workflow of a connector of ours takes: names of OpenMetadata's options, and options of its own."""
    return _own()[connector.name]["options"][workflow]
