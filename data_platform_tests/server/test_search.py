"""The searches of the client: exact, wildcard, filtered, paged; what was just written is found."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]


def field(api: Api, value: str, index: str = "table_search_index") -> list[str]:
    path = f"/search/fieldQuery?fieldName=fullyQualifiedName&fieldValue={quote(value)}&index={index}&deleted=false"
    return [hit["_source"]["fullyQualifiedName"] for hit in api.ok("GET", path)["hits"]["hits"]]


def filtered(
    api: Api, query: dict[str, Any], index: str = "table_search_index", more: str = ""
) -> list[dict[str, Any]]:
    text = quote(json.dumps({"query": query}))
    return api.ok("GET", f"/search/query?q=&index={index}&query_filter={text}{more}")["hits"]["hits"]


def test_a_field_query_is_exact_or_has_wildcards(place: Place) -> None:
    place.table("orders")
    place.table("orders_archive")
    assert field(place.api, place.fqn("orders")) == [place.fqn("orders")]
    assert field(place.api, f"{place.service}.*.orders") == [place.fqn("orders")]
    assert field(place.api, f"{place.schema}.orders*") == [place.fqn("orders"), place.fqn("orders_archive")]
    assert field(place.api, f"*.{place.schema.split('.', 1)[1]}.orders_archive")[-1].endswith("orders_archive")
    assert field(place.api, place.fqn("Orders")) == []
    assert field(place.api, place.schema, "database_schema_search_index") == [place.schema]


def test_views_of_a_service_are_found_as_lineage_asks(place: Place) -> None:
    place.table("base")
    place.table("view", tableType="View", schemaDefinition="create view")
    bare = place.table("bare", tableType="View")
    place.api.ok("DELETE", f"/tables/{bare['id']}")
    query = {
        "bool": {
            "must": [
                {"bool": {"should": [{"term": {"service.name.keyword": place.service}}]}},
                {"bool": {"should": [{"term": {"tableType": "View"}}, {"term": {"tableType": "MaterializedView"}}]}},
                {"bool": {"should": [{"term": {"deleted": False}}]}},
                {"bool": {"should": [{"exists": {"field": "schemaDefinition"}}]}},
                {
                    "bool": {
                        "should": [
                            {"term": {"processedLineage": False}},
                            {"bool": {"must_not": {"exists": {"field": "processedLineage"}}}},
                        ]
                    }
                },
            ]
        }
    }
    hits = filtered(place.api, query, more="&include_source_fields=schemaDefinition&include_source_fields=name")
    assert [hit["_source"] for hit in hits] == [{"schemaDefinition": "create view", "name": "view"}]


def test_pages_by_search_after_end_on_an_empty_one(place: Place) -> None:
    for name in "abcde":
        place.table(name)
    query = {"term": {"service.name.keyword": place.service}}
    more, seen = "&size=2&sort_field=fullyQualifiedName&sort_order=desc", []
    after = ""
    while hits := filtered(place.api, query, more=more + after):
        seen += [hit["_source"]["name"] for hit in hits]
        after = f"&search_after={hits[-1]['sort'][-1]}"
    assert seen == ["e", "d", "c", "b", "a"]


def test_ids_and_upstream_edges_are_found(place: Place) -> None:
    start, end = place.table("a"), place.table("b")
    ends = {"fromEntity": {"id": start["id"], "type": "table"}, "toEntity": {"id": end["id"], "type": "table"}}
    place.api.ok("PUT", "/lineage", {"edge": ends})
    hits = filtered(
        place.api, {"ids": {"values": [end["id"]]}}, more="&include_source_fields=upstreamLineage.fromEntity.id"
    )
    assert hits[0]["_source"] == {"upstreamLineage": [{"fromEntity": {"id": start["id"]}}]}
    hits = filtered(place.api, {"term": {"upstreamLineage.fromEntity.id": start["id"]}})
    assert [hit["_id"] for hit in hits] == [end["id"]]


def test_processed_queries_are_found_by_checksum(place: Place, bot: Api) -> None:
    query = bot.ok("PUT", "/queries", {"query": "select 1", "service": place.service, "processedLineage": True})
    must = [
        {"term": {"processedLineage": True}},
        {"term": {"service.name.keyword": place.service}},
        {"terms": {"checksum.keyword": [query["checksum"], "other"]}},
    ]
    hits = filtered(bot, {"bool": {"must": must}}, "query_search_index")
    assert [hit["_source"]["checksum"] for hit in hits] == [query["checksum"]]


def test_people_are_found_by_mail_and_by_words(admin: Api, unique: str) -> None:
    user = {"name": unique, "email": f"{unique}@example.com", "displayName": f"Ada {unique} Lovelace"}
    admin.ok("POST", "/users", user)
    hits = admin.ok("GET", f"/search/query?q=email.keyword:{unique}@example.com&index=user_search_index")["hits"][
        "hits"
    ]
    assert [hit["_source"]["name"] for hit in hits] == [unique]
    text = {"query": f"lovelace {unique} AND isBot:false", "fields": ["name", "displayName"], "default_operator": "AND"}
    assert len(filtered(admin, {"query_string": text}, "user_search_index")) == 1


def test_no_search_shows_a_connection(admin: Api, unique: str) -> None:
    connection = {"config": {"type": "Mysql", "username": "u", "hostPort": "h:1", "authType": {"password": "s3cret"}}}
    service = {"name": unique, "serviceType": "Mysql", "connection": connection}
    admin.ok("POST", "/services/databaseServices", service)
    found = admin.get(f"/search/query?q={unique}&index=database_service_search_index")
    assert unique in found.text
    assert "s3cret" not in found.text
    assert "connection" not in found.json()["hits"]["hits"][0]["_source"]


@pytest.mark.parametrize(
    "query",
    ['{"nope"', "5", '{"query": {"bool": 5}}', '{"query": {"term": 5}}', '{"query": {"fuzzy": {}}}', '{"query": []}'],
)
def test_a_query_that_cannot_be_read_is_400(admin: Api, query: str) -> None:
    admin.refused(400, "GET", f"/search/query?q=&index=table&query_filter={quote(query)}")


def test_names_are_suggested_from_how_they_begin(place: Place, unique: str) -> None:
    for name in (f"{unique}_orders", f"{unique}_customers", f"other_{unique}_orders"):
        place.table(name)

    def suggested(text: str, **more: str) -> list[str]:
        told = place.api.ok("GET", "/search/suggest", params={"q": text, "index": "table_search_index", **more})
        (found,) = told["suggest"]["metadata-suggest"]
        return [option["text"] for option in found["options"]]

    assert suggested(unique) == [f"{unique}_customers", f"{unique}_orders"]
    assert suggested(f"{unique}_O".upper()) == [f"{unique}_orders"]
    assert suggested(f"{unique}%") == []
    assert suggested(unique, size="1") == [f"{unique}_customers"]
    place.api.refused(400, "GET", "/search/suggest")


def test_what_is_found_names_its_owners(place: Place) -> None:
    admin = place.api.ok("GET", "/users/name/admin")
    place.table(owners=[{"id": admin["id"], "type": "user"}])
    path = f"/search/fieldQuery?fieldName=fullyQualifiedName&fieldValue={place.fqn()}&index=table"
    (hit,) = place.api.ok("GET", path)["hits"]["hits"]
    assert hit["_source"]["owners"][0]["name"] == "admin"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name:orders OR name:customers", "customers orders"),
        ("name:(orders OR customers)", "customers orders"),
        ("(orders OR customers) AND NOT name:orders", "customers"),
        ("NOT (orders OR customers)", "fee(net)"),
        ("orders customers", ""),
        ("orders AND customers", ""),
        ('name:"fee(net)"', "fee(net)"),
        ("name:fee(net)", "fee(net)"),
        ("(name:fee(net) || orders)", "fee(net) orders"),
        ("name:ord* OR", "orders"),
        ("displayName:nothing OR (", ""),
        (")", "fee(net)"),
    ],
)
def test_query_strings_have_operators_and_parentheses(place: Place, text: str, found: str) -> None:
    for name in ("orders", "customers", "fee(net)"):
        place.table(name)
    below = json.dumps({"query": {"wildcard": {"fullyQualifiedName": f"{place.schema}.*"}}})
    params = {"q": text, "index": "table", "query_filter": below, "sort_field": "fullyQualifiedName", "size": "10"}
    hits = place.api.ok("GET", "/search/query", params=params)["hits"]["hits"]
    assert sorted(hit["_source"]["name"] for hit in hits) == found.split()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"prefix": {"name.keyword": "ord"}}, ["orders"]),
        ({"range": {"updatedAt": {"gt": 0, "lte": 4_000_000_000_000}}}, ["customers", "orders"]),
        ({"range": {"updatedAt": {"lt": 5}}}, []),
        ({"multi_match": {"query": "orders", "fields": ["name^5", "description"]}}, ["orders"]),
        ({"bool": {"must_not": [{"prefix": {"name": {"value": "ord"}}}]}}, ["customers"]),
    ],
)
def test_more_kinds_of_queries(place: Place, query: Json, found: list[str]) -> None:
    for name in ("orders", "customers"):
        place.table(name)
    below = {"wildcard": {"fullyQualifiedName": f"{place.schema}.*"}}
    filtered = json.dumps({"query": {"bool": {"must": [below, query]}}})
    hits = place.api.ok("GET", "/search/query", params={"q": "*", "query_filter": filtered})["hits"]["hits"]
    assert sorted(hit["_source"]["name"] for hit in hits) == found


def test_queries_without_bounds_are_refused(place: Place) -> None:
    nested = '{"bool":{"must":' * 400 + '{"match_all":{}}' + "}}" * 400
    for params in ({"q": "(" * 3000}, {"q": "NOT " * 3000 + "x"}, {"q": "word " * 5000}):
        place.api.refused(400, "GET", "/search/query", params=params)
    assert place.api.ok("GET", "/search/query", params={"q": "(" * 50 + "x" + ")" * 50})
    place.api.refused(400, "GET", "/search/query", params={"query_filter": nested})
