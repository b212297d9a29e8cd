"""Edges from an Iceberg table to the same table as an engine shows it.

A Trino with a catalog of Iceberg tables and an Iceberg service name the same table twice. Two entries are the same
table when the engine's catalog is the Iceberg one, schema and name agree whatever the case, for Trino writes both in
lower case, and they share a column. The edge is of the kind that OpenMetadata gives to tables that Trino shows of
other services.
"""

# OpenMetadata's client has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from metadata.generated.schema.api.lineage.addLineage import AddLineageRequest
from metadata.generated.schema.entity.data.database import Database
from metadata.generated.schema.entity.data.table import Table
from metadata.generated.schema.entity.services.databaseService import DatabaseService

from data_platform.ingestion import names

_ENGINES: Final = frozenset({"Trino", "Presto"})

Key = tuple[str, str]


def edges(
    metadata: Any, tables: Iterable[str], catalog: str, engines: Mapping[str, str] | None
) -> Iterator[AddLineageRequest]:
    """An edge for each table that an engine shows, too.

    Args:
        metadata: OpenMetadata's client.
        tables: fully qualified names of the Iceberg service's tables, which are in the catalog.
        catalog: the Iceberg catalog's name.
        engines: for each service of an engine, the engine's name for the Iceberg catalog. Without it every Trino or
            Presto in the catalog that has a catalog of the same name.
    """
    sought = {_key(name): name for name in tables}
    given = engines if engines is not None else dict.fromkeys(_services(metadata), catalog)
    for service, name in given.items():
        for shown in _tables(metadata, service, name):
            origin = sought.get(_key(shown.fullyQualifiedName.root))
            table = metadata.get_by_name(Table, origin) if origin else None
            if table is not None and (columns := list(_same(table, shown))):
                yield _edge(table, shown, columns)


def _services(metadata: Any) -> list[str]:
    listed = metadata.list_all_entities(DatabaseService)
    return [each.name.root for each in listed if each.serviceType.value in _ENGINES]


def _tables(metadata: Any, service: str, catalog: str) -> Iterator[Any]:
    for database in metadata.list_all_entities(Database, params={"service": service}):
        if database.name.root.casefold() == catalog.casefold():
            params = {"database": database.fullyQualifiedName.root}
            yield from metadata.list_all_entities(Table, fields=["columns"], params=params)


def _key(fqn: str) -> Key:
    *_, schema, table = names.split(fqn)
    return schema.casefold(), table.casefold()


def _same(table: Any, shown: Any) -> Iterator[tuple[str, str]]:
    """Fully qualified names of the columns that both have."""
    by_name = {column.name.root.casefold(): column.fullyQualifiedName.root for column in shown.columns}
    for column in table.columns:
        other = by_name.get(column.name.root.casefold())
        if other is not None:
            yield column.fullyQualifiedName.root, other


def _edge(table: Any, shown: Any, columns: list[tuple[str, str]]) -> AddLineageRequest:
    return AddLineageRequest.model_validate(
        {
            "edge": {
                "fromEntity": {"id": str(table.id.root), "type": "table"},
                "toEntity": {"id": str(shown.id.root), "type": "table"},
                "lineageDetails": {
                    "source": "CrossDatabaseLineage",
                    "columnsLineage": [{"fromColumns": [origin], "toColumn": target} for origin, target in columns],
                },
            }
        }
    )
