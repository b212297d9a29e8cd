"""The Iceberg connector on a Hive metastore, as its Thrift interface is documented, with tables on disk."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import httpx
import pytest

from data_platform.ingestion.spec import MATCHES, Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.contracts.hive import Hive
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.lakehouse import ORDERS, append, iceberg_spec

Run = Callable[..., Ended]
Make = Callable[..., WorkflowSpec]

NAMES = [f"orders_{number}" for number in range(12)]
ROWS = [{"id": number, "customer": "Ada", "day": date(2026, 1, number)} for number in range(1, 6)]


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """A metastore with more tables than are read at the same time, and an empty database."""
    warehouse = tmp_path_factory.mktemp("warehouse").as_uri()
    with Hive().running() as server:
        fill(server, warehouse)
        yield server


def fill(server: Hive, warehouse: str) -> None:
    from pyiceberg.catalog import load_catalog

    with closing(load_catalog("lake", type="hive", uri=server.address, warehouse=warehouse)) as catalog:
        catalog.create_namespace("sales", {"comment": "What was sold"})
        catalog.create_namespace("empty")
        for name in NAMES:
            catalog.create_table(("sales", name), ORDERS)
        append(catalog.load_table(("sales", NAMES[0])), ROWS)


@pytest.fixture
def make(hive: Hive, catalog: RunningServer, tmp_path: Path) -> Make:
    """Makes specs."""

    def spec(workflow: Workflow = Workflow.METADATA, uri: str | None = None) -> WorkflowSpec:
        address = uri or hive.address
        connection = {"name": "lake", "type": "hive", "uri": address, "warehouse": "file:///nowhere", "timeout": 3}
        return iceberg_spec(catalog, tmp_path, workflow, connection, min_success_percent=50)

    return spec


def names(api: httpx.Client) -> set[str]:
    return {each["name"] for each in api.get("/tables", params={"limit": 100}).json()["data"]}


def test_tables_that_are_read_at_the_same_time_arrive_and_are_profiled(run: Run, make: Make, api: httpx.Client) -> None:
    ended = run(make())
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"]
    assert names(api) == set(NAMES)
    assert ended.metadata["entities/databaseSchema"] == 2
    assert api.get("/databaseSchemas/name/iceberg.lake.sales").json()["description"] == "What was sold"

    ended = run(make(Workflow.PROFILING))
    assert (ended.verdict["outcome"], ended.metadata["profiles/tables"]) == ("ok", len(NAMES)), ended.output
    found = api.get(f"/tables/iceberg.lake.sales.{NAMES[0]}/tableProfile/latest").json()
    assert found["profile"]["rowCount"] == len(ROWS)


def test_a_table_that_the_metastore_fails_at_is_named_and_the_others_arrive(
    run: Run, make: Make, hive: Hive, api: httpx.Client
) -> None:
    hive.broken = {NAMES[3]}
    ended = run(make())
    hive.broken = set()
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == f"iceberg.lake.sales.{NAMES[3]}"
    assert names(api) == set(NAMES) - {NAMES[3]}


@pytest.mark.fault(
    "the source: a Hive metastore that accepts connections and never answers",
    "The run gives up after the connection's `timeout`, and Dagster tries again by itself; nothing is deleted.",
)
def test_a_metastore_that_never_answers_is_given_up(run: Run, make: Make, api: httpx.Client) -> None:
    assert run(make()).verdict["outcome"] == "ok"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ended = run(make(uri=f"thrift://127.0.0.1:{silent.getsockname()[1]}"))
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", False), ended.verdict
    assert "does not answer at thrift://127.0.0.1" in ended.verdict["sentence"]
    assert names(api) == set(NAMES)
