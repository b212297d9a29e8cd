"""Lineage: one edge a pair of entities, with columns, pipeline and source; graphs by depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import documents, models
from data_platform.server.calls import Reply, without_nulls
from data_platform.server.entity_types import entity_type
from data_platform.server.ids import now
from data_platform.server.patching import apply
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.references import Resolver, find
from data_platform.server.rules import STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_DETAILS = "type.entityLineage:LineageDetails"
DEEPEST = 3

_ENDS = "{from_type}/{from_id}/{to_type}/{to_id}"
_NAMED = "{from_type}/name/{from_fqn}/{to_type}/name/{to_fqn}"


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("PUT", "/lineage", _add)
    router.add("GET", "/lineage/getLineageEdge/{from_id}/{to_id}", _edge)
    router.add("GET", f"/lineage/getLineageEdge/{_NAMED}", _edge)
    router.add("PUT", f"/lineage/{_NAMED}", _put_named)
    for ends in (_NAMED, _ENDS):
        router.add("PATCH", f"/lineage/{ends}", _patch)
        router.add("DELETE", f"/lineage/{ends}", _delete)
    router.add("DELETE", "/lineage/{type}/{id}/type/{source}", _delete_by_source)
    router.add("DELETE", "/lineage/source/name/{type}/{fqn}/type/{source}", _delete_by_source)
    router.add("GET", "/lineage/{type}/name/{fqn}", _graph)
    router.add("GET", "/lineage/{type}/{id}", _graph)


def _may_write(call: Call) -> None:
    may_write(call, entity_type("table"), "EditLineage")


def _add(call: Call) -> Reply:
    _may_write(call)
    request = call.object
    models.check("api.lineage.addLineage:AddLineageRequest", request)
    edge = request["edge"]

    def work(connection: Connection) -> None:
        ends = [_end(connection, edge[end]) for end in ("fromEntity", "toEntity")]
        details = dict(edge.get("lineageDetails", {}))
        if "description" in edge:
            details.setdefault("description", edge["description"])
        store(connection, ends[0], ends[1], details, call.principal.name)

    call.store.write(work)
    return Reply(200, {"code": 200, "message": "Lineage added"})


def _put_named(call: Call) -> Reply:
    _may_write(call)
    details = call.object

    def work(connection: Connection) -> None:
        start, end = _ends(connection, call)
        store(connection, start, end, details, call.principal.name)

    call.store.write(work)
    return Reply(200, {"code": 200, "message": "Lineage added"})


def _end(connection: Connection, held: Json) -> Json:
    named = held.get("id") or held.get("fullyQualifiedName")
    if not named:
        raise BadRequestError("An end of an edge needs an id or a fullyQualifiedName")
    return find(connection, held["type"], str(named))


def _ends(connection: Connection, call: Call) -> tuple[Json, Json]:
    """The ends that a path names, by id or by name, with or without their types."""
    found: list[Json] = []
    for side in ("from", "to"):
        if f"{side}_fqn" in call.params:
            found.append(find(connection, call.params[f"{side}_type"], call.params[f"{side}_fqn"]))
        else:
            identity = call.uuid(f"{side}_id")
            kind = documents.type_of(connection, identity)
            if kind is None:
                raise NotFoundError(f"instance for {identity} not found")
            found.append({"id": identity, "type": kind})
    return found[0], found[1]


def store(connection: Connection, start: Json, end: Json, details: Json, user: str) -> None:
    """Keep the edge between two references, in place of the one that is there.

    Raises:
        BadRequestError: the details break the schema, or both ends are one.
        NotFoundError: the pipeline of the details is not there.
    """
    models.check(_DETAILS, details)
    if start["id"] == end["id"]:
        raise BadRequestError("An entity cannot be its own lineage")
    columns = [_columns_of(connection, each) for each in (start, end)]
    if details.get("pipeline"):
        held = details["pipeline"]
        details["pipeline"] = find(connection, held["type"], str(held.get("id") or held.get("fullyQualifiedName")))
    if columns[0] is not None and columns[1] is not None:
        details["columnsLineage"] = [
            each for each in details.get("columnsLineage", []) if _is_known(each, columns[0], columns[1])
        ]
    previous = connection.execute(
        "SELECT json FROM edges WHERE source = ? AND target = ?", (start["id"], end["id"])
    ).fetchone()
    before: Json = orjson.loads(previous["json"]) if previous else {}
    details.setdefault("source", "Manual")
    details["createdAt"] = before.get("createdAt", now())
    details["createdBy"] = before.get("createdBy", user)
    details["updatedAt"], details["updatedBy"] = now(), user
    connection.execute(
        "INSERT OR REPLACE INTO edges VALUES (?, ?, ?, ?)",
        (start["id"], end["id"], details["source"], orjson.dumps(details)),
    )


def _columns_of(connection: Connection, held: Json) -> set[str] | None:
    """The names of an entity's columns, lower-cased; None for what has none to check."""
    from data_platform.server.columns import all_columns

    if held["type"] not in ("table", "dashboardDataModel"):
        return None
    document = documents.need_id(connection, entity_type(held["type"]), held["id"], "all")
    return {column["fullyQualifiedName"].lower() for column in all_columns(document.get("columns", []))}


