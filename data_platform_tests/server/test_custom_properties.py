"""Custom properties: added to a type, checked wherever an extension is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]


def define(api: Api, name: str, kind: str, config: Any = None, entity: str = "table") -> Json:
    value = api.ok("GET", f"/metadata/types/name/{kind}?category=field")
    extended = api.ok("GET", f"/metadata/types/name/{entity}")
    request: Json = {"name": name, "description": "d", "propertyType": {"id": value["id"], "type": "type"}}
    if config is not None:
        request["customPropertyConfig"] = {"config": config}
    return api.ok("PUT", f"/metadata/types/{extended['id']}", request)


def test_a_property_that_its_type_does_not_have_is_refused_everywhere(place: Place, unique: str) -> None:
    api = place.api
    assert "Unknown custom field" in api.refused(400, "POST", "/tables", place.request(extension={unique: "x"}))
    table = place.table()
    api.refused(400, "PUT", "/tables", place.request(extension={unique: "x"}))
    operation = [{"op": "add", "path": "/extension", "value": {unique: "x"}}]
    api.refused(400, "PATCH", f"/tables/{table['id']}", operation)
    result = api.ok("PUT", "/tables/bulk", [place.request("t", extension={unique: "x"})])
    assert result["failedRequest"][0]["status"] == 400
    define(api, unique, "string")
    stored = api.ok("PUT", "/tables", place.request(extension={unique: "x"}))
    assert stored["extension"] == {unique: "x"}
    assert stored["version"] == 0.2
    assert "extension" not in api.ok("GET", f"/tables/{table['id']}")
    assert api.ok("GET", f"/tables/{table['id']}?fields=extension")["extension"] == {unique: "x"}
    assert api.ok("PUT", "/tables", place.request())["extension"] == {unique: "x"}, "a PUT does not remove it"


@pytest.mark.parametrize(
    ("kind", "config", "good", "bad"),
    [
        ("string", None, "x", 1),
        ("integer", None, 3, "3"),
        ("number", None, 1.5, "x"),
        ("markdown", None, "# x", []),
        ("email", None, "a@example.com", "a"),
        ("duration", None, "PT5H30M10S", "5 hours"),
        ("timestamp", None, 1726142400000, "now"),
        ("timeInterval", None, {"start": 1, "end": 2}, {"start": "x"}),
        ("date-cp", "yyyy-MM-dd", "2026-01-31", "31.1.2026"),
        ("time-cp", "HH:mm:ss", "10:08:45", "10"),
        ("enum", {"values": ["good", "bad"]}, ["good"], ["good", "bad"]),
        ("enum", {"values": ["d1", "d2"], "multiSelect": True}, ["d1", "d2"], ["d3"]),
        ("table-cp", {"columns": ["a", "b"]}, {"rows": [{"a": "1"}]}, {"rows": [{"c": "1"}]}),
        ("hyperlink-cp", None, {"url": "https://example.com"}, {"url": "javascript:alert(1)"}),
    ],
)
def test_a_value_must_be_of_its_propertys_kind(
    place: Place, unique: str, kind: str, config: Any, good: Any, bad: Any
) -> None:
    define(place.api, unique, kind, config)
    assert "has invalid JSON" in place.api.refused(400, "POST", "/tables", place.request(extension={unique: bad}))
    assert place.table(extension={unique: good})["extension"][unique] == good


def test_references_are_checked_against_the_catalog(place: Place, unique: str) -> None:
    api = place.api
    define(api, unique, "entityReferenceList", ["user"])
    user = api.ok("GET", "/users/name/admin")
    held = [{"id": user["id"], "type": "user"}]
    assert place.table(extension={unique: held})["extension"][unique][0]["id"] == user["id"]
    nobody = [{"id": "00000000-0000-0000-0000-000000000000", "type": "user"}]
    api.refused(400, "PUT", "/tables", place.request(extension={unique: nobody}))


def test_an_enums_values_can_be_added_and_not_removed(admin: Api, unique: str) -> None:
    define(admin, unique, "enum", {"values": ["a"]})
    define(admin, unique, "enum", {"values": ["a", "b"]})
    value = admin.ok("GET", "/metadata/types/name/enum")
    table = admin.ok("GET", "/metadata/types/name/table?fields=customProperties")
    (held,) = [each for each in table["customProperties"] if each["name"] == unique]
    assert held["customPropertyConfig"]["config"]["values"] == ["a", "b"]
    assert held["propertyType"]["name"] == "enum"
    request = {"name": unique, "propertyType": {"id": value["id"], "type": "type"}}
    for values in (["b"], [], ["a", "b", "b"]):
        body = {**request, "customPropertyConfig": {"config": {"values": values}}}
        admin.refused(400, "PUT", f"/metadata/types/{table['id']}", body)


def test_only_entity_types_are_extended(admin: Api, unique: str) -> None:
    value = admin.ok("GET", "/metadata/types/name/string")
    request = {"name": unique, "propertyType": {"id": value["id"], "type": "type"}}
    admin.refused(400, "PUT", f"/metadata/types/{value['id']}", request)
    listed = admin.ok("GET", "/metadata/types?category=field&limit=100")["data"]
    assert {"string", "enum", "date-cp"} <= {each["name"] for each in listed}
    assert "table" not in {each["name"] for each in listed}


def test_removing_a_property_removes_its_values(place: Place, unique: str) -> None:
    api = place.api
    kind = define(api, unique, "string")
    table = place.table(extension={unique: "x"})
    position = next(index for index, each in enumerate(kind["customProperties"]) if each["name"] == unique)
    api.patch_with(f"/metadata/types/{kind['id']}", ("remove", f"/customProperties/{position}"))
    read = api.ok("GET", f"/tables/{table['id']}?fields=extension")
    assert unique not in read.get("extension", {})
    assert read["version"] == 0.1


def test_columns_have_properties_of_their_own(place: Place, unique: str) -> None:
    column = {"name": "id", "dataType": "INT", "extension": {unique: "x"}}
    place.api.refused(400, "POST", "/tables", {**place.request(), "columns": [column]})
    define(place.api, unique, "string", entity="tableColumn")
    made = place.api.ok("POST", "/tables", {**place.request(), "columns": [column]})
    assert made["columns"][0]["extension"] == {unique: "x"}


def test_changes_of_properties_are_told_one_by_one(place: Place, unique: str) -> None:
    for name in ("one", "two"):
        define(place.api, f"{unique}{name}", "string")
    first, second = f"{unique}one", f"{unique}two"
    path = f"/tables/{place.table()['id']}"
    place.api.ok("PUT", "/tables", place.request(extension={first: "a", second: "b"}))
    changed = place.api.ok("PUT", "/tables", place.request(extension={first: "c"}))["changeDescription"]
    assert changed["fieldsUpdated"] == [{"name": f"extension.{first}", "oldValue": '"a"', "newValue": '"c"'}]
    assert json.loads(changed["fieldsDeleted"][0]["oldValue"]) == [{second: "b"}]
    added = json.loads(place.api.ok("GET", f"{path}/versions/0.2")["changeDescription"]["fieldsAdded"][0]["newValue"])
    assert added == [{first: "a"}, {second: "b"}]
