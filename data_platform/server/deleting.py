"""Deleting and restoring, with everything below; always inside a transaction of the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from data_platform.server import change_events, documents, names
from data_platform.server.changes import following
from data_platform.server.entity_types import SERVICE_TYPES, EntityType, entity_type
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import BEFORE_REMOVAL

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection


def delete(
    connection: Connection, row: EntityType, document: Json, user: str, at: int, *, recursive: bool, hard: bool
) -> Json:
    """Delete an entity and, if ``recursive``, what it contains; what is read of it afterwards.

    Raises:
        BadRequestError: it contains something and ``recursive`` is false, or it belongs to the system.
    """
    if document.get("provider") == "system":
        raise BadRequestError(f"System entity [{document['name']}] of type {row.name} can not be deleted.")
    contained = documents.children(connection, document["id"], "all" if hard else "non-deleted")
    if contained and not recursive:
        raise BadRequestError(f"{row.name} is not empty")
    for kind, child in contained:
        delete(connection, kind, child, user, at, recursive=True, hard=hard)
    if hard or "deleted" not in row.fields:
        for follow in BEFORE_REMOVAL[row.name]:
            follow(connection, document)
        documents.remove(connection, document)
        return document
    # What is deleted already stays as it is.
    return document if document.get("deleted") else _mark(connection, row, document, user, at, deleted=True)


def tell(connection: Connection, row: EntityType, gone: Json, user: str, *, hard: bool) -> None:
    """Keep the event of a deletion that was asked for; what went along with it makes none."""
    event = change_events.DELETED if hard or "deleted" not in row.fields else change_events.SOFT_DELETED
    change_events.record(connection, event, row, gone, user, gone.get("changeDescription"))


def restore(connection: Connection, row: EntityType, document: Json, user: str, at: int) -> Json:
    """Bring a soft-deleted entity back, with everything below that is deleted.

    Raises:
        BadRequestError: it is not deleted.
    """
    if not document.get("deleted"):
        raise BadRequestError(f"{row.name} instance for {document['id']} is not deleted")
    restored = _mark(connection, row, document, user, at, deleted=False)
    for kind, child in documents.children(connection, document["id"], "deleted"):
        restore(connection, kind, child, user, at)
    return restored


def _mark(connection: Connection, row: EntityType, document: Json, user: str, at: int, *, deleted: bool) -> Json:
    connection.execute(
        "INSERT OR REPLACE INTO versions VALUES (?, ?, ?)",
        (document["id"], document["version"], orjson.dumps(document)),
    )
    previous = document["version"]
    changed = {
        **document,
        "deleted": deleted,
        "version": following(previous, major=False),
        "updatedAt": at,
        "updatedBy": user,
        "changeDescription": {
            "fieldsAdded": [],
            "fieldsUpdated": [{"name": "deleted", "oldValue": not deleted, "newValue": deleted}],
            "fieldsDeleted": [],
            "previousVersion": previous,
        },
    }
    documents.save(connection, row, changed)
    return changed


def delete_stale(connection: Connection, row: EntityType, request: Json, user: str, at: int) -> list[str]:
    """Delete, softly unless asked otherwise, the live entities of a scope that a run has not seen; their names.

    Args:
        request: ``{scopeFqn, scopeEntityType, seenFqns, recursive, hardDelete, dryRun}``; a dry run deletes nothing.

    Raises:
        BadRequestError: no scope, or a scope of an unknown type.
    """
    scope, kind = request.get("scopeFqn"), request.get("scopeEntityType")
    if not isinstance(scope, str) or not isinstance(kind, str):
        raise BadRequestError("scopeFqn and scopeEntityType must be given")
    if not all(isinstance(fqn, str) for fqn in request.get("seenFqns") or ()):
        raise BadRequestError("seenFqns must be a list of names")
    kinds = SERVICE_TYPES if kind == "service" else (entity_type(kind).name,)
    seen = set(request.get("seenFqns") or ())
    if not seen or all(documents.find(connection, entity_type(name), scope) is None for name in kinds):
        return []
    first, last = names.below(scope)
    stale = [
        line["fqn"]
        for line in connection.execute(
            "SELECT fqn FROM entities WHERE type = ? AND fqn >= ? AND fqn < ? AND deleted = 0 ORDER BY fqn",
            (row.name, first, last),
        )
        if line["fqn"] not in seen
    ]
    hard = bool(request.get("hardDelete"))
    if request.get("dryRun"):
        return stale
    gone: list[str] = []
    for fqn in stale:
        # An earlier deletion may have taken this one along.
        document = documents.find(connection, row, fqn)
        if document is not None:
            recursive = bool(request.get("recursive", True))
            deleted = delete(connection, row, document, user, at, recursive=recursive, hard=hard)
            tell(connection, row, deleted, user, hard=hard)
            gone.append(fqn)
    return gone
