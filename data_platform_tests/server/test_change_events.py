"""``/events``: what happened since a time, by kind of event and type of entity."""

from __future__ import annotations

import json
import time
from typing import Any

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]


def events(api: Api, since: int, **kinds: str) -> list[tuple[str, str]]:
    listed = api.ok("GET", "/events", params={"timestamp": since, **kinds})["data"]
    return [(each["eventType"], each["entityFullyQualifiedName"]) for each in listed]


def test_every_change_is_an_event_in_the_order_of_time(place: Place) -> None:
    since = int(time.time() * 1000)
    table = place.table()
    path = f"/tables/{table['id']}"
    place.api.patch_with(path, ("add", "/description", "one"))
    place.api.ok("PUT", "/tables", place.request(description="one"))
    place.api.ok("DELETE", path)
    place.api.ok("PUT", "/tables/restore", {"id": table["id"]})
    place.api.ok("DELETE", f"{path}?hardDelete=true")
    wanted = {"entityCreated": "table", "entityUpdated": "*", "entityRestored": "*", "entityDeleted": "table,topic"}
    told = [event for event, name in events(place.api, since, **wanted) if name == place.fqn()]
    assert told == ["entityCreated", "entityUpdated", "entitySoftDeleted", "entityRestored", "entityDeleted"]
    assert events(place.api, since) == [], "nothing is asked for"
    assert events(place.api, since, entityCreated="topic") == []
    assert events(place.api, since + 3_600_000, entityCreated="*") == []


def test_an_event_says_what_changed_and_holds_the_entity_of_that_version(place: Place) -> None:
    since = int(time.time() * 1000)
    place.table()
    place.api.ok("PUT", "/tables", place.request(description="one"))
    place.api.ok("PUT", "/tables", place.request(description="two"))
    listed = place.api.ok("GET", f"/events?timestamp={since}&entityUpdated=table")["data"]
    first, second = (each for each in listed if each["entityFullyQualifiedName"] == place.fqn())
    assert (first["previousVersion"], first["currentVersion"], second["currentVersion"]) == (0.1, 0.2, 0.3)
    assert first["changeDescription"]["fieldsAdded"] == [{"name": "description", "newValue": "one"}]
    assert [json.loads(each["entity"])["description"] for each in (first, second)] == ["one", "two"]
    assert first["userName"] == "admin"


def test_bulk_rows_are_events_too_and_unchanged_ones_are_not(place: Place, bot: Api) -> None:
    since = int(time.time() * 1000)
    rows = [place.request(name, sourceHash="h") for name in ("a", "b")]
    for _ in range(2):
        bot.ok("PUT", "/tables/bulk", rows)
    created = events(bot, since, entityCreated="table", entityUpdated="table")
    assert [name for _, name in created if name.startswith(place.schema)] == [place.fqn("a"), place.fqn("b")]


def test_what_a_run_has_not_seen_is_told_as_deleted(place: Place, bot: Api) -> None:
    since = int(time.time() * 1000)
    for name in ("a", "b"):
        place.table(name)
    stale = {"scopeFqn": place.schema, "scopeEntityType": "databaseSchema", "seenFqns": [place.fqn("a")]}
    bot.ok("DELETE", "/tables/deleteStale", stale)
    told = [each for each in events(bot, since, entityDeleted="table") if each[1].startswith(place.schema)]
    assert told == [("entitySoftDeleted", place.fqn("b"))]


def test_followers_and_votes_are_answered_and_kept_as_events(place: Place) -> None:
    since = int(time.time() * 1000)
    table, admin = place.table(), place.api.ok("GET", "/users/name/admin")
    followed = place.api.ok("PUT", f"/tables/{table['id']}/followers", admin["id"])
    assert (followed["eventType"], followed["entity"]["id"]) == ("entityUpdated", table["id"])
    assert followed["changeDescription"]["fieldsAdded"][0]["newValue"][0]["name"] == "admin"
    voted = place.api.ok("PUT", f"/tables/{table['id']}/vote", {"updatedVoteType": "votedUp"})
    assert voted["entity"]["votes"]["upVotes"] == 1
    left = place.api.ok("DELETE", f"/tables/{table['id']}/followers/{admin['id']}")
    assert left["changeDescription"]["fieldsDeleted"][0]["oldValue"][0]["name"] == "admin"
    assert [name for _, name in events(place.api, since, entityUpdated="table")].count(place.fqn()) == 3


def test_no_secret_is_in_an_event_and_unknown_types_are_refused(admin: Api, bot: Api, unique: str) -> None:
    since = int(time.time() * 1000)
    config = {"type": "Postgres", "username": "u", "hostPort": "h:1", "database": "d"}
    connection = {"config": {**config, "authType": {"password": "hunter2-secret"}}}
    request = {"name": unique, "serviceType": "Postgres", "connection": connection}
    service = admin.ok("POST", "/services/databaseServices", request)
    admin.ok("DELETE", f"/services/databaseServices/{service['id']}?hardDelete=true")
    reply = bot.get(f"/events?timestamp={since}&entityCreated=*&entityDeleted=*")
    assert unique in reply.text
    assert "hunter2-secret" not in reply.text
    assert "nonsense" in admin.refused(400, "GET", "/events?entityCreated=table,nonsense")
