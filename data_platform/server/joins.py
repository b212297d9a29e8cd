"""Which columns are joined with which: written for one table, shown on both."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from data_platform.server import documents, models
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.names import join, split
from data_platform.server.problems import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection
    from data_platform.server.writing import Writing

DAYS = 30


def put(writing: Writing, document: Json, request: Json) -> Json:
    """Record the joins of some days; a day that was recorded before is replaced.

    Raises:
        BadRequestError: the days are older than 30 days or in the future, or a column is unknown.
    """
    models.check("entity.data.table:TableJoins", request)
    try:
        start = date.fromisoformat(str(request.get("startDate", "")))
    except ValueError:
        raise BadRequestError("[startDate must be a date]") from None
    today, count = datetime.now(UTC).date(), int(request.get("dayCount", 1))
    if start < today - timedelta(days=DAYS):
        raise BadRequestError(f"Date range can only include past {DAYS} days starting today")
    if start > today or start + timedelta(days=count - 1) > today + timedelta(days=1):
        raise BadRequestError("Joined dates must not be in the future")
    connection = writing.connection
    for column in request.get("columnJoins", []):
        own = _column(document, column.get("columnName", ""))
        for other in column.get("joinedWith", []):
            _record(
                connection, own, other["fullyQualifiedName"], start, other["joinCount"], document["id"], column=True
            )
    for other in request.get("directTableJoins", []):
        own = document["fullyQualifiedName"]
        _record(connection, own, other["fullyQualifiedName"], start, other["joinCount"], document["id"], column=False)
    return document


def _column(document: Json, name: str) -> str:
    if all(column["name"] != name for column in document["columns"]):
        raise BadRequestError(f"Invalid column name {name}")
    return join(document["fullyQualifiedName"], name)


def _record(connection: Connection, own: str, other: str, day: date, count: int, table: str, *, column: bool) -> None:
    parts = split(other)
    found = documents.find(connection, ENTITY_TYPES["table"], ".".join(parts[:4]) if column else other)
    if found is None:
        raise NotFoundError(f"{'column' if column else 'table'} instance for {other} not found")
    if column and all(each["fullyQualifiedName"] != other for each in found["columns"]):
        raise BadRequestError(f"Invalid column name {parts[-1]}")
    ends = sorted([(own, table), (other, found["id"])])
    (left, left_table), (right, right_table) = ends
    connection.execute(
        "INSERT INTO joins VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (pair, date) DO UPDATE SET count = excluded.count",
        (f"{left}\n{right}", day.isoformat(), left, right, left_table, right_table, count),
    )


def read(connection: Connection, document: Json) -> Json:
    """The joins of a table over the last 30 days."""
    first = datetime.now(UTC).date() - timedelta(days=DAYS)
    lines = connection.execute(
        "SELECT left_column, right_column, left_table, right_table, sum(count) AS total FROM joins"
        " WHERE (left_table = ? OR right_table = ?) AND date >= ? GROUP BY pair ORDER BY total DESC, pair",
        (document["id"], document["id"], first.isoformat()),
    )
    by_column: dict[str, list[Json]] = {}
    direct: list[Json] = []
    depth = len(split(document["fullyQualifiedName"]))
    for line in lines:
        for own, other, table in (
            (line["left_column"], line["right_column"], line["left_table"]),
            (line["right_column"], line["left_column"], line["right_table"]),
        ):
            if table != document["id"]:
                continue
            joined = {"fullyQualifiedName": other, "joinCount": line["total"]}
            parts = split(own)
            if len(parts) == depth:
                direct.append(joined)
            else:
                by_column.setdefault(parts[-1].strip('"'), []).append(joined)
    return {
        "startDate": first.isoformat(),
        "dayCount": DAYS,
        "columnJoins": [{"columnName": name, "joinedWith": joined} for name, joined in by_column.items()],
        "directTableJoins": direct,
    }
