"""Queries: named by the checksum of their text, used by people and in tables; and what they cost."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, models
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import now
from data_platform.server.permissions import may_write
from data_platform.server.references import find, need_reference
from data_platform.server.rules import PREPARE
from data_platform.server.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["query"]


def register(router: Router, keys: Keys) -> None:
    def changing(change: Callable[[Connection, Json, list[Any]], None]) -> Callable[[Call], Json]:
        def handler(call: Call) -> Json:
            may_write(call, ROW, "EditAll")
            values = call.array

            def work(connection: Connection) -> Json:
                document = documents.need_id(connection, ROW, call.id)
                change(connection, document, values)
                document["updatedAt"], document["updatedBy"] = now(), call.principal.name
                documents.save(connection, ROW, document)
                return View.of(call, keys, connection).one(ROW, document, set(ROW.fields))

            return call.store.write(work)

        return handler

    def cost(call: Call) -> Reply:
        request = call.object
        models.check("api.data.createQueryCostRecord:CreateQueryCostRecordRequest", request)

        def work(connection: Connection) -> Json:
            held = request["queryReference"]
            query = documents.need_id(connection, ROW, held["id"])
            record = {**request, "id": str(uuid.uuid4()), "updatedAt": now(), "updatedBy": call.principal.name}
            connection.execute(
                "INSERT OR REPLACE INTO series VALUES (?, 'queryCost', '', ?, ?)",
                (query["id"], int(request["timestamp"]), orjson.dumps(record)),
            )
            return record

        return Reply(201, call.store.write(work))

    router.add("PUT", "/queries/{id}/usage", changing(_use_in))
    router.add("DELETE", "/queries/{id}/usage", changing(_no_longer_in))
    router.add("PUT", "/queries/{id}/users", changing(_add_users))
    router.add("PUT", "/queries/{id}/usedBy", changing(_add_used_by))
    router.add("POST", "/queryCostRecord", cost)


def _use_in(connection: Connection, document: Json, values: list[Any]) -> None:
    held = document.setdefault("queryUsedIn", [])
    for value in values:
        _, entity = need_reference(connection, str(value["id"]))
        if all(each["id"] != entity["id"] for each in held):
            held.append({"id": entity["id"], "type": value["type"]})


def _no_longer_in(_connection: Connection, document: Json, values: list[Any]) -> None:
    gone = {str(value["id"]) for value in values}
    document["queryUsedIn"] = [each for each in document.get("queryUsedIn", []) if each["id"] not in gone]


def _add_users(connection: Connection, document: Json, values: list[Any]) -> None:
    held = document.setdefault("users", [])
    for value in values:
        user = find(connection, "user", str(cast("Json", value)["id"]) if isinstance(value, dict) else str(value))
        if user not in held:
            held.append(user)


def _add_used_by(_connection: Connection, document: Json, values: list[Any]) -> None:
    document["usedBy"] = list(dict.fromkeys([*document.get("usedBy", []), *map(str, values)]))


def checksum(text: str) -> str:
    """The MD5 of a query's exact text."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _prepare(_connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    document["checksum"] = checksum(request["query"])
    document.setdefault("name", document["checksum"])


PREPARE["query"].append(_prepare)
