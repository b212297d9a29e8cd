"""Owners, domain and tier from a definition reach the catalog, and nothing that people set is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.ownership import Written, apply
from data_platform.ingestion.spec import Ownership, Workflow
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SpecMaker

SERVICES = "services/databaseServices"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("catalog")) as running:
        yield running


class People:
    """What somebody with an administrator's token does."""

    def __init__(self, server: RunningServer) -> None:
        headers = {"Authorization": f"Bearer {server.token('admin')}"}
        self._http = httpx.Client(base_url=f"{server.url}/v1/", headers=headers)

    def close(self) -> None:
        self._http.close()

    def put(self, collection: str, **body: Any) -> dict[str, Any]:
        response = self._http.put(collection, json=body)
        response.raise_for_status()
        return response.json()

    def patch(self, collection: str, identifier: str, path: str, value: Any) -> None:
        headers = {"Content-Type": "application/json-patch+json"}
        operations = [{"op": "add", "path": path, "value": value}]
        self._http.patch(f"{collection}/{identifier}", json=operations, headers=headers).raise_for_status()


@pytest.fixture(scope="module")
def people(server: RunningServer) -> Iterator[People]:
    people = People(server)
    people.put("teams", name="analytics", teamType="Group")
    people.put("teams", name="finance", teamType="Group")
    people.put("users", name="ada", email="ada@example.org")
    people.put("users", name="bob", email="bob@example.org")
    people.put("domains", name="Sales", domainType="Aggregate", description="What is sold")
    yield people
    people.close()


@pytest.fixture
def shop(people: People, request: pytest.FixtureRequest) -> str:
    """A service with the tables ``sales.orders``, ``sales.lines`` and ``stock.items``."""
    name = f"shop_{request.node.name}".replace("[", "_").replace("]", "")
    config = {"config": {"type": "Postgres", "username": "x", "hostPort": "x:1", "database": "x"}}
    people.put(SERVICES, name=name, serviceType="Postgres", connection=config)
    people.put("databases", name="main", service=name)
    for schema, table in (("sales", "orders"), ("sales", "lines"), ("stock", "items")):
        people.put("databaseSchemas", name=schema, database=f"{name}.main")
        columns = [{"name": "id", "dataType": "INT"}]
        people.put("tables", name=table, databaseSchema=f"{name}.main.{schema}", columns=columns)
    return name


def fill_in(client: CatalogClient, shop: str, rules: Sequence[Ownership], but: str = "") -> Written:
    """Apply rules after a run that listed everything in a shop but one table."""
    tables = {f"{shop}.main.{table}" for table in ("sales.orders", "sales.lines", "stock.items") if table != but}
    return apply(client, "database", shop, rules, {"tables": tables})


@pytest.fixture
def client(server: RunningServer) -> Iterator[CatalogClient]:
    with CatalogClient(server.url, server.token("ingestion-bot")) as client:
        yield client


def seen(client: CatalogClient, shop: str, table: str) -> tuple[list[str], list[str], list[str]]:
    """Owners, domains and tiers as people see them, inherited ones in parentheses."""
    entity = client.get_by_name("tables", f"{shop}.main.{table}", fields=["owners", "domains", "tags"])

    def shown(field: str) -> list[str]:
        return [f"({one['name']})" if one.get("inherited") else one["name"] for one in entity.get(field, [])]

    return shown("owners"), shown("domains"), [tag["tagFQN"] for tag in entity.get("tags", [])]


def test_a_rule_for_the_source_is_written_to_its_service_and_inherited(client: CatalogClient, shop: str) -> None:
    written = fill_in(client, shop, [Ownership(owners=("team:analytics",), domain="Sales")])
    assert written == Written(changed=1)
    assert seen(client, shop, "sales.orders") == (["(analytics)"], ["(Sales)"], [])


def test_a_tier_of_the_source_is_written_to_every_table(client: CatalogClient, shop: str) -> None:
    assert fill_in(client, shop, [Ownership(tier="Tier2")]).changed == 3
    assert seen(client, shop, "stock.items")[2] == ["Tier.Tier2"]


