"""Things that have an id and a time but are no entities: incidents, results of contracts, threads, events, reports.

A record belongs to what its key names, usually an entity's id, and is forgotten with it. No versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server.calls import LARGEST_PAGE
from data_platform.server.problems import NotFoundError

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.store import Connection


def put(connection: Connection, kind: str, key: str, value: Json) -> None:
    """Store a record, which has an ``id`` and a ``timestamp``; the same id replaces."""
    connection.execute(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)",
        (value["id"], kind, key, int(value["timestamp"]), orjson.dumps(value)),
    )


def find(connection: Connection, kind: str, identity: str) -> Json | None:
    """The record of that id."""
    line = connection.execute("SELECT json FROM records WHERE id = ? AND kind = ?", (identity, kind)).fetchone()
    return cast("Json", orjson.loads(line["json"])) if line else None


def need(connection: Connection, kind: str, identity: str) -> Json:
    """Like :func:`find`.

    Raises:
        NotFoundError: there is none.
    """
    found = find(connection, kind, identity)
    if found is None:
        raise NotFoundError(f"{kind} instance for {identity} not found")
    return found


def latest(connection: Connection, kind: str, key: str) -> Json | None:
    """The newest record of a key."""
    line = connection.execute(
        "SELECT json FROM records WHERE kind = ? AND key = ? ORDER BY timestamp DESC LIMIT 1", (kind, key)
    ).fetchone()
    return cast("Json", orjson.loads(line["json"])) if line else None


def listed(connection: Connection, kind: str, key: str | None = None, where: str = "1", *values: Any) -> list[Json]:
    """The records of a kind, newest first; ``where`` is a condition on the columns and ``json``."""
    condition, keyed = ("", []) if key is None else ("AND key = ?", [key])
    lines = connection.execute(
        f"SELECT json FROM records WHERE kind = ? {condition} AND ({where}) ORDER BY timestamp DESC, id",  # noqa: S608
        (kind, *keyed, *values),
    )
    return [orjson.loads(line["json"]) for line in lines]


def between(call: Call, kind: str, key: str | None = None, where: str = "1", *values: Any) -> Json:
    """A list reply of the records from ``startTs`` to ``endTs``, newest first, paged by ``offset`` and ``limit``."""
    start, end = call.number("startTs", 0), call.number("endTs", 2**62)
    offset, limit = call.window(LARGEST_PAGE if "limit" not in call.query else 10)
    found = listed(call.reader, kind, key, f"({where}) AND timestamp BETWEEN ? AND ?", *values, start, end)
    paging: Json = {"total": len(found), "offset": offset, "limit": limit}
    return {"data": found[offset : offset + limit], "paging": paging}


def remove(connection: Connection, kind: str, key: str | None, where: str, *values: Any) -> int:
    """Forget the records that a condition names; how many."""
    condition, keyed = ("", []) if key is None else ("AND key = ?", [key])
    done = connection.execute(
        f"DELETE FROM records WHERE kind = ? {condition} AND ({where})",  # noqa: S608 - our own conditions
        (kind, *keyed, *values),
    )
    return done.rowcount
