"""Superset's datasets on a real Trino: lineage from its tables, SQL with templates, and what is hard about datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from data_platform.ingestion.spec import MATCHES
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.integration.cache import obtained
from data_platform_tests.integration.real_superset import RealSuperset, running_superset
from data_platform_tests.integration.real_trino import LAKEHOUSE, READER, RealTrino
from data_platform_tests.integration.runs import Runs, Source, catalog_for_runs
from data_platform_tests.integration.superset_program import ADMIN, PASSWORD, superset

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

WIDTH = 1500
SOLD = (
    f"CREATE SCHEMA {LAKEHOUSE}.sold",
    f"CREATE TABLE {LAKEHOUSE}.sold.orders (id bigint, total double)",
    f"CREATE TABLE {LAKEHOUSE}.sold.passing (id bigint)",
    f"CREATE TABLE {LAKEHOUSE}.sold.wide ({', '.join(f'c{number} bigint' for number in range(WIDTH))})",
)
QUERIES = {
    "templated": "SELECT o.id, o.total AS price FROM sold.orders o WHERE o.total > {{ 1 + 1 }}"
    "{% if true %} AND o.id IN {{ [1, 2]|where_in }}{% endif %} {# the rest is small #}",
    "broken": "SELECT id FROM sold.passing",
}


class Board(NamedTuple):
    """A Superset, the ids of its datasets by name, and how a run ended while there was nothing in it."""

    superset: RealSuperset
    datasets: dict[str, int]
    empty: Ended


@pytest.fixture(scope="module")
def runs(trino: RealTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A catalog that knows Trino's tables."""
    trino.run(*SOLD)
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        options = {"schemaFilterPattern": {"includes": ["^sold$"]}}
        connection = {"hostPort": trino.address, "username": READER, "catalog": LAKEHOUSE}
        assert opened.run(Source("trino", "Trino", connection, options)).verdict["outcome"] == "ok"
        yield opened
    trino.empty()


def reading(superset: RealSuperset, runs: Runs, service: str) -> Source:
    user = {"provider": "db", "username": ADMIN, "password": runs.secret("superset", PASSWORD)}
    options = {"lineageInformation": {"dbServicePrefixes": ["trino"]}}
    return Source(service, "Superset", {"hostPort": superset.address, "connection": user}, options)


@pytest.fixture(scope="module")
def board(
    request: pytest.FixtureRequest, trino: RealTrino, runs: Runs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Board]:
    """One dashboard with a chart of each dataset; what one of them reads is dropped once it is made."""
    program = obtained(request, superset)
    with running_superset(program, tmp_path_factory.mktemp("superset")) as server:
        empty = runs.run(reading(server, runs, "empty"))
        address = f"trino://{READER}@{trino.address}/{LAKEHOUSE}"
        lake = server.make("database", database_name="Lake", sqlalchemy_uri=address, expose_in_sqllab=True)
        shown = server.make("dashboard", dashboard_title="Sold", published=True)
        datasets: dict[str, int] = {}
        for name in ("orders", "wide", *QUERIES):
            query = {"sql": QUERIES[name]} if name in QUERIES else {}
            datasets[name] = server.make("dataset", database=lake, schema="sold", table_name=name, **query)
            chart = {"slice_name": f"Chart of {name}", "viz_type": "table", "params": json.dumps({"viz_type": "table"})}
            of = {"datasource_id": datasets[name], "datasource_type": "table", "dashboards": [shown]}
            server.make("chart", **chart, **of)
        trino.run(f"DROP TABLE {LAKEHOUSE}.sold.passing")
        yield Board(server, datasets, empty)


@pytest.fixture(scope="module")
def ended(runs: Runs, board: Board) -> Ended:
    """How the run on what is in Superset ended."""
    return runs.run(reading(board.superset, runs, "boards"))


def columns(runs: Runs, board: Board, name: str) -> dict[str, set[tuple[str, str]]]:
    """The column edges of a dataset, by the table that they come from."""
    from metadata.generated.schema.entity.data.dashboardDataModel import DashboardDataModel

    model = f"boards.model.{board.datasets[name]}"
    graph = runs.client.get_lineage_by_name(DashboardDataModel, model, up_depth=1, down_depth=0)
    tables = {node["id"]: node["fullyQualifiedName"] for node in graph["nodes"]}
    return {
        tables[edge["fromEntity"]]: {
            (source.rpartition(".")[2], each["toColumn"].rpartition(".")[2])
            for each in edge["lineageDetails"].get("columnsLineage") or []
            for source in each["fromColumns"]
        }
        for edge in graph["upstreamEdges"]
    }


@pytest.mark.bad_input("empty scope", "Superset")
def test_a_superset_without_dashboards_is_said_to_list_none(board: Board) -> None:
    assert board.empty.verdict["outcome"] == "partial", board.empty.output
    assert board.empty.verdict["sentence"] == "empty: the source lists no dashboards."


@pytest.mark.bad_input("1,500 columns", "Superset")
@pytest.mark.bad_input("view that does not compile", "Superset")
def test_datasets_of_many_columns_and_of_sql_that_trino_refuses_arrive(runs: Runs, board: Board, ended: Ended) -> None:
    from metadata.generated.schema.entity.data.dashboardDataModel import DashboardDataModel

    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"]
    listed: list[Any] = runs.client.list_all_entities(DashboardDataModel, params={"service": "boards"})
    found = {each.displayName: each for each in listed}
    assert found.keys() == board.datasets.keys()
    assert len(found["wide"].columns) == WIDTH
    assert found["broken"].sql.root == QUERIES["broken"]


def test_a_dataset_comes_from_the_table_of_trino_that_it_shows(runs: Runs, board: Board, ended: Ended) -> None:
    assert ended.materialized
    assert columns(runs, board, "orders") == {"trino.lakehouse.sold.orders": {("id", "id"), ("total", "total")}}


def test_a_dataset_whose_sql_is_a_template_comes_from_its_tables_by_column(
    runs: Runs, board: Board, ended: Ended
) -> None:
    assert ended.materialized
    assert columns(runs, board, "templated") == {"trino.lakehouse.sold.orders": {("id", "id"), ("total", "price")}}
