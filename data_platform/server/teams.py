"""Which team may be below which, and which may own something: OpenMetadata's hierarchy of team types.

An organization holds business units, these divisions, these departments, and any of them groups; business units and
divisions may be nested, and have one parent. A group is where users are: it holds no team, and it alone may own assets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import documents
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import BEFORE_REMOVAL, STORE

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["team"]
_ABOVE = {
    "BusinessUnit": {"Organization", "BusinessUnit"},
    "Division": {"Organization", "BusinessUnit", "Division"},
    "Department": {"Organization", "BusinessUnit", "Division", "Department"},
    "Group": {"Organization", "BusinessUnit", "Division", "Department"},
}
_ONE_PARENT = ("BusinessUnit", "Division")


def _check(connection: Connection, document: Json, original: Json | None) -> None:
    kind, parents = document["teamType"], document.get("parents", [])
    before = original["teamType"] if original else None
    if before not in (None, kind):
        _check_new_type(connection, document, before)
    if kind == "Organization":
        if original is None and documents.find(connection, ROW, "Organization", "all") is not None:
            raise BadRequestError("Only one Organization is allowed. New Organization type can't be created")
        if parents:
            raise BadRequestError("Team of type Organization can't have a parent team")
    elif original is None or kind != before or parents != original.get("parents", []):
        _check_parents(connection, document, kind, parents)


def _check_new_type(connection: Connection, document: Json, before: str | None) -> None:
    if before == "Group":
        raise BadRequestError("Team of type Group cannot be updated")
    below = "SELECT 1 FROM refs WHERE target = ? AND field = 'parents'"
    if document["teamType"] == "Group" and connection.execute(below, (document["id"],)).fetchone():
        raise BadRequestError("A team with children cannot be updated to type Group")


def _check_parents(connection: Connection, document: Json, kind: str, parents: list[Json]) -> None:
    if kind in _ONE_PARENT and len(parents) > 1:
        raise BadRequestError(f"Team of type {kind} can have only 1 parents")
    for held in parents:
        parent = documents.need_id(connection, ROW, held["id"], "all")
        if parent["teamType"] not in _ABOVE[kind] or parent["id"] == document["id"]:
            raise BadRequestError(
                f"Team {parent['name']} of type {parent['teamType']} can't be of parent of team {document['name']} of"
                f" type {kind}"
            )


def check_owners(connection: Connection, owners: list[Json]) -> None:
    """Refuse owners that are neither users nor groups.

    Raises:
        BadRequestError: naming the type that cannot own.
    """
    for held in owners:
        if held["type"] not in ("user", "team"):
            raise BadRequestError(
                f"Entity of type {held['type']} can't be the owner. Only Team of type Group or a User can own entities."
            )
        if held["type"] == "team":
            kind = documents.need_id(connection, ROW, held["id"], "all")["teamType"]
            if kind != "Group":
                raise BadRequestError(
                    f"Team of type {kind} can't own entities. Only Team of type Group can own entities."
                )


def _keep_organization(_connection: Connection, document: Json) -> None:
    if document["teamType"] == "Organization":
        raise BadRequestError("Organization team type can't be deleted")


STORE["team"].append(_check)
BEFORE_REMOVAL["team"].append(_keep_organization)
