"""Trino: catalogs, schemas, tables and views, with the types that Trino itself shows.

Derived from OpenMetadata's connector. Different here:

- Columns of a whole schema are asked for at once, where OpenMetadata asks three times for each table.
- Every nested type arrives: OpenMetadata's connector gives the character fields of rows and arrays no length, for which
  the catalog refuses the whole table, and shows nothing of what is in a map.
- A table whose columns cannot be read is reported; to OpenMetadata it is a table without columns, and a success.
- A Trino catalog that cannot be listed is reported by its name.
- What an Iceberg table is partitioned by is shown, as its ``$partitions`` table has it.
- Comments and names with quotes, colons and the like are asked for by parameters, not by pasted text.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, cast

from metadata.generated.schema.entity.data.table import (
    Column,
    ColumnName,
    Constraint,
    DataType,
    PartitionColumnDetails,
    PartitionIntervalTypes,
    TablePartition,
    TableType,
)
from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
from metadata.generated.schema.type.basic import Markdown
from metadata.ingestion.source.database.common_db_source import TableNameAndType
from metadata.ingestion.source.database.trino.metadata import TrinoSource as OpenMetadataTrinoSource
from sqlalchemy.exc import DBAPIError

from data_platform.errors import SourceRefusedError
from data_platform.ingestion.sources.trino_types import TrinoType, parse
from data_platform.ingestion.trino_sql import quoted, refusal

_COLUMNS: Final = """
    SELECT table_name, column_name, data_type, is_nullable, comment FROM {}.information_schema.columns
    WHERE table_schema = ? ORDER BY table_name, ordinal_position
"""
_COMMENTS: Final = """
    SELECT table_name, comment FROM system.metadata.table_comments
    WHERE catalog_name = ? AND schema_name = ? AND comment IS NOT NULL
"""
_CONNECTOR: Final = "SELECT connector_name FROM system.metadata.catalogs WHERE catalog_name = ?"
_ICEBERG: Final = "iceberg"
_SCHEMAS_AT_ONCE: Final = 8

_DATA_TYPES: Final = {
    "array": DataType.ARRAY,
    "bigint": DataType.BIGINT,
    "boolean": DataType.BOOLEAN,
    "char": DataType.CHAR,
    "date": DataType.DATE,
    "decimal": DataType.DECIMAL,
    "double": DataType.DOUBLE,
    "geometry": DataType.GEOMETRY,
    "hyperloglog": DataType.HLL,
    "integer": DataType.INT,
    "interval": DataType.INTERVAL,
    "ipaddress": DataType.INET,
    "json": DataType.JSON,
    "map": DataType.MAP,
    "p4hyperloglog": DataType.HLL,
    "real": DataType.FLOAT,
    "row": DataType.STRUCT,
    "smallint": DataType.SMALLINT,
    "sphericalgeography": DataType.GEOGRAPHY,
    "time": DataType.TIME,
    "time with time zone": DataType.TIME,
    "timestamp": DataType.TIMESTAMP,
    "timestamp with time zone": DataType.TIMESTAMPZ,
    "tinyint": DataType.TINYINT,
    "uuid": DataType.UUID,
    "varbinary": DataType.VARBINARY,
    "varchar": DataType.VARCHAR,
}
_WITH_LENGTH: Final = frozenset({DataType.CHAR, DataType.VARCHAR, DataType.VARBINARY})
# What Iceberg appends to a column's name in the name of the partition field that it makes of it.
_TRANSFORMS: Final = {
    "year": PartitionIntervalTypes.TIME_UNIT,
    "month": PartitionIntervalTypes.TIME_UNIT,
    "day": PartitionIntervalTypes.TIME_UNIT,
    "hour": PartitionIntervalTypes.TIME_UNIT,
    "bucket": PartitionIntervalTypes.INTEGER_RANGE,
    "trunc": PartitionIntervalTypes.OTHER,
}


class _Row(NamedTuple):
    """One column as Trino shows it."""

    name: str
    type: str
    nullable: str
    comment: str | None


class TrinoSource(OpenMetadataTrinoSource):
    """The connector; OpenMetadata makes one for each workflow."""

    def __init__(self, config: Any, metadata: Any) -> None:
        self._columns = lru_cache(_SCHEMAS_AT_ONCE)(self._read_columns)
        self._comments = lru_cache(_SCHEMAS_AT_ONCE)(self._read_comments)
        self._connector = cache(self._read_connector)
        self._views: set[tuple[str, str, str]] = set()
        super().__init__(config, metadata)

    def get_raw_database_schema_names(self) -> Iterator[str]:
        """The schemas of a Trino catalog; one that cannot be listed is reported under its name."""
        try:
            yield from super().get_raw_database_schema_names()
        except DBAPIError as error:
            text = f"the Trino catalog {self._database} cannot be listed: {error.orig}"
            self.status.failed(StackTraceError(name=self._database, error=text, stackTrace=traceback.format_exc()))

    def query_view_names_and_types(self, schema_name: str) -> list[TableNameAndType]:
        """The views of a schema."""
        found = list(super().query_view_names_and_types(schema_name))
        self._views.update((self._database, schema_name, each.name) for each in found)
        return found

    def get_columns_and_constraints(
        self,
        schema_name: str,
        table_name: str,
        db_name: str,
        inspector: Any,  # noqa: ARG002 - OpenMetadata's signature, here and below
        table_type: Any = None,  # noqa: ARG002
    ) -> tuple[list[Column], list[Any], list[Any]]:
        """The columns of a table; Trino knows no keys.

        Raises:
            SourceRefusedError: Trino shows none, though no table is without.
            Exception: whatever Trino's driver raises.
        """
        rows = self._columns(db_name, schema_name).get(table_name) or self._shown(db_name, schema_name, table_name)
        if not rows:
            raise SourceRefusedError("Trino shows no columns", source=f"{db_name}.{schema_name}.{table_name}")
        columns = [_column(row, position) for position, row in enumerate(rows, start=1)]
        for column in columns:
            column.tags = self.get_column_tag_labels(table_name=table_name, column={"name": column.name.root})
        return columns, [], []

    def get_table_description(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        schema_name: str,
        table_name: str,
        inspector: Any,  # noqa: ARG002
    ) -> str | None:
        """The comment of a table."""
        return self._comments(self._database, schema_name).get(table_name)

    def get_table_partition_details(
        self,
        table_name: str,
        schema_name: str,
        inspector: Any,  # noqa: ARG002
    ) -> tuple[bool, TablePartition | None]:
        """What an Iceberg table is partitioned by."""
        database = self._database
        if (database, schema_name, table_name) in self._views or self._connector(database) != _ICEBERG:
            return False, None
        try:
            shown = self._shown(database, schema_name, f"{table_name}$partitions")
        except DBAPIError as error:
            if refusal(error) == "TABLE_NOT_FOUND":  # the catalog's own tables, as those of its schema "system"
                return False, None
            raise
        row = next((parse(each.type) for each in shown if each.name == "partition"), None)
        if row is None:
            return False, None
        columns = {each.name for each in self._columns(database, schema_name).get(table_name, ())}
        return True, TablePartition(columns=[_partition(name, columns) for name, _ in row.inside])

    def should_preserve_table_type_when_partitioned(self, table_type: TableType) -> bool:  # noqa: ARG002
        """That a table is Iceberg's says more than that it is partitioned, which its partition columns say, too."""
        return True

    @property
    def _database(self) -> str:
        return str(cast(Any, self.context.get()).database)

    def _read_columns(self, database: str, schema: str) -> dict[str, list[_Row]]:
        found: defaultdict[str, list[_Row]] = defaultdict(list)
        for table, *row in self._ask(_COLUMNS.format(quoted(database)), schema):
            found[table].append(_Row(*row))
        return dict(found)

    def _read_comments(self, database: str, schema: str) -> dict[str, str]:
        return dict(self._ask(_COMMENTS, database, schema))

    def _read_connector(self, database: str) -> str:
        return str(self._ask(_CONNECTOR, database)[0][0])

    def _shown(self, *table: str) -> list[_Row]:
        """The columns of one table, by a statement that fails when they may not be seen."""
        shown = self._ask(f"SHOW COLUMNS FROM {quoted(*table)}")
        return [_Row(name, shown_type, "YES", comment) for name, shown_type, _, comment in shown]

    def _ask(self, statement: str, *parameters: str) -> list[Any]:
        with self.engine.connect() as connected:
            return list(connected.exec_driver_sql(statement, parameters or None))


