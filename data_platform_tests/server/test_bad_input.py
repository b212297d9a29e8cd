"""What cannot be meant is refused as JSON with a 4xx status, never with a 500, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from data_platform.server.testing import RunningServer
from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]
BODIES = [b"{", b"null", b"[1]", b'{"name": {"a": 1}}', b'[{"op": "add", "path": "/x/y/z", "value": 1}]', b"\xff\xfe"]
VALUES = ["x", "00000000-0000-0000-0000-000000000000", quote('"'), "%00", quote("a\nb"), "x" * 500]
QUERIES = ["limit=x", "limit=99999999999999999999", "after=%ff", "startTs=1e5", "fields=%00", "include=nope"]


def test_no_route_answers_500_to_what_is_nonsense(server: RunningServer, admin: Api) -> None:
    routes = server.app.state.application.router.routes
    assert len(routes) > 1000
    for position, (method, pattern, _) in enumerate(routes):
        # Each route gets a share of the nonsense; together they get all of it many times over.
        for turn in range(2):
            chosen = position * 2 + turn
            filled = [VALUES[chosen % len(VALUES)] if each.startswith("{") else each for each in pattern.split("/")]
            query = QUERIES[chosen % len(QUERIES)] if method == "GET" else ""
            body = None if method == "GET" else BODIES[chosen % len(BODIES)]
            reply = admin.request(method, f"{'/'.join(filled)}?{query}", content=body)
            assert reply.status_code < 500, f"{method} {reply.url} {body!r}: {reply.text}"
            if reply.status_code >= 400:
                assert reply.json()["code"] == reply.status_code


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/owners", "value": "x"},
        {"op": "add", "path": "/tags/-", "value": 1},
        {"op": "add", "path": "/extension", "value": 5},
        {"op": "replace", "path": "/columns", "value": [{"name": "a"}]},
        {"op": "remove", "path": "/columns"},
        {"op": "copy", "from": "/name", "path": "/columns"},
        {"op": "move", "from": "/nope", "path": "/description"},
        {"op": "replace", "path": "", "value": None},
        {"op": "test", "path": "/name", "value": "other"},
        {"op": "nope", "path": "/name"},
        {"path": "/name"},
        5,
    ],
    ids=json.dumps,
)
def test_a_patch_that_breaks_the_model_changes_nothing(place: Place, operation: Any) -> None:
    table = place.table()
    description = {"op": "add", "path": "/description", "value": "half"}
    place.api.refused(400, "PATCH", f"/tables/{table['id']}", [description, operation])
    read = place.api.ok("GET", f"/tables/{table['id']}")
    assert (read["version"], read.get("description")) == (0.1, None)


@pytest.mark.parametrize(
    "name", ['a"b', "a/b", "a.b/c", "ünïcödé", "表", "a b", "a'b", "a%b", "a?b", "#a", "x" * 256, "-", "null"]
)
def test_odd_names_are_stored_and_found(place: Place, name: str) -> None:
    if '"' in name:
        place.api.refused(400, "POST", "/tables", place.request(name))
        return
    made = place.table(name)
    found = place.api.ok("GET", f"/tables/name/{quote(made['fullyQualifiedName'], safe='')}")
    assert (found["id"], found["name"]) == (made["id"], name)


@pytest.mark.parametrize("name", ["", " ", "a::b", "a\nb", "x" * 257, 5, None, {}])
def test_bad_names_are_400_and_store_nothing(place: Place, name: Any) -> None:
    place.api.refused(400, "POST", "/tables", {**place.request(), "name": name})
    assert place.api.ok("GET", f"/tables?databaseSchema={place.schema}&limit=0")["paging"]["total"] == 0


def test_large_things_are_stored(place: Place) -> None:
    text = "ä" * 64 * 1024
    columns = [{"name": f"c{number}", "dataType": "INT", "description": "x"} for number in range(2000)]
    table = place.api.ok("POST", "/tables", {**place.request(description=text), "columns": columns})
    read = place.api.ok("GET", f"/tables/{table['id']}")
    assert (read["description"], len(read["columns"])) == (text, 2000)
    wide = [place.request(f"w{number}", description="y" * 500_000) for number in range(10)]
    assert place.api.ok("PUT", "/tables/bulk", wide)["numberOfRowsPassed"] == 10


def test_a_body_nested_without_end_is_400(admin: Api) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 100_000):
        assert admin.request("POST", "/tables", content=body).status_code == 400


def test_a_bulk_request_stores_its_good_rows_and_nothing_of_the_bad(place: Place) -> None:
    bad = place.request("bad")
    bad["columns"].append({"name": "v", "dataType": "VARCHAR"})
    rows = [place.request("good"), bad, {"name": "worse"}, 5, None]
    result = place.api.ok("PUT", "/tables/bulk", rows)
    assert (result["status"], result["numberOfRowsPassed"], result["numberOfRowsFailed"]) == ("partialSuccess", 1, 4)
    assert [each["name"] for each in place.api.ok("GET", f"/tables?databaseSchema={place.schema}")["data"]] == ["good"]


@pytest.mark.parametrize(
    "query",
    [
        {"query": {"bool": 5}},
        {"query": {"term": {"a": [1, 2]}}},
        {"query": {"terms": {"a": [[1]]}}},
        {"query": {"terms": {'a.b"c': ["x"]}}},
        {"query": {"exists": {}}},
        {"query": {"query_string": 5}},
        {"query": {"script": {"source": "x"}}},
        [],
    ],
    ids=json.dumps,
)
def test_a_search_that_cannot_be_read_is_400(admin: Api, query: Any) -> None:
    admin.refused(400, "GET", "/search/query", params={"query_filter": json.dumps(query)})


def test_what_is_nested_too_deeply_is_refused_however_it_comes(place: Place) -> None:
    def nested(levels: int) -> str:
        column = '{"name":"s","dataType":"STRUCT","children":['
        return column * levels + '{"name":"leaf","dataType":"INT"}' + "]}" * levels

    def sent(name: str, levels: int) -> int:
        body = f'{{"name":"{name}","databaseSchema":"{place.schema}","columns":[{nested(levels)}]}}'
        return place.api.post("/tables", content=body).status_code

    assert (sent("deep", 90), sent("deeper", 150), sent("deepest", 400)) == (201, 400, 400)
    path = "/columns/0" + "/children/0" * 90
    operation = f'[{{"op":"add","path":"{path}/children","value":[{nested(90)}]}}]'
    table = place.api.ok("GET", f"/tables/name/{place.fqn('deep')}")
    assert place.api.patch(f"/tables/{table['id']}", content=operation).status_code == 400
    assert place.api.ok("GET", f"/tables?databaseSchema={place.schema}")["paging"]["total"] == 1
