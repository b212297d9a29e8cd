"""A new name for an entity that may have one: everything whose name starts with it follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import orjson

from data_platform.server import columns, documents, names
from data_platform.server.entity_types import ENTITY_TYPES, EntityType, entity_type
from data_platform.server.problems import BadRequestError, ConflictError
from data_platform.server.rules import BEFORE_REMOVAL

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

RENAMED = frozenset({"classification", "tag", "glossary", "glossaryTerm", "domain", "dataProduct", "team", "persona"})
"""Types whose name a patch can change."""

MOVED = frozenset({"container", "glossaryTerm"})
"""Types whose ``parent`` a patch can change."""

_LABELS = {"tag": "Classification", "glossaryTerm": "Glossary"}


def rename(connection: Connection, row: EntityType, original: Json, updated: Json) -> None:
    """Settle the name of ``updated`` and carry it through to descendants and labels.

    Raises:
        ConflictError: the new name is taken.
    """
    *above, _ = names.split(original["fullyQualifiedName"])
    _carry(connection, row, original, updated, ".".join([*above, names.quote(updated["name"])]))


def move(connection: Connection, row: EntityType, original: Json, updated: Json) -> None:
    """Settle the name of ``updated``, which hangs elsewhere now, and carry it through to what is below it.

    Raises:
        BadRequestError: it would be below itself, or in another service.
        ConflictError: there is one of that name.
    """
    held = documents.parent_of(row, updated)
    assert held is not None, "what moves has a container"
    above = documents.need_id(connection, entity_type(held["type"]), held["id"])
    before = original["fullyQualifiedName"]
    if f"{above['fullyQualifiedName']}.".startswith(f"{before}."):
        raise BadRequestError(f"Can't move {before} to its child {above['fullyQualifiedName']}")
    for field in ("service", "glossary"):
        if field in original and held["type"] == row.name:
            if field == "service" and above[field]["id"] != original[field]["id"]:
                raise BadRequestError(f"{before} cannot be moved to another service")
            updated[field] = above[field]
    _carry(connection, row, original, updated, names.join(above["fullyQualifiedName"], updated["name"]))


def _carry(connection: Connection, row: EntityType, original: Json, updated: Json, after: str) -> None:
    before = original["fullyQualifiedName"]
    if documents.find(connection, row, after, "all") is not None:
        raise ConflictError(f"Entity already exists: {after}")
    updated["fullyQualifiedName"] = after
    columns.name_parts(row.name, updated)
    if row.name in _LABELS:
        _relabel(connection, _LABELS[row.name], before, after)
    first, last = names.below(before)
    below = connection.execute(
        "WITH RECURSIVE below (id) AS (SELECT id FROM entities WHERE parent = ? UNION"
        " SELECT e.id FROM entities e JOIN below b ON e.parent = b.id)"
        " SELECT type, fqn, json FROM entities WHERE id IN (SELECT id FROM below) AND fqn >= ? AND fqn < ?",
        (original["id"], first, last),
    ).fetchall()
    for line in below:
        document = orjson.loads(line["json"])
        document["fullyQualifiedName"] = after + line["fqn"][len(before) :]
        columns.name_parts(line["type"], document)
        documents.save(connection, entity_type(line["type"]), document)
        if line["type"] in _LABELS:
            _relabel(connection, _LABELS[line["type"]], line["fqn"], document["fullyQualifiedName"])


def _relabel(connection: Connection, source: str, before: str, after: str | None) -> None:
    """Rewrite, or with None remove, the labels of one tag wherever they are."""
    holders = connection.execute("SELECT holder FROM labels WHERE tag = ? AND source = ?", (before, source)).fetchall()
    for line in holders:
        kind = documents.type_of(connection, line["holder"])
        if kind is None:
            continue
        row = entity_type(kind)
        document = documents.need_id(connection, row, line["holder"], "all")
        for held in _holders(document):
            held["tags"] = [
                {**label, "tagFQN": after or before} if _matches(label, source, before) else label
                for label in held["tags"]
                if after is not None or not _matches(label, source, before)
            ]
        documents.save(connection, row, document)


def unlabel(row: EntityType, connection: Connection, document: Json) -> None:
    """Remove the labels of a tag that is about to go, everywhere."""
    _relabel(connection, _LABELS[row.name], document["fullyQualifiedName"], None)


for _kind in _LABELS:
    BEFORE_REMOVAL[_kind].append(partial(unlabel, ENTITY_TYPES[_kind]))


def _matches(label: Json, source: str, fqn: str) -> bool:
    return label["tagFQN"] == fqn and label.get("source", "Classification") == source


def _holders(value: object) -> list[Json]:
    found: list[Json] = []
    if isinstance(value, dict):
        if isinstance(value.get("tags"), list):  # pyright: ignore[reportUnknownMemberType]
            found.append(value)  # pyright: ignore[reportUnknownArgumentType]
        for member in value.values():  # pyright: ignore[reportUnknownVariableType]
            found += _holders(member)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for member in value:  # pyright: ignore[reportUnknownVariableType]
            found += _holders(member)  # pyright: ignore[reportUnknownArgumentType]
    return found
