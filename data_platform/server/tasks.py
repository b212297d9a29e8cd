"""Tasks and announcements: entities about other entities, with a life of their own.

A task is open until it is resolved or closed; what it suggests is written when it is approved. An announcement shows
from its start to its end, and no two of one entity overlap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, models, references
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.links import linked
from data_platform.server.permissions import may_write
from data_platform.server.problems import ApiError, BadRequestError
from data_platform.server.rules import ALWAYS, COMPUTED, FILTERS, PREPARE, STORE
from data_platform.server.suggestions import take
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

TASK, ANNOUNCEMENT = ENTITY_TYPES["task"], ENTITY_TYPES["announcement"]
_ENDED = ("Approved", "Rejected", "Completed", "Cancelled", "Failed", "Revoked", "Expired", "ManualRevoke")
_RUNNING = "json ->> 'startTime' <= ? AND json ->> 'endTime' >= ?"
_STATUS_OF = {"TimedOut": "Cancelled", "AutoApproved": "Approved", "AutoRejected": "Rejected"}
_TRANSITIONS = {"approve": "Approved", "reject": "Rejected", "complete": "Completed", "resolve": "Completed"}
_SUGGESTED = {"DescriptionUpdate": "description", "TagUpdate": "tags", "OwnershipUpdate": "owners"}
_BULK = {"Approve": "Approved", "Reject": "Rejected", "Cancel": "Cancelled"}


def register(router: Router, keys: Keys) -> None:
    def changing(change: Callable[[Writing, Json, Call], None]) -> Callable[[Call], Json]:
        def handler(call: Call) -> Json:
            def work(connection: Connection) -> Json:
                writing = Writing(connection, keys, call.principal)
                return _shown(
                    call, keys, connection, _changed(writing, call.id, lambda task: change(writing, task, call))
                )

            return call.store.write(work)

        return handler

    def bulk(call: Call) -> Json:
        may_write(call, TASK, "EditAll")
        request = call.object
        models.check("api.tasks.bulkTaskOperation:BulkTaskOperationRequest", request)
        return call.store.write(lambda connection: _in_bulk(Writing(connection, keys, call.principal), request))

    def comment(call: Call) -> Reply:
        return Reply(201, changing(_comment)(call))

    router.add("POST", "/tasks/bulk", bulk)
    router.add("POST", "/tasks/{id}/resolve", changing(_resolve))
    router.add("POST", "/tasks/{id}/close", changing(_close))
    router.add("PUT", "/tasks/{id}/suggestion/apply", changing(_apply))
    router.add("POST", "/tasks/{id}/comments", comment)


def _shown(call: Call, keys: Keys, connection: Connection, task: Json) -> Json:
    return View.of(call, keys, connection).one(TASK, task, set(TASK.fields))


def _changed(writing: Writing, identity: str, change: Callable[[Json], None]) -> Json:
    original = documents.need_id(writing.connection, TASK, identity)
    updated = cast("Json", orjson.loads(orjson.dumps(original)))
    change(updated)
    return writing.update(TASK, original, updated, patch=False)


def _end(writing: Writing, task: Json, kind: str, **more: Any) -> None:
    if task["status"] in _ENDED:
        raise BadRequestError(f"Task {task['taskId']} is already {task['status']}")
    by = {"id": writing.principal.id, "type": "user"}
    task["status"] = _STATUS_OF.get(kind, kind)
    task["resolution"] = {"type": kind, "resolvedBy": by, "resolvedAt": now(), **{k: v for k, v in more.items() if v}}
    task["availableTransitions"] = []


def _resolve(writing: Writing, task: Json, call: Call) -> None:
    request = call.object
    models.check("api.tasks.resolveTask:ResolveTaskRequest", request)
    kind = request.get("resolutionType") or _TRANSITIONS.get(request.get("transitionId", ""))
    if kind is None:
        raise BadRequestError(f"Unknown transition {request.get('transitionId')}")
    _end(writing, task, kind, comment=request.get("comment"), newValue=request.get("newValue"))
    if task["status"] in ("Approved", "Completed"):
        _write(writing, task, request.get("newValue"))


def _write(writing: Writing, task: Json, value: str | None) -> None:
    payload: Json = task.get("payload", {})
    field = _SUGGESTED.get(task["type"])
    if task["type"] == "Suggestion":
        field = "tags" if payload.get("suggestionType") == "Tag" else "description"
        value = value or payload.get("suggestedValue")
    suggested: str | None = value or payload.get("newDescription") or payload.get("newValue")
    if field is None or suggested is None or not task.get("about"):
        return
    row, entity = references.need_reference(writing.connection, task["about"]["id"])
    path = [part for part in str(payload.get("fieldPath") or "").split("::") if part]
    take(writing, row, entity, path if len(path) == 3 else [field], suggested)


def _close(writing: Writing, task: Json, call: Call) -> None:
    _end(writing, task, "Cancelled", comment=call.arg("comment"))


def _apply(writing: Writing, task: Json, call: Call) -> None:
    if task["type"] != "Suggestion":
        raise BadRequestError(f"Task {task['taskId']} is no suggestion")
    _end(writing, task, "Approved", comment=call.arg("comment"))
    _write(writing, task, None)


def _comment(writing: Writing, task: Json, call: Call) -> None:
    text = call.text
    if text.lstrip().startswith("{"):
        models.check("api.tasks.createTaskComment:CreateTaskCommentRequest", call.object)
        text = call.object["message"]
    if not text.strip():
        raise BadRequestError("[message must not be empty]")
    author = {"id": writing.principal.id, "type": "user"}
    held = task.setdefault("comments", [])
    held.append({"id": new_id(), "message": text, "author": author, "createdAt": now()})
    task["commentCount"] = len(held)


def _in_bulk(writing: Writing, request: Json) -> Json:
    operation, params = request["operation"], request.get("params", {})

    def change(task: Json) -> None:
        if operation in _BULK:
            _end(writing, task, _BULK[operation], comment=params.get("comment"))
            if operation == "Approve":
                _write(writing, task, None)
        elif operation == "Assign":
            task["assignees"] = references.resolve(writing.connection, TASK, "assignees", params.get("assignees", []))
        else:
            task["priority"] = params.get("priority") or task.get("priority")

    results: list[Json] = []
    for identity in request["taskIds"]:
        writing.connection.execute("SAVEPOINT task")
        try:
            _changed(writing, identity, change)
        except ApiError as error:
            writing.connection.execute("ROLLBACK TO task")
            results.append({"taskId": identity, "status": "failed", "error": error.message})
        else:
            results.append({"taskId": identity, "status": "success"})
        writing.connection.execute("RELEASE task")
    failed = sum(each["status"] == "failed" for each in results)
    counts = {"totalRequested": len(results), "successful": len(results) - failed, "failed": failed}
    return {**counts, "results": results}


def _prepare_task(connection: Connection, document: Json, request: Json, principal: Principal) -> None:
    last = connection.execute(
        "SELECT max(CAST(substr(json ->> 'taskId', 6) AS INTEGER)) AS number FROM entities WHERE type = 'task'"
    ).fetchone()
    number = f"TASK-{(last['number'] or 0) + 1:05d}"
    document["taskId"] = document["fullyQualifiedName"] = number
    document.setdefault("name", number)
    document["status"] = "Open"
    document.setdefault("priority", "Medium")
    document["createdBy"] = {"id": principal.id, "type": "user"}
    document["createdById"], document["createdAt"] = principal.id, now()
    if request.get("domain"):
        document["domains"] = [references.find(connection, "domain", request["domain"])]
    document["availableTransitions"] = [
        {
            "id": name,
            "label": name.capitalize(),
            "targetStageId": name,
            "targetTaskStatus": status,
            "resolutionType": status,
        }
        for name, status in (("approve", "Approved"), ("reject", "Rejected"))
    ]


def _prepare_announcement(connection: Connection, document: Json, request: Json, principal: Principal) -> None:
    document.setdefault("name", f"announcement-{document['id']}")
    document["createdBy"], document["createdAt"] = principal.name, now()
    if request.get("entityLink"):
        linked(connection, request["entityLink"])


def _check_announcement(connection: Connection, document: Json, _original: Json | None) -> None:
    if document["endTime"] <= document["startTime"]:
        raise BadRequestError("Announcement start time must be earlier than the end time")
    document.pop("status", None)
    if not document.get("entityLink"):
        return
    overlapping = connection.execute(
        "SELECT 1 FROM entities WHERE type = 'announcement' AND deleted = 0 AND id <> ? AND json ->> 'entityLink' = ?"
        " AND json ->> 'startTime' < ? AND json ->> 'endTime' > ?",
        (document["id"], document["entityLink"], document["endTime"], document["startTime"]),
    ).fetchone()
    if overlapping:
        raise BadRequestError(
            "There is already an announcement scheduled that overlaps with the given start time and end time"
        )


def _status(_connection: Connection, document: Json) -> str:
    moment = now()
    if moment < document["startTime"]:
        return "Scheduled"
    return "Active" if moment <= document["endTime"] else "Expired"


def _of_group(group: str) -> tuple[str, list[Any]]:
    marks = ",".join("?" * len(_ENDED))
    return f"json ->> 'status' {'IN' if group == 'closed' else 'NOT IN'} ({marks})", list(_ENDED)


def _of_status(status: str) -> tuple[str, list[Any]]:
    conditions = {
        "Active": (_RUNNING, [now(), now()]),
        "Scheduled": ("json ->> 'startTime' > ?", [now()]),
        "Expired": ("json ->> 'endTime' < ?", [now()]),
    }
    return conditions.get(status, ("0", []))


FILTERS["task"] = {
    "status": lambda value: ("json ->> 'status' = ?", [value]),
    "statusGroup": _of_group,
    "createdBy": lambda value: (
        "json ->> '$.createdBy.id' IN (SELECT id FROM entities WHERE type = 'user' AND name = ?)",
        [value.lower()],
    ),
    "mentionedUser": lambda value: ("instr(json, ?) > 0", [f"<#E::user::{value}"]),
}
FILTERS["announcement"] = {
    "status": _of_status,
    "active": lambda value: (_RUNNING if value == "true" else f"NOT ({_RUNNING})", [now(), now()]),
    "entityLink": lambda value: ("json ->> 'entityLink' = ?", [value]),
}
PREPARE["task"].append(_prepare_task)
PREPARE["announcement"].append(_prepare_announcement)
STORE["announcement"].append(_check_announcement)
COMPUTED["announcement"]["status"] = _status
ALWAYS["announcement"].add("status")
