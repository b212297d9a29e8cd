"""The comparison of Iceberg's tables with the rows that they are made of: what is not true is named."""

from __future__ import annotations

from typing import Any

from examples.demo import lakehouse
from examples.demo.compare import Catalog
from examples.demo.compare_lakehouse import differences


def test_the_committed_expectations_are_those_of_the_rows(expected: dict[str, Any]) -> None:
    assert lakehouse.expected() == expected["lakehouse"]


def test_what_is_not_true_of_the_lakehouse_is_named(catalog: Catalog, expected: dict[str, Any]) -> None:
    wanted = expected["lakehouse"]
    assert list(differences(catalog.client, wanted)) == []
    tables = wanted["tables"]
    flights = tables["aviation.flights"]
    flights["snapshots"], flights["versions"], flights["rows"] = 3, [17, 19], 7
    flights["profiles"]["dep_delay"] = {"nulls": 1, "max": 2}
    flights["columns"]["carrier"] = "INT"
    tables["aviation.weather"]["partitioned_by"] = []
    tables["reference.planes"] = tables.pop("reference.airlines")
    found = list(differences(catalog.client, wanted))
    name = "The Iceberg table aviation.flights"
    assert found[:2] == [
        "The Iceberg table reference.planes is missing in the catalog.",
        "The Iceberg table reference.airlines is in the catalog but not in the lakehouse.",
    ]
    assert found[2].startswith(f"{name} has columns ")
    assert found[3:] == [
        f"{name} has snapshots 4 in the catalog, 3 in the lakehouse.",
        f"{name} has versions [18, 19] in the catalog, [17, 19] in the lakehouse.",
        "The profile of Iceberg's aviation.flights says rows 336776.0, its files have 7.",
        "The profile of Iceberg's aviation.flights.dep_delay says nulls 8255.0, its rows have 1.",
        "The profile of Iceberg's aviation.flights.dep_delay says max 1301, its rows have 2.",
        "The Iceberg table aviation.weather has partitions ['origin'] in the catalog, [] in the lakehouse.",
    ]
