"""The pages for a browser: what they show, and what they never show."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from data_platform.server.testing import RunningServer
from data_platform_tests.server.conftest import Place


def page(server: RunningServer, path: str, status: int = 200) -> str:
    reply = httpx.get(server.url.removesuffix("/api") + path)
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    return reply.text


def test_the_first_page_lists_the_services(server: RunningServer, place: Place) -> None:
    assert f"/databaseService/{place.service}" in page(server, "/")


def test_a_table_is_found_at_the_address_that_dagster_links_to(server: RunningServer, place: Place) -> None:
    start, end = place.table("start"), place.table("my.odd<b>", description="for <you>")
    ends = {"fromEntity": {"id": start["id"], "type": "table"}, "toEntity": {"id": end["id"], "type": "table"}}
    place.api.ok("PUT", "/lineage", {"edge": ends})
    text = page(server, f"/table/{quote(end['fullyQualifiedName'], safe='')}")
    assert "for &lt;you&gt;" in text
    assert "odd<b>" not in text
    assert f"/table/{place.fqn('start')}" in text
    assert f"/databaseSchema/{place.schema}" in text
    assert "varchar" in text


def test_a_test_case_is_found_at_the_address_that_its_asset_check_links_to(server: RunningServer, place: Place) -> None:
    place.table()
    link = f"<#E::table::{place.fqn()}>"
    request = {"name": "rows", "testDefinition": "tableRowCountToBeBetween", "entityLink": link}
    made = place.api.ok("POST", "/dataQuality/testCases", request)
    assert "rows" in page(server, f"/test-case/{quote(made['fullyQualifiedName'])}")


def test_a_service_is_found_at_the_address_that_its_assets_link_to(server: RunningServer, place: Place) -> None:
    assert f"/database/{place.database}" in page(server, f"/service/databaseServices/{place.service}")


def test_every_level_of_a_service_can_be_browsed(server: RunningServer, place: Place) -> None:
    place.table("leaf")
    assert f"/database/{place.database}" in page(server, f"/databaseService/{place.service}")
    assert f"/databaseSchema/{place.schema}" in page(server, f"/database/{place.database}")
    assert f"/table/{place.fqn('leaf')}" in page(server, f"/databaseSchema/{place.schema}")


def test_a_search_finds_and_escapes(server: RunningServer, place: Place, unique: str) -> None:
    place.table(f"{unique}x")
    assert f"/table/{place.fqn(unique)}x" in page(server, f"/search?q={unique}x")
    assert "&lt;script&gt;" in page(server, f"/search?q={quote('<script>')}")


def test_what_is_not_there_is_a_page_too(server: RunningServer) -> None:
    page(server, "/table/no.such.thing", 404)
    page(server, "/nonsense", 404)


def test_no_page_shows_a_connection(server: RunningServer, place: Place, unique: str) -> None:
    config = {"type": "Mysql", "username": "me", "hostPort": "secret.host:1", "authType": {"password": "hunter2"}}
    place.api.ok(
        "POST", "/services/databaseServices", {"name": unique, "serviceType": "Mysql", "connection": {"config": config}}
    )
    text = page(server, f"/databaseService/{unique}")
    assert unique in text
    assert "hunter2" not in text
    assert "secret.host" not in text
