"""Entities as they are stored: one JSON document each, with the tables that index it.

In a stored document a reference is ``{"id", "type"}`` and a label names its tag: everything else about
them is looked up when it is read, so that renaming or deleting the target needs no rewrite. Secrets are
sealed. All writes go through :func:`save` and :func:`remove`, which keep the index tables true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import names
from data_platform.server.entity_types import EntityType, entity_type
from data_platform.server.problems import no_instance

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

_MOST_VARIABLES = 500
_LABEL = b'"tagFQN"'


def find(connection: Connection, row: EntityType, fqn: str, include: str = "non-deleted") -> Json | None:
    """The stored entity of that exact name; ``include`` is ``all``, ``deleted`` or ``non-deleted``."""
    found = connection.execute("SELECT json FROM entities WHERE type = ? AND fqn = ?", (row.name, fqn)).fetchone()
    if found is None and (row.is_service or row.name in ("user", "team", "bot")) and "." in fqn:
        # A service or user whose name has dots is also found by the name as people write it.
        other = fqn[1:-1] if fqn.startswith('"') else f'"{fqn}"'
        found = connection.execute("SELECT json FROM entities WHERE type = ? AND fqn = ?", (row.name, other)).fetchone()
    return _included(found, include)


def find_id(connection: Connection, row: EntityType, identity: str, include: str = "non-deleted") -> Json | None:
    """The stored entity of that id."""
    found = connection.execute("SELECT json FROM entities WHERE id = ? AND type = ?", (identity, row.name)).fetchone()
    return _included(found, include)


def need(connection: Connection, row: EntityType, fqn: str, include: str = "non-deleted") -> Json:
    """Like :func:`find`.

    Raises:
        NotFoundError: there is none.
    """
    document = find(connection, row, fqn, include)
    if document is None:
        raise no_instance(row.name, fqn)
    return document


def need_id(connection: Connection, row: EntityType, identity: str, include: str = "non-deleted") -> Json:
    """Like :func:`find_id`.

    Raises:
        NotFoundError: there is none.
    """
    document = find_id(connection, row, identity, include)
    if document is None:
        raise no_instance(row.name, identity)
    return document


def _included(found: Any, include: str) -> Json | None:
    if found is None:
        return None
    document = cast("Json", orjson.loads(found["json"]))
    if include != "all" and bool(document.get("deleted")) != (include == "deleted"):
        return None
    return document


def find_many(connection: Connection, row: EntityType, fqns: Sequence[str]) -> dict[str, Json]:
    """The stored entities of these names, deleted ones too, by name."""
    found: dict[str, Json] = {}
    for chunk in chunks(fqns):
        marks = ",".join("?" * len(chunk))
        for line in connection.execute(
            f"SELECT fqn, json FROM entities WHERE type = ? AND fqn IN ({marks})",  # noqa: S608 - marks only
            (row.name, *chunk),
        ):
            found[line["fqn"]] = orjson.loads(line["json"])
    return found


def reference(document: Json, kind: str) -> Json:
    """The stored form of a reference to ``document``."""
    return {"id": document["id"], "type": kind}


def type_of(connection: Connection, identity: str) -> str | None:
    """The type of the entity of that id, whatever it is."""
    found = connection.execute("SELECT type FROM entities WHERE id = ?", (identity,)).fetchone()
    return found["type"] if found else None


def parent_of(row: EntityType, document: Json) -> Json | None:
    """The reference to the entity's container."""
    return next((document[field] for field, _ in row.parents if document.get(field)), None)


def save(connection: Connection, row: EntityType, document: Json, *, fresh: bool = False) -> None:
    """Store ``document`` and everything that indexes it."""
    identity = document["id"]
    parent = parent_of(row, document)
    stored = orjson.dumps(document)
    connection.execute(
        "INSERT INTO entities (id, type, fqn, name, parent, deleted, source_hash, updated_at, json)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET fqn = excluded.fqn, name = excluded.name,"
        " parent = excluded.parent, deleted = excluded.deleted, source_hash = excluded.source_hash,"
        " updated_at = excluded.updated_at, json = excluded.json",
        (
            identity,
            row.name,
            document["fullyQualifiedName"],
            document["name"],
            parent["id"] if parent else None,
            int(bool(document.get("deleted"))),
            document.get("sourceHash"),
            document.get("updatedAt", 0),
            stored,
        ),
    )
    if not fresh:
        connection.execute("DELETE FROM refs WHERE holder = ?", (identity,))
        connection.execute("DELETE FROM labels WHERE holder = ?", (identity,))
    connection.executemany(
        "INSERT OR IGNORE INTO refs VALUES (?, ?, ?)",
        [(identity, field, held["id"]) for field, held in references_in(row, document)],
    )
    if _LABEL in stored:
        connection.executemany(
            "INSERT OR IGNORE INTO labels VALUES (?, ?, ?)",
            {(identity, label["tagFQN"], label.get("source", "Classification")) for label in labels_in(document)},
        )


