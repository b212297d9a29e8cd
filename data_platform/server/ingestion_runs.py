"""Ingestion pipelines: their runs as a series, live progress, operation metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import documents, models, series
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import now
from data_platform.server.permissions import may_write
from data_platform.server.problems import NotFoundError
from data_platform.server.rules import COMPUTED, ON_REQUEST, PREPARE
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["ingestionPipeline"]
_STATUS = "entity.services.ingestionPipelines.ingestionPipeline:PipelineStatus"
_PROGRESS = "entity.services.ingestionPipelines.progressUpdate:ProgressUpdate"


def register(router: Router, keys: Keys) -> None:
    route = ROW.route
    router.add("PUT", f"{route}/{{fqn}}/pipelineStatus", lambda call: _put_status(call, keys))
    router.add("GET", f"{route}/{{fqn}}/pipelineStatus", _statuses)
    router.add("GET", f"{route}/{{fqn}}/pipelineStatus/{{run}}", _status)
    router.add("PUT", f"{route}/progress/{{fqn}}/{{run}}", _put_progress)
    router.add("GET", f"{route}/progress/{{fqn}}/{{run}}", _progress)
    router.add("POST", f"{route}/metrics/{{fqn}}/{{run}}", _put_metrics)
    router.add("GET", f"{route}/status", lambda _: {"code": 200, "platform": "embedded"})


def _pipeline(connection: Connection, call: Call) -> Json:
    return documents.need(connection, ROW, call.params["fqn"])


def _put_status(call: Call, keys: Keys) -> Reply:
    may_write(call, ROW, "EditIngestionPipelineStatus")
    status = call.object
    models.check(_STATUS, status)

    def work(connection: Connection) -> Json:
        pipeline = _pipeline(connection, call)
        run = status.get("runId", "")
        earlier: Json = series.latest(connection, pipeline["id"], "run", run) or {}
        stamp = status.get("timestamp") or earlier.get("timestamp") or status.get("startDate") or now()
        merged = {**earlier, **status, "timestamp": series.stamped(stamp)}
        if earlier:
            series.delete(connection, pipeline["id"], "run", earlier["timestamp"])
        series.put(connection, pipeline["id"], "run", run, merged["timestamp"], merged)
        pipeline["pipelineStatuses"] = merged
        return View.of(call, keys, connection).one(ROW, pipeline, {"pipelineStatuses"})

    return Reply(200, call.store.write(work))


def _statuses(call: Call) -> Json:
    return series.between(call, _pipeline(call.reader, call)["id"], "run", None)


def _status(call: Call) -> Reply:
    """One run's status; an unknown run is no error but no content, by which a client learns to file its first."""
    found = series.latest(call.reader, _pipeline(call.reader, call)["id"], "run", call.params["run"])
    return Reply(200, found) if found else Reply(204)


def _put_progress(call: Call) -> Json:
    may_write(call, ROW, "EditIngestionPipelineStatus")
    update = call.object
    models.check(_PROGRESS, update)
    name = f"progress {call.params['run']}"
    call.store.write(lambda connection: series.attach(connection, _pipeline(connection, call)["id"], name, update))
    return update


def _progress(call: Call) -> Json:
    name = f"progress {call.params['run']}"
    found = series.attached(call.reader, _pipeline(call.reader, call)["id"], name)
    if found is None:
        raise NotFoundError(f"progress of {call.params['run']} not found")
    return found


def _put_metrics(call: Call) -> Json:
    may_write(call, ROW, "EditIngestionPipelineStatus")
    batch = call.object
    stamp = now()
    call.store.write(
        lambda connection: series.put(
            connection, _pipeline(connection, call)["id"], "metrics", call.params["run"], stamp, batch
        )
    )
    return {"code": 200, "message": "Metrics stored"}


def _prepare(_connection: Connection, document: Json, _request: Json, _principal: Principal) -> None:
    document.setdefault("enabled", True)
    document.setdefault("deployed", False)


PREPARE["ingestionPipeline"].append(_prepare)
ON_REQUEST["ingestionPipeline"].add("pipelineStatuses")
COMPUTED["ingestionPipeline"]["pipelineStatuses"] = lambda connection, document: _newest(connection, document)


def _newest(connection: Connection, document: Json) -> Json | None:
    runs = series.latest_by_key(connection, document["id"], "run")
    return max(runs.values(), key=lambda run: run["timestamp"], default=None)
