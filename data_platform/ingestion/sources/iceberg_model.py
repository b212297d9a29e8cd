"""An Iceberg table's metadata in OpenMetadata's words: columns, partitions, keys, and what has custom properties here.

Pure: everything is in the table's metadata file, which pyiceberg has read. Fields of OpenMetadata's requests are plain
values, as its models take them.
"""

# pyiceberg leaves the types open that its transforms are between.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import singledispatch
from typing import Any, Final

from pyiceberg import types
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.sorting import SortOrder
from pyiceberg.transforms import IdentityTransform, TimeTransform, VoidTransform

Fields = dict[str, Any]

SNAPSHOT: Final = "icebergSnapshot"
"""Custom property that tells which snapshot the catalog's entry shows."""

PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    SNAPSHOT: ("string", "Id of the Iceberg snapshot that is shown."),
    "icebergSnapshots": ("markdown", "The Iceberg table's latest snapshots, newest first."),
    "icebergPartitioning": ("string", "The Iceberg table's partition spec."),
    "icebergSortOrder": ("string", "The Iceberg table's sort order."),
    "icebergFormatVersion": ("integer", "Version of the Iceberg format that the table is written in."),
    "icebergProperties": ("markdown", "The Iceberg table's own properties."),
}
"""Custom properties of tables: kind and description by name."""

SNAPSHOTS_SHOWN: Final = 20

_PLAIN: Final[Mapping[type[types.IcebergType], str]] = {
    types.BooleanType: "BOOLEAN",
    types.IntegerType: "INT",
    types.LongType: "BIGINT",
    types.FloatType: "FLOAT",
    types.DoubleType: "DOUBLE",
    types.DateType: "DATE",
    types.TimeType: "TIME",
    types.TimestampType: "TIMESTAMP",
    types.TimestampNanoType: "TIMESTAMP",
    types.TimestamptzType: "TIMESTAMPZ",
    types.TimestamptzNanoType: "TIMESTAMPZ",
    types.StringType: "STRING",
    types.UUIDType: "UUID",
    types.BinaryType: "BYTES",
    types.UnknownType: "NULL",
}
_UNKNOWN: Final = "UNKNOWN"


def columns(schema: Schema) -> list[Fields]:
    """The columns of a schema with all that lies in them."""
    return [{**_column(field), "ordinalPosition": number} for number, field in enumerate(schema.fields, start=1)]


def _column(field: types.NestedField) -> Fields:
    return {
        "name": field.name,
        "description": field.doc or None,
        "constraint": "NOT_NULL" if field.required else "NULL",
        "dataTypeDisplay": display(field.field_type),
        # Labels that people set are merged into a list; without one they would be lost.
        "tags": [],
        **_typed(field.field_type),
    }


@singledispatch
def _typed(kind: types.IcebergType) -> Fields:
    """The fields of a column that say what type it is of."""
    return {"dataType": _PLAIN.get(type(kind), _UNKNOWN)}


@_typed.register
def _(kind: types.DecimalType) -> Fields:
    return {"dataType": "DECIMAL", "precision": kind.precision, "scale": kind.scale}


@_typed.register
def _(kind: types.FixedType) -> Fields:
    return {"dataType": "FIXED", "dataLength": len(kind)}


@_typed.register
def _(kind: types.StructType) -> Fields:
    return {"dataType": "STRUCT", "children": [_column(field) for field in kind.fields]}


@_typed.register
def _(kind: types.ListType) -> Fields:
    of = _typed(kind.element_type)
    children: list[Fields] = of.get("children") or []
    return {"dataType": "ARRAY", "arrayDataType": of["dataType"], **({"children": children} if children else {})}


@_typed.register
def _(kind: types.MapType) -> Fields:
    return {"dataType": "MAP", "children": [_column(kind.key_field), _column(kind.value_field)]}


def display(kind: types.IcebergType) -> str:
    """A type as people write it, for example ``struct<x:string, y:list<int>>``."""
    match kind:
        case types.StructType():
            return f"struct<{', '.join(f'{field.name}:{display(field.field_type)}' for field in kind.fields)}>"
        case types.ListType():
            return f"list<{display(kind.element_type)}>"
        case types.MapType():
            return f"map<{display(kind.key_type)}, {display(kind.value_type)}>"
        case _:
            return str(kind)


