"""What people may do: the rules of their roles' and teams' policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from data_platform.server.testing import RunningServer
from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]
Person = Callable[..., Api]


@pytest.fixture
def person(server: RunningServer, admin: Api, unique: str) -> Iterator[Person]:
    """Makes somebody with roles and logs them in."""
    with ExitStack() as opened:

        def make(*roles: str, name: str = unique) -> Api:
            ids = [admin.ok("GET", f"/roles/name/{role}")["id"] for role in roles]
            request = {"name": name, "email": f"{name}@example.com", "roles": ids}
            user = admin.ok("POST", "/users", request)
            api = opened.enter_context(Api(server, "admin"))
            token = admin.ok("PUT", f"/users/generateToken/{user['id']}")["JWTToken"]
            api.headers["Authorization"] = f"Bearer {token}"
            return api

        yield make


def role(api: Api, name: str, effect: str, operations: list[str], resources: list[str], condition: str = "") -> str:
    rule = {"name": "r", "effect": effect, "operations": operations, "resources": resources}
    if condition:
        rule["condition"] = condition
    api.ok("POST", "/policies", {"name": f"{name}p", "rules": [rule]})
    return api.ok("POST", "/roles", {"name": name, "policies": [f"{name}p"]})["name"]


def patch(path: str, value: Any) -> list[Json]:
    return [{"op": "add", "path": path, "value": value}]


def test_everybody_reads_and_describes_and_does_no_more(person: Person, place: Place) -> None:
    table, api = place.table(), person()
    assert api.ok("GET", f"/tables/{table['id']}")["id"] == table["id"]
    assert api.ok("PATCH", f"/tables/{table['id']}", patch("/description", "theirs"))["description"] == "theirs"
    assert api.ok("PATCH", f"/tables/{table['id']}", patch("/columns/0/description", "a column"))
    message = api.refused(403, "PATCH", f"/tables/{table['id']}", patch("/displayName", "x"))
    assert "operations [EditDisplayName] not allowed" in message
    for method, path, body in (
        ("POST", "/tables", place.request("other")),
        ("PUT", "/tables", place.request()),
        ("DELETE", f"/tables/{table['id']}", None),
        ("PUT", "/tables/bulk", [place.request()]),
        ("PUT", f"/tables/{table['id']}/tableProfilerConfig", {}),
        ("PUT", "/system/settings", {"config_type": "searchSettings", "config_value": {}}),
    ):
        api.refused(403, method, path, body)


def test_an_owner_may_do_everything_to_what_is_theirs(person: Person, place: Place) -> None:
    table, api = place.table(), person()
    me = api.ok("GET", "/users/loggedInUser")
    owners = [{"id": me["id"], "type": "user"}]
    assert api.ok("PATCH", f"/tables/{table['id']}", patch("/owners", owners)), "who has no owner may be given one"
    assert api.ok("PATCH", f"/tables/{table['id']}", patch("/displayName", "Mine"))["displayName"] == "Mine"
    assert api.ok("PUT", "/tables", place.request(description="by its owner"))["description"] == "by its owner"
    api.ok("DELETE", f"/tables/{table['id']}")


def test_a_role_allows_what_its_policy_says(person: Person, place: Place, admin: Api, unique: str) -> None:
    api = person(role(admin, f"{unique}r", "allow", ["Create", "EditDisplayName"], ["table"]))
    table = api.ok("POST", "/tables", place.request())
    assert api.ok("PATCH", f"/tables/{table['id']}", patch("/displayName", "x"))["displayName"] == "x"
    api.refused(403, "POST", "/databases", {"name": "x", "service": place.service})


def test_a_denial_beats_what_is_allowed(person: Person, place: Place, admin: Api, unique: str) -> None:
    table = place.table()
    api = person(role(admin, f"{unique}r", "deny", ["EditDescription"], ["All"]))
    message = api.refused(403, "PATCH", f"/tables/{table['id']}", patch("/description", "x"))
    assert f"denied by role {unique}r, policy {unique}rp, rule r" in message


def test_reading_is_refused_where_a_rule_denies_it(person: Person, place: Place, admin: Api, unique: str) -> None:
    table = place.table()
    condition = "matchAnyTag('PII.Sensitive') && !isOwner()"
    api = person(role(admin, f"{unique}r", "deny", ["ViewAll"], ["table"], condition))
    assert api.ok("GET", f"/tables/{table['id']}")
    label = [{"tagFQN": "PII.Sensitive", "source": "Classification"}]
    admin.ok("PATCH", f"/tables/{table['id']}", patch("/tags", label))
    api.refused(403, "GET", f"/tables/{table['id']}")


def test_rights_come_from_teams_and_the_teams_above_them(person: Person, place: Place, admin: Api, unique: str) -> None:
    table, api = place.table(), person()
    name = role(admin, f"{unique}r", "allow", ["EditDisplayName"], ["All"], f"inAnyTeam('{unique}low')")
    high = admin.ok(
        "POST",
        "/teams",
        {
            "name": f"{unique}high",
            "teamType": "Division",
            "defaultRoles": [admin.ok("GET", f"/roles/name/{name}")["id"]],
        },
    )
    low = admin.ok("POST", "/teams", {"name": f"{unique}low", "teamType": "Group", "parents": [high["id"]]})
    api.refused(403, "PATCH", f"/tables/{table['id']}", patch("/displayName", "x"))
    me = api.ok("GET", "/users/loggedInUser")
    admin.ok("PUT", f"/teams/{low['id']}/users", [{"id": me["id"], "type": "user"}])
    assert api.ok("PATCH", f"/tables/{table['id']}", patch("/displayName", "x"))


@pytest.mark.parametrize("condition", ["isOwner(", "evil()", "1 == 1", "isOwner().__class__", "matchTeam(x)"])
def test_a_condition_that_is_none_is_400(admin: Api, unique: str, condition: str) -> None:
    rule = {"name": "r", "effect": "allow", "operations": ["All"], "resources": ["All"], "condition": condition}
    admin.refused(400, "POST", "/policies", {"name": unique, "rules": [rule]})


def test_roles_and_policies_are_not_empty_and_the_systems_own_stay(admin: Api, unique: str) -> None:
    admin.refused(400, "POST", "/policies", {"name": unique, "rules": []})
    admin.refused(400, "POST", "/roles", {"name": unique, "policies": []})
    admin.refused(400, "DELETE", "/policies/name/DataConsumerPolicy")
    role(admin, unique, "allow", ["ViewAll"], ["All"])
    read = admin.ok("GET", f"/roles/name/{unique}?fields=policies,users")
    assert [each["name"] for each in read["policies"]] == [f"{unique}p"]
    assert admin.ok("GET", f"/policies/name/{unique}p")["rules"][0]["fullyQualifiedName"] == f"{unique}p.r"


def test_permissions_are_told(person: Person, admin: Api, place: Place) -> None:
    table, api = place.table(), person()

    def access(told: Json) -> dict[str, str]:
        return {each["operation"]: each["access"] for each in told["permissions"]}

    mine = access(api.ok("GET", f"/permissions/table/{table['id']}"))
    assert (mine["EditDescription"], mine["Delete"], mine["ViewAll"]) == ("allow", "notAllow", "allow")
    assert access(admin.ok("GET", f"/permissions/table/name/{place.fqn()}"))["Delete"] == "allow"
    assert len(api.ok("GET", "/permissions")["data"]) > 50