def test_a_rule_for_tables_is_written_to_those_that_match(client: CatalogClient, shop: str) -> None:
    rules = [
        Ownership(tables=r"main\.sales\.orders", tier="Tier1"),
        Ownership(tables=r"main\.sales\..*", owners=("ada@example.org", "bob"), tier="Tier3"),
    ]
    assert fill_in(client, shop, rules).failures == ()
    assert seen(client, shop, "sales.orders") == (["ada", "bob"], [], ["Tier.Tier1"])
    assert seen(client, shop, "sales.lines") == (["ada", "bob"], [], ["Tier.Tier3"])
    assert seen(client, shop, "stock.items") == ([], [], [])


def test_the_second_time_nothing_changes(client: CatalogClient, shop: str) -> None:
    rules = [Ownership(owners=("team:analytics",)), Ownership(tables=".*", tier="Tier4")]
    assert fill_in(client, shop, rules).changed == 4
    assert fill_in(client, shop, rules) == Written(changed=0, kept=4)


def test_what_people_set_stays(client: CatalogClient, people: People, shop: str) -> None:
    table = client.get_by_name("tables", f"{shop}.main.sales.orders")
    finance = client.get_by_name("teams", "finance")
    people.patch("tables", table["id"], "/owners", [{"id": finance["id"], "type": "team"}])
    people.patch("tables", table["id"], "/tags", [{"tagFQN": "Tier.Tier5", "source": "Classification"}])
    fill_in(client, shop, [Ownership(tables=".*", owners=("team:analytics",), tier="Tier1")])
    assert seen(client, shop, "sales.orders") == (["finance"], [], ["Tier.Tier5"])
    assert seen(client, shop, "sales.lines") == (["analytics"], [], ["Tier.Tier1"])


def test_what_people_take_away_is_written_again_and_what_a_changed_rule_gives_replaces_nothing(
    client: CatalogClient, people: People, shop: str
) -> None:
    fill_in(client, shop, [Ownership(tables=".*", owners=("team:analytics",), tier="Tier1")])
    table = client.get_by_name("tables", f"{shop}.main.sales.orders")
    people.patch("tables", table["id"], "/owners", [])
    fill_in(client, shop, [Ownership(tables=".*", owners=("team:finance",), tier="Tier2")])
    assert seen(client, shop, "sales.orders") == (["finance"], [], ["Tier.Tier1"])
    assert seen(client, shop, "sales.lines") == (["analytics"], [], ["Tier.Tier1"])


def test_a_rule_that_no_table_matches_is_named_and_the_others_are_written(client: CatalogClient, shop: str) -> None:
    written = fill_in(client, shop, [Ownership(tables=r"sales\.orders", tier="Tier1"), Ownership(tier="Tier2")])
    assert [(failure.name, failure.error) for failure in written.failures] == [
        (
            r"sales\.orders",
            r"no table matches 'sales\\.orders', which is held against database.schema.table: correct the rule",
        )
    ]
    assert seen(client, shop, "sales.orders")[2] == ["Tier.Tier2"]
    assert fill_in(client, shop, [Ownership(tables="never", tier="Tier1")]).failures


def test_other_tags_survive_a_tier(client: CatalogClient, people: People, shop: str) -> None:
    table = client.get_by_name("tables", f"{shop}.main.sales.orders")
    people.patch("tables", table["id"], "/tags", [{"tagFQN": "PII.Sensitive", "source": "Classification"}])
    fill_in(client, shop, [Ownership(tier="Tier1")])
    assert sorted(seen(client, shop, "sales.orders")[2]) == ["PII.Sensitive", "Tier.Tier1"]


def test_only_what_the_run_listed_is_looked_at(client: CatalogClient, shop: str) -> None:
    rules = [Ownership(tables=".*", tier="Tier1")]
    assert fill_in(client, shop, rules, but="stock.items") == Written(changed=2)
    assert seen(client, shop, "stock.items") == ([], [], [])