def references_in(row: EntityType, document: Json) -> Iterator[tuple[str, Json]]:
    """The references that the document holds at its top level, with the field that holds them."""
    for field, many in row.references.items():
        held = document.get(field)
        if held:
            for each in cast("list[Json]", held) if many else [cast("Json", held)]:
                yield field, each


def has_labels(value: Any) -> bool:
    """Whether a document may have labels; as text it is searched much faster than part by part."""
    return _LABEL in orjson.dumps(value)


def labels_in(value: Any) -> Iterator[Json]:
    """All tag labels anywhere in a document, in no order."""
    # Every write walks all of its columns through here, twice: a stack is half the price of a recursion.
    waiting: list[Any] = [value]
    while waiting:
        here = waiting.pop()
        if type(here) is list:
            waiting += [each for each in cast("list[Any]", here) if type(each) is dict or type(each) is list]
            continue
        for key, member in cast("Json", here).items():
            if type(member) is list and member and key == "tags":
                yield from (
                    label for label in cast("list[Any]", member) if isinstance(label, dict) and "tagFQN" in label
                )
            elif isinstance(member, dict | list) and key != "changeDescription":
                waiting.append(cast("Any", member))


def remove(connection: Connection, document: Json) -> None:
    """Forget the entity: its versions, series and edges, and every reference to it."""
    identity = document["id"]
    for holder in connection.execute("SELECT DISTINCT holder FROM refs WHERE target = ?", (identity,)).fetchall():
        kind = type_of(connection, holder["holder"])
        if kind is None or holder["holder"] == identity:
            continue
        held = entity_type(kind)
        other = need_id(connection, held, holder["holder"], "all")
        _forget(held, other, identity)
        save(connection, held, other)
    for statement in (
        "DELETE FROM entities WHERE id = ?",
        "DELETE FROM versions WHERE entity = ?",
        "DELETE FROM refs WHERE holder = ?",
        "DELETE FROM labels WHERE holder = ?",
        "DELETE FROM followers WHERE entity = ?",
        "DELETE FROM followers WHERE user = ?",
        "DELETE FROM votes WHERE entity = ?",
        "DELETE FROM votes WHERE user = ?",
        "DELETE FROM edges WHERE source = ?",
        "DELETE FROM edges WHERE target = ?",
        "DELETE FROM series WHERE entity = ?",
        "DELETE FROM attachments WHERE entity = ?",
        "DELETE FROM records WHERE key = ?",
        "DELETE FROM usage WHERE entity = ?",
        "DELETE FROM suite_members WHERE suite = ?",
        "DELETE FROM suite_members WHERE test = ?",
        "DELETE FROM joins WHERE left_table = ?",
        "DELETE FROM joins WHERE right_table = ?",
    ):
        connection.execute(statement, (identity,))


def _forget(row: EntityType, document: Json, target: str) -> None:
    parents = {field for field, _ in row.parents} | set(row.carried)
    for field, many in row.references.items():
        if field in parents or field not in document:
            continue
        if many:
            document[field] = [each for each in document[field] if each["id"] != target]
        elif document[field].get("id") == target:
            del document[field]


def children(connection: Connection, identity: str, include: str = "non-deleted") -> list[tuple[EntityType, Json]]:
    """The entities that hang directly below ``identity``."""
    condition = {"all": "", "deleted": "AND deleted = 1"}.get(include, "AND deleted = 0")
    return [
        (entity_type(line["type"]), orjson.loads(line["json"]))
        for line in connection.execute(
            f"SELECT type, json FROM entities WHERE parent = ? {condition} ORDER BY type, name",  # noqa: S608
            (identity,),
        )
    ]


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Slices that fit into one SQL statement's variables."""
    everything = list(values)
    for start in range(0, len(everything), _MOST_VARIABLES):
        yield everything[start : start + _MOST_VARIABLES]


def fqn_of(parent: Json | None, name: str) -> str:
    """The fully qualified name of an entity called ``name`` below ``parent``."""
    return names.join(parent["fullyQualifiedName"] if parent else None, name)
