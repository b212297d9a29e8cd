"""The OpenAPI document of what is served, made from the table of routes: ``/swagger.json``.

Bodies are described by the names of their fields and which of them must be there; their values are for the server to
judge, by OpenMetadata's own models.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from data_platform.server import models
from data_platform.server.entity_types import ENTITY_TYPES, EntityType

if TYPE_CHECKING:
    from data_platform.server.routing import Router

Json = dict[str, Any]

_PARAMETER = re.compile(r"\{(\w+)\}")
_LIST = {"limit": "integer", "before": "string", "after": "string", "include": "string", "fields": "string"}
_READ = {"fields": "string", "include": "string"}
_DELETE = {"hardDelete": "boolean", "recursive": "boolean"}
_SEARCH = {"q": "string", "index": "string", "from": "integer", "size": "integer", "query_filter": "string"}
_TIMES = {"startTs": "integer", "endTs": "integer", "limit": "integer"}
_ARRAYS = ("/bulk", "/status/bulk", "/pipelineObservability", "/usage", "/users", "/usedBy")


def document(router: Router, version: str) -> Json:
    """The whole document."""
    paths: dict[str, Json] = {}
    for method, pattern, _ in router.routes:
        paths.setdefault(pattern, {})[method.lower()] = _operation(method, pattern)
    return {
        "openapi": "3.0.3",
        "info": {"title": "Embedded catalog, compatible with OpenMetadata's API", "version": version},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {"Problem": _problem()},
        },
        "paths": paths,
    }


def _problem() -> Json:
    properties = {"code": {"type": "integer"}, "message": {"type": "string"}}
    return {"type": "object", "required": ["code", "message"], "properties": properties}


def _operation(method: str, pattern: str) -> Json:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(pattern)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": {"type": kind}} for name, kind in _query(method, pattern).items()
    ]
    refused = {"description": "Refused", "content": {"application/json": {"schema": _reference("Problem")}}}
    operation: Json = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{pattern}").strip("_"),
        "tags": [pattern.split("/")[1]],
        "parameters": parameters,
        "responses": {"200": {"description": "Done"}, "default": refused},
    }
    body = _body(method, pattern)
    if body is not None:
        kind = "application/json-patch+json" if method == "PATCH" else "application/json"
        operation["requestBody"] = {"content": {kind: {"schema": body}}}
    return operation


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(method: str, pattern: str) -> dict[str, str]:
    if method == "DELETE":
        return _DELETE
    if method != "GET":
        return {}
    if pattern.startswith("/search"):
        return _SEARCH
    row = next((row for row in ENTITY_TYPES.values() if pattern.startswith(row.route)), None)
    if row is not None and pattern == row.route:
        return _LIST
    if row is not None and pattern in (f"{row.route}/{{id}}", f"{row.route}/name/{{fqn}}"):
        return _READ
    return _TIMES


def _body(method: str, pattern: str) -> Json | None:
    if method == "PATCH":
        return {"type": "array", "items": _operation_of_a_patch()}
    if method not in ("POST", "PUT"):
        return None
    row = next((row for row in ENTITY_TYPES.values() if pattern in (row.route, f"{row.route}/bulk")), None)
    schema = _create(row) if row else {"type": "object"}
    return {"type": "array", "items": schema} if pattern.endswith(_ARRAYS) else schema


def _operation_of_a_patch() -> Json:
    kinds = ["add", "remove", "replace", "move", "copy", "test"]
    properties: Json = {"op": {"type": "string", "enum": kinds}, "path": {"type": "string"}, "value": {}}
    return {"type": "object", "required": ["op", "path"], "properties": properties}


@cache
def _create(row: EntityType) -> Json:
    fields = models.load(row.create).model_fields
    return {
        "type": "object",
        "required": [info.alias or name for name, info in fields.items() if info.is_required()],
        "properties": {info.alias or name: _text(info.description) for name, info in fields.items()},
        "additionalProperties": False,
    }


def _text(description: str | None) -> Json:
    return {"description": description} if description else {}
