"""Trino: Trino catalogs, schemas, tables and views by each catalog's ``information_schema``.

Trino leaves out what the user may not see, so that a schema whose permission was lost looks as if it had been dropped.
What the catalog holds and Trino does not list is therefore asked for by name: of what is there and may not be seen,
Trino says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError

from data_platform.ingestion import names
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Held, Listed
from data_platform.ingestion.source_inventory.sql import connected as connected_to
from data_platform.ingestion.trino_sql import quoted, refusal

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_CATALOGS: Final = "SELECT catalog_name FROM system.metadata.catalogs"
_SCHEMAS: Final = "SELECT schema_name FROM {}.information_schema.schemata"
_TABLES: Final = """
    SELECT t.table_name, t.table_type = 'VIEW', c.columns
    FROM {0}.information_schema.tables t
    LEFT JOIN (
        SELECT table_name, array_agg(column_name) AS columns FROM {0}.information_schema.columns
        WHERE table_schema = ? GROUP BY table_name
    ) c ON c.table_name = t.table_name
    WHERE t.table_schema = ?
"""
# A statement that fails in one way when the thing is not there, and in another when it may not be seen.
_BY_NAME: Final = {"database": "SHOW SCHEMAS FROM", "databaseSchema": "SHOW TABLES FROM", "table": "SHOW COLUMNS FROM"}
_ABSENT: Final = frozenset({"CATALOG_NOT_FOUND", "SCHEMA_NOT_FOUND", "TABLE_NOT_FOUND"})


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Everything that the user may see in the Trino catalogs that the connection is for."""
    connection: Any = source.service_connection
    with connected_to(connection) as connected:
        only: str | None = connection.catalog
        catalogs = [only] if only else [str(row[0]) for row in connected.exec_driver_sql(_CATALOGS)]
        for catalog in catalogs:
            if filters.admits("database", (catalog,)):
                yield Listed("database", (catalog,))
                yield from _catalog(connected, catalog, connection.databaseSchema, filters)


def hidden(source: Any, held: Held) -> Iterator[Listed]:
    """Those of some entities that are in Trino though it does not list them.

    Args:
        source: OpenMetadata's source, connected.
        held: entity type and path of each, what contains others before what lies in it.
    """
    gone: set[tuple[str, ...]] = set()
    with connected_to(source.service_connection) as connected:
        for kind, path in held:
            if any(path[:depth] in gone for depth in range(1, len(path))):
                continue
            if kind in _BY_NAME and _is_there(connected, kind, tuple(map(names.original, path))):
                yield Listed(kind, path, is_hidden=True)
            else:
                gone.add(path)


def _catalog(connected: Connection, catalog: str, only: str | None, filters: Filters) -> Iterator[Listed]:
    for (schema,) in connected.exec_driver_sql(_SCHEMAS.format(quoted(catalog))).all():
        if only not in (None, schema) or not filters.admits("databaseSchema", (catalog, schema)):
            continue
        yield Listed("databaseSchema", (catalog, schema))
        for table, is_view, columns in connected.exec_driver_sql(_TABLES.format(quoted(catalog)), (schema, schema)):
            # What may not be read is listed without columns.
            yield Listed("table", (catalog, schema, table), columns and frozenset(columns), is_view=is_view)


def _is_there(connected: Connection, kind: str, path: tuple[str, ...]) -> bool:
    try:
        connected.exec_driver_sql(f"{_BY_NAME[kind]} {quoted(*path)}").all()
    except DBAPIError as error:
        reason = refusal(error)
        if reason is None:
            raise
        return reason not in _ABSENT
    return True
