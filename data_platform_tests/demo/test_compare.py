"""The comparison at the end of the demo: it passes on a true catalog and names whatever is not true."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from data_platform.server.testing import RunningServer
from examples.demo.compare import Catalog, differences
from examples.demo.layout import PROJECT_ROOT

DATABASE = "postgres.nycflights"


@pytest.fixture
def api(server: RunningServer) -> Any:
    """A person who works in the catalog."""
    with closing(
        httpx.Client(base_url=f"{server.url}/v1", headers={"Authorization": f"Bearer {server.token('admin')}"})
    ) as client:
        yield client


def table(api: httpx.Client, name: str, fields: str = "") -> dict[str, Any]:
    """A table as the catalog shows it."""
    answer = api.get(f"/tables/name/{DATABASE}.{name}", params={"fields": fields} if fields else {})
    return answer.raise_for_status().json()


def patch(api: httpx.Client, name: str, *operations: dict[str, Any]) -> None:
    """Change a table as a person would."""
    answer = api.patch(
        f"/tables/{table(api, name)['id']}",
        json=list(operations),
        headers={"Content-Type": "application/json-patch+json"},
    )
    answer.raise_for_status()


def test_what_the_demo_catalogued_is_what_is_expected(catalog: Catalog, expected: dict[str, Any]) -> None:
    assert differences(catalog, expected) == []


def test_a_table_deleted_from_the_catalog_is_named(
    api: httpx.Client, catalog: Catalog, expected: dict[str, Any]
) -> None:
    api.delete(f"/tables/{table(api, 'aviation.planes')['id']}", params={"hardDelete": "true"}).raise_for_status()
    found = differences(catalog, expected)
    assert "The table aviation.planes is missing in the catalog." in found
    assert "The catalog holds 18 of type table where the database has 19." in found


def test_the_process_fails_and_names_the_table_that_is_missing(
    api: httpx.Client, server: RunningServer, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(server.token())
    command = [sys.executable, "-m", "examples.demo.compare", "--url", server.url, "--token-file", str(token)]
    equal = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT_ROOT)
    assert equal.returncode == 0, equal.stdout + equal.stderr
    api.delete(f"/tables/{table(api, 'aviation.weather')['id']}").raise_for_status()
    different = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT_ROOT)
    assert different.returncode == 1
    assert "The table aviation.weather is missing in the catalog." in different.stdout


def test_a_changed_description_is_told(api: httpx.Client, catalog: Catalog, expected: dict[str, Any]) -> None:
    patch(api, "aviation.airlines", {"op": "replace", "path": "/description", "value": "Somebody knew better"})
    assert differences(catalog, expected) == [
        "aviation.airlines is described as 'Somebody knew better', it is 'Airlines by their carrier code'."
    ]


def test_a_lost_foreign_key_is_told(api: httpx.Client, catalog: Catalog, expected: dict[str, Any]) -> None:
    constraints = table(api, "aviation.weather", "tableConstraints")["tableConstraints"]
    place = next(n for n, each in enumerate(constraints) if each["constraintType"] == "FOREIGN_KEY")
    patch(api, "aviation.weather", {"op": "remove", "path": f"/tableConstraints/{place}"})
    assert differences(catalog, expected) == [
        "The foreign key weather_origin_fkey from aviation.weather.origin to aviation.airports.faa is missing in the "
        "catalog."
    ]


def test_a_lost_lineage_edge_is_told_for_every_column(
    api: httpx.Client, catalog: Catalog, expected: dict[str, Any]
) -> None:
    ends = table(api, "reporting.daily_departures")["id"], table(api, "reporting.worst_days")["id"]
    api.delete(f"/lineage/table/{ends[0]}/table/{ends[1]}").raise_for_status()
    assert differences(catalog, expected) == [
        f"The lineage from reporting.daily_departures.{column} to reporting.worst_days.{column} is missing in the "
        "catalog."
        for column in ("average_delay", "departure_day", "origin", "worst_visibility")
    ]


def test_a_table_that_is_not_whose_it_is_is_told(api: httpx.Client, catalog: Catalog, expected: dict[str, Any]) -> None:
    patch(api, "reporting.worst_days", {"op": "remove", "path": "/owners/0"}, {"op": "remove", "path": "/tags/0"})
    assert differences(catalog, expected) == [
        "reporting.worst_days has the owners flight-operations in the catalog, it is to have analytics.",
        "reporting.worst_days has the tiers none in the catalog, it is to have Tier.Tier4.",
    ]


def test_what_is_lost_of_dbt_is_told(api: httpx.Client, catalog: Catalog, expected: dict[str, Any]) -> None:
    punctuality = table(api, "analytics.airline_punctuality", "tags,owners")
    tier = next(n for n, label in enumerate(punctuality["tags"]) if label["tagFQN"] == "Tier.Tier2")
    patch(
        api,
        "analytics.airline_punctuality",
        {"op": "remove", "path": f"/tags/{tier}"},
        {"op": "remove", "path": "/owners/0"},
    )
    case = (
        api.get(
            "/dataQuality/testCases/name/postgres.nycflights.aviation.flights.flight_id."
            "source_unique_aviation_flights_flight_id"
        )
        .raise_for_status()
        .json()
    )
    api.delete(f"/dataQuality/testCases/{case['id']}", params={"hardDelete": "true"}).raise_for_status()
    dashboard = api.get("/dashboards/name/flight_board.punctuality").raise_for_status().json()
    api.delete(f"/lineage/table/{punctuality['id']}/dashboard/{dashboard['id']}").raise_for_status()
    assert differences(catalog, expected) == [
        "analytics.airline_punctuality is tagged Tier.Tier2: the catalog does not say so.",
        "analytics.airline_punctuality is owned by analytics: the catalog does not say so.",
        "analytics.airline_punctuality is owned by flight-operations: only the catalog says so.",
        "The dashboard flight_board.punctuality shows analytics.airline_punctuality: the catalog does not say so.",
        "The test source_unique_aviation_flights_flight_id is missing in the catalog.",
    ]


def test_a_data_test_that_is_not_what_sql_says_is_told(catalog: Catalog, expected: dict[str, Any]) -> None:
    expected["data_tests"]["columnValuesToBeUnique__carrier"]["status"] = "Failed"
    assert differences(catalog, expected) == [
        "The test columnValuesToBeUnique__carrier was Success according to the catalog, it was Failed."
    ]


def test_a_wrong_profile_figure_is_told(catalog: Catalog, expected: dict[str, Any]) -> None:
    expected["profiles"]["aviation.flights"]["columns"]["arr_delay"]["mean"] = 6.9
    [sentence] = differences(catalog, expected)
    assert sentence.startswith("The profile of aviation.flights.arr_delay says mean 6.8953767")
    assert sentence.endswith("SQL says 6.9.")


def test_what_the_database_does_not_have_is_told(catalog: Catalog, expected: dict[str, Any]) -> None:
    del expected["tables"]["reporting.plane_usage"]
    expected["stored_procedures"].remove("reporting.refresh")
    assert differences(catalog, expected) == [
        "The table reporting.plane_usage is in the catalog but not in the database.",
        "The stored procedure reporting.refresh is in the catalog but not in the database.",
    ]
