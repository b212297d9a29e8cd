"""Figures of an Iceberg table and its columns, from its manifests and the statistics of its files: no data is read.

What takes time is the number of files, never that of rows. A figure is true or it is missing: where one file has no
statistics of a column, the column has none. Rows that delete files take away are still in the statistics of the
columns, so with such deletes these are upper bounds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pyiceberg import types
from pyiceberg.conversions import from_bytes
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.utils.datetime import days_to_date, micros_to_time, micros_to_timestamp, micros_to_timestamptz

from data_platform.ingestion.sources.iceberg_deletes import Deletes
from data_platform.ingestion.sources.iceberg_manifests import File, data_files, delete_files

Value = int | float | str
Path = tuple[str, ...]

_CUT: Final = 16
"""Characters to which writers cut text in statistics unless the table says otherwise."""

_TRUNCATE: Final = re.compile(r"truncate\((\d+)\)")
_NO_BOUNDS: Final = (types.BooleanType, types.BinaryType, types.FixedType, types.UnknownType, types.TimestampNanoType)
_SKETCH: Final = "apache-datasketches-theta-v1"


@dataclass(frozen=True)
class ColumnStatistics:
    """Figures of one column that is no list and no map, nor in one; None is not known.

    Attributes:
        path: its name below those of the structs that it is in.
        values: number of values that are not null.
        nulls: number of nulls.
        minimum: least value; dates and times in ISO 8601.
        maximum: greatest value.
        distinct: estimated number of different values, of the last snapshot that somebody analyzed.
    """

    path: Path
    values: int | None
    nulls: int | None
    minimum: Value | None
    maximum: Value | None
    distinct: int | None


@dataclass(frozen=True)
class TableStatistics:
    """Figures of one snapshot.

    Attributes:
        rows: number of rows, of which there are not more.
        is_exact: whether there are not fewer.
        has_deletes: whether the columns' figures count rows that are deleted.
        size: of its data files, in bytes.
        files: number of data files.
        small_files: number of those that are smaller than was asked for.
        partitions: number of partitions with data.
        delete_files: number of files that delete rows.
        orphan_deletes: number of those that apply to no data file.
        columns: figures of the columns.
    """

    rows: int
    is_exact: bool
    has_deletes: bool
    size: int
    files: int
    small_files: int
    partitions: int
    delete_files: int
    orphan_deletes: int
    columns: tuple[ColumnStatistics, ...]


def collect(table: Table, small: int, hidden: Collection[Path] = ()) -> TableStatistics:
    """The figures of a table's current snapshot; of one without snapshots those of an empty one.

    Args:
        table: the table.
        small: size in bytes below which a file is small.
        hidden: columns of which no value may be told.
    """
    metadata, snapshot = table.metadata, table.metadata.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    columns = [
        _Column(number, path, kind, path in hidden, _longest(metadata, path))
        for number, path, kind in _leaves(table.schema())
    ]
    deletes = Deletes(delete_files(manifests, table.io))
    absent = _absent(metadata, columns)
    partitions: set[tuple[int, str]] = set()
    rows = size = files = small_files = 0
    for file in data_files(manifests, table.io):
        deletes.meet(file)
        partitions.add(file.partition)
        rows, size, files = rows + file.records, size + file.size, files + 1
        small_files += file.size < small
        missing = absent.get(file.snapshot, frozenset[int]())
        for column in columns:
            column.add(file, is_absent=column.number in missing)
    distinct = _distinct(metadata)
    return TableStatistics(
        rows - deletes.rows,
        deletes.is_exact,
        deletes.any_apply,
        size,
        files,
        small_files,
        len(partitions),
        deletes.number,
        deletes.orphans,
        tuple(column.result(distinct.get(column.number)) for column in columns),
    )


@dataclass
class _Column:
    """What is known of a column so far.

    Attributes:
        number: its field id.
        longest: characters from which on text in statistics may be cut.
    """

    number: int
    path: Path
    kind: types.PrimitiveType
    is_hidden: bool
    longest: int
    values: int = 0
    nulls: int = 0
    is_counted: bool = True
    is_bounded: bool = True
    lower: Any = None
    upper: Any = None

    def add(self, file: File, *, is_absent: bool) -> None:
        """Take a data file into account.

        Args:
            file: the file.
            is_absent: whether it is older than the column, so that all its values are null.
        """
        if is_absent:
            self.nulls += file.records
            return
        values, nulls = file.values.get(self.number), file.nulls.get(self.number)
        if values is None or nulls is None:
            self.is_counted = self.is_bounded = False
            return
        self.values += values - nulls
        self.nulls += nulls
        if not self.is_hidden and values > nulls:
            self._bound(file.lower.get(self.number), file.upper.get(self.number))

    def _bound(self, lower: bytes | None, upper: bytes | None) -> None:
        if not self.is_bounded or isinstance(self.kind, _NO_BOUNDS):
            return
        if lower is None or upper is None:
            self.is_bounded = False
            return
        least, greatest = from_bytes(self.kind, lower), from_bytes(self.kind, upper)
        self.lower = least if self.lower is None else min(self.lower, least)
        self.upper = greatest if self.upper is None else max(self.upper, greatest)

    def result(self, distinct: int | None) -> ColumnStatistics:
        """What it comes to."""
        is_bounded = self.is_bounded and not self.is_hidden
        return ColumnStatistics(
            self.path,
            self.values if self.is_counted else None,
            self.nulls if self.is_counted else None,
            self._told(self.lower) if is_bounded else None,
            self._told(self.upper) if is_bounded else None,
            distinct,
        )

    def _told(self, bound: Any) -> Value | None:
        """A bound as people read it, or None when it may not be a value that is there."""
        if bound is None or (isinstance(bound, str) and len(bound) >= self.longest):
            return None
        return _readable(self.kind, bound)


def _readable(kind: types.PrimitiveType, value: Any) -> Value:
    match kind:
        case types.DateType():
            shown: Any = days_to_date(value) if isinstance(value, int) else value
        case types.TimeType():
            shown = micros_to_time(value) if isinstance(value, int) else value
        case types.TimestampType():
            shown = micros_to_timestamp(value) if isinstance(value, int) else value
        case types.TimestamptzType():
            shown = micros_to_timestamptz(value) if isinstance(value, int) else value
        case _:
            shown = UUID(bytes=value) if isinstance(value, bytes) else value
    if isinstance(shown, date | datetime | time):
        return shown.isoformat()
    if isinstance(shown, Decimal | float):
        return float(shown) + 0.0  # the least zero is written -0.0
    return shown if isinstance(shown, int) else str(shown)


def _leaves(schema: Schema) -> Iterator[tuple[int, Path, types.PrimitiveType]]:
    """Field id, path and type of every column that statistics are for."""

    def within(fields: tuple[types.NestedField, ...], above: Path) -> Iterator[tuple[int, Path, types.PrimitiveType]]:
        for each in fields:
            path = (*above, each.name)
            if isinstance(each.field_type, types.StructType):
                yield from within(each.field_type.fields, path)
            elif isinstance(each.field_type, types.PrimitiveType):
                yield each.field_id, path, each.field_type

    return within(schema.fields, ())


def _absent(metadata: TableMetadata, columns: list[_Column]) -> Mapping[int | None, frozenset[int]]:
    """Columns that are younger than a snapshot, by snapshot; only those whose older values are null."""
    fields: list[Any] = [*metadata.schema().fields]
    defaults = {each.field_id for each in fields if each.initial_default is not None}
    numbers = {column.number for column in columns} - defaults
    young = {schema.schema_id: frozenset(numbers - set(schema.field_ids)) for schema in metadata.schemas}
    return {
        snapshot.snapshot_id: young[snapshot.schema_id]
        for snapshot in metadata.snapshots
        if snapshot.schema_id is not None and young.get(snapshot.schema_id)
    }


def _longest(metadata: TableMetadata, path: Path) -> int:
    """Characters from which on a text in the statistics of a column may be cut."""
    properties = metadata.properties
    own = properties.get(f"write.metadata.metrics.column.{'.'.join(path)}")
    mode = _TRUNCATE.fullmatch(own or properties.get("write.metadata.metrics.default") or "")
    return min(int(mode[1]), _CUT) if mode else _CUT


def _distinct(metadata: TableMetadata) -> Mapping[int, int]:
    """Estimated numbers of different values by field id, of the newest snapshot of which there are any."""
    age = {snapshot.snapshot_id: snapshot.timestamp_ms for snapshot in metadata.snapshots}
    analyzed = [each for each in metadata.statistics if each.snapshot_id in age]
    newest = max(analyzed, key=lambda each: age[each.snapshot_id], default=None)
    found: dict[int, int] = {}
    for blob in newest.blob_metadata if newest else ():
        estimate = (blob.properties or {}).get("ndv")
        if blob.type == _SKETCH and len(blob.fields) == 1 and estimate is not None:
            found[blob.fields[0]] = int(estimate)
    return found
