"""Users, teams and bots: lower-cased names, membership seen from both sides, tokens of bots."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, tokens
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.names import unquote
from data_platform.server.permissions import teams_of
from data_platform.server.problems import BadRequestError, ForbiddenError
from data_platform.server.rules import COMPUTED, PREPARE, STORE
from data_platform.server.views import View, chosen

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_LIFETIME = timedelta(days=90)
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")


def register(router: Router, keys: Keys) -> None:
    user, team = ENTITY_TYPES["user"], ENTITY_TYPES["team"]

    def logged_in(call: Call) -> Json:
        document = documents.need_id(call.reader, user, call.principal.id)
        return View.of(call, keys).one(user, document, chosen(user, call.arg("fields")))

    def token(call: Call) -> Json:
        if not call.principal.is_admin:
            raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not admin")
        document = documents.need_id(call.reader, user, call.id)
        value = tokens.sign(keys, document["name"], is_bot=bool(document.get("isBot")), lifetime=_LIFETIME)
        return {"JWTToken": value, "JWTTokenExpiry": str(_LIFETIME.days)}

    def mechanism(call: Call) -> Json:
        if not (call.principal.is_admin or call.principal.is_bot):
            raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not admin")
        document = documents.need_id(call.reader, user, call.id)
        if not document.get("isBot"):
            raise BadRequestError("JWT token is only supported for bot users")
        value = tokens.sign(keys, document["name"], is_bot=True, lifetime=_LIFETIME)
        return {"authType": "JWT", "config": {"JWTToken": value, "JWTTokenExpiry": str(_LIFETIME.days)}}

    def generated_name(call: Call) -> Json:
        name = (call.arg("email") or "").split("@")[0].lower()
        return {"name": name}

    router.add("GET", "/users/auth-mechanism/{id}", mechanism)
    router.add("GET", "/users/generateUserName", generated_name)
    router.add("GET", "/teams/hierarchy", lambda call: _hierarchy(call, team, "parents"))
    router.add("GET", "/domains/hierarchy", lambda call: _hierarchy(call, ENTITY_TYPES["domain"], "parent"))
    router.add("GET", "/users/loggedInUser", logged_in)
    router.add("GET", "/users/token/{id}", token)
    router.add("PUT", "/users/generateToken/{id}", token)


def _hierarchy(call: Call, row: EntityType, above: str) -> Json:
    """The entities of a type as trees by what is above them."""
    nodes: dict[str, Json] = {}
    parents: dict[str, list[str]] = {}
    for line in call.reader.execute(
        "SELECT json FROM entities WHERE type = ? AND deleted = 0 ORDER BY fqn", (row.name,)
    ):
        document: Json = orjson.loads(line["json"])
        held: Any = document.get(above, [])
        listed = cast("list[Json]", held if isinstance(held, list) else [held])
        parents[document["id"]] = [each["id"] for each in listed]
        shown = ("id", "name", "fullyQualifiedName", "displayName", "description", "teamType", "domainType")
        nodes[document["id"]] = {name: document[name] for name in shown if name in document} | {"children": []}
    roots = [identity for identity, held in parents.items() if not set(held) & nodes.keys()]
    for identity, held in parents.items():
        for parent in held:
            if parent in nodes:
                nodes[parent]["children"].append(nodes[identity])
    return {"data": [nodes[identity] for identity in roots], "paging": {"total": len(roots)}}


def _user(_connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    document["name"] = unquote(document["name"]).lower()
    email = str(request.get("email", "")).lower()
    if not _EMAIL.match(email):
        raise BadRequestError(f"[email must be a well-formed email address]: {email!r}")
    document["email"] = email
    document.setdefault("isBot", False)
    document.setdefault("isAdmin", False)


def _team(connection: Connection, document: Json, _request: Json, _principal: Principal) -> None:
    document.setdefault("teamType", "Group")
    document.setdefault("isJoinable", True)
    if document["teamType"] != "Organization" and not document.get("parents"):
        organization = documents.find(connection, ENTITY_TYPES["team"], "Organization")
        if organization is not None:
            document["parents"] = [documents.reference(organization, "team")]


def _members(connection: Connection, document: Json) -> list[Json]:
    return _holders(connection, document, "teams", "user")


def _subteams(connection: Connection, document: Json) -> list[Json]:
    return _holders(connection, document, "parents", "team")


def _holders(connection: Connection, document: Json, field: str, kind: str) -> list[Json]:
    lines = connection.execute(
        "SELECT e.id FROM refs r JOIN entities e ON e.id = r.holder"
        " WHERE r.target = ? AND r.field = ? AND e.type = ? AND e.deleted = 0 ORDER BY e.name",
        (document["id"], field, kind),
    )
    return [{"id": line["id"], "type": kind} for line in lines]


def _owned(connection: Connection, document: Json) -> list[Json]:
    lines = connection.execute(
        "SELECT e.id, e.type FROM refs r JOIN entities e ON e.id = r.holder"
        " WHERE r.target = ? AND r.field = 'owners' AND e.deleted = 0 ORDER BY e.type, e.name",
        (document["id"],),
    )
    return [{"id": line["id"], "type": line["type"]} for line in lines]


def _follows(connection: Connection, document: Json) -> list[Json]:
    lines = connection.execute(
        "SELECT e.id, e.type FROM followers f JOIN entities e ON e.id = f.entity WHERE f.user = ? ORDER BY e.name",
        (document["id"],),
    )
    return [{"id": line["id"], "type": line["type"]} for line in lines]


def _bot(connection: Connection, document: Json, _original: Json | None) -> None:
    """A bot's user is the user of no other bot."""
    line = connection.execute(
        "SELECT e.name FROM refs r JOIN entities e ON e.id = r.holder WHERE r.target = ? AND r.field = 'botUser'"
        " AND r.holder <> ?",
        (document["botUser"]["id"], document["id"]),
    ).fetchone()
    if line is not None:
        user = documents.need_id(connection, ENTITY_TYPES["user"], document["botUser"]["id"], "all")
        raise BadRequestError(f"Bot user [{user['name']}] is already used by [{line['name']}] bot")


STORE["bot"].append(_bot)


def _inherited_roles(connection: Connection, document: Json) -> list[Json]:
    """The roles that a person has from teams and those above them; a bot has its own only."""
    teams = [] if document.get("isBot") else teams_of(connection, document)
    return list({held["id"]: held for team in teams for held in team.get("defaultRoles", [])}.values())


PREPARE["user"].append(_user)
PREPARE["team"].append(_team)
COMPUTED["user"].update({"owns": _owned, "follows": _follows, "inheritedRoles": _inherited_roles})
COMPUTED["team"].update(
    {
        "owns": _owned,
        "children": _subteams,
        "userCount": lambda connection, document: len(_members(connection, document)),
        "childrenCount": lambda connection, document: len(_subteams(connection, document)),
    }
)
COMPUTED["role"]["users"] = lambda connection, document: _holders(connection, document, "roles", "user")