def test_a_pipeline_service_has_owners_and_its_pipelines_the_tier(client: CatalogClient, people: People) -> None:
    people.put("services/pipelineServices", name="flows", serviceType="Dagster")
    for name in ("hourly", "yearly"):
        people.put("pipelines", name=name, service="flows")
    rules = [Ownership(owners=("team:finance",), domain="Sales", tier="Tier2")]
    assert apply(client, "pipeline", "flows", rules, {"pipelines": {"flows.hourly"}}) == Written(changed=2)
    fields = ["owners", "domains", "tags"]
    hourly, yearly = (client.get_by_name("pipelines", f"flows.{name}", fields=fields) for name in ("hourly", "yearly"))
    assert [owner["name"] for owner in hourly["owners"]] == ["finance"]
    assert [domain["name"] for domain in hourly["domains"]] == ["Sales"]
    assert [tag["tagFQN"] for tag in hourly["tags"]] == ["Tier.Tier2"]
    assert not yearly.get("tags")


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (Ownership(owners=("team:nobody",)), "no team 'nobody'"),
        (Ownership(owners=("eve@example.org",)), "no user 'eve'"),
        (Ownership(domain="Nowhere"), "no domain 'Nowhere'"),
        (Ownership(tier="Tier9"), "no tag 'Tier.Tier9'"),
    ],
    ids=["team", "user", "domain", "tier"],
)
def test_while_a_name_is_not_known_nothing_is_written_because_it_would_stay(
    client: CatalogClient, shop: str, rule: Ownership, what: str
) -> None:
    (failure,) = fill_in(client, shop, [Ownership(owners=("team:analytics",)), rule, rule]).failures
    assert failure.kind == "ownership"
    assert failure.error == f"the catalog has {what}: create it there, or correct the source's defs.yaml"
    assert seen(client, shop, "sales.orders") == ([], [], [])


def test_an_entity_that_the_catalog_refuses_to_change_is_one_failure_and_the_others_are_written(
    server: RunningServer, client: CatalogClient, shop: str
) -> None:
    lines = client.get_by_name("tables", f"{shop}.main.sales.lines")
    server.faults.add(method="PATCH", path=f"/tables/{lines['id']}", status=412)
    written = fill_in(client, shop, [Ownership(tier="Tier2")])
    server.faults.clear()
    assert (written.changed, [failure.name for failure in written.failures]) == (2, [f"{shop}.main.sales.lines"])


def test_a_catalog_that_stops_answering_is_one_failure(server: RunningServer, client: CatalogClient, shop: str) -> None:
    server.faults.add(method="PATCH", drop=True)
    written = fill_in(client, shop, [Ownership(tier="Tier2")])
    server.faults.clear()
    (failure,) = written.failures
    assert failure.name == shop
    assert "does not answer" in failure.error


def test_a_metadata_run_writes_them_and_says_how_many(
    run: Callable[..., Ended], make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    people = People(catalog)
    people.put("teams", name="analytics", teamType="Group")
    people.close()
    rules = [Ownership(tables=r".*\.sales\.customers", tier="Tier1"), Ownership(owners=("team:analytics",))]
    ended = run(make_spec(ownership=rules))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert (ended.metadata["ownership/written"], ended.metadata["ownership/kept"]) == (2, 0)
    with CatalogClient(catalog.url, catalog.token()) as client:
        customers = client.get_by_name("tables", f"shop.{database}.sales.customers", fields=["owners", "tags"])
    assert [owner["name"] for owner in customers["owners"]] == ["analytics"]
    assert [tag["tagFQN"] for tag in customers["tags"]] == ["Tier.Tier1"]
    again = run(make_spec(ownership=rules))
    assert (again.metadata["ownership/written"], again.metadata["ownership/kept"]) == (0, 2)


def test_an_unknown_owner_makes_a_run_partial_that_brought_everything(
    run: Callable[..., Ended], make_spec: SpecMaker
) -> None:
    rules = [Ownership(owners=("team:nobody",), domain="Nowhere")]
    ended = run(make_spec(Workflow.METADATA, ownership=rules, min_success_percent=100))
    assert ended.materialized
    assert ended.verdict["outcome"] == "partial"
    assert ended.verdict["sentence"] == (
        "shop/metadata: owners, domain and tier were not written as asked: the catalog has no team 'nobody': create it"
        " there, or correct the source's defs.yaml."
    )
    assert [(row["name"], row["kind"]) for row in ended.metadata["failures"]["records"]] == [
        ("nobody", "ownership"),
        ("Nowhere", "ownership"),
    ]
