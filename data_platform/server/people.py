"""Users, teams and bots: lower-cased names, membership seen from both sides, tokens of bots."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from data_platform.server import documents, tokens
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.names import unquote
from data_platform.server.problems import BadRequestError, ForbiddenError, NotFoundError
from data_platform.server.rules import COMPUTED, PREPARE
from data_platform.server.views import View, chosen

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_WRITING = ("Create", "EditAll", "Delete")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")


def register(router: Router, keys: Keys) -> None:
    user = ENTITY_TYPES["user"]

    def logged_in(call: Call) -> Json:
        document = documents.need_id(call.reader, user, call.principal.id)
        return View.of(call, keys).one(user, document, chosen(user, call.arg("fields")))

    def token(call: Call) -> Json:
        if not call.principal.is_admin:
            raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not admin")
        document = documents.need_id(call.reader, user, call.id)
        days = timedelta(days=90)
        value = tokens.sign(keys, document["name"], is_bot=bool(document.get("isBot")), lifetime=days)
        return {"JWTToken": value, "JWTTokenExpiry": "90"}

    def permissions(call: Call) -> Json:
        kind = call.params["kind"]
        if kind not in ENTITY_TYPES:
            raise NotFoundError(f"Permission for resource {kind} not found")
        writer = call.principal.is_bot or call.principal.is_admin
        granted = dict.fromkeys(_WRITING, "allow" if writer else "notAllow") | {"ViewAll": "allow"}
        return {
            "resource": kind,
            "permissions": [{"operation": operation, "access": access} for operation, access in granted.items()],
        }

    router.add("GET", "/permissions/{kind}", permissions)
    router.add("GET", "/users/loggedInUser", logged_in)
    router.add("GET", "/users/token/{id}", token)
    router.add("PUT", "/users/generateToken/{id}", token)


def _user(connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    document["name"] = unquote(document["name"]).lower()
    email = str(request.get("email", "")).lower()
    if not _EMAIL.match(email):
        raise BadRequestError(f"[email must be a well-formed email address]: {email!r}")
    document["email"] = email
    document.setdefault("isBot", False)
    document.setdefault("isAdmin", False)
    if not document.get("teams"):
        organization = documents.find(connection, ENTITY_TYPES["team"], "Organization")
        if organization is not None:
            document["teams"] = [documents.reference(organization, "team")]


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


PREPARE["user"].append(_user)
PREPARE["team"].append(_team)
COMPUTED["user"].update({"owns": _owned, "follows": _follows})
COMPUTED["team"].update(
    {
        "owns": _owned,
        "children": _subteams,
        "userCount": lambda connection, document: len(_members(connection, document)),
        "childrenCount": lambda connection, document: len(_subteams(connection, document)),
    }
)
COMPUTED["role"]["users"] = lambda connection, document: _holders(connection, document, "roles", "user")