def _is_known(lineage: Json, sources: set[str], targets: set[str]) -> bool:
    known = all(column.lower() in sources for column in lineage.get("fromColumns", []))
    return known and str(lineage.get("toColumn", "")).lower() in targets


def _edge(call: Call) -> Json:
    start, end = _ends(call.reader, call)
    details = _details(call.reader, start, end)
    if "pipeline" in details:
        details["pipeline"] = Resolver(call.reader, call.base).read(details["pipeline"])
    return {"edge": without_nulls(details)}


def _details(connection: Connection, start: Json, end: Json) -> Json:
    line = connection.execute(
        "SELECT json FROM edges WHERE source = ? AND target = ?", (start["id"], end["id"])
    ).fetchone()
    if line is None:
        raise NotFoundError(f"Lineage edge not found between {start['id']} and {end['id']}")
    return orjson.loads(line["json"])


def _patch(call: Call) -> Json:
    _may_write(call)
    operations = call.array

    def work(connection: Connection) -> Json:
        start, end = _ends(connection, call)
        details = apply(_details(connection, start, end), operations)
        store(connection, start, end, without_nulls(details), call.principal.name)
        return details

    return call.store.write(work)


def _delete(call: Call) -> Reply:
    _may_write(call)

    def work(connection: Connection) -> None:
        start, end = _ends(connection, call)
        done = connection.execute("DELETE FROM edges WHERE source = ? AND target = ?", (start["id"], end["id"]))
        if not done.rowcount:
            raise NotFoundError(f"Lineage edge not found between {start['id']} and {end['id']}")

    call.store.write(work)
    return Reply(200, {"code": 200, "message": "Lineage deleted"})


def _delete_by_source(call: Call) -> Reply:
    _may_write(call)

    def work(connection: Connection) -> None:
        entity = _subject(connection, call)
        connection.execute("DELETE FROM edges WHERE target = ? AND kind = ?", (entity["id"], call.params["source"]))

    call.store.write(work)
    return Reply(200, {"code": 200, "message": "Lineage deleted"})


def _subject(connection: Connection, call: Call) -> Json:
    kind = call.params.get("type") or call.arg("type") or "table"
    named = call.params.get("fqn") or call.params.get("id") or call.arg("fqn") or ""
    return find(connection, entity_type(kind).name, named)


def _graph(call: Call) -> Json:
    depths = [depth_of(call, "upstreamDepth"), depth_of(call, "downstreamDepth")]
    subject = _subject(call.reader, call)
    upstream = walk(call.reader, subject["id"], depths[0], "target", "source")
    downstream = walk(call.reader, subject["id"], depths[1], "source", "target")
    resolver = Resolver(call.reader, call.base)
    identities = {end for edge in [*upstream, *downstream] for end in (edge["source"], edge["target"])}
    resolver.learn(identities | {subject["id"]})
    nodes = [node for each in sorted(identities - {subject["id"]}) if (node := resolver.read({"id": each}))]
    return {
        "entity": resolver.read(subject),
        "nodes": nodes,
        "upstreamEdges": [_shown(edge, resolver) for edge in upstream],
        "downstreamEdges": [_shown(edge, resolver) for edge in downstream],
    }


def depth_of(call: Call, name: str) -> int:
    """A depth that a query parameter asks for.

    Raises:
        BadRequestError: it is out of bounds.
    """
    depth = call.number(name, 1)
    if not 0 <= depth <= DEEPEST:
        raise BadRequestError(f"[query param {name} must be between 0 and {DEEPEST}]")
    return depth


def walk(connection: Connection, start: str, depth: int, near: str, far: str) -> list[Any]:
    """The edges within ``depth`` steps from ``start``, each once, nearest first."""
    frontier, seen = {start}, {start}
    edges: dict[tuple[str, str], Any] = {}
    for _ in range(depth):
        found: list[Any] = []
        for chunk in documents.chunks(sorted(frontier)):
            marks = ",".join("?" * len(chunk))
            found += connection.execute(
                f"SELECT source, target, json FROM edges WHERE {near} IN ({marks}) ORDER BY source, target",  # noqa: S608
                chunk,
            ).fetchall()
        for edge in found:
            edges.setdefault((edge["source"], edge["target"]), edge)
        frontier = {edge[far] for edge in found} - seen
        seen |= frontier
    return list(edges.values())


def _shown(edge: Any, resolver: Resolver) -> Json:
    details = orjson.loads(edge["json"])
    if "pipeline" in details:
        details["pipeline"] = resolver.read(details["pipeline"])
    return {"fromEntity": edge["source"], "toEntity": edge["target"], "lineageDetails": without_nulls(details)}


def _take_lineage_anew(field: str) -> Callable[[Connection, Json, Json | None], None]:
    def check(_connection: Connection, document: Json, original: Json | None) -> None:
        # A view that reads other tables now would keep the edges of its old text for ever.
        if original and original.get("processedLineage") and document.get(field) != original.get(field):
            document["processedLineage"] = False

    return check


for _kind, _text in (("table", "schemaDefinition"), ("storedProcedure", "storedProcedureCode")):
    STORE[_kind].append(_take_lineage_anew(_text))
