"""Results of test cases: a series of each, summaries of suites, the rows that failed and the query that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import documents, incidents, models, samples, series
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id
from data_platform.server.names import split
from data_platform.server.patching import apply
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.rules import COMPUTED
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

CASE, SUITE, TABLE = ENTITY_TYPES["testCase"], ENTITY_TYPES["testSuite"], ENTITY_TYPES["table"]
_RESULT = "tests.basic:TestCaseResult"
_STATUSES = {"Success": "success", "Failed": "failed", "Aborted": "aborted", "Queued": "queued"}


def register(router: Router, keys: Keys) -> None:
    results = f"{CASE.route}/testCaseResults"
    router.add("POST", f"{results}/{{fqn}}", _add)
    router.add("PUT", f"{results}/{{fqn}}", _add)
    router.add("GET", f"{results}/{{fqn}}", _page)
    router.add("GET", f"{results}/search/list", _list)
    router.add("PATCH", f"{results}/{{fqn}}/{{timestamp}}", _patch)
    router.add("DELETE", f"{results}/{{fqn}}/{{timestamp}}", _delete)
    router.add("GET", f"{SUITE.route}/executionSummary", _execution_summary)
    router.add("PUT", f"{CASE.route}/{{id}}/failedRowsSample", lambda call: _put_sample(call, keys))
    router.add("GET", f"{CASE.route}/{{id}}/failedRowsSample", _sample)
    router.add("DELETE", f"{CASE.route}/{{id}}/failedRowsSample", lambda call: _delete_sample(call, keys))
    router.add("PUT", f"{CASE.route}/{{id}}/inspectionQuery", lambda call: _put_query(call, keys))


def _add(call: Call) -> Reply:
    may_write(call, CASE, "EditTests")
    result = call.object
    models.check(_RESULT, result)
    if "testCaseStatus" not in result:
        raise BadRequestError("[testCaseStatus must not be null]")
    stamp = series.stamped(result.get("timestamp"))

    def work(connection: Connection) -> Json:
        case = documents.need(connection, CASE, call.params["fqn"])
        stored = {"id": new_id(), **result, "testCaseFQN": case["fullyQualifiedName"]}
        incident = incidents.follow_result(connection, case, stored, call.principal)
        if incident:
            stored["incidentId"] = incident
        series.put(connection, case["id"], "result", "", stamp, stored)
        return stored

    return Reply(201 if call.method == "POST" else 200, call.store.write(work))


def _page(call: Call) -> Json:
    return series.between(call, documents.need(call.reader, CASE, call.params["fqn"])["id"], "result")


def _list(call: Call) -> Json:
    """The results of all cases, or of those of one table, suite or status."""
    named, status = call.arg("testCaseFQN") or call.arg("entityFQN"), call.arg("testCaseStatus")
    found: list[Json] = []
    for line in call.reader.execute(
        "SELECT json FROM series WHERE kind = 'result' AND timestamp BETWEEN ? AND ? ORDER BY timestamp DESC",
        (call.number("startTimestamp", 0), call.number("endTimestamp", 2**62)),
    ):
        result = orjson.loads(line["json"])
        fqn = result["testCaseFQN"]
        if status in (None, result["testCaseStatus"]) and (not named or fqn == named or fqn.startswith(f"{named}.")):
            found.append(result)
    offset, limit = call.window()
    return {"data": found[offset : offset + limit], "paging": {"total": len(found), "offset": offset, "limit": limit}}


def _one(connection: Connection, call: Call) -> tuple[Json, int, Json]:
    try:
        stamp = int(call.params["timestamp"])
    except ValueError:
        raise NotFoundError("HTTP 404 Not Found") from None
    case = documents.need(connection, CASE, call.params["fqn"])
    result = series.at(connection, case["id"], "result", stamp)
    if result is None:
        raise NotFoundError(f"testCaseResult instance for {case['fullyQualifiedName']} at {stamp} not found")
    return case, stamp, result


def _patch(call: Call) -> Json:
    may_write(call, CASE, "EditTests")
    operations = call.array

    def work(connection: Connection) -> Json:
        case, stamp, result = _one(connection, call)
        updated = {**apply(result, operations), "timestamp": stamp}
        models.check(_RESULT, updated)
        series.put(connection, case["id"], "result", "", stamp, updated)
        return updated

    return call.store.write(work)


def _delete(call: Call) -> Json:
    may_write(call, CASE, "EditTests")

    def work(connection: Connection) -> Json:
        case, stamp, result = _one(connection, call)
        series.delete(connection, case["id"], "result", stamp)
        return result

    return call.store.write(work)


def _latest(connection: Connection, case: Json) -> Json | None:
    return series.latest(connection, case["id"], "result")


def _status(connection: Connection, case: Json) -> str | None:
    return (_latest(connection, case) or {}).get("testCaseStatus")


def _needs_failure(connection: Connection, case: Json) -> None:
    if _status(connection, case) != "Failed":
        raise BadRequestError("Failed rows can only be added to a failed test case.")


def _put_sample(call: Call, keys: Keys) -> Json:
    may_write(call, CASE, "EditTests")
    sample = call.object
    models.check("entity.data.table:TableData", sample)

    def work(connection: Connection) -> Json:
        case = documents.need_id(connection, CASE, call.id)
        _needs_failure(connection, case)
        if call.arg("validate") != "false":
            table = documents.need(connection, TABLE, ".".join(split(case["entityFQN"])[:4]))
            samples.check_rows(sample, {column["name"] for column in table["columns"]})
        series.attach(connection, case["id"], "failedRowsSample", sample)
        return View.of(call, keys, connection).one(CASE, case, {"failedRowsSample"})

    return call.store.write(work)


def _sample(call: Call) -> Json:
    case = documents.need_id(call.reader, CASE, call.id)
    sample = series.attached(call.reader, case["id"], "failedRowsSample")
    if sample is None:
        raise NotFoundError(f"testCase.failedRowsSample instance for {case['id']} not found")
    return sample


def _delete_sample(call: Call, keys: Keys) -> Json:
    may_write(call, CASE, "EditTests")

    def work(connection: Connection) -> Json:
        case = documents.need_id(connection, CASE, call.id)
        series.attach(connection, case["id"], "failedRowsSample", None)
        return View.of(call, keys, connection).one(CASE, case, set())

    return call.store.write(work)


def _put_query(call: Call, keys: Keys) -> Json:
    may_write(call, CASE, "EditTests")
    text = call.text

    def work(connection: Connection) -> Json:
        case = documents.need_id(connection, CASE, call.id)
        _needs_failure(connection, case)
        case["inspectionQuery"] = text
        documents.save(connection, CASE, case)
        return View.of(call, keys, connection).one(CASE, case, set())

    return call.store.write(work)


def _cases(connection: Connection, suite: str | None) -> list[Json]:
    condition = "(parent = ? OR id IN (SELECT test FROM suite_members WHERE suite = ?))" if suite else "?1 IS ?2"
    lines = connection.execute(
        f"SELECT json FROM entities WHERE type = 'testCase' AND deleted = 0 AND {condition} ORDER BY fqn",  # noqa: S608
        (suite, suite),
    )
    return [orjson.loads(line["json"]) for line in lines]


def _summary(connection: Connection, cases: list[Json]) -> Json:
    counts = dict.fromkeys([*_STATUSES.values(), "total"], 0)
    for case in cases:
        status = _status(connection, case)
        counts["total"] += 1
        if status:
            counts[_STATUSES[status]] += 1
    return counts


def _execution_summary(call: Call) -> Json:
    suite = call.arg("testSuiteId")
    if suite:
        suite = documents.need_id(call.reader, SUITE, suite)["id"]
    return _summary(call.reader, _cases(call.reader, suite))


def _result_summary(connection: Connection, suite: Json) -> list[Json]:
    latest = [(case, _latest(connection, case)) for case in _cases(connection, suite["id"])]
    return [
        {
            "testCaseName": case["fullyQualifiedName"],
            "status": result["testCaseStatus"],
            "timestamp": result["timestamp"],
        }
        for case, result in latest
        if result
    ]


def _sample_of(connection: Connection, case: Json) -> Any:
    return series.attached(connection, case["id"], "failedRowsSample")


COMPUTED["testCase"].update({"testCaseResult": _latest, "testCaseStatus": _status, "failedRowsSample": _sample_of})
COMPUTED["testSuite"].update(
    {
        "summary": lambda connection, suite: _summary(connection, _cases(connection, suite["id"])),
        "testCaseResultSummary": _result_summary,
    }
)
