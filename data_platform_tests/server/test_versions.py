"""Versions, change descriptions, what a PUT keeps and what a PATCH replaces."""

from __future__ import annotations

import json

from data_platform_tests.server.conftest import Api, Place


def test_a_new_entity_has_version_0_1_and_its_author(place: Place) -> None:
    table = place.table()
    assert (table["version"], table["updatedBy"], table["deleted"]) == (0.1, "admin", False)
    assert "changeDescription" not in table


def test_a_put_that_changes_nothing_keeps_version_and_time(place: Place) -> None:
    table = place.table()
    again = place.api.ok("PUT", "/tables", place.request())
    assert (again["version"], again["updatedAt"]) == (0.1, table["updatedAt"])


def test_a_changed_description_is_a_minor_version_that_says_so(place: Place) -> None:
    place.table(description="old")
    changed = place.api.ok("PUT", "/tables", place.request(description="new"))
    assert changed["version"] == 0.2
    assert changed["changeDescription"]["fieldsUpdated"] == [
        {"name": "description", "oldValue": "old", "newValue": "new"}
    ]
    assert changed["changeDescription"]["previousVersion"] == 0.1


def test_dropping_a_column_is_a_major_version(place: Place) -> None:
    place.table()
    changed = place.api.ok("PUT", "/tables", place.request(columns=[{"name": "id", "dataType": "INT"}]))
    assert changed["version"] == 1.1
    dropped = json.loads(changed["changeDescription"]["fieldsDeleted"][0]["oldValue"])
    assert [column["name"] for column in dropped] == ["label"]


def test_retyping_a_column_is_major_and_keeps_its_description(place: Place) -> None:
    place.table(columns=[{"name": "id", "dataType": "INT", "description": "the key"}])
    changed = place.api.ok("PUT", "/tables", place.request(columns=[{"name": "id", "dataType": "BIGINT"}]))
    assert changed["version"] == 1.1
    assert changed["columns"][0]["description"] == "the key"


def test_shrinking_a_length_is_major_and_growing_it_is_not(place: Place) -> None:
    def sized(length: int) -> list[dict[str, object]]:
        return [{"name": "c", "dataType": "VARCHAR", "dataLength": length}]

    place.table(columns=sized(20))
    assert place.api.ok("PUT", "/tables", place.request(columns=sized(30)))["version"] == 0.2
    assert place.api.ok("PUT", "/tables", place.request(columns=sized(10)))["version"] == 1.2


def test_a_bots_put_never_overwrites_a_description_and_a_persons_does(place: Place, bot: Api) -> None:
    described = [{"name": "id", "dataType": "INT", "description": "column"}]
    place.table(description="by a person", displayName="Shown", columns=described)
    other = [{"name": "id", "dataType": "INT", "description": "from the source"}]
    request = place.request(description="from the source", displayName="x", columns=other)
    kept = bot.ok("PUT", "/tables", request)
    assert (kept["description"], kept["displayName"]) == ("by a person", "Shown")
    assert kept["columns"][0]["description"] == "column"
    assert kept["version"] == 0.1
    assert place.api.ok("PUT", "/tables", request)["description"] == "from the source"


def test_a_bot_may_fill_an_empty_description(place: Place, bot: Api) -> None:
    place.table()
    assert bot.ok("PUT", "/tables", place.request(description="found"))["description"] == "found"


def test_patches_by_one_user_fold_into_one_version(place: Place) -> None:
    table = place.table()
    path = f"/tables/{table['id']}"
    assert place.api.patch_with(path, ("add", "/description", "one"))["version"] == 0.2
    second = place.api.patch_with(path, ("add", "/displayName", "two"))
    assert second["version"] == 0.2
    assert {each["name"] for each in second["changeDescription"]["fieldsAdded"]} == {"description", "displayName"}
    assert second["changeDescription"]["previousVersion"] == 0.1


def test_folding_back_to_the_start_restores_the_version(place: Place) -> None:
    table = place.table()
    path = f"/tables/{table['id']}"
    place.api.patch_with(path, ("add", "/description", "one"))
    assert place.api.patch_with(path, ("remove", "/description"))["version"] == 0.1


def test_another_users_patch_is_a_version_of_its_own(place: Place, bot: Api) -> None:
    path = f"/tables/{place.table()['id']}"
    place.api.patch_with(path, ("add", "/description", "one"))
    assert bot.patch_with(path, ("add", "/displayName", "two"))["version"] == 0.3


def test_puts_never_fold(place: Place) -> None:
    place.table()
    assert place.api.ok("PUT", "/tables", place.request(description="1"))["version"] == 0.2
    assert place.api.ok("PUT", "/tables", place.request(description="2"))["version"] == 0.3


def test_history_is_json_strings_newest_first(place: Place) -> None:
    table = place.table()
    place.api.ok("PUT", "/tables", place.request(description="1"))
    place.api.ok("PUT", "/tables", place.request(description="2"))
    history = place.api.ok("GET", f"/tables/{table['id']}/versions")
    assert history["entityType"] == "table"
    assert [json.loads(each)["version"] for each in history["versions"]] == [0.3, 0.2, 0.1]
    assert place.api.ok("GET", f"/tables/{table['id']}/versions/0.2")["description"] == "1"
    place.api.refused(404, "GET", f"/tables/{table['id']}/versions/9.9")


