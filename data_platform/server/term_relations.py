"""How glossary terms relate: typed relations, seen from both ends, and the graph that they make.

A relation is kept by the term that it was made on. From the other end it is read as its type's inverse, or as itself
where the type has none.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, models
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.list_change import changing
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.references import find
from data_platform.server.rules import COMPUTED, STORE
from data_platform.server.settings import setting
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_TERM = ENTITY_TYPES["glossaryTerm"]
_DEFAULT = "relatedTo"
_DEEPEST = 5


def register(router: Router, keys: Keys) -> None:
    router.add("POST", "/glossaryTerms/{id}/relations", changing(keys, _TERM, "relatedTerms", "EditAll", _add))
    router.add("DELETE", "/glossaryTerms/{id}/relations/{to}", lambda call: _remove(call, keys))
    router.add("GET", "/glossaryTerms/{id}/relationsGraph", _graph)
    router.add("GET", "/glossaryTerms/relationTypes/usage", _usage)


def _types(connection: Connection) -> dict[str, Json]:
    return {each["name"]: each for each in setting(connection, "glossaryTermRelationSettings").get("relationTypes", [])}


def _add(call: Call, connection: Connection, kept: list[Json]) -> list[Json]:
    relation = call.object
    relation.setdefault("relationType", _DEFAULT)
    models.check("type.termRelation:TermRelation", relation)
    term = find(connection, "glossaryTerm", str(relation["term"]["id"]))
    added: Json = {"relationType": relation["relationType"], "term": term}
    return kept if _key(added) in map(_key, kept) else [*kept, added]


def _remove(call: Call, keys: Keys) -> Json:
    """Take away the relations between two terms, of one type or of all, whichever of the two keeps them."""
    may_write(call, _TERM, "EditAll")
    ends, kind = (call.id, call.uuid("to")), call.arg("relationType")

    def work(connection: Connection) -> Json:
        types = _types(connection)
        writing = Writing(connection, keys, call.principal)
        for here, there, gone in ((*ends, kind), (*reversed(ends), _inverse(types, kind) if kind else None)):
            term = documents.need_id(connection, _TERM, here)
            kept = [
                each
                for each in term.get("relatedTerms", [])
                if each["term"]["id"] != there or (gone is not None and each["relationType"] != gone)
            ]
            writing.update(_TERM, term, {**term, "relatedTerms": kept}, patch=False)
        term = documents.need_id(connection, _TERM, call.id)
        return View.of(call, keys, connection).one(_TERM, term, {"relatedTerms"})

    return call.store.write(work)


def _inverse(types: dict[str, Json], kind: str) -> str:
    return str(types.get(kind, {}).get("inverseRelation") or kind)


def _key(relation: Json) -> tuple[str, str]:
    return relation["term"]["id"], relation["relationType"]


def _kept_by_others(connection: Connection, identity: str) -> list[tuple[str, str]]:
    """The terms that keep a relation to this one, and its type."""
    lines = connection.execute(
        "SELECT e.id, r.value ->> '$.relationType' AS kind FROM entities e, json_each(e.json, '$.relatedTerms') r"
        " WHERE e.type = 'glossaryTerm' AND e.deleted = 0 AND r.value ->> '$.term.id' = ? ORDER BY e.id",
        (identity,),
    )
    return [(line["id"], line["kind"] or _DEFAULT) for line in lines]


def related(connection: Connection, document: Json) -> list[Json]:
    """The relations of a term, those that others keep too, each once; terms that are gone are left out."""
    types = _types(connection)
    found = {_key(each): each for each in document.get("relatedTerms", [])}
    for identity, kind in _kept_by_others(connection, document["id"]):
        relation: Json = {"relationType": _inverse(types, kind), "term": {"id": identity, "type": "glossaryTerm"}}
        found.setdefault(_key(relation), relation)
    shown: list[Json] = []
    for relation in found.values():
        term = documents.find_id(connection, _TERM, relation["term"]["id"])
        if term is not None:
            named = {"name": term["name"], "fullyQualifiedName": term["fullyQualifiedName"]}
            shown.append({**relation, "term": {**documents.reference(term, "glossaryTerm"), **named}})
    return shown


def _graph(call: Call) -> Json:
    """The terms within ``depth`` relations of one, and the relations between them."""
    depth = call.number("depth", 1)
    if not 1 <= depth <= _DEEPEST:
        raise BadRequestError(f"[query param depth must be between 1 and {_DEEPEST}]")
    wanted = {name for name in (call.arg("relationTypes") or "").split(",") if name}
    root = documents.need_id(call.reader, _TERM, call.id)
    nodes, waiting, edges = {root["id"]: root}, [root["id"]], dict[tuple[str, ...], Any]()
    types = _types(call.reader)
    for _ in range(depth):
        reached: list[str] = []
        for identity in waiting:
            for relation in related(call.reader, nodes[identity]):
                far, kind = _key(relation)
                if wanted and kind not in wanted:
                    continue
                edge: Json = {"from": identity, "to": far, "relationType": kind}
                # From its other end the same relation has its inverse's name.
                edges.setdefault((*sorted((identity, far)), min(kind, _inverse(types, kind))), edge)
                if far not in nodes:
                    nodes[far] = documents.need_id(call.reader, _TERM, far)
                    reached.append(far)
        waiting = reached
    fields = ("id", "name", "displayName", "fullyQualifiedName", "description")
    shown = [{field: node[field] for field in fields if field in node} for node in nodes.values()]
    return {"nodes": shown, "edges": list(edges.values())}


def _usage(call: Call) -> dict[str, int]:
    """How many relations there are of each type."""
    counted = Counter(
        cast("Json", relation).get("relationType", _DEFAULT)
        for line in call.reader.execute(
            "SELECT json ->> '$.relatedTerms' AS held FROM entities WHERE type = 'glossaryTerm' AND deleted = 0"
        )
        for relation in cast("list[Any]", orjson.loads(line["held"] or "[]"))
    )
    return dict(counted)


def _check(connection: Connection, document: Json, original: Json | None) -> None:
    before = {_key(each) for each in (original or {}).get("relatedTerms", [])}
    types = _types(connection)
    for relation in document.get("relatedTerms", []):
        relation.setdefault("relationType", _DEFAULT)
        if _key(relation) in before:
            continue
        if relation["relationType"] not in types:
            known = ", ".join(sorted(types))
            raise BadRequestError(f"Invalid relation type {relation['relationType']}, valid types are [{known}]")
        if relation["term"]["id"] == document["id"]:
            raise BadRequestError("A glossary term cannot be related to itself")


STORE["glossaryTerm"].append(_check)
COMPUTED["glossaryTerm"]["relatedTerms"] = related
