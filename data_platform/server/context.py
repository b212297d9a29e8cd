"""An entity as a page of Markdown, ``/name/{fqn}/context``: what it is, its columns, tags, and nearest lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from data_platform.server import columns, documents, lineage
from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.permissions import may_read
from data_platform.server.references import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router


def register(router: Router, keys: Keys) -> None:
    del keys
    for row in ENTITY_TYPES.values():
        router.add("GET", f"{row.route}/name/{{fqn}}/context", _context(row))


def _context(row: EntityType) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        document = documents.need(call.reader, row, call.params["fqn"])
        may_read(call, row, document)
        lines = [f"# {document['fullyQualifiedName']}", "", f"- type: {row.name}"]
        tags = sorted({label["tagFQN"] for label in document.get("tags", [])})
        if tags:
            lines.append(f"- tags: {', '.join(tags)}")
        if document.get("description"):
            lines += ["", document["description"]]
        lines += _columns(row, document)
        for title, near, far in (("Upstream", "target", "source"), ("Downstream", "source", "target")):
            lines += _neighbours(call, document, title, near, far)
        return Response("\n".join(lines) + "\n", media_type="text/markdown")

    return handler


def _columns(row: EntityType, document: Json) -> list[str]:
    held = list(columns.all_columns(columns.parts(row.name, document)))
    shown = [f"- `{each['name']}` {each.get('dataType', '')} {each.get('description', '')}".rstrip() for each in held]
    return ["", "## Columns", "", *shown] if shown else []


def _neighbours(call: Call, document: Json, title: str, near: str, far: str) -> list[str]:
    edges = lineage.walk(call.reader, document["id"], 1, near, far)
    found = Resolver(call.reader, call.base).read_all([{"id": edge[far]} for edge in edges])
    return ["", f"## {title}", "", *(f"- {each['fullyQualifiedName']}" for each in found)] if found else []
