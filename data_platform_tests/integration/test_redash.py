"""OpenMetadata's Redash connector, and what the catalog is held against, on Redash's documented API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.ingestion.spec import MATCHES, NO_MASS_DELETION
from data_platform_tests.contracts.redash import Dashboard, Redash, Widget
from data_platform_tests.integration.runs import Runs, Source, assert_stopped, catalog_for_runs

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

OWNER = "emmy@example.com"
REVENUE = Dashboard(
    1,
    "Revenue",
    OWNER,
    (
        Widget(11, name="Orders by day", sql="SELECT day, count(*) FROM sales.orders GROUP BY day"),
        Widget(12, name="Customers", kind="TABLE", sql="WITH c AS (SELECT * FROM sales.customers) SELECT * FROM c"),
        Widget(13, text="What the shop earns"),
    ),
    ("finance", "daily"),
)
EMPTY = Dashboard(2, "Nothing yet", "nobody@example.com")
STOCK = Dashboard(3, "Stock", OWNER, (Widget(31, name="Stock", sql="SELECT * FROM sales.stock"),))


@pytest.fixture
def redash() -> Iterator[Redash]:
    with Redash([REVENUE, EMPTY, STOCK]).running() as server:
        yield server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        opened.tables("shop", "shop.sales", "customers", "orders")
        opened.put("users", {"name": "emmy", "email": OWNER})
        yield opened


@pytest.fixture
def boards(redash: Redash, runs: Runs, request: pytest.FixtureRequest) -> Source:
    """Each test's own service."""
    connection = {"hostPort": redash.address, "username": "catalog", "apiKey": runs.secret("key", redash.key)}
    options = {"includeTags": True, "includeOwners": True, "lineageInformation": {"dbServicePrefixes": ["shop"]}}
    return Source(request.node.name[:60], "Redash", connection, options)


def dashboards(runs: Runs, source: Source) -> dict[str, Any]:
    """Dashboards of the service by the names that people see."""
    from metadata.generated.schema.entity.data.dashboard import Dashboard as Entity

    fields = ["charts", "owners", "tags"]
    listed = runs.client.list_all_entities(Entity, params={"service": source.service}, fields=fields)
    return {each.displayName: each for each in listed}


def charts(runs: Runs, source: Source) -> dict[str, Any]:
    """Charts of the service by their ids in Redash."""
    from metadata.generated.schema.entity.data.chart import Chart

    listed = runs.client.list_all_entities(Chart, params={"service": source.service})
    return {each.name.root: each for each in listed}


def test_dashboards_arrive_with_charts_owners_tags_and_lineage_from_their_sql(runs: Runs, boards: Source) -> None:
    ended = runs.run(boards)
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"]
    found = dashboards(runs, boards)
    assert set(found) == {REVENUE.name, EMPTY.name, STOCK.name}
    revenue = found[REVENUE.name]
    assert revenue.sourceUrl.root == f"{boards.connection['hostPort']}/dashboards/1"
    assert revenue.description.root == "What the shop earns"
    assert {owner.name for owner in revenue.owners.root} == {"emmy"}
    assert found[EMPTY.name].owners.root == []
    assert {tag.tagFQN.root for tag in revenue.tags} == {"RedashTags.finance", "RedashTags.daily"}
    assert {chart.name for chart in revenue.charts.root} == {"11", "12", "13"}
    kinds = {name: (chart.displayName, chart.chartType.value) for name, chart in charts(runs, boards).items()}
    assert kinds == {
        "11": ("Orders by day", "Other"),
        "12": ("Customers", "Table"),
        "13": ("", "Other"),
        "31": ("Stock", "Other"),
    }
    assert runs.upstream(f"{boards.service}.1", "dashboard") == {
        ("shop.shop.sales.customers", None),
        ("shop.shop.sales.orders", None),
    }
    assert runs.upstream(f"{boards.service}.3", "dashboard") == set()


def test_more_dashboards_than_a_page_holds_arrive_and_what_is_gone_is_deleted(
    runs: Runs, redash: Redash, boards: Source
) -> None:
    redash.dashboards = [Dashboard(number, f"Number {number}", OWNER) for number in range(1, 61)]
    assert runs.run(boards).check_named(MATCHES)["passed"]
    assert len(dashboards(runs, boards)) == 60
    del redash.dashboards[3:7]
    ended = runs.run(boards)
    assert ended.check_named(NO_MASS_DELETION)["passed"], ended.output
    assert len(dashboards(runs, boards)) == 56


@pytest.mark.bad_input("half-broken object", "Redash")
def test_a_dashboard_that_cannot_be_read_is_named_and_the_others_arrive(
    runs: Runs, redash: Redash, boards: Source
) -> None:
    assert runs.run(boards).verdict["outcome"] == "ok"
    redash.broken = {STOCK.id}
    ended = runs.run(boards, min_success_percent=50)
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == STOCK.name
    assert "500 Server Error" in failure["error"]
    assert set(dashboards(runs, boards)) == {REVENUE.name, EMPTY.name, STOCK.name}
    assert "31" in charts(runs, boards)


@pytest.mark.bad_input("hard names", "Redash")
@pytest.mark.bad_input("view that does not compile", "Redash")
def test_names_of_any_kind_arrive_as_they_are_and_so_does_a_query_that_is_no_sql(
    runs: Runs, redash: Redash, boards: Source
) -> None:
    names = ("sales.orders", 'the "best" one', "it's", "Größe 半角", "UPPER", "a::b")
    queries = (
        Widget(99, name="Broken", sql="SELEC day, FROM (sales.orders WHERE"),
        Widget(98, name="Good", sql="SELECT id FROM sales.orders"),
    )
    redash.dashboards = [Dashboard(number, name, OWNER) for number, name in enumerate(names, start=1)]
    redash.dashboards.append(Dashboard(50, "Broken", OWNER, queries))
    ended = runs.run(boards)
    assert ended.check_named(MATCHES)["passed"], ended.output
    assert set(dashboards(runs, boards)) == {*names, "Broken"}
    assert {"98", "99"} <= set(charts(runs, boards))
    assert runs.upstream(f"{boards.service}.50", "dashboard") == {("shop.shop.sales.orders", None)}


@pytest.mark.bad_input("empty scope", "Redash")
def test_a_redash_without_dashboards_is_said_to_list_none(runs: Runs, redash: Redash, boards: Source) -> None:
    redash.dashboards = []
    ended = runs.run(boards)
    assert ended.verdict["outcome"] == "partial", ended.output
    assert ended.verdict["sentence"] == f"{boards.service}: the source lists no dashboards."


@pytest.mark.bad_input("wrong host", "Redash")
@pytest.mark.bad_input("wrong port", "Redash")
@pytest.mark.bad_input("wrong credentials", "Redash")
@pytest.mark.parametrize(
    ("connection", "permanent", "sentence"),
    [
        ({"apiKey": "wr0ng-key"}, True, "some say so to credentials they do not know"),
        ({"hostPort": "http://no.such.host:5000"}, False, "does not answer"),
        ({"hostPort": "http://127.0.0.1:1"}, False, "does not answer"),
    ],
)
def test_what_stops_a_run_is_one_sentence(
    runs: Runs, boards: Source, connection: dict[str, Any], permanent: bool, sentence: str
) -> None:
    source = Source("stopped", "Redash", boards.connection, boards.options)
    ended = runs.run(source, connection=connection)
    assert_stopped(ended, permanent=permanent, sentence=sentence, secret="wr0ng-key")