def partition(spec: PartitionSpec, schema: Schema) -> Fields | None:
    """The partition columns of a table with what is done to their values; None when it has none."""
    found: list[Fields] = []
    for field in spec.fields:
        name = schema.find_column_name(field.source_id)
        if name is None or isinstance(field.transform, VoidTransform):
            continue
        is_time = isinstance(field.transform, TimeTransform)
        is_value = isinstance(field.transform, IdentityTransform)
        kind = "TIME-UNIT" if is_time else "COLUMN-VALUE" if is_value else "OTHER"
        found.append({"columnName": name, "intervalType": kind, "interval": str(field.transform)})
    return {"columns": found} if found else None


def constraints(schema: Schema, order: SortOrder) -> list[Fields]:
    """The table's identifier and the columns that it is sorted by, as keys; those in structs are left out."""
    top = {field.field_id: field.name for field in schema.fields}
    identifier = [top[number] for number in schema.identifier_field_ids if number in top]
    by = [top[field.source_id] for field in order.fields if field.source_id in top]
    keys = {"PRIMARY_KEY": identifier, "SORT_KEY": list(dict.fromkeys(by))}
    return [{"constraintType": kind, "columns": names} for kind, names in keys.items() if names]


def extension(metadata: TableMetadata) -> Fields:
    """The table's custom properties, see :data:`PROPERTIES`; what it has none of is left out."""
    schema, current = metadata.schema(), metadata.current_snapshot()
    described: Fields = {
        SNAPSHOT: str(current.snapshot_id) if current else None,
        "icebergSnapshots": _history(metadata.snapshots),
        "icebergPartitioning": _spec(metadata.spec(), schema),
        "icebergSortOrder": _order(metadata.sort_order_by_id(metadata.default_sort_order_id), schema),
        "icebergFormatVersion": metadata.format_version,
        "icebergProperties": "\n".join(f"- `{key}` = `{value}`" for key, value in sorted(metadata.properties.items())),
    }
    return {name: value for name, value in described.items() if value}


def _spec(spec: PartitionSpec, schema: Schema) -> str:
    parts = ((field.transform, schema.find_column_name(field.source_id)) for field in spec.fields)
    return ", ".join(
        str(name) if isinstance(transform, IdentityTransform) else f"{transform}({name})"
        for transform, name in parts
        if not isinstance(transform, VoidTransform)
    )


def _order(order: SortOrder | None, schema: Schema) -> str:
    fields = order.fields if order else []
    return ", ".join(
        f"{name if isinstance(field.transform, IdentityTransform) else f'{field.transform}({name})'}"
        f" {field.direction.name} {field.null_order.name.replace('_', ' ')}"
        for field in fields
        if (name := schema.find_column_name(field.source_id))
    )


def _history(snapshots: Iterable[Snapshot]) -> str:
    """The latest snapshots as a table."""
    newest = sorted(snapshots, key=lambda each: each.timestamp_ms, reverse=True)
    if not newest:
        return ""
    rows = [
        "| committed | snapshot | operation | schema | records added | records deleted | records |",
        "|---|---|---|---|---|---|---|",
        *map(_row, newest[:SNAPSHOTS_SHOWN]),
    ]
    if len(newest) > SNAPSHOTS_SHOWN:
        rows += ["", f"{len(newest) - SNAPSHOTS_SHOWN} older ones are not shown."]
    return "\n".join(rows)


def _row(snapshot: Snapshot) -> str:
    summary = snapshot.summary
    figures = [str(summary[name] or "") if summary else "" for name in ("added-records", "deleted-records")]
    cells = [
        moment(snapshot.timestamp_ms).isoformat(timespec="seconds"),
        str(snapshot.snapshot_id),
        summary.operation.value if summary else "",
        "" if snapshot.schema_id is None else str(snapshot.schema_id),
        *figures,
        str(summary["total-records"] or "") if summary else "",
    ]
    return f"| {' | '.join(cells)} |"


def moment(milliseconds: int) -> datetime:
    """A time of Iceberg's, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def earlier_schemas(metadata: TableMetadata, shown: str | None) -> Iterator[Schema]:
    """The schemas that a table has had since a snapshot, the oldest first, without its present one.

    Args:
        metadata: the table's.
        shown: id of the snapshot that the catalog shows; without one, or when it has expired, all are new.
    """
    schemas = {schema.schema_id: schema for schema in metadata.schemas}
    snapshots = sorted(metadata.snapshots, key=lambda each: each.timestamp_ms)
    ids = [str(each.snapshot_id) for each in snapshots]
    fresh = snapshots[ids.index(shown) + 1 :] if shown in ids else snapshots
    last: int | None = None
    for snapshot in fresh:
        if snapshot.schema_id in (None, last, metadata.current_schema_id) or snapshot.schema_id not in schemas:
            continue
        last = snapshot.schema_id
        yield schemas[snapshot.schema_id]
