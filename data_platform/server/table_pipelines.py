"""What is known of the pipelines that fill a table: ``/tables/{id}/pipelineObservability``, one entry a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from data_platform.server import documents, models, references, series
from data_platform.server.calls import without_nulls
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import COMPUTED, ON_REQUEST
from data_platform.server.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

TABLE = ENTITY_TYPES["table"]
FIELD = "pipelineObservability"


def register(router: Router, keys: Keys) -> None:
    path = f"/tables/{{id}}/{FIELD}"

    def changing(change: Callable[[Call, Connection, list[Json]], list[Json]]) -> Callable[[Call], Json]:
        def handler(call: Call) -> Json:
            may_write(call, TABLE, "EditAll")

            def work(connection: Connection) -> Json:
                table = documents.need_id(connection, TABLE, call.id)
                held: list[Json] = series.attached(connection, table["id"], FIELD) or []
                series.attach(connection, table["id"], FIELD, change(call, connection, held))
                return View.of(call, keys, connection).one(TABLE, table, {FIELD})

            return call.store.write(work)

        return handler

    def read(call: Call) -> Json:
        return View.of(call, keys).one(TABLE, documents.need_id(call.reader, TABLE, call.id), {FIELD})

    router.add("PUT", path, changing(lambda call, connection, _: [_entry(connection, each) for each in call.array]))
    router.add("PUT", f"{path}/{{pipeline}}", changing(_merged))
    router.add("GET", path, read)
    router.add("DELETE", path, changing(_nothing))
    router.add("DELETE", f"{path}/{{pipeline}}", changing(_without))


def _entry(connection: Connection, sent: Any) -> Json:
    entry: Any = without_nulls(sent)
    models.check("type.pipelineObservability:PipelineObservability", entry)
    held = cast("Json", entry)["pipeline"]
    named = str(held.get("id") or held.get("fullyQualifiedName"))
    return {**entry, "pipeline": references.find(connection, "pipeline", named)}


def _nothing(_call: Call, _connection: Connection, _held: list[Json]) -> list[Json]:
    return []


def _merged(call: Call, connection: Connection, held: list[Json]) -> list[Json]:
    entry = _entry(connection, call.object)
    pipeline = documents.need(connection, ENTITY_TYPES["pipeline"], call.params["pipeline"])
    if entry["pipeline"]["id"] != pipeline["id"]:
        raise BadRequestError("The pipeline of the path is not the one of the body")
    return [*_others(held, pipeline), entry]


def _without(call: Call, connection: Connection, held: list[Json]) -> list[Json]:
    return _others(held, documents.need(connection, ENTITY_TYPES["pipeline"], call.params["pipeline"]))


def _others(held: list[Json], pipeline: Json) -> list[Json]:
    return [each for each in held if each["pipeline"]["id"] != pipeline["id"]]


def _read(connection: Connection, table: Json) -> list[Json]:
    entries: list[Json] = series.attached(connection, table["id"], FIELD) or []
    shown: list[Json] = []
    for entry in entries:
        pipeline = documents.find_id(connection, ENTITY_TYPES["pipeline"], entry["pipeline"]["id"])
        if pipeline is not None:
            named = {"name": pipeline["name"], "fullyQualifiedName": pipeline["fullyQualifiedName"]}
            shown.append({**entry, "pipeline": {**entry["pipeline"], **named}})
    return shown


ON_REQUEST["table"].add(FIELD)
COMPUTED["table"][FIELD] = _read
