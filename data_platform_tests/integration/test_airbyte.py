"""OpenMetadata's Airbyte connector, and what the catalog is held against, on Airbyte's documented APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.ingestion.spec import MATCHES, NO_MASS_DELETION
from data_platform_tests.contracts.airbyte import LARGEST_PAGE, Actor, Airbyte, Connection, Job
from data_platform_tests.integration.runs import Runs, Source, assert_stopped, catalog_for_runs

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

BEGAN = 1_790_000_000
SHOP = Actor("s1", "Postgres", {"host": "shop.internal", "database": "shop", "schemas": ["sales"]})
WAREHOUSE = Actor("d1", "Postgres", {"host": "warehouse.internal", "database": "warehouse", "schema": "raw"})
SALES = Connection(
    "0a0a-sales",
    "Shop → Warehouse",
    "finance",
    SHOP,
    WAREHOUSE,
    (("sales", "customers"), ("sales", "orders"), ("sales", "unknown")),
    (Job(11, BEGAN, ("failed", "succeeded")), Job(12, BEGAN + 3600, ("running",))),
)
STOCK = Connection("0b0b-stock", "Stock", "finance", SHOP, WAREHOUSE, jobs=(Job(21, BEGAN + 60, ("failed",)),))
IDLE = Connection("0c0c-idle", "Never ran", "marketing", SHOP, WAREHOUSE)


@pytest.fixture
def airbyte() -> Iterator[Airbyte]:
    with Airbyte([SALES, STOCK, IDLE]).running() as server:
        yield server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        opened.tables("shop", "shop.sales", "customers", "orders")
        opened.tables("warehouse", "warehouse.raw", "customers", "orders")
        yield opened


@pytest.fixture
def self_hosted(airbyte: Airbyte, runs: Runs, request: pytest.FixtureRequest) -> Source:
    """Each test's own service."""
    password = runs.secret("password", airbyte.password)
    connection = {"hostPort": airbyte.address, "auth": {"username": airbyte.username, "password": password}}
    return Source(request.node.name[:60], "Airbyte", connection, {"includeLineage": True})


@pytest.fixture
def cloud(airbyte: Airbyte, runs: Runs, self_hosted: Source) -> Source:
    auth = {"clientId": airbyte.client_id, "clientSecret": runs.secret("client", airbyte.client_secret)}
    connection = {"hostPort": airbyte.address, "apiVersion": "v1", "auth": auth}
    return Source(self_hosted.service, "Airbyte", connection, self_hosted.options)


def pipelines(runs: Runs, source: Source) -> dict[str, Any]:
    """Pipelines of the service by the names that people see."""
    from metadata.generated.schema.entity.data.pipeline import Pipeline

    fields = ["tasks", "pipelineStatus"]
    listed = runs.client.list_all_entities(Pipeline, params={"service": source.service}, fields=fields)
    return {each.displayName: each for each in listed}


