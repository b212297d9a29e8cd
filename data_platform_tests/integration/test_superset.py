"""Superset's dashboards, charts and datasets in the catalog, and their lineage from the tables of a PostgreSQL."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from data_platform.ingestion.spec import MATCHES, NO_MASS_DELETION
from data_platform_tests.fakes import Answer, Request, listening
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.integration.cache import obtained
from data_platform_tests.integration.real_superset import RealSuperset, running_superset
from data_platform_tests.integration.runs import Runs, Source, catalog_for_runs
from data_platform_tests.integration.superset_program import ADMIN, EMAIL, superset
from data_platform_tests.integration.superset_program import PASSWORD as ADMINS_PASSWORD
from examples.demo.postgres import READER, Server

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

USER = "catalog_reader"
PASSWORD = "Pa55-of-the/reader"
# What the documentation asks for.
PERMISSIONS = (
    *(("can_read", each) for each in ("Dashboard", "Chart", "Dataset", "Database")),
    ("all_datasource_access", "all_datasource_access"),
)
BIG = "SELECT o.id, c.name AS buyer, o.total FROM sales.orders o JOIN sales.customers c ON c.id = o.customer_id"
HARD_NAME = "Größe & 'x' \"y\" 半角"


@dataclass(frozen=True)
class Boards:
    """A Superset and the ids of what is in it, by name."""

    superset: RealSuperset
    ids: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def filled(cls, superset: RealSuperset, postgres: Server) -> Boards:
        """Three dashboards over three datasets, one of them virtual; a draft, and a chart that is on no dashboard."""
        password = postgres.reader_password.read_text().strip()
        address = f"postgresql+psycopg2://{READER}:{password}@127.0.0.1:{postgres.port}/shop"
        database = superset.make("database", database_name="Shop", sqlalchemy_uri=address, expose_in_sqllab=True)
        superset.role("Catalog", *PERMISSIONS)
        superset.user(USER, PASSWORD, "reader@example.com", "Catalog")
        superset.role("Nothing")
        superset.user("nobody", PASSWORD, "nobody@example.com", "Nothing")
        ada, emmy = 1, superset.user("emmy", "x" * 12, "emmy@example.com", "Alpha")
        boards = cls(superset)
        for name, sql in (("orders", None), ("customers", None), ("big orders", BIG)):
            query = {"sql": sql} if sql else {}
            boards.ids[name] = superset.make(
                "dataset", database=database, schema="sales", table_name=name, owners=[ada, emmy], **query
            )
        for name, is_published in (("Sales", True), (HARD_NAME, True), ("Draft", False)):
            boards.ids[name] = superset.make("dashboard", dashboard_title=name, published=is_published, owners=[emmy])
        boards.chart("By day", "orders", "Sales", "Draft")
        boards.chart("Who buys", "customers", "Sales")
        boards.chart("Biggest", "big orders", HARD_NAME)
        boards.chart("Alone", "orders")
        superset.change("dashboard", boards.ids["Sales"], owners=[ada, emmy])
        superset.tag("dashboard", boards.ids["Sales"], "finance", "for the board")
        superset.tag("chart", boards.ids["By day"], "finance")
        return boards

    def add(self, name: str) -> None:
        """Make a dashboard with a chart of the same name on it; without one only an administrator would see it."""
        self.ids[name] = self.superset.make("dashboard", dashboard_title=name, published=True)
        self.chart(f"Chart of {name}", "orders", name)

    def remove(self, name: str) -> None:
        """Take away what ``add`` has made."""
        self.superset.delete("chart", self.ids[f"Chart of {name}"])
        self.superset.delete("dashboard", self.ids[name])

    def chart(self, name: str, dataset: str, *dashboards: str) -> None:
        """Make a chart that is on some dashboards."""
        self.ids[name] = self.superset.make(
            "chart",
            slice_name=name,
            description=f"About {name}",
            viz_type="table",
            datasource_id=self.ids[dataset],
            datasource_type="table",
            params=json.dumps({"viz_type": "table"}),
            dashboards=[self.ids[each] for each in dashboards],
        )


@pytest.fixture(scope="module")
def boards(
    request: pytest.FixtureRequest, debian_postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Boards]:
    """A Superset that was made on this machine, by an earlier run or now."""
    program = obtained(request, superset)
    with running_superset(program, tmp_path_factory.mktemp("superset")) as running:
        yield Boards.filled(running, debian_postgres)


@pytest.fixture(scope="module")
def runs(debian_postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A catalog that knows the tables and the people."""
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        for name, email in (("ada", EMAIL), ("emmy", "emmy@example.com")):
            opened.client.client.put("/users", json.dumps({"name": name, "email": email}))
        connection = {
            "hostPort": f"127.0.0.1:{debian_postgres.port}",
            "database": "shop",
            "username": READER,
            "authType": {"password": f"file:{debian_postgres.reader_password}"},
        }
        shop = Source("shop", "Postgres", connection, {"schemaFilterPattern": {"includes": ["^sales$"]}})
        assert opened.run(shop).verdict["outcome"] == "ok"
        yield opened


