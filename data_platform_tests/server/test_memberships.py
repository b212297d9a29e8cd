"""Assets of domains, data products, tags, terms and people; the rules between them."""

from __future__ import annotations

from typing import Any

import pytest

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]


def domain(api: Api, name: str) -> Json:
    return api.ok("POST", "/domains", {"name": name, "domainType": "Aggregate", "description": "d"})


@pytest.fixture
def held(place: Place, unique: str) -> Json:
    """A domain, its data product, and a table in that domain."""
    own = domain(place.api, unique)
    request = {"name": f"{unique}p", "description": "d", "domains": [unique]}
    product = place.api.ok("POST", "/dataProducts", request)
    table = place.table(domains=[unique])
    return {"domain": own, "product": product, "table": table}


def reference(entity: Json, kind: str = "table") -> Json:
    return {"id": entity["id"], "type": kind}


def test_assets_are_added_to_a_data_product_and_removed(place: Place, held: Json) -> None:
    api, path = place.api, f"/dataProducts/{held['product']['name']}/assets"
    result = api.ok("PUT", f"{path}/add", {"assets": [reference(held["table"])]})
    assert (result["status"], result["numberOfRowsPassed"]) == ("success", 1)
    listed = api.ok("GET", f"/dataProducts/name/{held['product']['name']}/assets")
    assert [(each["id"], each["type"]) for each in listed["data"]] == [(held["table"]["id"], "table")]
    assert listed["paging"]["total"] == 1
    read = api.ok("GET", f"/tables/{held['table']['id']}?fields=dataProducts")
    assert [each["name"] for each in read["dataProducts"]] == [held["product"]["name"]]
    for _ in range(2):
        assert api.ok("PUT", f"{path}/remove", {"assets": [reference(held["table"])]})["status"] == "success"
    assert api.ok("GET", f"/dataProducts/name/{held['product']['name']}/assets")["data"] == []


def test_a_data_product_must_share_the_assets_domain(place: Place, held: Json) -> None:
    api, product = place.api, held["product"]["name"]
    stray = place.table("stray")
    added = api.ok(
        "PUT", f"/dataProducts/{product}/assets/add", {"assets": [reference(stray), reference(held["table"])]}
    )
    assert (added["status"], added["numberOfRowsFailed"]) == ("partialSuccess", 1)
    assert "Data Product Domain Validation" in added["failedRequest"][0]["message"]
    api.refused(400, "POST", "/tables", place.request("other", dataProducts=[product]))
    operation = [{"op": "add", "path": "/dataProducts", "value": [reference(held["product"], "dataProduct")]}]
    api.refused(400, "PATCH", f"/tables/{stray['id']}", operation)


def test_an_inherited_domain_counts(place: Place, held: Json) -> None:
    api = place.api
    schema = api.ok("GET", f"/databaseSchemas/name/{place.schema}")
    api.patch_with(f"/databaseSchemas/{schema['id']}", ("add", "/domains", [reference(held["domain"], "domain")]))
    heir = place.table("heir", dataProducts=[held["product"]["name"]])
    assert [each["id"] for each in heir["dataProducts"]] == [held["product"]["id"]]
    listed = api.ok("GET", f"/domains/name/{held['domain']['name']}/assets?limit=100")["data"]
    assert {heir["id"], schema["id"], held["table"]["id"]} <= {each["id"] for each in listed}


def test_moving_an_asset_to_another_domain_takes_it_out_of_the_product(place: Place, held: Json, unique: str) -> None:
    api = place.api
    api.ok("PUT", f"/dataProducts/{held['product']['name']}/assets/add", {"assets": [reference(held["table"])]})
    other = domain(api, f"{unique}other")
    moved = api.ok("PUT", f"/domains/{other['name']}/assets/add", {"assets": [reference(held["table"])]})
    assert moved["status"] == "success"
    read = api.ok("GET", f"/tables/{held['table']['id']}?fields=domains,dataProducts")
    assert [each["id"] for each in read["domains"]] == [other["id"]]
    assert read.get("dataProducts", []) == []


def test_several_domains_or_a_team_beside_other_owners_are_refused(place: Place, held: Json, unique: str) -> None:
    api = place.api
    second = domain(api, f"{unique}b")
    message = api.refused(400, "POST", "/tables", place.request("two", domains=[unique, second["name"]]))
    assert "Multiple Domains are not allowed" in message
    team = api.ok("POST", "/teams", {"name": f"{unique}t", "teamType": "Group"})
    user = api.ok("GET", "/users/name/admin")
    owners = [reference(team, "team"), reference(user, "user")]
    message = api.refused(400, "POST", "/tables", place.request("owned", owners=owners))
    assert "Multiple Users or Single Team Ownership" in message


def test_ports_of_a_data_product_are_kept_and_listed(place: Place, held: Json) -> None:
    api, path = place.api, f"/dataProducts/{held['product']['name']}"
    ports = {"assets": [reference(held["table"])]}
    assert api.ok("PUT", f"{path}/inputPorts/add", ports)["status"] == "success"
    assert api.ok("PUT", f"{path}/outputPorts/add", ports)["status"] == "failure", "it is no asset of the product"
    listed = api.ok("GET", f"/dataProducts/name/{held['product']['name']}/inputPorts")
    assert [each["id"] for each in listed["data"]] == [held["table"]["id"]]
    api.ok("PUT", f"{path}/inputPorts/remove", ports)
    assert api.ok("GET", f"/dataProducts/name/{held['product']['name']}/inputPorts")["paging"]["total"] == 0


def test_assets_of_tags_users_and_teams_are_listed(place: Place) -> None:
    api = place.api
    table = place.table()
    tag = api.ok("GET", "/tags/name/PII.Sensitive")
    api.ok("PUT", f"/tags/{tag['id']}/assets/add", {"assets": [reference(table)]})
    assert table["id"] in {each["id"] for each in api.ok("GET", "/tags/name/PII.Sensitive/assets?limit=1000")["data"]}
    api.ok("PUT", f"/tags/{tag['id']}/assets/remove", {"assets": [reference(table)]})
    read = api.ok("GET", f"/tables/{table['id']}?fields=tags")
    assert (read["tags"], read["version"]) == ([], 0.3)
    owner = api.ok("GET", "/users/name/admin")
    api.patch_with(f"/tables/{table['id']}", ("add", "/owners", [reference(owner, "user")]))
    assert table["id"] in {each["id"] for each in api.ok("GET", "/users/name/admin/assets?limit=1000")["data"]}


def test_a_dry_run_changes_nothing(place: Place, held: Json) -> None:
    body = {"assets": [reference(held["table"])], "dryRun": True}
    result = place.api.ok("PUT", f"/dataProducts/{held['product']['name']}/assets/add", body)
    assert (result["dryRun"], result["numberOfRowsPassed"]) == (True, 1)
    assert place.api.ok("GET", f"/dataProducts/name/{held['product']['name']}/assets")["data"] == []


def test_the_domain_tree_and_the_teams_tree_are_read(admin: Api, unique: str) -> None:
    domain(admin, unique)
    admin.ok("POST", "/domains", {"name": "sub", "domainType": "Aggregate", "description": "d", "parent": unique})
    (root,) = [each for each in admin.ok("GET", "/domains/hierarchy")["data"] if each["name"] == unique]
    assert [each["fullyQualifiedName"] for each in root["children"]] == [f"{unique}.sub"]
    (organization,) = admin.ok("GET", "/teams/hierarchy")["data"]
    assert organization["name"] == "Organization"
