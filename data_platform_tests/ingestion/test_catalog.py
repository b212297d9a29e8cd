"""The light client of the catalog's API."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from data_platform.errors import (
    CatalogError,
    CatalogUnauthorizedError,
    CatalogUnreachableError,
    CatalogVersionError,
    EntityNotFoundError,
)
from data_platform.ingestion.catalog import CatalogClient, check_versions
from data_platform.server.testing import RunningServer, running_server


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("catalog")) as server:
        yield server


@pytest.fixture
def client(catalog: RunningServer) -> Iterator[CatalogClient]:
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        yield client


def answering(handler: Callable[[httpx.Request], httpx.Response], token: str = "a.e30.c") -> CatalogClient:
    return CatalogClient("http://catalog/api", token, transport=httpx.MockTransport(handler))


def test_a_healthy_catalog_says_its_version(client: CatalogClient) -> None:
    assert client.health() == client.version()
    assert client.version().count(".") == 2


def test_entities_are_read_listed_page_by_page_and_patched(client: CatalogClient) -> None:
    user = client.get_by_name("users", "admin", fields=["teams"])
    assert user["name"] == "admin"
    names = [entity["name"] for entity in client.list("users", limit="1")]
    assert len(names) > 1
    assert len(set(names)) == len(names)
    patch = [{"op": "add", "path": "/description", "value": "Runs the catalog"}]
    patched = client.patch("users", user["id"], patch, version=user["version"])
    assert patched["description"] == "Runs the catalog"
    with pytest.raises(CatalogError, match="412"):
        client.patch("users", user["id"], [{**patch[0], "value": "Too late"}], version=user["version"] + 7)


def test_what_is_not_there_is_its_own_error(client: CatalogClient) -> None:
    with pytest.raises(EntityNotFoundError):
        client.get_by_name("tables", "no.such.table.here")


def test_a_bad_token_is_refused_for_good(catalog: RunningServer) -> None:
    with CatalogClient(catalog.url, "not-a-token") as client, pytest.raises(CatalogUnauthorizedError) as caught:
        client.health()
    assert caught.value.permanent
    assert "not-a-token" not in caught.value.sentence


def test_nobody_there_may_be_tried_again() -> None:
    with CatalogClient("http://127.0.0.1:1/api", "x") as client, pytest.raises(CatalogUnreachableError) as caught:
        client.version()
    assert not caught.value.permanent
    assert "http://127.0.0.1:1/api" in caught.value.sentence


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_catalog_may_be_tried_again(status: int) -> None:
    with pytest.raises(CatalogUnreachableError):
        answering(lambda _: httpx.Response(status, json={"message": "busy"})).version()


def test_a_web_page_in_place_of_the_api_is_told_as_such() -> None:
    page = httpx.Response(200, html="<html>Sign in</html>")
    with pytest.raises(CatalogError, match="text/html.*, not JSON"):
        answering(lambda _: page).version()


def test_an_fqn_with_a_slash_is_one_part_of_the_path() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        return httpx.Response(200, json={})

    answering(handler).get_by_name("tables", 'a.b."c/d"')
    assert seen == ["/api/v1/tables/name/a.b.%22c%2Fd%22"]


def jwt(claims: dict[str, object]) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.x"


def test_the_tokens_expiry_is_read_from_the_token() -> None:
    stamp = datetime(2031, 5, 1, tzinfo=UTC)
    assert CatalogClient("http://x", jwt({"exp": stamp.timestamp()})).token_expiry() == stamp
    assert CatalogClient("http://x", jwt({})).token_expiry() is None
    with pytest.raises(CatalogUnauthorizedError):
        CatalogClient("http://x", "no jwt").token_expiry()


def test_the_embedded_servers_tokens_expire_when_they_were_asked_to(catalog: RunningServer) -> None:
    token = catalog.token("admin", lifetime=timedelta(hours=2))
    expiry = CatalogClient(catalog.url, token).token_expiry()
    assert expiry is not None
    assert timedelta(hours=1, minutes=59) < expiry - datetime.now(UTC) <= timedelta(hours=2)


@pytest.mark.parametrize(("server", "client"), [("2.0.6", "2.0.6.0"), ("2.0.9", "2.0.6.0")])
def test_client_and_server_of_one_minor_version_work_together(server: str, client: str) -> None:
    check_versions(server, client, url="http://x")


@pytest.mark.parametrize("server", ["1.12.0", "2.1.0", "3.0.6"])
def test_client_and_server_of_different_minor_versions_do_not(server: str) -> None:
    with pytest.raises(CatalogVersionError, match=f"the catalog is version {server}") as caught:
        check_versions(server, "2.0.6.0", url="http://x")
    assert caught.value.permanent


def test_importing_the_client_imports_nothing_of_openmetadata(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = "import sys, data_platform.ingestion.child; assert 'metadata' not in sys.modules; print('light')"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert printed.stdout == "light\n"
