"""Names, look-ups, fields, lists and pages."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from data_platform_tests.server.conftest import Api, Place


def test_a_name_with_dots_and_slashes_is_quoted_and_found(place: Place) -> None:
    table = place.table("my.odd/table")
    assert table["fullyQualifiedName"] == f'{place.schema}."my.odd/table"'
    found = place.api.ok("GET", f"/tables/name/{quote(table['fullyQualifiedName'], safe='')}")
    assert found["id"] == table["id"]
    assert found["columns"][0]["fullyQualifiedName"] == f'{place.schema}."my.odd/table".id'


def test_look_up_is_by_the_exact_name(place: Place) -> None:
    place.table("Upper")
    place.api.refused(404, "GET", f"/tables/name/{place.schema}.upper")


def test_a_service_with_dots_is_found_by_its_bare_name_too(admin: Api, unique: str) -> None:
    made = admin.ok("POST", "/services/databaseServices", {"name": f"{unique}.prod", "serviceType": "Trino"})
    assert made["fullyQualifiedName"] == f'"{unique}.prod"'
    assert admin.ok("GET", f"/services/databaseServices/name/{unique}.prod")["id"] == made["id"]


@pytest.mark.parametrize("name", ["", " ", "a::b", "line\nbreak", "x" * 257, 'quo"te'])
def test_a_bad_name_is_400(place: Place, name: str) -> None:
    place.api.refused(400, "POST", "/tables", place.request(name))


def test_the_clients_escapes_come_back_as_they_were_sent(place: Place) -> None:
    name = "a__reserved__colon__b__reserved__quote__c"
    assert place.table(name)["name"] == name


@pytest.mark.parametrize(
    "body",
    [
        {"name": "t"},
        {"name": "t", "databaseSchema": "x", "columns": [], "nonsense": 1},
        {"name": 3, "databaseSchema": "x", "columns": []},
        {"name": "t", "databaseSchema": "x", "columns": [{"name": "c", "dataType": "NOPE"}]},
    ],
)
def test_what_breaks_the_schema_is_400(admin: Api, body: dict[str, object]) -> None:
    admin.refused(400, "POST", "/tables", body)


def test_malformed_json_is_400(admin: Api) -> None:
    reply = admin.post("/tables", content=b"{nope", headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (400, 400)
    admin.refused(400, "POST", "/tables", [])
    admin.refused(400, "PUT", "/tables/bulk", {})


def test_a_text_column_needs_its_length(place: Place) -> None:
    for kind in ("CHAR", "VARCHAR", "BINARY", "VARBINARY"):
        place.api.refused(400, "POST", "/tables", place.request(columns=[{"name": "c", "dataType": kind}]))


def test_an_unknown_container_is_404(admin: Api) -> None:
    admin.refused(404, "POST", "/tables", {"name": "t", "databaseSchema": "no.such.schema", "columns": []})


def test_an_unknown_field_is_400_and_related_fields_stay_out(place: Place) -> None:
    table = place.table()
    place.api.refused(400, "GET", f"/tables/{table['id']}?fields=nonsense")
    read = place.api.ok("GET", f"/tables/{table['id']}")
    assert not {"owners", "tags", "domains", "followers", "usageSummary", "joins"} & read.keys()
    read = place.api.ok("GET", f"/tables/{table['id']}?fields=*")
    assert {"followers", "usageSummary", "votes"} <= read.keys()


def test_references_are_complete(place: Place) -> None:
    table = place.table()
    assert (table["databaseSchema"]["fullyQualifiedName"], table["databaseSchema"]["type"]) == (
        place.schema,
        "databaseSchema",
    )
    assert table["database"]["fullyQualifiedName"] == place.database
    assert (table["service"]["name"], table["service"]["type"]) == (place.service, "databaseService")
    assert table["serviceType"] == "Postgres"
    assert table["href"].endswith(f"/api/v1/tables/{table['id']}")


def test_pages_are_in_the_order_of_names_and_go_both_ways(place: Place) -> None:
    for number in range(7):
        place.table(f"t{number}")
    base = f"/tables?database={place.database}&limit=3"
    first = place.api.ok("GET", base)
    assert [each["name"] for each in first["data"]] == ["t0", "t1", "t2"]
    assert first["paging"]["total"] == 7
    assert "before" not in first["paging"]
    second = place.api.ok("GET", f"{base}&after={first['paging']['after']}")
    third = place.api.ok("GET", f"{base}&after={second['paging']['after']}")
    assert [each["name"] for each in third["data"]] == ["t6"]
    assert "after" not in third["paging"]
    both = f"{base}&after={first['paging']['after']}&before={third['paging']['before']}"
    place.api.refused(400, "GET", both)
    back = place.api.ok("GET", f"{base}&before={third['paging']['before']}")
    assert [each["name"] for each in back["data"]] == ["t3", "t4", "t5"]
    start = place.api.ok("GET", f"{base}&before={back['paging']['before']}")
    assert [each["name"] for each in start["data"]] == ["t0", "t1", "t2"]
    assert "before" not in start["paging"]


def test_limits_and_cursors_out_of_bounds_are_400(admin: Api) -> None:
    for query in ("limit=-1", "limit=1000001", "after=a&before=b", "after=!!!", "limit=x", "include=some"):
        admin.refused(400, "GET", f"/tables?{query}")


def test_a_limit_of_zero_gives_only_the_total(place: Place) -> None:
    place.table()
    assert place.api.ok("GET", f"/tables?databaseSchema={place.schema}&limit=0") == {
        "data": [],
        "paging": {"total": 1},
    }


def test_lists_filter_by_regular_expressions_as_the_profiler_asks(place: Place) -> None:
    for name in ("orders", "order_items", "people"):
        place.table(name)
    base = f"/tables?service={place.service}&database={place.database}"
    found = place.api.ok("GET", f"{base}&databaseSchemaRegex=^SCH$&tableRegex=^order.*&regexMode=include")["data"]
    assert [each["name"] for each in found] == ["order_items", "orders"]
    found = place.api.ok("GET", f"{base}&tableRegex=^order.*&regexMode=exclude")["data"]
    assert [each["name"] for each in found] == ["people"]
    full = quote(f"^{place.schema}\\.people$", safe="")
    assert len(place.api.ok("GET", f"{base}&tableRegex={full}&regexFilterByFqn=true")["data"]) == 1
    place.api.refused(400, "GET", f"{base}&tableRegex=(")


def test_owners_domains_and_retention_are_inherited_and_never_stored(place: Place, unique: str) -> None:
    user = place.api.ok("GET", "/users/name/admin")
    domain = place.api.ok("POST", "/domains", {"name": unique, "domainType": "Aggregate", "description": "d"})
    table = place.table()
    schema = place.api.ok("GET", f"/databaseSchemas/name/{place.schema}")
    place.api.patch_with(
        f"/databaseSchemas/{schema['id']}",
        ("add", "/owners", [{"id": user["id"], "type": "user"}]),
        ("add", "/domains", [{"id": domain["id"], "type": "domain"}]),
        ("add", "/retentionPeriod", "P30D"),
    )
    path = f"/tables/{table['id']}?fields=owners,domains"
    read = place.api.ok("GET", path)
    assert (read["owners"][0]["name"], read["owners"][0]["inherited"]) == ("admin", True)
    assert (read["domains"][0]["name"], read["domains"][0]["inherited"]) == (unique, True)
    assert read["retentionPeriod"] == "P30D"
    patched = place.api.patch_with(f"/tables/{table['id']}", ("add", "/description", "x"))
    assert "owners" not in {each["name"] for each in patched["changeDescription"]["fieldsAdded"]}
    place.api.patch_with(f"/databaseSchemas/{schema['id']}", ("remove", "/owners"), ("remove", "/retentionPeriod"))
    read = place.api.ok("GET", path)
    assert not read.get("owners")
    assert "retentionPeriod" not in read


def test_every_column_carries_its_name_position_and_tags(place: Place) -> None:
    nested = [
        {"name": "s", "dataType": "STRUCT", "children": [{"name": "in.ner", "dataType": "INT"}]},
        {"name": "n", "dataType": "INT"},
    ]
    columns = place.table(columns=nested)["columns"]
    assert [(each["ordinalPosition"], each["tags"]) for each in columns] == [(1, []), (2, [])]
    assert columns[0]["children"][0]["fullyQualifiedName"] == f'{place.fqn()}.s."in.ner"'
    listed = place.api.ok("GET", f"/tables/name/{place.fqn()}/columns?limit=1")
    assert (listed["data"][0]["name"], listed["paging"]["total"]) == ("s", 2)


def test_what_the_schema_assumes_is_read_and_is_no_change(admin: Api, unique: str) -> None:
    made = admin.ok("POST", "/classifications", {"name": unique, "description": "d"})
    assumed = {"provider": "user", "mutuallyExclusive": False, "disabled": False}
    assert assumed.items() <= admin.ok("GET", f"/classifications/{made['id']}").items()
    patched = admin.patch_with(f"/classifications/{made['id']}", ("add", "/displayName", "Shown"))
    assert patched["changeDescription"]["fieldsAdded"] == [{"name": "displayName", "newValue": "Shown"}]
    assert admin.ok("PUT", "/classifications", {"name": unique, "description": "d", "displayName": "Shown"})[
        "version"
    ] == (0.2)


def test_what_belongs_to_the_system_keeps_its_name(admin: Api) -> None:
    operation = [{"op": "replace", "path": "/name", "value": "Other"}]
    assert "can not be renamed" in admin.refused(400, "PATCH", "/classifications/name/Tier", operation)


def test_terms_are_listed_by_what_they_hang_below_directly(admin: Api, unique: str) -> None:
    admin.ok("POST", "/glossaries", {"name": unique, "description": "d"})
    for name, more in (("a", {}), ("b", {"parent": f"{unique}.a"})):
        admin.ok("POST", "/glossaryTerms", {"name": name, "glossary": unique, "description": "d", **more})

    def below(fqn: str) -> list[str]:
        return [each["name"] for each in admin.ok("GET", f"/glossaryTerms?directChildrenOf={fqn}")["data"]]

    assert (below(unique), below(f"{unique}.a"), below("nowhere")) == (["a"], ["b"], [])