def statuses(runs: Runs, source: Source, connection: Connection) -> list[tuple[str, int]]:
    """States and beginnings (seconds since 1970) of the pipeline's runs, the newest first."""
    path = f"/pipelines/{source.service}.{connection.id}/status"
    found = runs.client.client.get(f"{path}?startTs=0&endTs=9999999999999&limit=100")["data"]
    return [(each["executionStatus"], each["timestamp"] // 1000) for each in found]


def test_connections_arrive_as_pipelines_with_their_jobs_and_lineage(runs: Runs, self_hosted: Source) -> None:
    ended = runs.run(self_hosted)
    assert ended.check_named(MATCHES)["passed"], ended.output
    found = pipelines(runs, self_hosted)
    assert {name: each.name.root for name, each in found.items()} == {
        each.name: each.id for each in (SALES, STOCK, IDLE)
    }
    address = f"{self_hosted.connection['hostPort']}/workspaces/finance/connections/{SALES.id}"
    assert found[SALES.name].sourceUrl.root == address
    assert [task.displayName for task in found[SALES.name].tasks] == [SALES.name]
    assert statuses(runs, self_hosted, SALES) == [
        ("Pending", BEGAN + 3600),
        ("Successful", BEGAN + 60),
        ("Failed", BEGAN),
    ]
    assert statuses(runs, self_hosted, IDLE) == []
    assert runs.upstream("warehouse.warehouse.raw.orders") == {
        ("shop.shop.sales.orders", f"{self_hosted.service}.{SALES.id}")
    }
    assert ended.metadata["lineage/edges"] == 2


def test_airbyte_cloud_is_read_page_by_page_with_an_applications_credentials(
    runs: Runs, airbyte: Airbyte, cloud: Source
) -> None:
    airbyte.connections = [
        Connection(f"id-{number}", f"Connection {number}", "finance", SHOP, WAREHOUSE, jobs=SALES.jobs[:1])
        for number in range(LARGEST_PAGE + 5)
    ]
    ended = runs.run(cloud)
    assert ended.check_named(MATCHES)["passed"], ended.output
    assert len(pipelines(runs, cloud)) == LARGEST_PAGE + 5
    assert statuses(runs, cloud, airbyte.connections[-1]) == [("Successful", BEGAN)]


def test_lineage_between_two_services_that_are_named_and_by_the_public_api_is_not_brought(
    runs: Runs, self_hosted: Source, cloud: Source
) -> None:
    """Known limits of the connector, which its page in docs/sources tells of."""
    named = {"lineageInformation": {"dbServiceNames": ["shop", "warehouse"]}}
    assert runs.run(self_hosted, options=named).metadata.get("lineage/edges", 0) == 0
    assert runs.run(cloud).metadata.get("lineage/edges", 0) == 0


def test_a_connection_that_is_gone_is_deleted_and_one_that_is_filtered_out_is_not(
    runs: Runs, airbyte: Airbyte, self_hosted: Source
) -> None:
    runs.run(self_hosted)
    airbyte.connections = [SALES, IDLE]
    without_sales = {"pipelineFilterPattern": {"excludes": ["^Shop"]}, **self_hosted.options}
    relaxed = {"deletion": {"max_share": 50}}
    narrowed = runs.run(self_hosted, options=without_sales, **relaxed)
    assert narrowed.check_named(MATCHES)["passed"], narrowed.output
    assert SALES.name in pipelines(runs, self_hosted)
    ended = runs.run(self_hosted, **relaxed)
    assert ended.check_named(NO_MASS_DELETION)["passed"], ended.output
    assert set(pipelines(runs, self_hosted)) == {SALES.name, IDLE.name}


@pytest.mark.bad_input("half-broken object", "Airbyte")
def test_a_connection_whose_jobs_cannot_be_read_is_named_and_the_others_arrive(
    runs: Runs, airbyte: Airbyte, self_hosted: Source
) -> None:
    airbyte.broken = {STOCK.id}
    ended = runs.run(self_hosted)
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == STOCK.name
    assert "500 Server Error" in failure["error"]
    assert set(pipelines(runs, self_hosted)) == {SALES.name, STOCK.name, IDLE.name}
    assert len(statuses(runs, self_hosted, SALES)) == 3


@pytest.mark.bad_input("hard names", "Airbyte")
def test_names_of_any_kind_arrive_as_they_are(runs: Runs, airbyte: Airbyte, self_hosted: Source) -> None:
    names = ("shop.orders", 'the "best" one', "it's", "Größe 半角", "UPPER", "a::b")
    airbyte.connections = [
        Connection(f"id-{number}", name, "finance", SHOP, WAREHOUSE) for number, name in enumerate(names)
    ]
    ended = runs.run(self_hosted)
    assert ended.check_named(MATCHES)["passed"], ended.output
    assert set(pipelines(runs, self_hosted)) == set(names)


@pytest.mark.bad_input("empty scope", "Airbyte")
def test_an_airbyte_without_connections_is_said_to_list_none(runs: Runs, airbyte: Airbyte, self_hosted: Source) -> None:
    airbyte.connections = []
    ended = runs.run(self_hosted)
    assert ended.verdict["outcome"] == "partial", ended.output
    assert ended.verdict["sentence"] == f"{self_hosted.service}: the source lists no pipelines."


@pytest.mark.bad_input("wrong host", "Airbyte")
@pytest.mark.bad_input("wrong port", "Airbyte")
@pytest.mark.bad_input("wrong credentials", "Airbyte")
@pytest.mark.parametrize(
    ("connection", "permanent", "sentence"),
    [
        ({"auth": {"username": "catalog", "password": "wr0ng-one"}}, True, "refuses the credentials"),
        ({"hostPort": "http://no.such.host:8000"}, False, "does not answer"),
        ({"hostPort": "http://127.0.0.1:1"}, False, "does not answer"),
        ({"apiVersion": "api/v7"}, True, "does not have what the connector asks it for"),
    ],
)
def test_what_stops_a_run_is_one_sentence(
    runs: Runs, self_hosted: Source, connection: dict[str, Any], permanent: bool, sentence: str
) -> None:
    source = Source("stopped", "Airbyte", self_hosted.connection, self_hosted.options)
    ended = runs.run(source, connection=connection)
    assert_stopped(ended, permanent=permanent, sentence=sentence, secret="wr0ng-one")


def test_an_application_that_is_not_known_is_one_sentence(runs: Runs, cloud: Source) -> None:
    auth = {"clientId": "other", "clientSecret": runs.secret("other", "0ther-secret")}
    ended = runs.run(cloud, connection={"auth": auth})
    assert_stopped(ended, permanent=True, sentence="refuses the credentials", secret="0ther-secret")
