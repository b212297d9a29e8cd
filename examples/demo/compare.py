"""Holds the catalog against ``expected.json``, through OpenMetadata's own Python client.

Runs in a process of its own in the ingestion environment and shares no code with the ingestion: what it
reads is what any user of the catalog would get. Prints every difference as a sentence; exit code 1 if
there is one.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Grid

from examples.demo import compare_dbt, compare_lakehouse, compare_ownership
from examples.demo.compare_services import (
    container_differences,
    lineage_differences,
    pipeline_differences,
    summary,
)
from examples.demo.layout import CATALOG_URL, SECRETS

EXPECTED: Final = Path(__file__).with_name("expected.json")

# A mean is computed by the database for both sides, but travels through other number types.
_TOLERANCE: Final = 1e-6


class Catalog:
    """What the catalog says of one database of one service. Names are without the service and database."""

    def __init__(self, url: str, token: str, service: str, database: str) -> None:
        from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
            OpenMetadataConnection,
        )
        from metadata.ingestion.ometa.ometa_api import OpenMetadata

        self.service = service
        self.database = f"{service}.{database}"
        connection = {"hostPort": url, "authProvider": "openmetadata", "securityConfig": {"jwtToken": token}}
        self.client = OpenMetadata(OpenMetadataConnection.model_validate(connection))

    def short(self, fqn: str) -> str:
        """A name without the service and database it starts with."""
        return fqn.removeprefix(f"{self.database}.")

    def counts(self) -> dict[str, int]:
        """Number of entities by type."""
        from metadata.generated.schema.entity.data.database import Database
        from metadata.generated.schema.entity.data.databaseSchema import DatabaseSchema
        from metadata.generated.schema.entity.services.databaseService import DatabaseService

        services = self.client.list_all_entities(DatabaseService)
        databases = self.client.list_all_entities(Database, params={"service": self.service})
        schemas = self.client.list_all_entities(DatabaseSchema, params={"database": self.database})
        return {
            "databaseService": sum(1 for each in services if each.name.root == self.service),
            "database": sum(1 for _ in databases),
            "databaseSchema": sum(1 for _ in schemas),
            "table": len(self.tables()),
            "storedProcedure": len(self.stored_procedures()),
        }

    def tables(self) -> dict[str, Any]:
        """Tables and views by name, with their columns, keys, labels, owners and dbt models."""
        from metadata.generated.schema.entity.data.table import Table

        listed = self.client.list_all_entities(
            Table,
            fields=["columns", "tableConstraints", "tags", "owners", "domains", "dataModel"],
            params={"database": self.database},
        )
        return {self.short(table.fullyQualifiedName.root): table for table in listed}

    def stored_procedures(self) -> list[str]:
        """Names of stored procedures and functions."""
        from metadata.generated.schema.entity.data.databaseSchema import DatabaseSchema
        from metadata.generated.schema.entity.data.storedProcedure import StoredProcedure

        schemas = self.client.list_all_entities(DatabaseSchema, params={"database": self.database})
        return sorted(
            self.short(procedure.fullyQualifiedName.root)
            for schema in schemas
            for procedure in self.client.list_all_entities(
                StoredProcedure, params={"databaseSchema": schema.fullyQualifiedName.root}
            )
        )

    def lineage(self, table: str) -> dict[str, list[str]]:
        """Where each column of a table comes from: columns by column."""
        from metadata.generated.schema.entity.data.table import Table

        graph = self.client.get_lineage_by_name(Table, f"{self.database}.{table}", up_depth=1, down_depth=0) or {}
        sources: dict[str, set[str]] = {}
        for edge in graph.get("upstreamEdges") or []:
            for columns in (edge.get("lineageDetails") or {}).get("columnsLineage") or []:
                target = self.short(columns["toColumn"]).removeprefix(f"{table}.")
                sources.setdefault(target, set()).update(map(self.short, columns["fromColumns"]))
        return {column: sorted(each) for column, each in sources.items()}

    def upstream(self, table: str) -> list[str]:
        """Tables that a table comes from."""
        from metadata.generated.schema.entity.data.table import Table

        return self._upstream(Table, f"{self.database}.{table}")

    def shown_by(self, dashboard: str) -> list[str]:
        """Tables that a dashboard comes from."""
        from metadata.generated.schema.entity.data.dashboard import Dashboard

        return self._upstream(Dashboard, dashboard)

    def _upstream(self, entity: Any, fqn: str) -> list[str]:
        graph = self.client.get_lineage_by_name(entity, fqn, up_depth=1, down_depth=0) or {}
        names = {node["id"]: node["fullyQualifiedName"] for node in graph.get("nodes") or []}
        return [self.short(names[edge["fromEntity"]]) for edge in graph.get("upstreamEdges") or []]

    def test_cases(self) -> dict[str, tuple[str, str | None]]:
        """What each test is about, a table or a column, and how it last ended."""
        from metadata.generated.schema.tests.testCase import TestCase

        cases: dict[str, tuple[str, str | None]] = {}
        for case in self.client.list_all_entities(TestCase, fields=["testCaseResult"]):
            link = case.entityLink.root.removeprefix("<#E::table::").removesuffix(">")
            result = case.testCaseResult
            status = result.testCaseStatus.value if result and result.testCaseStatus else None
            cases[case.name.root] = (self.short(link.replace("::columns::", ".")), status)
        return cases

    def profile(self, table: str) -> Any | None:
        """The latest profile of a table and its columns, or None."""
        from metadata.generated.schema.type.basic import FullyQualifiedEntityName

        return self.client.get_latest_table_profile(FullyQualifiedEntityName(f"{self.database}.{table}"))


def differences(catalog: Catalog, expected: dict[str, Any]) -> list[str]:
    """Every way in which the catalog is not what is expected, one sentence each."""
    tables = catalog.tables()
    return [
        *_entities(catalog.counts(), expected["entities"]),
        *_named("table", tables, expected["tables"]),
        *_named("stored procedure", catalog.stored_procedures(), expected["stored_procedures"]),
        *_tables(tables, expected["tables"]),
        *_descriptions(tables, expected["descriptions"]),
        *_foreign_keys(catalog, tables, expected["foreign_keys"]),
        *_lineage(catalog, tables, expected["lineage"]),
        *compare_ownership.differences(tables, expected["ownership"]),
        *compare_dbt.differences(catalog, tables, expected["dbt"]),
        *compare_dbt.test_differences(catalog.test_cases(), expected["dbt"]["tests"] | expected["data_tests"], tables),
        *_profiles(catalog, tables, expected["profiles"]),
        *container_differences(catalog.client, expected["storage"]),
        *compare_lakehouse.differences(catalog.client, expected["lakehouse"]),
        *(pipeline_differences(catalog.client, expected["dagster"]) if "dagster" in expected else ()),
        *(lineage_differences(catalog.client, expected["dagster"]) if "dagster" in expected else ()),
    ]


def _entities(found: dict[str, int], expected: dict[str, int]) -> Iterator[str]:
    for kind, number in expected.items():
        if found[kind] != number:
            yield f"The catalog holds {found[kind]} of type {kind} where the database has {number}."


def _named(kind: str, found: Any, expected: Any) -> Iterator[str]:
    for name in sorted(set(expected) - set(found)):
        yield f"The {kind} {name} is missing in the catalog."
    for name in sorted(set(found) - set(expected)):
        yield f"The {kind} {name} is in the catalog but not in the database."


def _tables(tables: dict[str, Any], expected: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, wanted in expected.items():
        if (table := tables.get(name)) is None:
            continue
        kind = table.tableType.value if table.tableType else "nothing"
        if kind != wanted["type"]:
            yield f"{name} is catalogued as {kind}, it is {wanted['type']}."
        if len(table.columns) != wanted["columns"]:
            yield f"{name} has {len(table.columns)} columns in the catalog, {wanted['columns']} in the database."


def _descriptions(tables: dict[str, Any], expected: dict[str, str]) -> Iterator[str]:
    found: dict[str, str] = {}
    for name, table in tables.items():
        described = [(name, table), *((f"{name}.{column.name.root}", column) for column in table.columns)]
        found |= {each: entity.description.root for each, entity in described if entity.description}
    for name, comment in expected.items():
        if _table_of(name) in tables and found.get(name) != comment:
            yield f"{name} is described as {found.get(name)!r}, it is {comment!r}."
    for name in sorted(set(found) - set(expected)):
        yield f"{name} is described as {found[name]!r}, it has none."


def _foreign_keys(catalog: Catalog, tables: dict[str, Any], expected: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    found: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    for name, table in tables.items():
        for constraint in table.tableConstraints or []:
            if constraint.constraintType and constraint.constraintType.value == "FOREIGN_KEY":
                columns = tuple(f"{name}.{column}" for column in constraint.columns or [])
                targets = tuple(catalog.short(column.root) for column in constraint.referredColumns or [])
                found.add((columns, targets))
    wanted = {(tuple(key["columns"]), tuple(key["refers_to"])): name for name, key in expected.items()}
    for (columns, targets), name in wanted.items():
        if (columns, targets) not in found and _table_of(columns[0]) in tables:
            yield f"The foreign key {name} from {', '.join(columns)} to {', '.join(targets)} is missing in the catalog."
    for columns, targets in sorted(found - set(wanted)):
        yield f"The catalog has a foreign key from {', '.join(columns)} to {', '.join(targets)}, the database has none."


def _lineage(catalog: Catalog, tables: dict[str, Any], expected: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    for view in sorted(tables):
        wanted, found = expected.get(view, {}), catalog.lineage(view)
        for column in sorted(set(wanted) | set(found)):
            for source in sorted(set(wanted.get(column, [])) - set(found.get(column, []))):
                if _table_of(source) in tables:
                    yield f"The lineage from {source} to {view}.{column} is missing in the catalog."
            for source in sorted(set(found.get(column, [])) - set(wanted.get(column, []))):
                yield f"The catalog has lineage from {source} to {view}.{column}, the view's query does not."


def _profiles(catalog: Catalog, tables: dict[str, Any], expected: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, wanted in expected.items():
        if name not in tables:
            continue
        profiled = catalog.profile(name)
        if profiled is None or profiled.profile is None:
            yield f"{name} has no profile in the catalog."
            continue
        yield from _figures(name, {"rows": wanted["rows"]}, lambda _, table=profiled: table.profile.rowCount)
        columns = {column.name.root: column.profile for column in profiled.columns}
        for column, figures in wanted["columns"].items():
            if (profile := columns.get(column)) is None:
                yield f"{name}.{column} has no profile in the catalog."
            else:
                yield from _figures(f"{name}.{column}", figures, lambda field, each=profile: getattr(each, field))


_FIELDS: Final = {
    "rows": "rowCount",
    "nulls": "nullCount",
    "distinct": "distinctCount",
    "min": "min",
    "max": "max",
    "mean": "mean",
}


def _figures(name: str, expected: dict[str, float], read: Callable[[str], Any]) -> Iterator[str]:
    for figure, wanted in expected.items():
        found = read(_FIELDS[figure])
        if found is None or not math.isclose(float(found), wanted, rel_tol=_TOLERANCE):
            yield f"The profile of {name} says {figure} {found}, SQL says {wanted}."


def _table_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def main() -> int:
    """Compare, print, and tell by the exit code."""
    parser = argparse.ArgumentParser(description="Hold the catalog against what the demo's database holds.")
    parser.add_argument("--url", default=CATALOG_URL, help="the catalog's API")
    parser.add_argument("--token-file", type=Path, default=SECRETS / "catalog_token")
    parser.add_argument("--expected", type=Path, default=EXPECTED)
    parser.add_argument("--pipelines", type=Path, help="what is expected of Dagster; without it that is not compared")
    options = parser.parse_args()
    # The client logs and warns about itself when it is imported; this process has one thing to say.
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    expected = json.loads(options.expected.read_text())
    if options.pipelines:
        expected["dagster"] = json.loads(options.pipelines.read_text())
    token = options.token_file.read_text().strip()
    found = differences(Catalog(options.url, token, expected["service"], expected["database"]), expected)
    console = Console(width=None if sys.stdout.isatty() else 120)
    if not found:
        console.print(f"The catalog holds exactly what the sources hold: {_summary(expected)}.")
        return 0
    grid = Grid("the catalog is not what the sources are", title=f"{len(found)} differences")
    for sentence in found:
        grid.add_row(sentence)
    console.print(grid)
    return 1


def _summary(expected: dict[str, Any]) -> str:
    edges = sum(len(sources) for view in expected["lineage"].values() for sources in view.values())
    figures = sum(1 + sum(map(len, profile["columns"].values())) for profile in expected["profiles"].values())
    entities = ", ".join(f"{number} {kind}" for kind, number in expected["entities"].items())
    models, tests = expected["dbt"]["models"], expected["dbt"]["tests"] | expected["data_tests"]
    return (
        f"{entities}, {len(expected['foreign_keys'])} foreign keys, {len(expected['descriptions'])} descriptions, "
        f"{len(expected['ownership'])} tables with their owners, domain and tier, "
        f"{len(models)} dbt models with their tags and owners, {len(tests)} tests with their results, "
        f"{edges} column lineage edges, {figures} profile figures, "
        f"{compare_lakehouse.summary(expected['lakehouse'])}, {summary(expected)}"
    )


if __name__ == "__main__":
    sys.exit(main())