@dataclass
class Proxy:
    """What stands before Superset and fails where it is told to.

    Attributes:
        address: where it listens.
        broken: what it fails to show, each as its kind and its id.
    """

    address: str = ""
    broken: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def is_broken(self, path: str, document: Any) -> bool:
        """Whether an answer shows what is broken: by itself, or in a list."""
        kind, _, key = path.removeprefix("/api/v1/").strip("/").partition("/")
        shown = [int(key)] if key.isdecimal() else [each["id"] for each in document.get("result") or () if not key]
        return any((kind, each) in self.broken for each in shown)


@pytest.fixture(scope="module")
def proxy(boards: Boards) -> Iterator[Proxy]:
    made = Proxy()
    with httpx.Client(base_url=boards.superset.address, timeout=60) as superset:

        def answer(request: Request) -> Answer:
            headers = {key: request.headers[key] for key in ("Authorization", "Content-Type") if key in request.headers}
            path, query = request.path, dict(request.query)
            answered = superset.request(request.method, path, params=query, headers=headers, content=request.body)
            if answered.is_redirect:
                return 200, b""
            is_api = answered.is_success and path.startswith("/api/v1/") and request.method == "GET"
            if is_api and made.is_broken(path, answered.json()):
                return 500, {"message": "Fatal error"}
            return answered.status_code, answered.content

        with listening(answer) as made.address:
            yield made


@pytest.fixture(scope="module")
def source(proxy: Proxy, runs: Runs) -> Source:
    return reading(proxy.address, runs)


def reading(address: str, runs: Runs, service: str = "boards", user: str = USER, password: str = PASSWORD) -> Source:
    """The source at an address."""
    secret = runs.secret(f"{service}-{user}", password)
    connection = {"provider": "db", "username": user, "password": secret}
    options = {"includeOwners": True, "lineageInformation": {"dbServicePrefixes": ["shop"]}}
    return Source(service, "Superset", {"hostPort": address, "connection": connection}, options)


@pytest.fixture(scope="module")
def first(runs: Runs, source: Source) -> Ended:
    """The first run; the tests after it add what they need and take it away."""
    return runs.run(source)


def dashboards(runs: Runs) -> dict[str, Any]:
    from metadata.generated.schema.entity.data.dashboard import Dashboard

    listed = runs.client.list_all_entities(Dashboard, fields=["charts", "owners", "tags"], params={"service": "boards"})
    return {each.displayName: each for each in listed}


def charts(runs: Runs) -> dict[str, Any]:
    from metadata.generated.schema.entity.data.chart import Chart

    listed = runs.client.list_all_entities(Chart, fields=["owners", "tags"], params={"service": "boards"})
    return {each.displayName: each for each in listed}


def datasets(runs: Runs) -> dict[str, Any]:
    from metadata.generated.schema.entity.data.dashboardDataModel import DashboardDataModel

    listed = runs.client.list_all_entities(DashboardDataModel, fields=["owners"], params={"service": "boards"})
    return {each.displayName: each for each in listed}


def tags(entity: Any) -> set[str]:
    return {tag.tagFQN.root for tag in entity.tags}


def owners(entity: Any) -> set[str]:
    return {owner.name for owner in entity.owners.root}


def edges(runs: Runs, table: str) -> set[tuple[str, str]]:
    """Lineage from a table on, as pairs of names that people see."""
    from metadata.generated.schema.entity.data.table import Table

    graph = runs.client.get_lineage_by_name(Table, f"shop.shop.sales.{table}", up_depth=0, down_depth=3)
    called = {each["id"]: each.get("displayName") or each["name"] for each in (graph["entity"], *graph["nodes"])}
    return {(called[edge["fromEntity"]], called[edge["toEntity"]]) for edge in graph["downstreamEdges"]}


