"""Lineage and usage from a query log: what a real PostgreSQL was asked is what the catalog shows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child, Ended
from examples.demo.postgres import READER, Server

pytestmark = pytest.mark.integration

OPTIONS: dict[Workflow, dict[str, Any]] = {
    Workflow.METADATA: {"schemaFilterPattern": {"includes": ["^sales$"]}},
    Workflow.LINEAGE: {"processQueryLineage": True, "processViewLineage": False, "queryLogDuration": 1},
    Workflow.USAGE: {"queryLogDuration": 1},
}


@pytest.fixture(scope="module")
def ended() -> dict[Workflow, Ended]:
    """How each workflow ended, filled by ``catalog``."""
    return {}


@pytest.fixture(scope="module")
def catalog(
    debian_postgres: Server, ended: dict[Workflow, Ended], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A catalog after metadata, lineage and usage of the shop."""
    folder = tmp_path_factory.mktemp("catalog")
    with running_server(folder / "data") as server:
        (folder / "token").write_text(server.token())
        for workflow, options in OPTIONS.items():
            spec = WorkflowSpec(
                environment="dev",
                service="shop",
                connector="Postgres",
                workflows=(workflow,),
                connection={
                    "hostPort": f"127.0.0.1:{debian_postgres.port}",
                    "database": "shop",
                    "username": READER,
                    "authType": {"password": f"file:{debian_postgres.reader_password}"},
                },
                options=options,
                catalog_url=server.url,
                catalog_token=f"file:{folder / 'token'}",
                vault_address="http://127.0.0.1:1",
                run_id=str(uuid.uuid4()),
            )
            ended[workflow] = Child(spec, folder / "children").end(timeout=240)
        yield server


def ask(catalog: RunningServer, path: str, **parameters: str) -> dict[str, Any]:
    """A GET as the ingestion bot."""
    answer = httpx.get(
        f"{catalog.url}/v1/{path}",
        params=parameters,
        headers={"Authorization": f"Bearer {catalog.token()}"},
        timeout=30,
    )
    return answer.raise_for_status().json()


def upstream(catalog: RunningServer, table: str) -> dict[str, set[tuple[str, str]]]:
    """Column edges into a table, by the table they come from; names are without the schema they share."""
    prefix = "shop.shop.sales."
    graph = ask(catalog, f"lineage/table/name/{prefix}{table}", upstreamDepth="1", downstreamDepth="0")
    names = {node["id"]: node["fullyQualifiedName"].removeprefix(prefix) for node in [*graph["nodes"], graph["entity"]]}
    return {
        names[edge["fromEntity"]]: {
            (source.removeprefix(prefix), columns["toColumn"].removeprefix(prefix))
            for columns in edge["lineageDetails"]["columnsLineage"]
            for source in columns["fromColumns"]
        }
        for edge in graph["upstreamEdges"]
    }


def test_every_workflow_says_that_everything_arrived(catalog: RunningServer, ended: dict[Workflow, Ended]) -> None:
    assert {workflow: each.verdict["outcome"] for workflow, each in ended.items()} == {
        Workflow.METADATA: "ok",
        Workflow.LINEAGE: "ok",
        Workflow.USAGE: "ok",
    }, "\n".join(each.output for each in ended.values())


def test_a_statement_that_moved_data_is_lineage_with_columns(catalog: RunningServer) -> None:
    assert upstream(catalog, "revenue") == {
        "orders": {("orders.day", "revenue.day"), ("orders.total", "revenue.revenue")},
        "customers": {("customers.country", "revenue.country")},
    }


def test_statements_that_only_read_make_no_lineage(catalog: RunningServer) -> None:
    assert upstream(catalog, "orders") == upstream(catalog, "customers") == {}


@pytest.mark.parametrize(("table", "statements"), [("customers", 2), ("orders", 1), ("revenue", 2), ("unread", 0)])
def test_usage_counts_the_statements_that_mention_a_table(catalog: RunningServer, table: str, statements: int) -> None:
    shown = ask(catalog, f"tables/name/shop.shop.sales.{table}", fields="usageSummary")
    assert shown["usageSummary"]["dailyStats"]["count"] == statements


def test_the_statements_are_kept_as_queries_of_their_tables(catalog: RunningServer) -> None:
    table = ask(catalog, "tables/name/shop.shop.sales.customers")
    queries = ask(catalog, "queries", entityId=table["id"], fields="queryUsedIn", limit="50")["data"]
    assert sorted(query["query"].split()[0] for query in queries) == ["INSERT", "SELECT"]


def test_the_run_counts_the_edges_it_wrote(catalog: RunningServer, ended: dict[Workflow, Ended]) -> None:
    figures = ended[Workflow.LINEAGE].metadata
    assert (figures["lineage/edges"], figures["lineage/column_edges"]) == (2, 3)
