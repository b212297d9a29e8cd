"""Merge-on-read: commits of delete files to Iceberg tables, which pyiceberg reads and cannot write."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow
import pyarrow.parquet
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate
from pyiceberg.typedef import Record
from pyiceberg.types import StringType

PATH, POSITION = 2147483546, 2147483545


class _DeleteManifest(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES


def position_deletes(table: Table, *rows: tuple[str, int]) -> DataFile:
    """A file that deletes rows by path and position."""
    paths = [path for path, _ in rows]
    columns = pyarrow.schema(
        [_field("file_path", pyarrow.string(), PATH), _field("pos", pyarrow.int64(), POSITION)],
    )
    values = pyarrow.table([paths, [position for _, position in rows]], schema=columns)
    bounds = {PATH: to_bytes(StringType(), min(paths))}, {PATH: to_bytes(StringType(), max(paths))}
    return _written(table, DataFileContent.POSITION_DELETES, values, lower_bounds=bounds[0], upper_bounds=bounds[1])


def equality_deletes(table: Table, column: str, values: Sequence[int]) -> DataFile:
    """A file that deletes rows by the value of a column of long integers."""
    number = table.schema().find_field(column).field_id
    columns = pyarrow.schema([_field(column, pyarrow.int64(), number)])
    written = pyarrow.table([list(values)], schema=columns)
    return _written(table, DataFileContent.EQUALITY_DELETES, written, equality_ids=[number])


def commit(table: Table, *files: DataFile) -> Table:
    """Add delete files to an unpartitioned table as one snapshot; returns the table with it."""
    current = table.metadata.current_snapshot()
    assert current is not None
    number, sequence = table.metadata.new_snapshot_id(), table.metadata.last_sequence_number + 1
    place = f"{table.location()}/metadata/{uuid.uuid4()}"
    manifest = table.io.new_output(f"{place}-m0.avro")
    with _DeleteManifest(table.spec(), table.schema(), manifest, number, "deflate") as writer:
        for file in files:
            writer.add_entry(
                ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=file)
            )
    listed = table.io.new_output(f"{place}-list.avro")
    with write_manifest_list(2, listed, number, current.snapshot_id, sequence, "deflate") as manifests:
        manifests.add_manifests([*current.manifests(table.io), writer.to_manifest_file()])
    snapshot = Snapshot(
        snapshot_id=number,
        parent_snapshot_id=current.snapshot_id,
        sequence_number=sequence,
        timestamp_ms=max(int(time.time() * 1000), current.timestamp_ms + 1),
        manifest_list=listed.location,
        summary=Summary(Operation.DELETE),
        schema_id=table.metadata.current_schema_id,
    )
    table.catalog.commit_table(
        table,
        (AssertRefSnapshotId(ref="main", snapshot_id=current.snapshot_id),),
        (
            AddSnapshotUpdate(snapshot=snapshot),
            SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=number),
        ),
    )
    return table.refresh()


def data_paths(table: Table) -> list[str]:
    """Paths of the live data files, the oldest first."""
    return [task.file.file_path for task in sorted(table.scan().plan_files(), key=lambda task: task.file.file_path)]


def _field(name: str, kind: pyarrow.DataType, number: int) -> pyarrow.Field[Any]:
    return pyarrow.field(name, kind, nullable=False, metadata={"PARQUET:field_id": str(number)})


def _written(table: Table, content: DataFileContent, values: pyarrow.Table, **more: Any) -> DataFile:
    path = f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet"
    with table.io.new_output(path).create() as stream:
        pyarrow.parquet.write_table(values, stream)
    file = DataFile.from_args(
        content=content,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=values.num_rows,
        file_size_in_bytes=len(table.io.new_input(path)),
        **more,
    )
    file.spec_id = table.spec().spec_id
    return file
