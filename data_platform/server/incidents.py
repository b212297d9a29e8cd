"""Incidents of test cases: a chain of statuses from New to Resolved, one open chain a case.

A failed result opens one. A status belongs to the open chain; after a resolved one, New starts another chain and
anything else opens the last one again. Only the severity of a status can be changed afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_platform.server import documents, models, records, references
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.names import split
from data_platform.server.patching import apply
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.references import Resolver
from data_platform.server.rules import COMPUTED

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

CASE = ENTITY_TYPES["testCase"]
KIND = "testCaseResolutionStatus"
_ROUTE = f"{CASE.route}/testCaseIncidentStatus"
_TIERS = {"Tier.Tier1": "Severity1", "Tier.Tier2": "Severity2", "Tier.Tier3": "Severity3", "Tier.Tier4": "Severity4"}


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("POST", _ROUTE, _create)
    router.add("GET", _ROUTE, _page)
    router.add("GET", f"{_ROUTE}/search/list", _page)
    router.add("GET", f"{_ROUTE}/stateId/{{state}}", _chain)
    router.add("GET", f"{_ROUTE}/{{id}}", lambda call: _shown(call, records.need(call.reader, KIND, call.id)))
    router.add("PATCH", f"{_ROUTE}/{{id}}", _patch)


def _create(call: Call) -> Reply:
    may_write(call, CASE, "EditTests")
    request = call.object
    models.check("api.tests.createTestCaseResolutionStatus:CreateTestCaseResolutionStatus", request)

    def work(connection: Connection) -> Json:
        case = documents.need(connection, CASE, str(request["testCaseReference"]))
        status = {name: value for name, value in request.items() if name != "testCaseReference"}
        details: Json = status.get("testCaseResolutionStatusDetails", {})
        for field in ("assignee", "resolvedBy"):
            if details.get(field):
                held: Json = details[field]
                details[field] = references.find(connection, "user", str(held.get("id") or held.get("name")))
        return add(connection, case, status, call.principal)

    return Reply(200, _shown(call, call.store.write(work)))


def add(connection: Connection, case: Json, status: Json, principal: Principal) -> Json:
    """Store the next status of a case's incident and return it; New on an open incident is that incident as it is.

    Raises:
        BadRequestError: an assignment to nobody, or a resolution without its reason.
    """
    kind: str = status["testCaseResolutionStatusType"]
    details: Json = status.get("testCaseResolutionStatusDetails", {})
    if kind == "Assigned" and "assignee" not in details:
        raise BadRequestError("An incident is assigned to somebody: testCaseResolutionStatusDetails.assignee")
    if kind == "Resolved" and "testCaseFailureReason" not in details:
        raise BadRequestError("An incident is resolved for a reason: testCaseFailureReason")
    last = records.latest(connection, KIND, case["id"])
    open_one = last is not None and last["testCaseResolutionStatusType"] != "Resolved"
    if last is not None and open_one and kind == "New":
        return last
    stamp = max(now(), last["timestamp"] + 1 if last else 0)
    by: Json = {"id": principal.id, "type": "user"}
    if kind == "Resolved":
        details.setdefault("resolvedBy", by)
    stored: Json = {
        **status,
        "id": new_id(),
        "stateId": last["stateId"] if last and (open_one or kind != "New") else new_id(),
        "timestamp": stamp,
        "updatedAt": stamp,
        "updatedBy": by,
        "testCaseReference": documents.reference(case, "testCase"),
    }
    severity = status.get("severity") or (last or {}).get("severity") or _severity(connection, case)
    if severity:
        stored["severity"] = severity
    records.put(connection, KIND, case["id"], stored)
    return stored


def _severity(connection: Connection, case: Json) -> str | None:
    """As bad as the table is important."""
    table = documents.find(connection, ENTITY_TYPES["table"], ".".join(split(case["entityFQN"])[:4]), "all") or {}
    return next((_TIERS[label["tagFQN"]] for label in table.get("tags", []) if label["tagFQN"] in _TIERS), None)


def follow_result(connection: Connection, case: Json, result: Json, principal: Principal) -> str | None:
    """The incident that a result belongs to: a failure opens one, a success closes it where the case says so."""
    if result["testCaseStatus"] == "Failed":
        return add(connection, case, {"testCaseResolutionStatusType": "New"}, principal)["stateId"]
    if result["testCaseStatus"] == "Success" and case.get("autoCloseIncident") and open_incident(connection, case):
        details: Json = {"testCaseFailureReason": "Other", "testCaseFailureComment": "The test passes again."}
        closing: Json = {"testCaseResolutionStatusType": "Resolved", "testCaseResolutionStatusDetails": details}
        add(connection, case, closing, principal)
    return None


def open_incident(connection: Connection, case: Json) -> str | None:
    """The open incident of a case."""
    last = records.latest(connection, KIND, case["id"])
    return last["stateId"] if last and last["testCaseResolutionStatusType"] != "Resolved" else None


def _page(call: Call) -> Json:
    where, values = ["1"], list[Any]()
    kind, assignee = call.arg("testCaseResolutionStatusType"), call.arg("assignee")
    if kind:
        where.append("json ->> '$.testCaseResolutionStatusType' = ?")
        values.append(kind)
    if assignee:
        found = documents.find(call.reader, ENTITY_TYPES["user"], assignee.lower())
        where.append("json ->> '$.testCaseResolutionStatusDetails.assignee.id' = ?")
        values.append(found["id"] if found else "")
    named, origin = call.arg("testCaseFQN"), call.arg("originEntityFQN")
    if named:
        found = documents.find(call.reader, CASE, named, "all")
        where.append("key = ?")
        values.append(found["id"] if found else "")
    if origin:
        where.append("key IN (SELECT id FROM entities WHERE type = 'testCase' AND fqn >= ? AND fqn < ?)")
        values += [f"{origin}.", f"{origin}/"]
    if call.flag("latest"):
        where.append(
            "timestamp = (SELECT max(timestamp) FROM records r WHERE r.kind = records.kind AND r.key = records.key)"
        )
    reply = records.between(call, KIND, None, " AND ".join(where), *values)
    return {**reply, "data": [_shown(call, each) for each in reply["data"]]}


def _chain(call: Call) -> Json:
    found = records.listed(call.reader, KIND, None, "json ->> '$.stateId' = ?", call.uuid("state"))
    return {"data": [_shown(call, each) for each in found], "paging": {"total": len(found)}}


def _patch(call: Call) -> Json:
    may_write(call, CASE, "EditTests")
    operations = call.array

    def work(connection: Connection) -> Json:
        original = records.find(connection, KIND, call.id)
        if original is None:
            raise NotFoundError(f"Entity with id {call.id} not found")
        updated = apply({**original}, operations)
        for name in original.keys() | updated.keys():
            if name not in ("severity", "updatedAt", "updatedBy") and original.get(name) != updated.get(name):
                raise BadRequestError(f"Field {name} is not allowed to be updated")
        models.check("tests.testCaseResolutionStatus:TestCaseResolutionStatus", updated)
        updated["updatedAt"], updated["updatedBy"] = now(), {"id": call.principal.id, "type": "user"}
        records.put(connection, KIND, original["testCaseReference"]["id"], updated)
        return updated

    return _shown(call, call.store.write(work))


def _shown(call: Call, status: Json) -> Json:
    resolver = Resolver(call.reader, call.base)
    shown = {**status, "updatedBy": resolver.read(status["updatedBy"])}
    case = resolver.read(status["testCaseReference"])
    if case:
        shown["testCaseReference"] = case
    details: Json = {**status.get("testCaseResolutionStatusDetails", {})}
    for field in ("assignee", "resolvedBy"):
        if field in details:
            details[field] = resolver.read(details[field]) or details[field]
    if details:
        shown["testCaseResolutionStatusDetails"] = details
    return {name: value for name, value in shown.items() if value is not None}


COMPUTED["testCase"]["incidentId"] = open_incident
COMPUTED["testCase"]["incidentStatus"] = lambda connection, case: records.latest(connection, KIND, case["id"])
