"""PostgreSQL: OpenMetadata's connector, with the types that it has no word for.

Different here:

- A column of a domain has the type that the domain is made of, also when that is another domain, and the domain's name
  is shown. OpenMetadata's connector looks domains up in a way that SQLAlchemy 2 no longer has, and finds none.
- A composite type is a struct with its fields, an enum is an enum and not a text, and arrays have the type of their
  elements.
- citext, hstore, bit strings and ranges of time have a type of the catalog's. It has none for other ranges, ltree and
  what else extensions bring; there the name is all that is shown.
- Partitions are read for a schema at once and not for each table, and also in schemas whose names have to be quoted.

Types are read from ``pg_type`` for those columns only that are of none of PostgreSQL's own base types.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import defaultdict
from functools import cache, lru_cache
from typing import Any, Final

from metadata.generated.schema.entity.data.table import Column, PartitionColumnDetails, TablePartition
from metadata.ingestion.source.database.column_type_parser import ColumnTypeParser
from metadata.ingestion.source.database.postgres.metadata import INTERVAL_TYPE_MAP
from metadata.ingestion.source.database.postgres.metadata import PostgresSource as OpenMetadataPostgresSource
from sqlalchemy import text

from data_platform.ingestion.sources.postgres_types import ARRAY, COMPOSITE, DOMAIN, PostgresType, described

_COLUMNS: Final = text("""
    SELECT c.relname, a.attname, a.atttypid, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type e ON e.oid = t.typelem
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
        AND (
            t.typtype <> 'b' OR e.typtype <> 'b' OR t.typname = 'varbit'
            OR t.typnamespace <> 'pg_catalog'::regnamespace
        )
""")
_TYPE: Final = text("""
    SELECT typtype, typcategory, typelem, typbasetype, format_type(typbasetype, typtypmod), typrelid
    FROM pg_type WHERE oid = :type
""")
_FIELDS: Final = text("""
    SELECT attname, atttypid, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = :relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")
_PARTITIONS: Final = text("""
    SELECT c.relname, p.partstrat, a.attname
    FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN unnest(p.partattrs) WITH ORDINALITY AS key (number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = key.number
    WHERE n.nspname = :schema ORDER BY c.relname, key.place
""")
_STRATEGIES: Final = {"l": "list", "h": "hash", "r": "range"}
_IS_ARRAY: Final = "A"
_SCHEMAS_AT_ONCE: Final = 8
_OF_A_TYPE: Final = frozenset({"dataLength", "precision", "scale", "arrayDataType", "children"})


class PostgresSource(OpenMetadataPostgresSource):
    """The connector; OpenMetadata makes one for each workflow."""

    def __init__(self, config: Any, metadata: Any) -> None:
        self._types = lru_cache(_SCHEMAS_AT_ONCE)(self._read_types)
        self._partitions = lru_cache(_SCHEMAS_AT_ONCE)(self._read_partitions)
        super().__init__(config, metadata)

    def get_columns_and_constraints(
        self, schema_name: str, table_name: str, db_name: str, inspector: Any, table_type: Any = None
    ) -> tuple[list[Column], list[Any], list[Any]]:
        """The columns and keys of a table.

        Raises:
            Exception: whatever PostgreSQL's driver raises.
        """
        columns, *keys = super().get_columns_and_constraints(schema_name, table_name, db_name, inspector, table_type)
        types = self._types(db_name, schema_name).get(table_name, {})
        return [_with_type(column, types.get(column.name.root)) for column in columns or []], *keys  # pyright: ignore[reportReturnType]

    def get_table_partition_details(  # pyright: ignore[reportIncompatibleMethodOverride] - theirs says less than it does
        self,
        table_name: str,
        schema_name: str,
        inspector: Any,  # noqa: ARG002 - OpenMetadata passes it
    ) -> tuple[bool, TablePartition | None]:
        """Whether a table has partitions, and by which columns; an expression has no column.

        Raises:
            Exception: whatever PostgreSQL's driver raises.
        """
        here: Any = self.context.get()
        columns = self._partitions(here.database, schema_name).get(table_name)
        return columns is not None, None if columns is None else TablePartition(columns=columns)

    def _read_partitions(self, database: str, schema: str) -> dict[str, list[PartitionColumnDetails]]:  # noqa: ARG002 - the cache's
        """The columns by which a schema's tables have partitions, by table."""
        found: defaultdict[str, list[PartitionColumnDetails]] = defaultdict(list)
        with self.engine.connect() as connection:
            for table, strategy, column in connection.execute(_PARTITIONS, {"schema": schema}):
                by = INTERVAL_TYPE_MAP[_STRATEGIES[strategy]]
                details = [PartitionColumnDetails(columnName=column, intervalType=by, interval=None)] if column else []
                found[table].extend(details)
        return dict(found)

    def _read_types(self, database: str, schema: str) -> dict[str, dict[str, PostgresType]]:  # noqa: ARG002 - the cache's
        """The types of a schema's columns that are no plain ones, by table and column."""
        found: defaultdict[str, dict[str, PostgresType]] = defaultdict(dict)
        with self.engine.connect() as connection:

            @cache
            def read(oid: int, shown: str) -> PostgresType:
                form, category, element, base, shown_base, relation = connection.execute(_TYPE, {"type": oid}).one()
                inside: list[tuple[str, int, str]] = []
                if form == DOMAIN:
                    inside = [("base", base, shown_base)]
                elif form == COMPOSITE:
                    inside = [tuple(row) for row in connection.execute(_FIELDS, {"relation": relation})]
                elif category == _IS_ARRAY:
                    form, inside = ARRAY, [("element", element, shown.removesuffix("[]"))]
                return PostgresType(shown, form, tuple((name, read(each, named)) for name, each, named in inside))

            for table, column, oid, shown in connection.execute(_COLUMNS, {"schema": schema}).all():
                found[table][column] = read(oid, shown)
        return dict(found)


def _with_type(column: Column, its_type: PostgresType | None) -> Column:
    if its_type is None:
        return column
    others = column.model_dump(exclude_none=True, exclude=set(_OF_A_TYPE))
    return Column.model_validate({**others, **described(its_type, ColumnTypeParser.get_column_type)})