def _column(row: _Row, position: int) -> Column:
    known = parse(row.type)
    unknown: dict[str, Any] = {"dataType": DataType.UNKNOWN, "dataTypeDisplay": row.type}
    described = _described(known) if known else unknown
    return Column(
        name=ColumnName(row.name or " "),
        description=Markdown(row.comment) if row.comment else None,
        constraint=Constraint.NULL if row.nullable == "YES" else Constraint.NOT_NULL,
        ordinalPosition=position,
        **described,
    )


def _described(each: TrinoType) -> dict[str, Any]:
    """The fields of a column that its type gives."""
    kind = _DATA_TYPES.get(each.name, DataType.UNKNOWN)
    described: dict[str, Any] = {"dataType": kind, "dataTypeDisplay": each.shown}
    if kind in _WITH_LENGTH:
        # The catalog wants a length of each; the client's own word for none is 1.
        described["dataLength"] = each.numbers[0] if each.numbers else 1
    if kind is DataType.DECIMAL:
        described["precision"], described["scale"] = (*each.numbers, 0)[:2]
    if kind is DataType.ARRAY:
        element = each.inside[0][1]
        described["arrayDataType"] = _DATA_TYPES.get(element.name, DataType.UNKNOWN)
        described["children"] = _described(element).get("children")
    elif kind is DataType.STRUCT or (kind is DataType.MAP and any(inner.inside for _, inner in each.inside)):
        described["children"] = [Column(name=ColumnName(name), **_described(inner)) for name, inner in each.inside]
    return described


def _partition(name: str, columns: set[str]) -> PartitionColumnDetails:
    """What a field of Iceberg's partition comes from: a column as it is, or one that is transformed."""
    column, _, transform = name.rpartition("_")
    if name in columns or transform not in _TRANSFORMS:
        return PartitionColumnDetails(columnName=name, intervalType=PartitionIntervalTypes.COLUMN_VALUE)
    return PartitionColumnDetails(columnName=column, intervalType=_TRANSFORMS[transform], interval=transform.upper())
