"""Custom metrics of tables and of columns: queries that the profiler runs. They make no version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import columns, documents, models
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.permissions import may_write
from data_platform.server.problems import NotFoundError
from data_platform.server.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_TABLE = ENTITY_TYPES["table"]


def register(router: Router, keys: Keys) -> None:
    def changing(change: Callable[[Call, Json], None]) -> Callable[[Call], Json]:
        def handler(call: Call) -> Json:
            may_write(call, _TABLE, "EditDataProfile")

            def work(connection: Connection) -> Json:
                table = documents.need_id(connection, _TABLE, call.id)
                change(call, table)
                documents.save(connection, _TABLE, table)
                return View.of(call, keys, connection).one(_TABLE, table, {"customMetrics"})

            return call.store.write(work)

        return handler

    router.add("PUT", "/tables/{id}/customMetric", changing(_put))
    router.add("DELETE", "/tables/{id}/customMetric/{name}", changing(_delete))
    router.add("DELETE", "/tables/{id}/customMetric/{column}/{name}", changing(_delete))


def _put(call: Call, table: Json) -> None:
    request = call.object
    models.check("api.tests.createCustomMetric:CreateCustomMetricRequest", request)
    holder = _holder(table, request.get("columnName"))
    before = next((each for each in holder.get("customMetrics", []) if each["name"] == request["name"]), None)
    identity = before["id"] if before else new_id()
    metric = {**request, "id": identity, "updatedAt": now(), "updatedBy": call.principal.name}
    holder["customMetrics"] = [each for each in holder.get("customMetrics", []) if each is not before] + [metric]


def _delete(call: Call, table: Json) -> None:
    holder, name = _holder(table, call.params.get("column")), call.params["name"]
    kept = [each for each in holder.get("customMetrics", []) if each["name"] != name]
    if len(kept) == len(holder.get("customMetrics", [])):
        raise NotFoundError(f"Failed to find metric {name} for {table['name']}")
    holder["customMetrics"] = kept


def _holder(table: Json, column: str | None) -> Json:
    """What a metric is of: the table, or the column of that name."""
    if column is None:
        return table
    for each in columns.all_columns(table["columns"]):
        if each["name"] == column:
            return each
    raise NotFoundError(f"Failed to find column {column} for table {table['name']}")