def test_everything_on_a_dashboard_arrives_and_is_what_superset_has(first: Ended, runs: Runs, source: Source) -> None:
    assert first.verdict["outcome"] == "ok", first.output
    assert {name: first.metadata[f"entities/{name}"] for name in ("dashboard", "chart", "dashboardDataModel")} == {
        "dashboard": 2,
        "chart": 3,
        "dashboardDataModel": 3,
    }
    assert first.check_named(MATCHES)["passed"], first.check_named(MATCHES)
    again = runs.run(source)
    assert [again.metadata[each] for each in ("created", "updated", "deleted", "unchanged")] == [0, 0, 0, 8]


@pytest.mark.bad_input("hard names", "Superset")
@pytest.mark.usefixtures("first")
def test_dashboards_and_charts_have_their_names_people_and_tags(runs: Runs, boards: Boards) -> None:
    held = dashboards(runs)
    assert set(held) == {"Sales", HARD_NAME}
    assert {each.displayName for each in held["Sales"].charts.root} == {"By day", "Who buys"}
    assert {name: (owners(each), tags(each)) for name, each in held.items()} == {
        "Sales": ({"ada", "emmy"}, {"SupersetTags.finance", "SupersetTags.for the board"}),
        HARD_NAME: ({"emmy"}, set()),
    }
    assert held["Sales"].sourceUrl.root.endswith(f"/superset/dashboard/{boards.ids['Sales']}/")
    drawn = charts(runs)
    assert {name: (each.description.root, tags(each)) for name, each in drawn.items()} == {
        "By day": ("About By day", {"SupersetTags.finance"}),
        "Who buys": ("About Who buys", set()),
        "Biggest": ("About Biggest", set()),
    }
    assert owners(drawn["By day"]) == {"ada"}


@pytest.mark.usefixtures("first")
def test_physical_and_virtual_datasets_arrive_with_their_columns_and_owners(runs: Runs) -> None:
    held = datasets(runs)
    shown = {
        name: (each.sql and each.sql.root, [column.name.root for column in each.columns]) for name, each in held.items()
    }
    assert shown == {
        "orders": (None, ["id", "customer_id", "day", "total"]),
        "customers": (None, ["id", "name", "country"]),
        "big orders": (BIG, ["id", "buyer", "total"]),
    }
    assert owners(held["orders"]) == {"ada", "emmy"}


@pytest.mark.usefixtures("first")
def test_lineage_goes_from_tables_over_datasets_and_charts_to_dashboards(runs: Runs) -> None:
    assert edges(runs, "orders") == {
        ("orders", "orders"),
        ("orders", "By day"),
        ("By day", "Sales"),
        ("orders", "Sales"),
        ("orders", "big orders"),
        ("big orders", "Biggest"),
        ("Biggest", HARD_NAME),
        ("big orders", HARD_NAME),
    }
    assert ("customers", "big orders") in edges(runs, "customers")


@pytest.mark.usefixtures("first")
def test_lineage_of_a_virtual_dataset_is_by_column(runs: Runs, boards: Boards) -> None:
    from metadata.generated.schema.entity.data.dashboardDataModel import DashboardDataModel

    model = f"boards.model.{boards.ids['big orders']}"
    graph = runs.client.get_lineage_by_name(DashboardDataModel, model, up_depth=1, down_depth=0)
    columns = {
        (source.removeprefix("shop.shop.sales."), each["toColumn"].removeprefix(f"{model}."))
        for edge in graph["upstreamEdges"]
        for each in edge["lineageDetails"]["columnsLineage"]
        for source in each["fromColumns"]
    }
    assert columns == {("orders.id", "id"), ("orders.total", "total"), ("customers.name", "buyer")}


@pytest.mark.usefixtures("first")
def test_what_is_deleted_in_superset_is_deleted_and_the_rest_stays(runs: Runs, source: Source, boards: Boards) -> None:
    boards.add("Passing")
    assert runs.run(source).metadata["created"] == 2
    boards.remove("Passing")
    ended = runs.run(source, deletion={"max_share": 40})
    gone = {(each["kind"], each["name"]) for each in ended.metadata["deletions"]}
    ids = boards.ids["Passing"], boards.ids["Chart of Passing"]
    assert gone == {("dashboard", f"boards.{ids[0]}"), ("chart", f"boards.{ids[1]}")}
    assert ended.check_named(MATCHES)["passed"]
    assert len(charts(runs)) == 3


