"""Small rules of single asset types: data models, pipelines' runs, containers' children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import documents, models, series
from data_platform.server.calls import without_nulls
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.names import join
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.references import Resolver
from data_platform.server.rules import COMPUTED, FILTERS, ON_REQUEST, PREPARE
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

PIPELINE, CONTAINER = ENTITY_TYPES["pipeline"], ENTITY_TYPES["container"]
_STATUS = "entity.data.pipeline:PipelineStatus"


def register(router: Router, keys: Keys) -> None:
    router.add("PUT", "/pipelines/{fqn}/status", lambda call: _put_statuses(call, keys, [call.object]))
    router.add("PUT", "/pipelines/{fqn}/status/bulk", lambda call: _put_statuses(call, keys, call.array))
    router.add("GET", "/pipelines/{fqn}/status", _statuses)
    router.add("DELETE", "/pipelines/{fqn}/status/{timestamp}", lambda call: _forget_status(call, keys))
    router.add("GET", "/containers/name/{fqn}/children", lambda call: _children(call, keys))
    router.add("GET", "/containers/name/{fqn}/ancestors", _ancestors)


def _put_statuses(call: Call, keys: Keys, statuses: list[Any]) -> Json:
    may_write(call, PIPELINE, "EditStatus")
    sent: list[Json] = without_nulls(statuses)
    for status in sent:
        models.check(_STATUS, status)

    def work(connection: Connection) -> Json:
        pipeline = documents.need(connection, PIPELINE, call.params["fqn"])
        tasks = {task["name"] for task in pipeline.get("tasks", [])}
        for status in sent:
            for task in status.get("taskStatus", []):
                if task["name"] not in tasks:
                    raise BadRequestError(f"Invalid task name {task['name']}")
            stamp = series.stamped(status.get("timestamp"))
            series.put(connection, pipeline["id"], "status", str(status.get("executionId", "")), stamp, status)
        return View.of(call, keys, connection).one(PIPELINE, pipeline, {"pipelineStatus"})

    return call.store.write(work)


def _statuses(call: Call) -> Json:
    pipeline = documents.need(call.reader, PIPELINE, call.params["fqn"])
    return series.between(call, pipeline["id"], "status", None)


def _forget_status(call: Call, keys: Keys) -> Json:
    may_write(call, PIPELINE, "EditStatus")
    stamp = call.params["timestamp"]

    def work(connection: Connection) -> Json:
        pipeline = documents.need(connection, PIPELINE, call.params["fqn"])
        if not stamp.isdigit() or not series.delete(connection, pipeline["id"], "status", int(stamp)):
            raise NotFoundError(f"Failed to find pipeline status for {call.params['fqn']} at {stamp}")
        return View.of(call, keys, connection).one(PIPELINE, pipeline, {"pipelineStatus"})

    return call.store.write(work)


def _latest_status(connection: Connection, document: Json) -> Json | None:
    statuses = series.latest_by_key(connection, document["id"], "status")
    return max(statuses.values(), key=lambda status: status["timestamp"], default=None)


def _children(call: Call, keys: Keys) -> Json:
    container = documents.need(call.reader, CONTAINER, call.params["fqn"])
    offset, limit = call.window()
    where = "parent = ? AND type = 'container' AND deleted = 0"
    total = call.reader.execute(f"SELECT count(*) FROM entities WHERE {where}", (container["id"],)).fetchone()[0]  # noqa: S608
    lines = call.reader.execute(
        f"SELECT json FROM entities WHERE {where} ORDER BY name LIMIT ? OFFSET ?",  # noqa: S608
        (container["id"], limit, offset),
    )
    shown = View.of(call, keys).many(CONTAINER, [orjson.loads(line["json"]) for line in lines], set())
    return {"data": shown, "paging": {"total": total, "offset": offset, "limit": limit}}


def _ancestors(call: Call) -> list[Json]:
    """The containers that hold this one, from the outermost to the nearest."""
    above: list[Json] = []
    held = documents.need(call.reader, CONTAINER, call.params["fqn"]).get("parent")
    while held is not None:
        above.append(held)
        held = documents.need_id(call.reader, CONTAINER, held["id"], "all").get("parent")
    return Resolver(call.reader, call.base).read_all(above[::-1])


def _name_model(connection: Connection, document: Json, _request: Json, _principal: Principal) -> None:
    service = documents.need_id(connection, ENTITY_TYPES["dashboardService"], document["service"]["id"], "all")
    document["fullyQualifiedName"] = join(f"{service['fullyQualifiedName']}.model", document["name"])


PREPARE["dashboardDataModel"].append(_name_model)
ON_REQUEST["pipeline"].update({"tasks", "pipelineStatus"})
COMPUTED["pipeline"]["pipelineStatus"] = _latest_status
for _kind in ("container", "directory"):
    FILTERS[_kind]["root"] = lambda value: (
        "json ->> '$.parent.id' IS NULL" if value == "true" else "1",
        list[Any](),
    )
