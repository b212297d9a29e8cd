"""Values over time: profiles, runs, results. Keyed by entity, kind, key and timestamp; no version bump.

The same timestamp replaces; the latest is the latest by timestamp, not by arrival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server.calls import LARGEST_PAGE
from data_platform.server.problems import BadRequestError

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.store import Connection

_EARLIEST_MS = 100_000_000_000
"""March 1973 in milliseconds; a smaller stamp of today is one in seconds."""


def stamped(value: Any) -> int:
    """A timestamp in milliseconds.

    Raises:
        BadRequestError: it is missing, or in seconds.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadRequestError("[timestamp must not be null]")
    if value < _EARLIEST_MS:
        raise BadRequestError(f"Timestamp {int(value)} is not valid, it should be in milliseconds since epoch")
    return int(value)


def put(connection: Connection, entity: str, kind: str, key: str, timestamp: int, value: Any) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?)", (entity, kind, key, timestamp, orjson.dumps(value))
    )


def latest(connection: Connection, entity: str, kind: str, key: str = "") -> Any:
    """The newest value, or None."""
    line = connection.execute(
        "SELECT json FROM series WHERE entity = ? AND kind = ? AND key = ? ORDER BY timestamp DESC LIMIT 1",
        (entity, kind, key),
    ).fetchone()
    return orjson.loads(line["json"]) if line else None


def at(connection: Connection, entity: str, kind: str, timestamp: int, key: str = "") -> Any:
    """The value of one moment, or None."""
    line = connection.execute(
        "SELECT json FROM series WHERE entity = ? AND kind = ? AND key = ? AND timestamp = ?",
        (entity, kind, key, timestamp),
    ).fetchone()
    return orjson.loads(line["json"]) if line else None


def latest_by_key(connection: Connection, entity: str, kind: str) -> dict[str, Any]:
    """The newest value of every key."""
    lines = connection.execute(
        "SELECT key, json, max(timestamp) FROM series WHERE entity = ? AND kind = ? GROUP BY key", (entity, kind)
    )
    return {line["key"]: orjson.loads(line["json"]) for line in lines}


def between(call: Call, entity: str, kind: str, key: str | None = "") -> Json:
    """The values from ``startTs`` to ``endTs``, newest first, as a list reply; a key of None takes all keys."""
    start, end = call.number("startTs", 0), call.number("endTs", 2**62)
    condition, values = ("", ()) if key is None else ("AND key = ?", (key,))
    lines = call.reader.execute(
        f"SELECT json FROM series WHERE entity = ? AND kind = ? {condition}"  # noqa: S608
        " AND timestamp BETWEEN ? AND ? ORDER BY timestamp DESC LIMIT ?",
        (entity, kind, *values, start, end, call.window(LARGEST_PAGE)[1]),
    ).fetchall()
    return {"data": [orjson.loads(line["json"]) for line in lines], "paging": {"total": len(lines)}}


def delete(connection: Connection, entity: str, kind: str, timestamp: int, key: str | None = None) -> bool:
    """Forget the values of one moment, of all keys or of one; whether there were any."""
    condition, values = ("", ()) if key is None else ("AND key = ?", (key,))
    done = connection.execute(
        f"DELETE FROM series WHERE entity = ? AND kind = ? AND timestamp = ? {condition}",  # noqa: S608
        (entity, kind, timestamp, *values),
    )
    return done.rowcount > 0


def attach(connection: Connection, entity: str, kind: str, value: Any) -> None:
    """Keep one value beside an entity; None removes it."""
    if value is None:
        connection.execute("DELETE FROM attachments WHERE entity = ? AND kind = ?", (entity, kind))
    else:
        connection.execute("INSERT OR REPLACE INTO attachments VALUES (?, ?, ?)", (entity, kind, orjson.dumps(value)))


def attached(connection: Connection, entity: str, kind: str) -> Any:
    """The value kept beside an entity, or None."""
    line = connection.execute("SELECT json FROM attachments WHERE entity = ? AND kind = ?", (entity, kind)).fetchone()
    return orjson.loads(line["json"]) if line else None