@pytest.mark.bad_input("half-broken object", "Superset")
@pytest.mark.usefixtures("first")
def test_a_dashboard_that_superset_fails_to_show_is_reported_and_the_others_arrive_and_nothing_is_deleted(
    runs: Runs, source: Source, boards: Boards, proxy: Proxy
) -> None:
    boards.add("Passing")
    runs.run(source)
    boards.add("Added")  # before the other goes: SQLite gives an id again
    boards.remove("Passing")
    proxy.broken = {("dashboard", boards.ids["Sales"])}
    ended = runs.run(source, deletion={"max_share": 40}, min_success_percent=50)
    proxy.broken = set()
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"].startswith("dashboard ")
    assert failure["error"] == "Superset fails at /api/v1/dashboard/ (500)"
    assert (ended.metadata["created"], ended.metadata["deleted"]) == (2, 0)
    assert set(dashboards(runs)) == {"Sales", HARD_NAME, "Passing", "Added"}
    assert {each.displayName for each in dashboards(runs)["Sales"].charts.root} == {"By day", "Who buys"}
    assert not ended.check_named(MATCHES)["passed"]

    boards.remove("Added")
    assert runs.run(source, deletion={"max_share": 50}).metadata["deleted"] == 4
    assert set(dashboards(runs)) == {"Sales", HARD_NAME}


@pytest.mark.usefixtures("first")
def test_a_dataset_that_superset_fails_to_show_is_reported_and_keeps_what_the_catalog_has(
    runs: Runs, source: Source, boards: Boards, proxy: Proxy
) -> None:
    proxy.broken = {("dataset", boards.ids["customers"])}
    ended = runs.run(source, min_success_percent=50)
    proxy.broken = set()
    assert ended.verdict["outcome"] == "partial", ended.output
    named = {each["name"] for each in ended.metadata["failures"]["records"]}
    assert f"boards.model.{boards.ids['customers']}" in named
    assert (ended.metadata["deleted"], ended.metadata["unchanged"]) == (0, 8)
    assert set(datasets(runs)) == {"orders", "customers", "big orders"}


def test_filters_and_options_hold_for_what_arrives_and_for_the_comparison(runs: Runs, proxy: Proxy) -> None:
    options = {
        "dashboardFilterPattern": {"includes": ["^Sales$"]},
        "chartFilterPattern": {"excludes": ["^Who"]},
        "includeOwners": False,
        "includeTags": False,
    }
    ended = runs.run(reading(proxy.address, runs, service="some"), options=options)
    assert ended.verdict["outcome"] == "ok", ended.output
    kinds = ("dashboard", "chart", "dashboardDataModel")
    assert [ended.metadata[f"entities/{kind}"] for kind in kinds] == [1, 1, 1]
    assert ended.check_named(MATCHES)["passed"], ended.check_named(MATCHES)


def test_drafts_arrive_for_an_administrator_who_asks_for_them(runs: Runs, proxy: Proxy) -> None:
    admins = reading(proxy.address, runs, service="all", user=ADMIN, password=ADMINS_PASSWORD)
    ended = runs.run(admins)
    assert ended.metadata["entities/dashboard"] == 3
    assert ended.check_named(MATCHES)["passed"]
    without = runs.run(admins, options={"includeDraftDashboard": False})
    assert without.metadata["deleted"] == 0
    assert not without.check_named(NO_MASS_DELETION)["passed"]


@pytest.mark.bad_input("wrong host", "Superset")
@pytest.mark.bad_input("wrong port", "Superset")
@pytest.mark.bad_input("wrong credentials", "Superset")
@pytest.mark.parametrize(
    ("address", "user", "password", "permanent", "sentence"),
    [
        ("http://no.such.host:8088", USER, PASSWORD, False, "the source does not answer at http://no.such.host:8088"),
        ("http://127.0.0.1:1", USER, PASSWORD, False, "the source does not answer at http://127.0.0.1:1"),
        (None, USER, "wr0ng", True, "Superset refuses the credentials at http://127.0.0.1:"),
        (None, "nobody", PASSWORD, True, "Superset refuses the permission to read /api/v1/dashboard/ (403)"),
    ],
)
def test_what_stops_a_run_is_one_sentence(
    runs: Runs, boards: Boards, address: str | None, user: str, password: str, permanent: bool, sentence: str
) -> None:
    ended = runs.run(reading(address or boards.superset.address, runs, "stopped", user, password))
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", permanent)
    assert sentence in ended.verdict["sentence"]
    assert password not in ended.everything


@pytest.mark.bad_input("hangs", "Superset")
def test_a_server_that_never_speaks_is_given_up(runs: Runs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ended = runs.run(reading(f"http://127.0.0.1:{mute.getsockname()[1]}", runs, "stopped"))
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", False)
    assert "the source does not answer" in ended.verdict["sentence"]
