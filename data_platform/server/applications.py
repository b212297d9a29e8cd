"""Applications: installed from the marketplace's definitions, triggered, with a list of their runs.

None of them runs here. Searching reads the database itself, so reindexing has nothing to do: it is over at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import documents, records
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, no_instance
from data_platform.server.rules import PREPARE

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

APP, DEFINITION = ENTITY_TYPES["app"], ENTITY_TYPES["appMarketPlaceDefinition"]
KIND = "appRun"
_COPIED = (
    "displayName", "description", "features", "developer", "developerUrl", "privacyPolicyUrl", "supportEmail",
    "className", "appType", "agentType", "scheduleType", "permission", "runtime", "allowConfiguration", "system",
    "appConfiguration", "supportsInterrupt",
)  # fmt: skip


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("POST", "/apps/trigger/{fqn}", _trigger)
    router.add("GET", "/apps/name/{fqn}/status", _runs)
    router.add("GET", "/apps/name/{fqn}/runs/latest", _latest)
    router.add("PUT", "/apps/stop/{fqn}", _stop)


def _trigger(call: Call) -> Json:
    may_write(call, APP, "Trigger")

    def work(connection: Connection) -> None:
        app = documents.need(connection, APP, call.params["fqn"])
        stamp = now()
        run: Json = {
            "id": new_id(),
            "appId": app["id"],
            "appName": app["name"],
            "runType": "OnDemand",
            "status": "success",
            "timestamp": stamp,
            "startTime": stamp,
            "endTime": stamp,
        }
        records.put(connection, KIND, app["id"], run)

    call.store.write(work)
    return {"code": 200, "message": f"Application [{call.params['fqn']}] has been triggered."}


def _app(call: Call) -> Json:
    return documents.need(call.reader, APP, call.params["fqn"])


def _runs(call: Call) -> Json:
    return records.between(call, KIND, _app(call)["id"])


def _latest(call: Call) -> Json:
    app = _app(call)
    found = records.latest(call.reader, KIND, app["id"])
    if found is None:
        raise no_instance(KIND, app["name"])
    return found


def _stop(call: Call) -> Json:
    may_write(call, APP, "Trigger")
    _app(call)
    return {"code": 200, "message": "Application stopped."}


def _prepare(connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    if "name" not in request:
        raise BadRequestError("name: Field required")
    definition = documents.need(connection, DEFINITION, request["name"])
    for field in _COPIED:
        if field in definition:
            document.setdefault(field, definition[field])
    document.setdefault("runtime", {"enabled": True})
    document.setdefault("enabled", True)


def _prepare_definition(_connection: Connection, document: Json, _request: Json, _principal: Principal) -> None:
    document.setdefault("runtime", {"enabled": True})


PREPARE["app"].append(_prepare)
PREPARE["appMarketPlaceDefinition"].append(_prepare_definition)
