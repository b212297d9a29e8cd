"""Teams: which may be below which, who may own, and what a certification is."""

from __future__ import annotations

import pytest

from data_platform_tests.server.conftest import Api, Place


def team(api: Api, name: str, kind: str, *parents: str) -> str:
    more = {"parents": list(parents)} if parents else {}
    return api.ok("POST", "/teams", {"name": name, "teamType": kind, **more})["id"]


@pytest.mark.parametrize(
    ("parent", "child"),
    [("Group", "Group"), ("Department", "Division"), ("Division", "BusinessUnit"), ("Department", "BusinessUnit")],
)
def test_a_team_is_not_below_one_that_its_type_does_not_allow(admin: Api, unique: str, parent: str, child: str) -> None:
    above = team(admin, f"{unique}-above", parent)
    request = {"name": f"{unique}-below", "teamType": child, "parents": [above]}
    assert f"of type {parent} can't be of parent" in admin.refused(400, "POST", "/teams", request)


def test_a_business_unit_has_one_parent_and_a_department_may_have_more(admin: Api, unique: str) -> None:
    above = [team(admin, f"{unique}-{number}", "BusinessUnit") for number in range(2)]
    request = {"name": f"{unique}-unit", "teamType": "BusinessUnit", "parents": above}
    assert "can have only 1 parents" in admin.refused(400, "POST", "/teams", request)
    team(admin, f"{unique}-department", "Department", *above)


def test_there_is_one_organization_and_it_stays(admin: Api, unique: str) -> None:
    assert "Only one Organization" in admin.refused(400, "POST", "/teams", {"name": unique, "teamType": "Organization"})
    organization = admin.ok("GET", "/teams/name/Organization")
    admin.refused(400, "DELETE", f"/teams/{organization['id']}?recursive=true&hardDelete=true")


def test_a_group_stays_a_group_and_a_team_with_teams_becomes_none(admin: Api, unique: str) -> None:
    department = team(admin, unique, "Department")
    group = team(admin, f"{unique}-group", "Group", department)
    for identity, kind in ((group, "Department"), (department, "Group")):
        admin.refused(400, "PATCH", f"/teams/{identity}", [{"op": "replace", "path": "/teamType", "value": kind}])


def test_only_users_and_groups_own(place: Place, unique: str) -> None:
    department = team(place.api, unique, "Department")
    request = place.request(owners=[{"id": department, "type": "team"}])
    assert "Only Team of type Group can own" in place.api.refused(400, "POST", "/tables", request)
    role = place.api.ok("GET", "/roles/name/DataSteward")
    request = place.request(owners=[{"id": role["id"], "type": "role"}])
    assert "can't be the owner" in place.api.refused(400, "POST", "/tables", request)
    group = team(place.api, f"{unique}-group", "Group", department)
    assert place.table(owners=[{"id": group, "type": "team"}])["owners"][0]["id"] == group


def test_a_certification_is_dated_and_of_the_classification_that_settings_name(place: Place) -> None:
    path = f"/tables/{place.table()['id']}"

    def certified(fqn: str) -> dict[str, object]:
        label = {"tagFQN": fqn, "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
        return {"op": "add", "path": "/certification", "value": {"tagLabel": label, "appliedDate": 1, "expiryDate": 2}}

    assert "not valid for Certification" in place.api.refused(400, "PATCH", path, [certified("Tier.Tier1")])
    place.api.ok("PATCH", path, [certified("Certification.Gold")])
    read = place.api.ok("GET", f"{path}?fields=certification")
    first = read["certification"]
    assert first["tagLabel"]["tagFQN"] == "Certification.Gold"
    assert first["expiryDate"] - first["appliedDate"] == 30 * 24 * 3600 * 1000
    place.api.ok("PATCH", path, [certified("Certification.Gold")])
    assert place.api.ok("GET", f"{path}?fields=certification")["certification"] == first


def test_users_and_teams_see_each_other_from_both_sides(admin: Api, unique: str) -> None:
    users = [
        admin.ok("POST", "/users", {"name": f"{unique}{name}", "email": f"{unique}{name}@example.com"}) for name in "ab"
    ]
    made = admin.ok("POST", "/teams", {"name": unique, "teamType": "Group", "users": [users[0]["id"]]})

    def teams(number: int) -> list[str]:
        return [held["name"] for held in admin.ok("GET", f"/users/{users[number]['id']}?fields=teams")["teams"]]

    def members() -> list[str]:
        return [held["id"] for held in admin.ok("GET", f"/teams/{made['id']}?fields=users")["users"]]

    assert (teams(0), teams(1), made["userCount"]) == ([unique], ["Organization"], 1)
    reference = {"id": users[1]["id"], "type": "user"}
    admin.patch_with(f"/teams/{made['id']}", ("add", "/users/1", reference))
    assert teams(1) == [unique]
    admin.ok("DELETE", f"/teams/{made['id']}/users/{users[0]['id']}")
    assert (teams(0), members()) == (["Organization"], [users[1]["id"]])
    admin.patch_with(f"/users/{users[0]['id']}", ("replace", "/teams", [{"id": made["id"], "type": "team"}]))
    assert set(members()) == {each["id"] for each in users}
    request = {"name": users[0]["name"], "email": users[0]["email"], "displayName": "Shown"}
    assert admin.ok("PUT", "/users", request)["teams"][0]["name"] == unique, "a PUT that names no team keeps it"
    assert {each["name"] for each in admin.ok("GET", f"/users?team={unique}")["data"]} == {f"{unique}{n}" for n in "ab"}
    department = {"name": f"{unique}d", "teamType": "Department", "users": [users[0]["id"]]}
    assert "only in team of type Group" in admin.refused(400, "POST", "/teams", department)


def test_personas_are_of_users_and_users_of_personas(admin: Api, unique: str) -> None:
    user = admin.ok("POST", "/users", {"name": unique, "email": f"{unique}@example.com"})
    admin.ok("POST", "/personas", {"name": unique, "users": [user["id"]]})
    read = admin.ok("GET", f"/users/{user['id']}?fields=personas")
    assert [held["name"] for held in read["personas"]] == [unique]


def test_a_bots_user_is_the_user_of_one_bot(admin: Api, unique: str) -> None:
    admin.ok("PUT", "/users", {"name": unique, "email": f"{unique}@example.com", "isBot": True})
    admin.ok("POST", "/bots", {"name": unique, "botUser": unique})
    message = admin.refused(400, "POST", "/bots", {"name": f"{unique}-2", "botUser": unique})
    assert "already used" in message
    admin.ok("PUT", "/bots", {"name": unique, "botUser": unique})


def test_a_person_inherits_the_roles_of_teams_and_of_those_above_them(admin: Api, unique: str) -> None:
    role = admin.ok("POST", "/roles", {"name": unique, "policies": ["DataConsumerPolicy"]})
    above = admin.ok("POST", "/teams", {"name": unique, "teamType": "Department", "defaultRoles": [role["id"]]})
    below = team(admin, f"{unique}-group", "Group", above["id"])
    request = {"name": unique, "email": f"{unique}@example.com", "teams": [below]}
    person = admin.ok("POST", "/users", request)
    read = admin.ok("GET", f"/users/{person['id']}?fields=roles,inheritedRoles")
    assert {held["name"] for held in read["inheritedRoles"]} == {unique, "DataConsumer"}
    assert read["roles"] == []
