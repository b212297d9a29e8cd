"""Conversations about entities, ``/feed``: threads with posts, and the tasks that a thread can be.

Anybody may start and answer a thread. What a task suggests is written onto the entity when it is resolved.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import documents, models, records, references
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.links import linked
from data_platform.server.patching import apply
from data_platform.server.problems import BadRequestError, ForbiddenError, NotFoundError
from data_platform.server.references import Resolver
from data_platform.server.suggestions import take
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

KIND = "thread"
_OPEN, _CLOSED = "Open", "Closed"
_MINE = ("id", "threadTs", "about", "createdBy", "entityRef", "postsCount", "posts", "task", "type")


def register(router: Router, keys: Keys) -> None:
    router.add("GET", "/feed", _page)
    router.add("POST", "/feed", _create)
    router.add("GET", "/feed/count", _count)
    router.add("GET", "/feed/{id}", lambda call: _shown(call.reader, call, records.need(call.reader, KIND, call.id)))
    router.add("PATCH", "/feed/{id}", _patch)
    router.add("DELETE", "/feed/{id}", _delete)
    router.add("GET", "/feed/{id}/posts", _posts)
    router.add("POST", "/feed/{id}/posts", _post)
    router.add("PATCH", "/feed/{id}/posts/{post}", _patch_post)
    router.add("DELETE", "/feed/{id}/posts/{post}", _delete_post)
    router.add("GET", "/feed/tasks/{number}", lambda call: _shown(call.reader, call, _task(call.reader, call)))
    router.add("PUT", "/feed/tasks/{number}/resolve", lambda call: _resolve(call, keys))
    router.add("PUT", "/feed/tasks/{number}/close", _close)


def _create(call: Call) -> Reply:
    request = call.object
    models.check("api.feed.createThread:CreateThreadRequest", request)

    def work(connection: Connection) -> Json:
        row, entity, _ = linked(connection, request["about"])
        stamp = now()
        thread: Json = {
            "id": new_id(),
            "type": request.get("type", "Conversation"),
            "threadTs": stamp,
            "timestamp": stamp,
            "about": request["about"],
            "entityRef": documents.reference(entity, row.name),
            "generatedBy": "user",
            "createdBy": call.principal.name,
            "updatedAt": stamp,
            "updatedBy": call.principal.name,
            "resolved": False,
            "message": request["message"],
            "postsCount": 0,
            "posts": [],
        }
        if "addressedTo" in request:
            thread["addressedTo"] = request["addressedTo"]
        if thread["type"] == "Task":
            thread["task"] = _task_of(connection, request)
        if thread["type"] == "Announcement":
            if "announcementDetails" not in request:
                raise BadRequestError("announcementDetails must be given")
            thread["announcement"] = request["announcementDetails"]
        records.put(connection, KIND, entity["id"], thread)
        return thread

    stored = call.store.write(work)
    return Reply(201, _shown(call.reader, call, stored))


def _task_of(connection: Connection, request: Json) -> Json:
    details = request.get("taskDetails")
    if not details:
        raise BadRequestError("taskDetails must be given")
    assignees = [references.find(connection, held["type"], str(held["id"])) for held in details["assignees"]]
    last = connection.execute(
        "SELECT max(json ->> '$.task.id') AS number FROM records WHERE kind = ?", (KIND,)
    ).fetchone()
    return {**details, "id": (last["number"] or 0) + 1, "assignees": assignees, "status": _OPEN}


def _task(connection: Connection, call: Call) -> Json:
    number = call.params["number"]
    found = (
        records.listed(connection, KIND, None, "json ->> '$.task.id' = ?", int(number)) if number.isdecimal() else []
    )
    if not found:
        raise NotFoundError(f"Task instance for {number} not found")
    return found[0]


def _page(call: Call) -> Json:
    _, limit = call.window()
    where, values = ["(json ->> '$.resolved') = ?"], list[Any]([int(call.flag("resolved"))])
    for name, path in (("type", "$.type"), ("taskStatus", "$.task.status")):
        if call.arg(name):
            where.append("json ->> ? = ?")
            values += [path, call.arg(name)]
    if call.arg("taskStatus") == _CLOSED:
        where[0] = "? IS NOT NULL"
    if call.arg("entityLink"):
        _, entity, field = linked(call.reader, call.arg("entityLink") or "")
        where.append("key = ?" + (" AND json ->> '$.about' = ?" if field else ""))
        values += [entity["id"], *([call.arg("entityLink")] if field else [])]
    if call.arg("userId"):
        condition, named = _of_user(call, call.arg("userId") or "")
        where.append(condition)
        values += named
    before, after = call.arg("before"), call.arg("after")
    if before and after:
        raise BadRequestError("Only one of before or after query parameter allowed")
    everything = records.listed(call.reader, KIND, None, " AND ".join(where), *values)
    found = everything
    if after:
        found = [each for each in everything if each["timestamp"] < _stamp(after)]
    elif before:
        found = [each for each in everything if each["timestamp"] > _stamp(before)][-limit:]
    paging: Json = {"total": len(everything)}
    shown = found[:limit]
    if shown and shown[0] is not everything[0]:
        paging["before"] = _cursor(shown[0]["timestamp"])
    if shown and shown[-1] is not everything[-1]:
        paging["after"] = _cursor(shown[-1]["timestamp"])
    posts = max(0, call.number("limitPosts", 3))
    return {"data": [_shown(call.reader, call, each, posts) for each in shown], "paging": paging}


def _of_user(call: Call, identity: str) -> tuple[str, list[Any]]:
    user = documents.need_id(call.reader, ENTITY_TYPES["user"], identity)
    own = orjson.dumps([identity, *(team["id"] for team in user.get("teams", []))]).decode()
    held = "key IN (SELECT holder FROM refs WHERE field = 'owners' AND target IN (SELECT value FROM json_each(?)))"
    followed = "key IN (SELECT entity FROM followers WHERE user = ?)"
    assigned = "EXISTS (SELECT 1 FROM json_each(json, '$.task.assignees') a WHERE a.value ->> 'id' IN {})"
    kind = call.arg("filterType")
    if kind == "FOLLOWS":
        return followed, [identity]
    if kind == "ASSIGNED_TO":
        return assigned.format("(SELECT value FROM json_each(?))"), [own]
    if kind == "ASSIGNED_BY":
        return "json ->> '$.createdBy' = ? AND json ->> '$.type' = 'Task'", [user["name"]]
    if kind == "MENTIONS":
        return "instr(json, ?) > 0", [f"<#E::user::{user['name']}"]
    if kind == "OWNER_OR_FOLLOWS":
        return f"({held} OR {followed})", [own, identity]
    return f"({held} OR json ->> '$.createdBy' = ?)", [own, user["name"]]


def _cursor(stamp: int) -> str:
    return base64.urlsafe_b64encode(str(stamp).encode()).decode()


def _stamp(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor))
    except (ValueError, binascii.Error):
        raise BadRequestError("Invalid cursor in query parameter before or after") from None


def _shown(connection: Connection, call: Call, thread: Json, posts: int | None = None) -> Json:
    resolver = Resolver(connection, call.base)
    shown = {name: value for name, value in thread.items() if name != "timestamp"}
    shown["href"] = f"{call.base}/v1/feed/{thread['id']}"
    entity = resolver.read(thread["entityRef"])
    if entity:
        shown["entityRef"] = entity
    if posts is not None:
        shown["posts"] = thread["posts"][-posts:] if posts else []
    if "task" in thread:
        shown["task"] = {**thread["task"], "assignees": resolver.read_all(thread["task"]["assignees"])}
    return shown


def _changed(call: Call, find: Callable[[Connection], Json], change: Callable[[Connection, Json], Any]) -> Any:
    """Change a thread in a transaction; what ``change`` returns."""

    def work(connection: Connection) -> Any:
        thread = find(connection)
        result = change(connection, thread)
        thread["updatedAt"], thread["updatedBy"] = now(), call.principal.name
        thread["postsCount"] = len(thread["posts"])
        records.put(connection, KIND, thread["entityRef"]["id"], thread)
        return result

    return call.store.write(work)


def _by_id(call: Call) -> Callable[[Connection], Json]:
    return lambda connection: records.need(connection, KIND, call.id)


def _may_change(call: Call, author: str) -> None:
    if author != call.principal.name and not (call.principal.is_admin or call.principal.is_bot):
        raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not the author")


def _patch(call: Call) -> Json:
    def change(connection: Connection, thread: Json) -> Json:
        _may_change(call, thread["createdBy"])
        kept = {name: thread[name] for name in _MINE if name in thread}
        patched = apply(orjson.loads(orjson.dumps(thread)), call.array)
        thread.clear()
        thread.update({**patched, **kept, "timestamp": kept["threadTs"]})
        shown = _shown(connection, call, thread)
        models.check("entity.feed.thread:Thread", shown)
        return shown

    return _changed(call, _by_id(call), change)


def _delete(call: Call) -> Json:
    def work(connection: Connection) -> Json:
        thread = records.need(connection, KIND, call.id)
        _may_change(call, thread["createdBy"])
        records.remove(connection, KIND, None, "id = ?", call.id)
        return _shown(connection, call, thread)

    return call.store.write(work)


def _posts(call: Call) -> Json:
    posts = records.need(call.reader, KIND, call.id)["posts"]
    return {"data": posts, "paging": {"total": len(posts)}}


def _post(call: Call) -> Reply:
    request = call.object
    models.check("api.feed.createPost:CreatePostRequest", request)
    post = {"id": new_id(), "message": request["message"], "postTs": now(), "from": call.principal.name}
    _changed(call, _by_id(call), lambda _, thread: thread["posts"].append(post))
    return Reply(201, post)


def _own_post(call: Call, thread: Json) -> Json:
    found = next((each for each in thread["posts"] if each["id"] == call.params["post"]), None)
    if found is None:
        raise NotFoundError(f"Post instance for {call.params['post']} not found")
    _may_change(call, found["from"])
    return found


def _patch_post(call: Call) -> Json:
    def change(_connection: Connection, thread: Json) -> Json:
        post = _own_post(call, thread)
        patched = {**apply({**post}, call.array), "id": post["id"], "from": post["from"], "postTs": post["postTs"]}
        models.check("entity.feed.thread:Post", patched)
        post.update(patched)
        return post

    return _changed(call, _by_id(call), change)


def _delete_post(call: Call) -> Json:
    def change(_connection: Connection, thread: Json) -> Json:
        post = _own_post(call, thread)
        thread["posts"].remove(post)
        return post

    return _changed(call, _by_id(call), change)


def _finish(call: Call, thread: Json) -> None:
    task = thread["task"]
    if task["status"] == _CLOSED:
        raise BadRequestError(f"Task {task['id']} is already closed")
    mine = {held["id"] for held in task["assignees"]}
    if not (call.principal.is_admin or call.principal.is_bot or call.principal.id in mine):
        _may_change(call, thread["createdBy"])
    task["status"], task["closedBy"], task["closedAt"] = _CLOSED, call.principal.name, now()
    thread["resolved"] = True


def _resolve(call: Call, keys: Keys) -> Json:
    request = call.object
    models.check("api.feed.resolveTask:ResolveTaskRequest", request)

    def change(connection: Connection, thread: Json) -> Json:
        _finish(call, thread)
        thread["task"]["newValue"] = request["newValue"]
        field = {"Description": "description", "Tag": "tags"}
        wanted = next((name for word, name in field.items() if thread["task"]["type"].endswith(word)), None)
        if wanted:
            row, entity, path = linked(connection, thread["about"])
            take(Writing(connection, keys, call.principal), row, entity, path or [wanted], request["newValue"])
        return _shown(connection, call, thread)

    return _changed(call, lambda connection: _task(connection, call), change)


def _close(call: Call) -> Json:
    request = call.object
    models.check("api.feed.closeTask:CloseTaskRequest", request)

    def change(connection: Connection, thread: Json) -> Json:
        _finish(call, thread)
        post = {"id": new_id(), "message": request["comment"], "postTs": now(), "from": call.principal.name}
        thread["posts"].append(post)
        return _shown(connection, call, thread)

    return _changed(call, lambda connection: _task(connection, call), change)


def _count(call: Call) -> Json:
    """How many threads of each sort an entity has."""
    link = call.arg("entityLink")
    key = linked(call.reader, link)[1]["id"] if link else None
    found = records.listed(call.reader, KIND, key)
    tasks = [thread["task"] for thread in found if "task" in thread]
    opened = sum(task["status"] == _OPEN for task in tasks)
    counts: Json = {
        "entityLink": link or "",
        "conversationCount": sum(thread["type"] == "Conversation" for thread in found),
        "openTaskCount": opened,
        "closedTaskCount": len(tasks) - opened,
        "totalTaskCount": len(tasks),
        "mentionCount": 0,
    }
    return {"data": [counts], "paging": {"total": 1}}
