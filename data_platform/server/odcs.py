"""Data contracts in the Open Data Contract Standard: written from a contract, and read into one.

What both sides have goes over: name, description, status, columns with types and keys. A contract that is changed in
this form keeps all else that it has.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import yaml
from starlette.responses import Response

from data_platform.server import documents, models
from data_platform.server.calls import Reply
from data_platform.server.contracts import ROW, contract_of, from_yaml, schema_validation
from data_platform.server.entity_types import entity_type
from data_platform.server.names import unquote
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_MODEL = "entity.datacontract.odcs.odcsDataContract:ODCSDataContract"
_STATUS = {"Draft": "draft", "In Review": "proposed", "Approved": "active", "Deprecated": "deprecated"}
_LOGICAL = {
    "INT": "integer", "BIGINT": "integer", "SMALLINT": "integer", "TINYINT": "integer", "NUMBER": "number",
    "DOUBLE": "number", "FLOAT": "number", "DECIMAL": "number", "NUMERIC": "number", "BOOLEAN": "boolean",
    "DATE": "date", "TIMESTAMP": "timestamp", "DATETIME": "timestamp", "TIME": "time", "ARRAY": "array",
    "STRUCT": "object", "JSON": "object", "MAP": "object",
}  # fmt: skip
_PHYSICAL = {
    "string": "STRING", "text": "STRING", "integer": "INT", "long": "BIGINT", "number": "DOUBLE", "decimal": "DECIMAL",
    "float": "FLOAT", "double": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP",
    "time": "TIME", "object": "STRUCT", "array": "ARRAY", "bytes": "BYTES",
}  # fmt: skip


def register(router: Router, keys: Keys) -> None:
    route = ROW.route
    for pattern in (f"{route}/{{id}}/odcs", f"{route}/name/{{fqn}}/odcs"):
        router.add("GET", pattern, _export)
        router.add("GET", f"{pattern}/yaml", _export_yaml)
    for path, read in (("", _object), ("/yaml", from_yaml)):
        router.add("POST", f"{route}/odcs{path}", _importing(keys, read, fresh=True))
        router.add("PUT", f"{route}/odcs{path}", _importing(keys, read, fresh=False))
    router.add("POST", f"{route}/odcs/validate/yaml", _validate)
    router.add("POST", f"{route}/odcs/parse/yaml", _parse)


def _object(call: Call) -> Json:
    return call.object


def _read(call: Call) -> Json:
    if "fqn" in call.params:
        return documents.need(call.reader, ROW, call.params["fqn"])
    return documents.need_id(call.reader, ROW, call.id)


def _export(call: Call) -> Json:
    contract = _read(call)
    entity = documents.need_id(call.reader, entity_type(contract["entity"]["type"]), contract["entity"]["id"], "all")
    described = {"purpose": contract["description"]} if contract.get("description") else {}
    terms = contract.get("termsOfUse", {}).get("content")
    if terms:
        described["usage"] = terms
    exported: Json = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": contract["id"],
        "name": contract["name"],
        "version": str(contract["version"]),
        "status": _STATUS.get(contract.get("entityStatus", ""), "draft"),
        "schema": [
            {
                "name": unquote(entity["name"]),
                "physicalName": entity["fullyQualifiedName"],
                "logicalType": "object",
                "properties": [_property(column) for column in contract.get("schema", [])],
            }
        ],
    }
    return {**exported, "description": described} if described else exported


def _property(column: Json) -> Json:
    constraint = column.get("constraint")
    found: Json = {
        "name": column["name"],
        "logicalType": _LOGICAL.get(column["dataType"], "string"),
        "physicalType": column["dataType"],
        "required": constraint in ("NOT_NULL", "PRIMARY_KEY"),
        "unique": constraint in ("UNIQUE", "PRIMARY_KEY"),
        "primaryKey": constraint == "PRIMARY_KEY",
    }
    return {**found, "description": column["description"]} if column.get("description") else found


def _export_yaml(call: Call) -> Response:
    text: str = yaml.safe_dump(_export(call), sort_keys=False, allow_unicode=True)
    return Response(text, media_type="application/yaml")


def _checked(given: Json) -> Json:
    models.check(_MODEL, given)
    return given


def _columns(given: Json) -> list[Json]:
    schemas: list[Json] = given.get("schema") or []
    return [_column(each) for schema in schemas for each in cast("list[Json]", schema.get("properties") or [])]


def _column(held: Json) -> Json:
    physical = str(held.get("physicalType") or "").upper().split("(")[0]
    kinds = set(_LOGICAL) | set(_PHYSICAL.values()) | {"VARCHAR", "CHAR", "TEXT"}
    kind = physical if physical in kinds else _PHYSICAL.get(str(held.get("logicalType")), "STRING")
    column: Json = {"name": held["name"], "dataType": kind}
    if held.get("description"):
        column["description"] = held["description"]
    if held.get("primaryKey"):
        column["constraint"] = "PRIMARY_KEY"
    elif held.get("unique"):
        column["constraint"] = "UNIQUE"
    elif held.get("required"):
        column["constraint"] = "NOT_NULL"
    return column


def _request(connection: Connection, call: Call, given: Json) -> Json:
    kind, identity = entity_type(call.arg("entityType") or "").name, call.arg("entityId") or ""
    documents.need_id(connection, entity_type(kind), identity)
    status = next((ours for ours, theirs in _STATUS.items() if theirs == given["status"]), "Draft")
    request: Json = {
        "name": given.get("name") or given["id"],
        "entity": {"id": identity, "type": kind},
        "entityStatus": status,
        "schema": _columns(given),
    }
    described: Json = given.get("description") or {}
    for field, theirs in (("description", "purpose"), ("termsOfUse", "usage")):
        if described.get(theirs):
            request[field] = described[theirs]
    return request


def _importing(keys: Keys, read: Callable[[Call], Json], *, fresh: bool) -> Callable[[Call], Reply]:
    def handler(call: Call) -> Reply:
        may_write(call, ROW, "Create")
        given = _checked(read(call))

        def work(connection: Connection) -> Reply:
            request, writing = _request(connection, call, given), Writing(connection, keys, call.principal)
            if fresh:
                made, is_new = writing.create(ROW, request), True
            else:
                with contextlib.suppress(NotFoundError):
                    request["name"] = contract_of(connection, call)["name"]
                made, is_new = writing.put(ROW, request)
            shown = View.of(call, keys, connection).one(ROW, made, set(ROW.fields))
            return Reply(201 if is_new else 200, shown)

        return call.store.write(work)

    return handler


def _validate(call: Call) -> Json:
    given = _checked(from_yaml(call))
    request = _request(call.reader, call, given)
    validation = schema_validation(call.reader, request)
    fine = not (validation or {}).get("failed")
    return {"valid": fine, **({"schemaValidation": validation} if validation else {})}


def _parse(call: Call) -> Json:
    """What a document says, before it is imported: its objects, of which one may have to be chosen."""
    given = from_yaml(call)
    schemas: Any = given.get("schema")
    if not isinstance(schemas, list):
        raise BadRequestError("schema: expected a list")
    found = [cast("Json", each).get("name") for each in cast("list[Any]", schemas) if isinstance(each, dict)]
    told = {field: given.get(field) for field in ("name", "version", "status")}
    return {**told, "schemaObjects": found, "hasMultipleObjects": len(found) > 1}
