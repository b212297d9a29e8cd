"""MySQL and MariaDB: schemas, tables, views and routines by ``information_schema``.

It shows what the user has any privilege on. A view that does not compile is in it without columns, and so it is listed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed
from data_platform.ingestion.source_inventory.sql import connected

_DATABASE: Final = "default"
"""What the connector calls the database that a server's schemas are in, unless ``databaseName`` says otherwise."""

_SCHEMAS: Final = "SELECT schema_name FROM information_schema.schemata"

# MariaDB's sequences are listed as tables, too.
_TABLES: Final = """
    SELECT table_name, table_type LIKE '%%VIEW' FROM information_schema.tables
    WHERE table_schema = %s AND table_type <> 'SEQUENCE'
"""

_COLUMNS: Final = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s"

_ROUTINES: Final = """
    SELECT DISTINCT routine_name FROM information_schema.routines
    WHERE routine_schema = %s AND routine_type IN ('PROCEDURE', 'FUNCTION')
"""


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Everything in the schemas that the connection and the filters are for."""
    connection: Any = source.service_connection
    database = str(connection.databaseName or _DATABASE)
    yield Listed("database", (database,))
    with connected(connection) as asked:
        for (schema,) in asked.exec_driver_sql(_SCHEMAS).all():
            if not filters.admits("databaseSchema", (database, schema)):
                continue
            yield Listed("databaseSchema", (database, schema))
            columns: defaultdict[str, set[str]] = defaultdict(set)
            for table, column in asked.exec_driver_sql(_COLUMNS, (schema,)):
                columns[table].add(column)
            for table, is_view in asked.exec_driver_sql(_TABLES, (schema,)):
                known = frozenset(columns[table]) or None
                yield Listed("table", (database, schema, table), known, is_view=bool(is_view))
            for (routine,) in asked.exec_driver_sql(_ROUTINES, (schema,)):
                yield Listed("storedProcedure", (database, schema, routine))
