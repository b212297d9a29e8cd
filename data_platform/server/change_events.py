"""Change events: what was created, changed, deleted and restored, when and by whom; ``/events`` lists them.

An event is kept without its entity, which is read from the versions when the event is; only what is deleted for good
leaves its last state in the event. Older ones than OpenMetadata keeps by default are forgotten when the server starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.ids import new_id, now
from data_platform.server.problems import BadRequestError, ForbiddenError
from data_platform.server.rules import COMPUTED
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

CREATED, UPDATED, RESTORED = "entityCreated", "entityUpdated", "entityRestored"
SOFT_DELETED, DELETED = "entitySoftDeleted", "entityDeleted"
_LISTED = {CREATED: (CREATED,), UPDATED: (UPDATED,), RESTORED: (RESTORED,), DELETED: (SOFT_DELETED, DELETED)}
"""By query parameter, which events it asks for."""

_UNTOLD = ("query", "workflow")
"""Types that make no events: there would be more of them than of everything else."""

_KEPT_MS = 7 * 24 * 3600 * 1000


def register(router: Router, keys: Keys) -> None:
    router.add("GET", "/events", lambda call: _page(call, keys))


def record(
    connection: Connection, event: str, row: EntityType, document: Json, user: str, description: Json | None = None
) -> Json:
    """Keep an event about ``document`` as it is now; the event, without the entity.

    Args:
        description: the ``changeDescription`` of this change alone.
    """
    told: Json = {
        "id": new_id(),
        "eventType": event,
        "entityType": row.name,
        "entityId": document["id"],
        "entityFullyQualifiedName": document["fullyQualifiedName"],
        "previousVersion": description["previousVersion"] if description else document["version"],
        "currentVersion": document["version"],
        "userName": user,
        "timestamp": now(),
    }
    if description:
        told["changeDescription"] = description
    if row.name not in _UNTOLD:
        kept = {**told, "entity": document} if event == DELETED else told
        connection.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            (told["timestamp"], told["id"], event, row.name, orjson.dumps(kept)),
        )
    return told


def fields_changed(
    connection: Connection, view: View, row: EntityType, document: Json, user: str, field: str, change: str, value: Any
) -> Json:
    """The event that answers a change which makes no version: of followers, votes, usage; it is kept, too.

    Args:
        change: ``fieldsAdded``, ``fieldsUpdated`` or ``fieldsDeleted``.
        value: what was added or set, or what was deleted.
    """
    described: Json = {"fieldsAdded": [], "fieldsUpdated": [], "fieldsDeleted": []}
    described[change] = [{"name": field, "oldValue" if change == "fieldsDeleted" else "newValue": value}]
    described["previousVersion"] = document["version"]
    told = record(connection, UPDATED, row, document, user, described)
    return {**told, "entity": view.one(row, document, {field} & row.fields)}


def forget_old(connection: Connection) -> None:
    """Drop what is older than OpenMetadata keeps."""
    connection.execute("DELETE FROM events WHERE timestamp < ?", (now() - _KEPT_MS,))


def _page(call: Call, keys: Keys) -> Json:
    """Events from ``timestamp`` on, oldest first, of the types that each query parameter names."""
    if not (call.principal.is_admin or call.principal.is_bot):
        raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not admin")
    conditions, values = list[str](), list[Any]()
    for parameter, events in _LISTED.items():
        kinds = _kinds(call, parameter)
        if kinds is None:
            continue
        marks = ",".join("?" * len(events))
        condition = f"event IN ({marks})"
        if kinds:
            condition += f" AND type IN ({','.join('?' * len(kinds))})"
        conditions.append(f"({condition})")
        values += [*events, *kinds]
    lines = call.reader.execute(
        f"SELECT json FROM events WHERE timestamp >= ? AND ({' OR '.join(conditions) or '0'}) ORDER BY timestamp, id",  # noqa: S608
        [call.number("timestamp", 0), *values],
    )
    view = View(call.reader, keys, call.base, unmasked=False)
    data = [_with_entity(call.reader, view, orjson.loads(line["json"])) for line in lines]
    return {"data": data, "paging": {"total": len(data)}}


def _kinds(call: Call, parameter: str) -> list[str] | None:
    """The types that a parameter names, none for all of them; None where it is not given.

    Raises:
        BadRequestError: one is no type.
    """
    given = call.arg(parameter)
    if given is None:
        return None
    named = [name.strip() for name in given.split(",")]
    if named[0] == "*":
        return []
    unknown = [name for name in named if name not in ENTITY_TYPES]
    if unknown:
        raise BadRequestError(f"Invalid entity {unknown[0]} in query param {parameter}")
    return named


def _with_entity(connection: Connection, view: View, event: Json) -> Json:
    """The event with its entity as JSON text, as far as that version is still there."""
    row = ENTITY_TYPES[event["entityType"]]
    document = event.pop("entity", None) or _version(connection, event["entityId"], event["currentVersion"])
    if document is not None:
        asked = set(row.fields) - COMPUTED[row.name].keys() - {"followers", "votes"}
        event["entity"] = orjson.dumps(view.one(row, document, asked)).decode()
    return event


def _version(connection: Connection, identity: str, version: float) -> Json | None:
    for query, values in (
        ("SELECT json FROM entities WHERE id = ? AND json ->> 'version' = ?", (identity, version)),
        ("SELECT json FROM versions WHERE entity = ? AND version = ?", (identity, version)),
    ):
        line = connection.execute(query, values).fetchone()
        if line is not None:
            return cast("Json", orjson.loads(line["json"]))
    return None
