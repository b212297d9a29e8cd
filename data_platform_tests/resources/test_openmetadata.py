"""The catalog resource, against a server that answers as the catalog's API documents it."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from data_platform.environment import ENVIRONMENTS
from data_platform.errors import (
    CatalogError,
    CatalogUnauthorizedError,
    CatalogUnreachableError,
    EntityNotFoundError,
    SecretError,
)
from data_platform.ingestion.catalog import CatalogClient
from data_platform.resources.openmetadata import OpenMetadataResource
from data_platform.resources.vault import VaultResource
from data_platform_tests.fakes import Request, listening

URL = "http://catalog.example.org/api"


def jwt(**claims: Any) -> str:
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims, {})
    )


class FakeCatalog:
    """Three tables, in pages of two, for whoever has the token."""

    def __init__(self) -> None:
        self.token = jwt(sub="ingestion-bot", exp=1_900_000_000)
        self.requests: list[Request] = []
        self.tables = [{"id": f"id-{n}", "name": f"t{n}", "fullyQualifiedName": f"shop.t{n}"} for n in range(3)]
        self.refuses: int | None = None
        self.url = ""

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and body, as the catalog's API documents them."""
        self.requests.append(request)
        if self.refuses:
            return self.refuses, {"code": self.refuses, "message": "not now"}
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return 401, {"code": 401, "message": "Not Authorized! Token has expired"}
        if request.method == "PATCH":
            return (412 if request.headers.get("If-Match") == 'W/"0.1"' else 200), self.tables[0]
        match request.path.removeprefix("/api/v1/"):
            case "system/version":
                return 200, {"version": "2.0.6"}
            case "users":
                return 200, {"data": [], "paging": {"total": 2}}
            case "tables":
                start = int(request.query.get("after", "0"))
                paging = {"total": 3, **({"after": str(start + 2)} if start + 2 < 3 else {})}
                return 200, {"data": self.tables[start : start + 2], "paging": paging}
            case "tables/name/shop.t1":
                return 200, self.tables[1]
            case path:
                return 404, {"code": 404, "message": f"not found: {path}"}


@pytest.fixture
def catalog() -> Iterator[FakeCatalog]:
    """A catalog on a loopback port."""
    catalog = FakeCatalog()
    with listening(catalog.answer) as address:
        catalog.url = f"{address}/api"
        yield catalog


@pytest.fixture
def resource(catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenMetadataResource]:
    """The resource of that catalog."""
    monkeypatch.setenv("CATALOG_TOKEN", catalog.token)
    vault = VaultResource(address="http://127.0.0.1:1")
    resource = OpenMetadataResource(url=catalog.url, token="env:CATALOG_TOKEN", vault=vault)
    yield resource
    resource.teardown_after_execution(dg.build_init_resource_context())


def test_an_entity_is_got_by_its_name(resource: OpenMetadataResource, catalog: FakeCatalog) -> None:
    assert resource.get_by_name("tables", "shop.t1", fields=["owners", "tags"])["name"] == "t1"
    assert catalog.requests[0].query["fields"] == "owners,tags"


def test_a_missing_entity_is_an_error_of_its_own(resource: OpenMetadataResource) -> None:
    with pytest.raises(EntityNotFoundError, match="the catalog has nothing at GET tables/name/shop.t9"):
        resource.get_by_name("tables", "shop.t9")


def test_a_list_goes_through_all_pages_and_asks_for_the_next_only_when_it_is_needed(
    resource: OpenMetadataResource, catalog: FakeCatalog
) -> None:
    tables = resource.list("tables", database="shop")
    assert next(tables)["name"] == "t0"
    assert len(catalog.requests) == 1
    assert [table["name"] for table in tables] == ["t1", "t2"]
    assert {request.query["database"] for request in catalog.requests} == {"shop"}


def test_a_patch_is_refused_when_the_entity_has_changed_meanwhile(
    resource: OpenMetadataResource, catalog: FakeCatalog
) -> None:
    operations = [{"op": "add", "path": "/description", "value": "Sold"}]
    assert resource.patch("tables", "id-0", operations, version=0.2)["name"] == "t0"
    request = catalog.requests[0]
    assert request.headers["Content-Type"] == "application/json-patch+json"
    assert json.loads(request.body) == operations
    with pytest.raises(CatalogError, match="412"):
        resource.patch("tables", "id-0", operations, version=0.1)


def test_health_is_the_version_of_a_catalog_that_accepts_the_token(
    resource: OpenMetadataResource, catalog: FakeCatalog
) -> None:
    assert resource.health() == resource.version() == "2.0.6"
    catalog.refuses = 503
    with pytest.raises(CatalogUnreachableError):
        resource.health()


def test_a_refused_token_says_what_to_do(resource: OpenMetadataResource, catalog: FakeCatalog) -> None:
    catalog.token = "another"
    with pytest.raises(CatalogUnauthorizedError, match="issue a new token for the ingestion bot"):
        resource.version()


def test_the_expiry_of_the_token_is_known_without_asking_the_catalog(
    resource: OpenMetadataResource, catalog: FakeCatalog
) -> None:
    assert resource.token_expiry() == datetime.fromtimestamp(1_900_000_000, UTC)
    assert catalog.requests == []


def test_a_token_may_have_no_expiry() -> None:
    with CatalogClient(URL, jwt(sub="ingestion-bot")) as client:
        assert client.token_expiry() is None


@pytest.mark.parametrize(
    "token", ["hunter2", "hunter2.W10.x", jwt(exp=1_900_000_000_000_000), jwt(exp="tomorrow")], ids=str
)
def test_a_token_that_is_no_jwt_is_refused(token: str) -> None:
    with (
        CatalogClient(URL, token) as client,
        pytest.raises(CatalogUnauthorizedError, match="not a JWT") as caught,
    ):
        client.token_expiry()
    assert token not in str(caught.value)


@pytest.mark.parametrize("token", ["hunter2.is.secret\n", "hunter2.is.sécret"])
def test_a_token_that_no_request_can_hold_is_refused_and_not_shown(catalog: FakeCatalog, token: str) -> None:
    with (
        CatalogClient(catalog.url, token) as client,
        pytest.raises(CatalogUnauthorizedError, match="such as a line break: store it again without them") as caught,
    ):
        client.version()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert catalog.requests == []


def test_the_token_is_resolved_by_the_first_request_and_not_before() -> None:
    resource = OpenMetadataResource(
        url=URL,
        token="vault:secret-data/dagster/openmetadata#jwt_token",
        vault=VaultResource(address="http://127.0.0.1:1"),
    )
    with pytest.raises(SecretError, match="vault:secret-data/dagster/openmetadata#jwt_token"):
        resource.version()


def test_assets_use_it_and_its_connection_is_given_back_after_the_step(
    resource: OpenMetadataResource, catalog: FakeCatalog
) -> None:
    @dg.asset
    def tables(openmetadata: OpenMetadataResource) -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"tables": len(list(openmetadata.list("tables")))})

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([tables], resources={"openmetadata": resource}, instance=instance)
    assert result.success
    (materialization,) = result.asset_materializations_for_node("tables")
    assert materialization.metadata["tables"].value == 3
    assert len(catalog.requests) == 2


@pytest.mark.parametrize("name", list(ENVIRONMENTS))
def test_each_environment_has_its_catalog_and_no_secret_in_its_configuration(name: str) -> None:
    here = ENVIRONMENTS[name]
    resource = OpenMetadataResource.of(here, VaultResource.of(here))
    assert resource.url == here.catalog_url
    assert resource.token.startswith(("vault:", "file:"))
