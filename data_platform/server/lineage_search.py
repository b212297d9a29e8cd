"""Lineage as OpenMetadata's site and its exports read it: nodes by name with their depth, edges by a key, CSV.

The graph is :mod:`lineage`'s; here are only its other shapes. There are no pages of it: a graph is answered whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from data_platform.server import documents, lineage
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES, entity_type
from data_platform.server.ids import new_id
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.references import find, find_any
from data_platform.server.search_sql import document_of

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_SIDES = {"upstream": ("target", "source"), "downstream": ("source", "target")}
"""By direction, the near and the far end of an edge."""

_ENDS = ("EntityFQN", "ServiceName", "ServiceType", "Owners", "Domain")
_PIPELINE = ("Name", "DisplayName", "Type", "Description", "Owners", "Domain", "ServiceName", "ServiceType")
_HEADERS = [
    *(f"{end}{field}" for end in ("from", "to") for field in _ENDS),
    "fromChildEntityFQN",
    "toChildEntityFQN",
    *(f"pipeline{field}" for field in _PIPELINE),
]


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("GET", "/lineage/getLineage", _both)
    router.add("GET", "/lineage/getLineage/{direction}", _one_way)
    router.add("GET", "/lineage/export", _export)
    router.add("GET", "/lineage/exportAsync", _export_started)


def _both(call: Call) -> Json:
    return _graph(call, tuple(_SIDES))


def _one_way(call: Call) -> Json:
    direction = call.params["direction"].lower()
    if direction not in _SIDES:
        raise BadRequestError("The direction of lineage must be one of [Upstream, Downstream]")
    return _graph(call, (direction,))


def _graph(call: Call, directions: tuple[str, ...]) -> Json:
    """A ``SearchLineageResult``."""
    root = _subject(call)
    depths = {root["id"]: 0}
    found = {direction: _walked(call, root["id"], direction) for direction in directions}
    for direction, edges in found.items():
        near, far = _SIDES[direction]
        for edge in edges:
            depths.setdefault(edge[far], depths[edge[near]] + 1)
    kept = {identity: line for identity in depths if (line := _line(call, identity))}
    shown = {
        f"{direction}Edges": {
            each["docId"]: each
            for edge in found.get(direction, [])
            if edge["source"] in kept and edge["target"] in kept
            for each in [_edge(edge, kept)]
        }
        for direction in _SIDES
    }
    nodes = {line["fqn"]: _node(call, line, depths[identity]) for identity, line in kept.items()}
    return {"nodes": nodes, **shown}


def _subject(call: Call) -> Json:
    fqn = call.arg("fqn")
    if not fqn:
        raise BadRequestError("[query param fqn must not be null]")
    kind = call.arg("type") or call.arg("entityType")
    if kind:
        return find(call.reader, entity_type(kind).name, fqn)
    found = find_any(call.reader, tuple(ENTITY_TYPES), fqn)
    if found is None:
        raise NotFoundError(f"Entity with fully qualified name {fqn} not found")
    return documents.reference(found[1], found[0].name)


def _walked(call: Call, identity: str, direction: str) -> list[Any]:
    return lineage.walk(call.reader, identity, lineage.depth_of(call, f"{direction}Depth"), *_SIDES[direction])


def _line(call: Call, identity: str) -> Any:
    deleted = "" if call.flag("includeDeleted") else "AND deleted = 0"
    return call.reader.execute(
        f"SELECT id, type, fqn, json FROM entities WHERE id = ? {deleted}",  # noqa: S608
        (identity,),
    ).fetchone()


def _node(call: Call, line: Any, depth: int) -> Json:
    counts = {
        f"entity{direction.title()}Count": call.reader.execute(
            f"SELECT count(*) FROM edges WHERE {near} = ?",  # noqa: S608 - one of two names
            (line["id"],),
        ).fetchone()[0]
        for direction, (near, _) in _SIDES.items()
    }
    return {"entity": document_of(call, line), "paging": counts, "nodeDepth": depth}


def _edge(edge: Any, lines: dict[str, Any]) -> Json:
    details: Json = orjson.loads(edge["json"])
    shown: Json = {
        end: {field: lines[edge[side]][name] for field, name in _REFERENCE.items()}
        for end, side in (("fromEntity", "source"), ("toEntity", "target"))
    }
    shown["docId"] = f"{edge['source']}--->{edge['target']}"
    shown["columns"] = details.pop("columnsLineage", [])
    if "pipeline" in details:
        shown["pipelineEntityType"] = details["pipeline"]["type"]
    return {**shown, **details}


_REFERENCE = {"id": "id", "fullyQualifiedName": "fqn", "type": "type"}


def _export(call: Call) -> Response:
    """One row for each edge and for each pair of its columns."""
    root = _subject(call)
    target = io.StringIO()
    writer = csv.DictWriter(target, _HEADERS, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    seen: set[tuple[str, str]] = set()
    for direction in _SIDES:
        for edge in _walked(call, root["id"], direction):
            if (edge["source"], edge["target"]) not in seen:
                seen.add((edge["source"], edge["target"]))
                writer.writerows(_rows(call, edge))
    return Response(target.getvalue(), media_type="text/plain")


def _export_started(call: Call) -> Reply:
    _export(call)
    return Reply(202, {"jobId": new_id(), "message": "Export initiated successfully."})


def _rows(call: Call, edge: Any) -> list[dict[str, str]]:
    ends = {end: _line(call, edge[side]) for end, side in (("from", "source"), ("to", "target"))}
    if not all(ends.values()):
        return []
    row: dict[str, str] = {}
    for end, line in ends.items():
        row |= _described(call.reader, line, end, _ENDS)
    details: Json = orjson.loads(edge["json"])
    if "pipeline" in details:
        held = _line(call, details["pipeline"]["id"])
        row |= _described(call.reader, held, "pipeline", _PIPELINE) if held else {}
    pairs = [
        {"fromChildEntityFQN": column, "toChildEntityFQN": str(each.get("toColumn", ""))}
        for each in details.get("columnsLineage", [])
        for column in each.get("fromColumns", [])
    ]
    return [row | pair for pair in pairs] or [row]


def _described(connection: Connection, line: Any, prefix: str, fields: tuple[str, ...]) -> dict[str, str]:
    document: Json = orjson.loads(line["json"])
    read: dict[str, Callable[[], str]] = {
        "EntityFQN": lambda: line["fqn"],
        "Name": lambda: document["name"],
        "DisplayName": lambda: document.get("displayName", ""),
        "Type": lambda: line["type"],
        "Description": lambda: document.get("description", ""),
        "Owners": lambda: _names(connection, document.get("owners", [])),
        "Domain": lambda: _names(connection, document.get("domains", [])),
        "ServiceName": lambda: _names(connection, [document["service"]] if "service" in document else []),
        "ServiceType": lambda: document.get("serviceType", ""),
    }
    return {f"{prefix}{field}": read[field]() for field in fields}


def _names(connection: Connection, held: list[Json]) -> str:
    found = [documents.find_id(connection, ENTITY_TYPES[each["type"]], each["id"], "all") for each in held]
    return ";".join(each["fullyQualifiedName"] for each in found if each)