def test_if_match_compares_weakly_and_a_stale_one_is_412(place: Place) -> None:
    table = place.table()
    path = f"/tables/{table['id']}"
    assert place.api.get(path).headers["etag"] == 'W/"0.1"'
    place.api.patch_with(path, ("add", "/description", "x"), **{"If-Match": 'W/"0.1"'})
    change = [{"op": "add", "path": "/description", "value": "y"}]
    place.api.refused(412, "PATCH", path, change, headers={"If-Match": 'W/"0.1"'})
    place.api.patch_with(path, ("add", "/description", "z"), **{"If-Match": "*"})


def test_a_patch_that_does_not_apply_is_400_and_changes_nothing(place: Place) -> None:
    path = f"/tables/{place.table()['id']}"
    place.api.refused(400, "PATCH", path, [{"op": "replace", "path": "/columns/9/description", "value": "x"}])
    place.api.refused(400, "PATCH", path, [{"op": "add", "path": "/nonsense", "value": 1}, {"op": "frobnicate"}])
    place.api.refused(400, "PATCH", path, [{"op": "remove", "path": "/columns"}])
    place.api.refused(400, "PATCH", path, [{"op": "add", "path": "/tags/0", "value": "no label"}])
    place.api.refused(400, "PATCH", path, [{"op": "replace", "path": "", "value": []}])
    assert place.api.ok("GET", path)["version"] == 0.1


def test_system_fields_survive_a_patch(place: Place) -> None:
    table = place.table()
    path = f"/tables/{table['id']}"
    patched = place.api.patch_with(
        path, ("replace", "/name", "other"), ("replace", "/version", 9.9), ("add", "/description", "x")
    )
    assert (patched["name"], patched["fullyQualifiedName"], patched["version"]) == ("t", place.fqn(), 0.2)


def test_owners_and_life_cycle_are_not_removed_by_leaving_them_out(place: Place) -> None:
    user = place.api.ok("GET", "/users/name/admin")
    life = {"created": {"timestamp": 1_700_000_000_000}}
    place.table(owners=[{"id": user["id"], "type": "user"}], lifeCycle=life)
    kept = place.api.ok("PUT", "/tables", place.request())
    assert [owner["name"] for owner in kept["owners"]] == ["admin"]
    assert kept["lifeCycle"]["created"]["timestamp"] == 1_700_000_000_000


def test_life_cycle_alone_bumps_no_version_and_never_goes_back(place: Place) -> None:
    place.table(lifeCycle={"updated": {"timestamp": 1_700_000_000_000}})
    later = place.api.ok("PUT", "/tables", place.request(lifeCycle={"updated": {"timestamp": 1_800_000_000_000}}))
    assert (later["version"], later["lifeCycle"]["updated"]["timestamp"]) == (0.1, 1_800_000_000_000)
    earlier = place.api.ok("PUT", "/tables", place.request(lifeCycle={"updated": {"timestamp": 1_600_000_000_000}}))
    assert earlier["lifeCycle"]["updated"]["timestamp"] == 1_800_000_000_000


def test_followers_and_votes_bump_no_version(place: Place) -> None:
    table = place.table()
    user = place.api.ok("GET", "/users/name/admin")
    place.api.ok("PUT", f"/tables/{table['id']}/followers", user["id"])
    place.api.ok("PUT", f"/tables/{table['id']}/vote", {"updatedVoteType": "votedUp"})
    read = place.api.ok("GET", f"/tables/{table['id']}?fields=followers,votes")
    assert (read["version"], read["followers"][0]["name"], read["votes"]["upVotes"]) == (0.1, "admin", 1)
    place.api.ok("DELETE", f"/tables/{table['id']}/followers/{user['id']}")
    assert place.api.ok("GET", f"/tables/{table['id']}?fields=followers")["followers"] == []


def test_a_put_cannot_take_owners_or_domains_away(place: Place, unique: str) -> None:
    admin = place.api.ok("GET", "/users/name/admin")
    place.api.ok("POST", "/domains", {"name": unique, "domainType": "Aggregate", "description": "d"})
    place.table(owners=[{"id": admin["id"], "type": "user"}], domains=[unique])
    kept = place.api.ok("PUT", "/tables", place.request(owners=[], domains=[]))
    assert (kept["owners"][0]["name"], kept["domains"][0]["name"], kept["version"]) == ("admin", unique, 0.1)


def test_a_bots_put_leaves_domains_alone(place: Place, bot: Api, unique: str) -> None:
    for name in (unique, f"{unique}-other"):
        place.api.ok("POST", "/domains", {"name": name, "domainType": "Aggregate", "description": "d"})
    place.table(domains=[unique])
    kept = bot.ok("PUT", "/tables", place.request(domains=[f"{unique}-other"]))
    assert [domain["name"] for domain in kept["domains"]] == [unique]


def test_what_was_asked_for_and_is_not_there_is_an_empty_list(place: Place) -> None:
    table = place.table()
    read = place.api.ok("GET", f"/tables/{table['id']}?fields=owners,domains,dataProducts,followers,tags")
    assert all(read[field] == [] for field in ("owners", "domains", "dataProducts", "followers", "tags"))
    assert "owners" not in place.api.ok("GET", f"/tables/{table['id']}")


def test_a_patch_cannot_delete_nor_add_a_field_that_is_none(place: Place) -> None:
    path = f"/tables/{place.table()['id']}"
    for operation in ({"path": "/deleted", "value": True}, {"path": "/nonsense", "value": 1}):
        place.api.refused(400, "PATCH", path, [{"op": "add", **operation}])
    assert place.api.ok("GET", path)["version"] == 0.1
