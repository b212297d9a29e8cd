"""Iceberg's tables in the catalog, held against the rows that they are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

_FIGURES: Final = {"nulls": "nullCount", "min": "min", "max": "max"}
_HEADINGS: Final = 2


def differences(client: Any, expected: dict[str, Any]) -> Iterator[str]:
    """Every way in which the catalog's Iceberg tables are not the lakehouse's, one sentence each.

    Args:
        client: OpenMetadata's own.
        expected: as ``lakehouse.expected`` returns it.
    """
    from metadata.generated.schema.entity.data.table import Table

    database = f"{expected['service']}.{expected['database']}"
    fields = ["columns", "extension"]
    listed = client.list_all_entities(Table, fields=fields, params={"database": database})
    found = {each.fullyQualifiedName.root.removeprefix(f"{database}."): each for each in listed}
    wanted: dict[str, dict[str, Any]] = expected["tables"]
    for name in sorted(wanted.keys() - found.keys()):
        yield f"The Iceberg table {name} is missing in the catalog."
    for name in sorted(found.keys() - wanted.keys()):
        yield f"The Iceberg table {name} is in the catalog but not in the lakehouse."
    for name in sorted(wanted.keys() & found.keys()):
        yield from _described(client, name, found[name], wanted[name])
        yield from _profiled(client, name, found[name], wanted[name])


def _described(client: Any, name: str, table: Any, wanted: dict[str, Any]) -> Iterator[str]:
    extension = table.extension.root if table.extension else {}
    partitions = table.tablePartition.columns if table.tablePartition else []
    for what, says, has in (
        ("description", table.description.root if table.description else None, wanted["description"]),
        ("columns", {each.name.root: each.dataType.value for each in table.columns}, wanted["columns"]),
        ("partitions", [each.columnName for each in partitions], wanted["partitioned_by"]),
        ("snapshots", _snapshots(extension), wanted["snapshots"]),
        ("versions", _versions(client, table)[-len(wanted["versions"]) :], wanted["versions"]),
    ):
        if says != has:
            yield f"The Iceberg table {name} has {what} {says} in the catalog, {has} in the lakehouse."


def _snapshots(extension: dict[str, Any]) -> int:
    return max(len(extension.get("icebergSnapshots", "").splitlines()) - _HEADINGS, 0)


def _versions(client: Any, table: Any) -> list[int]:
    """Numbers of columns that a table has had, the oldest first."""
    import json

    from metadata.generated.schema.entity.data.table import Table

    listed = client.get_list_entity_versions(table.id, Table).versions
    numbers = [len(json.loads(version)["columns"]) for version in reversed(listed)]
    return [number for place, number in enumerate(numbers) if place == 0 or numbers[place - 1] != number]


def _profiled(client: Any, name: str, table: Any, wanted: dict[str, Any]) -> Iterator[str]:
    profiled = client.get_latest_table_profile(table.fullyQualifiedName)
    if profiled is None or profiled.profile is None:
        yield f"The Iceberg table {name} has no profile in the catalog."
        return
    if profiled.profile.rowCount != wanted["rows"]:
        yield f"The profile of Iceberg's {name} says rows {profiled.profile.rowCount}, its files have {wanted['rows']}."
    columns = {column.name.root: column.profile for column in profiled.columns}
    for column, figures in wanted["profiles"].items():
        for figure, value in figures.items():
            found = getattr(columns.get(column), _FIGURES[figure], None)
            if not _equal(found, value):
                yield f"The profile of Iceberg's {name}.{column} says {figure} {found}, its rows have {value}."


def _equal(found: Any, wanted: Any) -> bool:
    found = getattr(found, "root", found)
    if isinstance(wanted, int | float):
        return isinstance(found, int | float) and math.isclose(found, wanted)
    if isinstance(found, datetime):
        return found.astimezone(UTC) == datetime.fromisoformat(wanted)
    return str(found) == wanted


def summary(expected: dict[str, Any]) -> str:
    """What was compared, in numbers."""
    tables = expected["tables"].values()
    figures = sum(len(figures) for each in tables for figures in each["profiles"].values()) + len(tables)
    return (
        f"{len(tables)} Iceberg tables with {sum(each['snapshots'] for each in tables)} snapshots and {figures} figures"
    )
