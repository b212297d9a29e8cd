"""Bulk PUT, source hashes and deleteStale: what every ingestion run does."""

from __future__ import annotations

import uuid

from data_platform_tests.server.conftest import Api, Place


def test_the_same_source_hash_skips_a_row_and_counts_it_as_passed(place: Place, bot: Api) -> None:
    bot.ok("PUT", "/tables/bulk", [place.request(sourceHash="a" * 32)])
    result = bot.ok("PUT", "/tables/bulk", [place.request(sourceHash="a" * 32, description="ignored")])
    assert (result["numberOfRowsPassed"], result["numberOfRowsFailed"]) == (1, 0)
    table = bot.ok("GET", f"/tables/name/{place.fqn()}")
    assert (table["version"], table.get("description")) == (0.1, None)


def test_override_metadata_lifts_the_bot_rule_and_the_hash_shortcut(place: Place, bot: Api) -> None:
    place.table(description="by a person", sourceHash="a" * 32)
    request = place.request(sourceHash="a" * 32, description="forced")
    bot.ok("PUT", "/tables/bulk?overrideMetadata=true", [request])
    assert bot.ok("GET", f"/tables/name/{place.fqn()}")["description"] == "forced"


def test_one_bad_row_fails_alone(place: Place, bot: Api) -> None:
    rows = [place.request("good"), place.request("bad", columns="none"), place.request("fine")]
    result = bot.ok("PUT", "/tables/bulk", rows)
    assert (result["status"], result["numberOfRowsPassed"], result["numberOfRowsFailed"]) == ("partialSuccess", 2, 1)
    assert result["failedRequest"][0]["request"] == place.fqn("bad")
    assert "columns" in result["failedRequest"][0]["message"]
    assert {each["request"] for each in result["successRequest"]} == {place.fqn("good"), place.fqn("fine")}
    bot.refused(404, "GET", f"/tables/name/{place.fqn('bad')}")


def test_a_soft_deleted_row_is_restored_even_with_the_same_hash(place: Place, bot: Api) -> None:
    table = place.table(sourceHash="a" * 32)
    place.api.ok("DELETE", f"/tables/{table['id']}")
    bot.ok("PUT", "/tables/bulk", [place.request(sourceHash="a" * 32)])
    assert bot.ok("GET", f"/tables/name/{place.fqn()}")["id"] == table["id"]


def stale(place: Place, *seen: str, scope: str = "databaseSchema", fqn: str | None = None) -> dict[str, object]:
    return {"scopeFqn": fqn or place.schema, "scopeEntityType": scope, "seenFqns": list(seen), "recursive": True}


def test_delete_stale_deletes_what_was_not_seen(place: Place, bot: Api) -> None:
    for name in "abc":
        place.table(name)
    result = bot.ok("DELETE", "/tables/deleteStale", stale(place, place.fqn("a")))
    assert [each["request"] for each in result["successRequest"]] == [place.fqn("b"), place.fqn("c")]
    listed = bot.ok("GET", f"/tables?databaseSchema={place.schema}")["data"]
    assert [table["name"] for table in listed] == ["a"]
    assert bot.ok("GET", f"/tables/name/{place.fqn('b')}?include=deleted")["deleted"] is True


def test_delete_stale_with_nothing_seen_or_an_unknown_scope_deletes_nothing(place: Place, bot: Api) -> None:
    place.table()
    assert bot.ok("DELETE", "/tables/deleteStale", stale(place))["numberOfRowsProcessed"] == 0
    unknown = stale(place, "x", fqn="no.such.schema")
    assert bot.ok("DELETE", "/tables/deleteStale", unknown)["numberOfRowsProcessed"] == 0
    bot.refused(400, "DELETE", "/tables/deleteStale", stale(place, "x", scope="nonsense"))
    bot.refused(400, "DELETE", "/tables/deleteStale", {**stale(place), "seenFqns": [["x"]]})
    assert len(bot.ok("GET", f"/tables?databaseSchema={place.schema}")["data"]) == 1


def test_delete_stale_of_schemas_takes_their_tables_along(place: Place, bot: Api) -> None:
    place.table()
    seen = stale(place, f"{place.database}.other", scope="database", fqn=place.database)
    bot.ok("DELETE", "/databaseSchemas/deleteStale", seen)
    bot.refused(404, "GET", f"/tables/name/{place.fqn()}")


def test_identifiers_are_in_the_order_of_their_making(place: Place, bot: Api) -> None:
    # What keeps the cost of an entity flat: random identifiers touch pages all over the file.
    for start in range(0, 30, 10):
        bot.ok("PUT", "/tables/bulk", [place.request(f"t{number:02}") for number in range(start, start + 10)])
    listed = bot.ok("GET", f"/tables?databaseSchema={place.schema}&limit=100")["data"]
    identities = [table["id"] for table in listed]
    assert identities == sorted(identities)
    assert {uuid.UUID(identity).version for identity in identities} == {7}
