"""What an Iceberg snapshot says of its files, one file at a time.

pyiceberg hands out a manifest's entries as one list, with every field of each. A table's manifest may have tens of
thousands, so here they are streamed, and no more of them is decoded than profiles need: what is held in memory is one
manifest as it is stored, and one entry of it.
"""

# pyiceberg's readers are generic in what they read.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyiceberg.avro.file import AvroFile
from pyiceberg.io import FileIO
from pyiceberg.manifest import MANIFEST_ENTRY_SCHEMAS, ManifestContent, ManifestFile
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, StructType

POSITION_DELETES: Final = 1
EQUALITY_DELETES: Final = 2

# Field ids of the format's specification: of an entry, and of the file in it.
_STATUS, _SNAPSHOT, _SEQUENCE, _FILE = 0, 1, 3, 2
_CONTENT, _PATH, _PARTITION, _RECORDS, _SIZE = 134, 100, 102, 103, 104
_VALUES, _NULLS, _LOWER, _UPPER, _TARGET = 109, 110, 125, 128, 143
_DELETED: Final = 2
_TARGET_COLUMN: Final = 2147483546  # the column of a position delete that has the path of the file


@dataclass(frozen=True, slots=True)
class File:
    """A live file of a snapshot.

    Attributes:
        content: 0 for data, or one of the two kinds of deletes.
        path: where it is.
        partition: its partition spec and the values of its partition.
        is_global: whether its partition spec has no fields.
        records: rows in it; of a deletion vector the positions that it deletes.
        size: in bytes.
        sequence: number by which deletes and data are ordered.
        snapshot: the snapshot that added it, when that is known.
        values: values of each column, nulls included, by field id.
        nulls: nulls of each column.
        lower: least value of each column, in the format's binary form; text may be cut.
        upper: greatest value.
        target: the data file from which a file of position deletes deletes, if only from one.
    """

    content: int
    path: str
    partition: tuple[int, str]
    is_global: bool
    records: int
    size: int
    sequence: int
    snapshot: int | None
    values: Mapping[int, int]
    nulls: Mapping[int, int]
    lower: Mapping[int, bytes]
    upper: Mapping[int, bytes]
    target: str | None


def delete_files(manifests: Sequence[ManifestFile], io: FileIO) -> Iterator[File]:
    """The live files of a snapshot's manifests that delete rows."""
    return _files(manifests, io, ManifestContent.DELETES)


def data_files(manifests: Sequence[ManifestFile], io: FileIO) -> Iterator[File]:
    """The live files of a snapshot's manifests that have its rows."""
    return _files(manifests, io, ManifestContent.DATA)


def _files(manifests: Sequence[ManifestFile], io: FileIO, content: ManifestContent) -> Iterator[File]:
    for manifest in manifests:
        if manifest.content == content and (manifest.has_added_files() or manifest.has_existing_files()):
            yield from _entries(manifest, io)


def _entries(manifest: ManifestFile, io: FileIO) -> Iterator[File]:
    with AvroFile(io.new_input(manifest.manifest_path), _SCHEMA) as reader:
        for entry in reader:
            if entry[0] != _DELETED:
                yield _file(entry, manifest)


def _file(entry: Any, manifest: ManifestFile) -> File:
    _, snapshot, sequence, file = entry
    content, path, partition, records, size, values, nulls, lower, upper, target, *_ = file
    # A file that the manifest's own snapshot added has that snapshot's numbers.
    inherited = manifest.sequence_number or 0
    lower, upper = lower or {}, upper or {}
    if content == POSITION_DELETES and target is None and lower.get(_TARGET_COLUMN) == upper.get(_TARGET_COLUMN):
        target = lower.get(_TARGET_COLUMN, b"").decode() or None
    return File(
        content or 0,
        path,
        (manifest.partition_spec_id, repr(partition)),
        len(partition) == 0,
        records,
        size,
        inherited if sequence is None else sequence,
        manifest.added_snapshot_id if snapshot is None else snapshot,
        values or {},
        nulls or {},
        lower,
        upper,
        target,
    )


def _read_schema() -> Schema:
    """The fields above, in the order in which they are taken apart."""
    entry = {field.field_id: field for field in MANIFEST_ENTRY_SCHEMAS[3].fields}
    kind = entry[_FILE].field_type
    assert isinstance(kind, StructType)
    file = {field.field_id: field for field in kind.fields}
    wanted = (_CONTENT, _PATH, _PARTITION, _RECORDS, _SIZE, _VALUES, _NULLS, _LOWER, _UPPER, _TARGET)
    # pyiceberg cannot leave out a map or a list; it skips over their bytes all the same.
    nested = (number for number, field in file.items() if not field.field_type.is_primitive)
    wanted += tuple(number for number in nested if number not in wanted)
    data_file = NestedField(_FILE, "data_file", StructType(*(file[number] for number in wanted)), required=True)
    return Schema(entry[_STATUS], entry[_SNAPSHOT], entry[_SEQUENCE], data_file)


_SCHEMA: Final = _read_schema()
