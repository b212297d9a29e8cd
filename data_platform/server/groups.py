"""Teams and personas with their users: one relation, which is seen and changed from both sides.

A user without a team is in the organization. Who joins or leaves by the other side gets no new version.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from data_platform.server import documents
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.list_change import changing
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import AFTER, STORE

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_TEAM, _USER = ENTITY_TYPES["team"], ENTITY_TYPES["user"]
_FIELDS = {"team": "teams", "persona": "personas"}
"""By type of group, the user's field that names it."""


def register(router: Router, keys: Keys) -> None:
    router.add("PUT", "/teams/{id}/users", changing(keys, _TEAM, "users", "EditUsers", _joined))
    router.add("DELETE", "/teams/{id}/users/{user}", changing(keys, _TEAM, "users", "EditUsers", _left))


def _joined(call: Call, connection: Connection, users: list[Json]) -> list[Json]:
    named = [str(cast("Json", each).get("id")) for each in call.array if isinstance(each, dict)]
    present = {held["id"] for held in users}
    members = [documents.need_id(connection, _USER, each) for each in named if each not in present]
    return [*users, *(documents.reference(member, "user") for member in members)]


def _left(call: Call, connection: Connection, users: list[Json]) -> list[Json]:
    member = documents.need_id(connection, _USER, call.uuid("user"))
    return [held for held in users if held["id"] != member["id"]]


def _join_the_organization(connection: Connection, document: Json, _original: Json | None) -> None:
    organization = documents.find(connection, _TEAM, "Organization")
    if organization is None:
        return
    home = documents.reference(organization, "team")
    others = [held for held in document.get("teams", []) if held["id"] != home["id"]]
    document["teams"] = others or [home]


def _only_groups_have_users(_connection: Connection, document: Json, original: Json | None) -> None:
    users = document.get("users", [])
    if users and users != (original or {}).get("users", []) and document["teamType"] != "Group":
        raise BadRequestError(
            f"Team is of type {document['teamType']}. Users can be updated only in team of type Group."
        )


def _follow_group(kind: str, connection: Connection, document: Json, original: Json | None) -> None:
    """Carry who joined and left a group over to the users."""
    held = documents.reference(document, kind)
    for identity, joined in _moved("users", document, original):
        user = documents.need_id(connection, _USER, identity, "all")
        _set(user, _FIELDS[kind], held, present=joined)
        if kind == "team":
            _join_the_organization(connection, user, None)
        documents.save(connection, _USER, user)


def _follow_user(kind: str, connection: Connection, document: Json, original: Json | None) -> None:
    """Carry the groups that a user joined and left over to the groups."""
    row = ENTITY_TYPES[kind]
    for identity, joined in _moved(_FIELDS[kind], document, original):
        group = documents.need_id(connection, row, identity, "all")
        if group.get("teamType") != "Organization":
            _set(group, "users", documents.reference(document, "user"), present=joined)
            documents.save(connection, row, group)


def _moved(field: str, document: Json, original: Json | None) -> list[tuple[str, bool]]:
    """Who is in a list and was not, and who was and is not any more."""
    after, before = ({held["id"] for held in (each or {}).get(field, [])} for each in (document, original))
    return [(identity, identity in after) for identity in sorted(after ^ before)]


def _set(document: Json, field: str, held: Json, *, present: bool) -> None:
    others = [each for each in document.get(field, []) if each["id"] != held["id"]]
    document[field] = [*others, held] if present else others


STORE["user"].append(_join_the_organization)
STORE["team"].append(_only_groups_have_users)
for _kind in _FIELDS:
    AFTER[_kind].append(partial(_follow_group, _kind))
    AFTER["user"].append(partial(_follow_user, _kind))
