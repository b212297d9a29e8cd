"""Single tables are profiled as their source's definition says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from data_platform.ingestion.spec import Workflow
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SpecMaker

FIVE_ROWS = {"sampleConfigType": "STATIC", "config": {"profileSampleType": "ROWS", "profileSample": 5}}


def profiled(catalog: RunningServer, table: str) -> dict[str, Any]:
    """The newest profiles of a table's columns."""
    answer = httpx.get(
        f"{catalog.url}/v1/tables/{table}/tableProfile/latest",
        headers={"Authorization": f"Bearer {catalog.token()}"},
        timeout=30,
    )
    columns = answer.raise_for_status().json()["columns"]
    return {column["name"]: column["profile"] for column in columns if column.get("profile")}


def test_a_table_has_its_own_sample_and_its_own_columns(
    run: Callable[..., Ended], make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    run(make_spec())
    tables = {
        f"{database}.sales.customers": {"profileSampleConfig": FIVE_ROWS, "includeColumns": ["name"]},
        f"{database}.sales.orders": {"excludeColumns": ["total"]},
    }
    ended = run(make_spec(Workflow.PROFILING, options={"tables": tables}))
    assert ended.verdict["outcome"] == "ok", ended.output
    customers = profiled(catalog, f"shop.{database}.sales.customers")
    assert {name: each["valuesCount"] for name, each in customers.items()} == {"name": 5}
    assert profiled(catalog, f"shop.{database}.sales.orders").keys() == {"id", "customer_id"}


def test_what_the_minutes_do_not_suffice_for_is_named_and_comes_first_in_the_next_run(
    run: Callable[..., Ended], make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    run(make_spec())
    budgeted = make_spec(Workflow.PROFILING, options={"maxMinutes": 1e-6})
    tables = {f"shop.{database}.sales.{name}" for name in ("customers", "orders")}
    for _ in range(2):
        before = {name for name in tables if profiled(catalog, name)}
        ended = run(budgeted)
        assert ended.verdict["outcome"] == "ok", ended.output
        (reached,) = {name for name in tables if profiled(catalog, name)} - before
        left = tables - {reached}
        assert ended.metadata["tables_not_reached"] == 1
        assert all(name in ended.metadata["notices"] for name in left)
    assert all(profiled(catalog, name) for name in tables)
