"""MySQL and MariaDB: OpenMetadata's connector, with what it loses.

Different here:

- MariaDB's tables with system versioning are tables; OpenMetadata's connector does not list them.
- The name of a column with a backtick is the column's own; OpenMetadata's has each of them twice.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from metadata.ingestion.source.database.common_db_source import TableNameAndType
from metadata.ingestion.source.database.mysql.metadata import MysqlSource as OpenMetadataMysqlSource
from sqlalchemy import text
from sqlalchemy.engine.interfaces import ReflectedColumn

# A sequence is no table, and views are asked for elsewhere.
_TABLES: Final = text("""
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = :schema AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY table_name
""")


class MysqlSource(OpenMetadataMysqlSource):
    """The connector; OpenMetadata makes one for each workflow."""

    def query_table_names_and_types(self, schema_name: str) -> Iterable[TableNameAndType]:
        """The tables of a schema."""
        with self.engine.connect() as connection:
            names = connection.execute(_TABLES, {"schema": schema_name}).scalars().all()
        return [TableNameAndType(name=name) for name in names]

    def _get_columns_internal(self, *arguments: Any, **options: Any) -> list[ReflectedColumn]:
        """A table's columns; SQLAlchemy leaves their names as ``SHOW CREATE TABLE`` quotes them."""
        columns = super()._get_columns_internal(*arguments, **options)
        return [{**column, "name": column["name"].replace("``", "`")} for column in columns]
