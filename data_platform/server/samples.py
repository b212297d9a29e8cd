"""Sample data: of tables by rows, of containers and files by rows, of topics and search indexes by messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import documents, models, series
from data_platform.server.columns import parts
from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import COMPUTED
from data_platform.server.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_ROWS = "entity.data.table:TableData"
_SAMPLED = {
    "table": _ROWS,
    "container": _ROWS,
    "file": _ROWS,
    "worksheet": _ROWS,
    "topic": "entity.data.topic:TopicSampleData",
    "searchIndex": "entity.data.searchIndex:SearchIndexSampleData",
}
"""The types that have samples, and the model of a sample."""


def register(router: Router, keys: Keys) -> None:
    for kind, model in _SAMPLED.items():
        row = ENTITY_TYPES[kind]
        path = f"{row.route}/{{id}}/sampleData"
        router.add("PUT", path, _put(keys, row, model))
        router.add("GET", path, _get(keys, row))
        router.add("DELETE", path, _delete(keys, row))


def check_rows(sample: Json, known: set[str]) -> None:
    """Refuse a sample of columns that are not there, or with rows of another width.

    Raises:
        BadRequestError: naming the first that does not fit.
    """
    named = sample.get("columns", [])
    for name in named:
        if name not in known:
            raise BadRequestError(f"Invalid column name {name}")
    for row in sample.get("rows", []):
        if len(row) != len(named):
            raise BadRequestError(f"Number of columns is {len(named)} but row has {len(row)} sample values")


def _put(keys: Keys, row: EntityType, model: str) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        may_write(call, row, "EditSampleData")
        sample = call.object
        models.check(model, sample)

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, row, call.id)
            columns = parts(row.name, document)
            if model == _ROWS and columns:
                check_rows(sample, {column["name"] for column in columns})
            series.attach(connection, document["id"], "sampleData", sample)
            return View.of(call, keys, connection).one(row, document, {"sampleData"})

        return call.store.write(work)

    return handler


def _get(keys: Keys, row: EntityType) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        return View.of(call, keys).one(row, documents.need_id(call.reader, row, call.id), {"sampleData"})

    return handler


def _delete(keys: Keys, row: EntityType) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        may_write(call, row, "EditSampleData")

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, row, call.id)
            series.attach(connection, document["id"], "sampleData", None)
            return View.of(call, keys, connection).one(row, document, set())

        return call.store.write(work)

    return handler


for _kind in _SAMPLED:
    COMPUTED[_kind]["sampleData"] = lambda connection, document: series.attached(
        connection, document["id"], "sampleData"
    )
