"""PostgreSQL: databases, schemas, tables, views and routines by its system catalog.

``information_schema`` leaves out materialized views and whatever the user may not select from, so this asks
``pg_class``, ``pg_attribute`` and ``pg_proc``. Partitions are part of the table that they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed
from data_platform.ingestion.source_inventory.sql import connected

_DATABASES: Final = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"

_SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE left(nspname, 3) <> 'pg_'"

# The names of the columns come as one array: a row for each column would be twenty times as many.
_TABLES: Final = """
    SELECT n.nspname, c.relname, c.relkind IN ('v', 'm'),
        array(
            SELECT a.attname::text FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        )
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition AND left(n.nspname, 3) <> 'pg_'
"""

_ROUTINES: Final = """
    SELECT DISTINCT n.nspname, p.proname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND left(n.nspname, 3) <> 'pg_'
"""


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Everything in the databases that the connection is for."""
    connection: Any = source.service_connection
    if not connection.ingestAllDatabases:
        yield from _database(connection, connection.database)
        return
    with connected(connection) as first:
        databases = [str(row[0]) for row in first.exec_driver_sql(_DATABASES)]
    for database in databases:
        if filters.admits("database", (database,)):
            yield from _database(connection, database)


def _database(connection: Any, database: str) -> Iterator[Listed]:
    yield Listed("database", (database,))
    only: str | None = getattr(connection, "databaseSchema", None)
    with connected(connection.model_copy(update={"database": database})) as asked:
        for (schema,) in asked.exec_driver_sql(_SCHEMAS):
            if only in (None, schema):
                yield Listed("databaseSchema", (database, schema))
        for schema, table, is_view, columns in asked.exec_driver_sql(_TABLES):
            if only in (None, schema):
                yield Listed("table", (database, schema, table), frozenset(columns), is_view=is_view)
        for schema, routine in asked.exec_driver_sql(_ROUTINES):
            if only in (None, schema):
                yield Listed("storedProcedure", (database, schema, routine))
