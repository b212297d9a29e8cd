"""Owners, domain and tier from a definition reach the catalog, and nothing that people set is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from data_platform.errors import ConfigurationError
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.ownership import Ownership, Written, apply
from data_platform.server.testing import RunningServer, running_server

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


@pytest.fixture
def catalog(server: RunningServer) -> Iterator[CatalogClient]:
    with CatalogClient(server.url, server.token("ingestion-bot")) as client:
        yield client


def seen(catalog: CatalogClient, shop: str, table: str) -> tuple[list[str], list[str], list[str]]:
    """Owners, domains and tiers as people see them, inherited ones in parentheses."""
    entity = catalog.get_by_name("tables", f"{shop}.main.{table}", fields=["owners", "domains", "tags"])

    def shown(field: str) -> list[str]:
        return [f"({one['name']})" if one.get("inherited") else one["name"] for one in entity.get(field, [])]

    return shown("owners"), shown("domains"), [tag["tagFQN"] for tag in entity.get("tags", [])]


def test_a_rule_for_the_source_is_written_to_its_service_and_inherited(catalog: CatalogClient, shop: str) -> None:
    written = apply(catalog, SERVICES, shop, [Ownership(owners=("team:analytics",), domain="Sales")])
    assert written == Written(changed=1)
    assert seen(catalog, shop, "sales.orders") == (["(analytics)"], ["(Sales)"], [])


def test_a_tier_of_the_source_is_written_to_every_table(catalog: CatalogClient, shop: str) -> None:
    assert apply(catalog, SERVICES, shop, [Ownership(tier="Tier2")]).changed == 3
    assert seen(catalog, shop, "stock.items")[2] == ["Tier.Tier2"]


def test_a_rule_for_tables_is_written_to_those_that_match(catalog: CatalogClient, shop: str) -> None:
    rules = [
        Ownership(tables=r"main\.sales\.orders", tier="Tier1"),
        Ownership(tables=r"main\.sales\..*", owners=("team:finance", "ada@example.org"), tier="Tier3"),
    ]
    apply(catalog, SERVICES, shop, rules)
    assert seen(catalog, shop, "sales.orders") == (["finance", "ada"], [], ["Tier.Tier1"])
    assert seen(catalog, shop, "sales.lines") == (["finance", "ada"], [], ["Tier.Tier3"])
    assert seen(catalog, shop, "stock.items") == ([], [], [])


def test_the_second_time_nothing_changes(catalog: CatalogClient, shop: str) -> None:
    rules = [Ownership(owners=("team:analytics",)), Ownership(tables=".*", tier="Tier4")]
    assert apply(catalog, SERVICES, shop, rules).changed == 4
    assert apply(catalog, SERVICES, shop, rules) == Written(changed=0, kept=4)


def test_what_people_set_stays(catalog: CatalogClient, people: People, shop: str) -> None:
    table = catalog.get_by_name("tables", f"{shop}.main.sales.orders")
    finance = catalog.get_by_name("teams", "finance")
    people.patch("tables", table["id"], "/owners", [{"id": finance["id"], "type": "team"}])
    people.patch("tables", table["id"], "/tags", [{"tagFQN": "Tier.Tier5", "source": "Classification"}])
    apply(catalog, SERVICES, shop, [Ownership(tables=".*", owners=("team:analytics",), tier="Tier1")])
    assert seen(catalog, shop, "sales.orders") == (["finance"], [], ["Tier.Tier5"])
    assert seen(catalog, shop, "sales.lines") == (["analytics"], [], ["Tier.Tier1"])


def test_other_tags_survive_a_tier(catalog: CatalogClient, people: People, shop: str) -> None:
    table = catalog.get_by_name("tables", f"{shop}.main.sales.orders")
    people.patch("tables", table["id"], "/tags", [{"tagFQN": "PII.Sensitive", "source": "Classification"}])
    apply(catalog, SERVICES, shop, [Ownership(tier="Tier1")])
    assert sorted(seen(catalog, shop, "sales.orders")[2]) == ["PII.Sensitive", "Tier.Tier1"]


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
def test_a_name_that_the_catalog_does_not_know_is_refused_before_anything_is_written(
    catalog: CatalogClient, shop: str, rule: Ownership, what: str
) -> None:
    with pytest.raises(ConfigurationError, match=what):
        apply(catalog, SERVICES, shop, [Ownership(owners=("team:analytics",)), rule])
    assert seen(catalog, shop, "sales.orders") == ([], [], [])
