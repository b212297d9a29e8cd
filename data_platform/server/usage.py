"""Usage: counts a day, rolled up over 7 and 30 days, and percentile ranks among entities of a type."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from data_platform.server import change_events, documents, models
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES, entity_type
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import COMPUTED
from data_platform.server.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_REQUEST = "type.usageRequest:UsageRequest"


def register(router: Router, keys: Keys) -> None:
    for method, add in (("POST", False), ("PUT", True)):
        router.add(method, "/usage/{type}/{id}", _reporting(keys, by_name=False, add=add))
        router.add(method, "/usage/{type}/name/{fqn}", _reporting(keys, by_name=True, add=add))
    router.add("GET", "/usage/{type}/{id}", _read)
    router.add("GET", "/usage/{type}/name/{fqn}", _read)
    router.add("POST", "/usage/compute.percentile/{type}/{date}", _compute)


def _reporting(keys: Keys, *, by_name: bool, add: bool) -> Callable[[Call], Reply]:
    def handler(call: Call) -> Reply:
        row = entity_type(call.params["type"])
        may_write(call, row, "EditUsage")
        request = call.object
        models.check(_REQUEST, request)
        day = _day(request["date"])
        if request["count"] < 0:
            raise BadRequestError("[count must be greater than or equal to 0]")

        def work(connection: Connection) -> Json:
            document = _found(connection, row, call, by_name=by_name)
            record(connection, row.name, document["id"], day, request["count"], add=add)
            if row.name == "table":
                # What is asked of a table is asked of its schema and database too. Their counts only ever add up, also
                # where a second POST replaces the table's: OpenMetadata's do (UsageRepository), and so does a rerun.
                for field in ("databaseSchema", "database"):
                    held = document[field]
                    record(connection, held["type"], held["id"], day, request["count"], add=True)
            used = summary(connection, document)
            return change_events.fields_changed(
                connection, View.of(call, keys, connection), row, document, call.principal.name, "usageSummary",
                "fieldsUpdated", used,
            )  # fmt: skip

        return Reply(201, call.store.write(work))

    return handler


def _found(connection: Connection, row: EntityType, call: Call, *, by_name: bool) -> Json:
    if by_name:
        return documents.need(connection, row, call.params["fqn"])
    return documents.need_id(connection, row, call.id)


def record(connection: Connection, kind: str, identity: str, day: str, count: int, *, add: bool) -> None:
    """Set, or add to, the count of one day and roll the sums that include that day."""
    line = connection.execute("SELECT day FROM usage WHERE entity = ? AND date = ?", (identity, day)).fetchone()
    total = count + (line["day"] if line and add else 0)
    connection.execute(
        "INSERT INTO usage (entity, date, type, day, week, month) VALUES (?, ?, ?, ?, 0, 0)"
        " ON CONFLICT (entity, date) DO UPDATE SET day = excluded.day",
        (identity, day, kind, total),
    )
    following = (date.fromisoformat(day) + timedelta(days=29)).isoformat()
    connection.execute(
        "UPDATE usage SET week = (SELECT sum(day) FROM usage u WHERE u.entity = usage.entity"
        " AND u.date > date(usage.date, '-7 days') AND u.date <= usage.date),"
        " month = (SELECT sum(day) FROM usage u WHERE u.entity = usage.entity"
        " AND u.date > date(usage.date, '-30 days') AND u.date <= usage.date)"
        " WHERE entity = ? AND date >= ? AND date <= ?",
        (identity, day, following),
    )


def _compute(call: Call) -> Reply:
    row = entity_type(call.params["type"])
    day = _day(call.params["date"])

    def work(connection: Connection) -> None:
        lines = connection.execute("SELECT * FROM usage WHERE type = ? AND date = ?", (row.name, day)).fetchall()
        for span in ("day", "week", "month"):
            counts = sorted(line[span] for line in lines)
            others = len(counts) - 1
            for line in lines:
                below = bisect_left(counts, line[span])
                rank = round(100.0 * below / others, 2) if others else 0.0
                connection.execute(
                    f"UPDATE usage SET {span}_rank = ? WHERE entity = ? AND date = ?",  # noqa: S608 - one of three names
                    (rank, line["entity"], day),
                )

    call.store.write(work)
    return Reply(201, {"entityType": row.name, "date": day})


def _read(call: Call) -> Json:
    row = entity_type(call.params["type"])
    document = _found(call.reader, row, call, by_name="fqn" in call.params)
    days = max(1, min(30, call.number("days", 1)))
    last = _day(call.arg("date") or datetime.now(UTC).date().isoformat())
    lines = call.reader.execute(
        "SELECT * FROM usage WHERE entity = ? AND date <= ? AND date > date(?, ?) ORDER BY date DESC",
        (document["id"], last, last, f"-{days} days"),
    )
    held = {"id": document["id"], "type": row.name, "fullyQualifiedName": document["fullyQualifiedName"]}
    return {"entity": held, "usage": [_details(line) for line in lines]}


def summary(connection: Connection, document: Json) -> Json:
    """The latest ``usageSummary`` of an entity; zeroes if it was never used."""
    line = connection.execute(
        "SELECT * FROM usage WHERE entity = ? ORDER BY date DESC LIMIT 1", (document["id"],)
    ).fetchone()
    if line is not None:
        return _details(line)
    nothing = {"count": 0, "percentileRank": 0.0}
    today = datetime.now(UTC).date().isoformat()
    return {"dailyStats": nothing, "weeklyStats": nothing, "monthlyStats": nothing, "date": today}


def _details(line: Any) -> Json:
    def stats(span: str) -> Json:
        return {"count": line[span], "percentileRank": line[f"{span}_rank"] or 0.0}

    return {
        "dailyStats": stats("day"),
        "weeklyStats": stats("week"),
        "monthlyStats": stats("month"),
        "date": line["date"],
    }


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise BadRequestError(f"Invalid date {text!r}: expected YYYY-MM-DD") from None


for _kind in ENTITY_TYPES:
    COMPUTED[_kind]["usageSummary"] = summary
