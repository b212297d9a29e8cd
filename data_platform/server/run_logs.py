"""Logs of ingestion runs, sent in pieces and read back by lines; and what a pipeline service would do, which is none.

Nothing runs ingestion pipelines here: deploying or triggering one is answered as OpenMetadata does without a pipeline
service, by saying so.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from typing import TYPE_CHECKING

import orjson

from data_platform.server import documents, records
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["ingestionPipeline"]
_DISABLED = {"code": 200, "platform": "Disabled", "reason": "The pipeline service client is disabled"}


def register(router: Router, keys: Keys) -> None:
    logs = f"{ROW.route}/logs/{{fqn}}"
    router.add("POST", f"{logs}/{{run}}", _append)
    router.add("GET", f"{logs}/{{run}}", _read)
    router.add("POST", f"{logs}/{{run}}/close", _close)
    router.add("GET", f"{ROW.route}/logs/{{id}}/last", _last)
    router.add("POST", f"{ROW.route}/toggleIngestion/{{id}}", lambda call: _toggle(call, keys))
    for action in ("trigger", "deploy", "kill"):
        router.add("POST", f"{ROW.route}/{action}/{{id}}", _not_run)


def _kind(run: str) -> str:
    return f"log {run}"


def _append(call: Call) -> Reply:
    may_write(call, ROW, "EditIngestionPipelineStatus")
    batch = call.object
    text = _text(batch)

    def work(connection: Connection) -> None:
        pipeline = documents.need(connection, ROW, call.params["fqn"])
        if text:
            held = connection.execute(
                "SELECT count(*) FROM records WHERE kind = ? AND key = ?", (_kind(call.params["run"]), pipeline["id"])
            ).fetchone()[0]
            piece: Json = {"id": new_id(), "timestamp": held, "logs": text, "at": now()}
            records.put(connection, _kind(call.params["run"]), pipeline["id"], piece)

    call.store.write(work)
    return Reply(200, {"code": 200, "message": "Logs stored"})


def _text(batch: Json) -> str:
    logs = batch.get("logs", "")
    if not isinstance(logs, str):
        raise BadRequestError("logs must be text")
    if not batch.get("compressed"):
        return logs
    try:
        return gzip.decompress(base64.b64decode(logs, validate=True)).decode()
    except (binascii.Error, OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise BadRequestError("compressed logs must be gzip in base64") from None


def _lines(connection: Connection, pipeline: str, run: str) -> list[str]:
    pieces = records.listed(connection, _kind(run), pipeline)
    return [line for piece in reversed(pieces) for line in piece["logs"].splitlines()]


def _read(call: Call) -> Json:
    pipeline = documents.need(call.reader, ROW, call.params["fqn"])
    lines = _lines(call.reader, pipeline["id"], call.params["run"])
    after = call.arg("after")
    offset, limit = call.window(1000)
    start = int(after) if after and after.isdigit() else offset
    reply: Json = {"logs": "\n".join(lines[start : start + limit]), "total": len(lines)}
    if start + limit < len(lines):
        reply["after"] = str(start + limit)
    return reply


def _last(call: Call) -> Json:
    pipeline = documents.need_id(call.reader, ROW, call.id)
    line = call.reader.execute(
        "SELECT kind FROM records WHERE key = ? AND kind LIKE 'log %' ORDER BY json ->> 'at' DESC LIMIT 1",
        (pipeline["id"],),
    ).fetchone()
    lines = _lines(call.reader, pipeline["id"], line["kind"].removeprefix("log ")) if line else []
    return {f"{pipeline['pipelineType']}_task": "\n".join(lines), "total": str(len(lines))}


def _close(call: Call) -> Json:
    may_write(call, ROW, "EditIngestionPipelineStatus")
    documents.need(call.reader, ROW, call.params["fqn"])
    return {"code": 200, "message": "Log stream closed"}


def _not_run(call: Call) -> Json:
    may_write(call, ROW, "Trigger")
    documents.need_id(call.reader, ROW, call.id)
    return dict(_DISABLED)


def _toggle(call: Call, keys: Keys) -> Json:
    may_write(call, ROW, "EditAll")

    def work(connection: Connection) -> Json:
        original = documents.need_id(connection, ROW, call.id)
        changed = {**orjson.loads(orjson.dumps(original)), "enabled": not original.get("enabled", True)}
        stored = Writing(connection, keys, call.principal).update(ROW, original, changed, patch=False)
        return View.of(call, keys, connection).one(ROW, stored, set())

    return call.store.write(work)
