"""Glossaries and classifications: terms that move, how many terms and uses there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from data_platform.server import documents, references
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import ALWAYS, COMPUTED, ON_REQUEST, PREPARE, STORE
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

TERM = ENTITY_TYPES["glossaryTerm"]
_SOURCES = {
    "tag": "Classification",
    "classification": "Classification",
    "glossaryTerm": "Glossary",
    "glossary": "Glossary",
}


def register(router: Router, keys: Keys) -> None:
    router.add("PUT", "/glossaryTerms/{id}/moveAsync", lambda call: _move(call, keys))


def _move(call: Call, keys: Keys) -> Reply:
    """Hang a term, with all below it, under another term or glossary."""
    may_write(call, TERM, "EditAll")
    given: object = call.object.get("parent")
    held = cast("Json", given) if isinstance(given, dict) else {}
    if not held.get("id") or held.get("type") not in ("glossary", "glossaryTerm"):
        raise BadRequestError("parent: a reference to a glossary or a glossaryTerm is expected")

    def work(connection: Connection) -> str:
        term = documents.need_id(connection, TERM, call.id)
        above = references.find(connection, str(held["type"]), str(held["id"]))
        moved = {field: value for field, value in term.items() if field != "parent"}
        moved["parent" if held["type"] == TERM.name else "glossary"] = above
        return str(
            Writing(connection, keys, call.principal).update(TERM, term, moved, patch=False)["fullyQualifiedName"]
        )

    name = call.store.write(work)
    return Reply(202, {"jobId": call.id, "message": f"Glossary term moved to {name}"})


def _prepare_term(connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    if request.get("relatedTerms"):
        document["relatedTerms"] = [
            {"relationType": "relatedTo", "term": references.find(connection, "glossaryTerm", str(name))}
            for name in request["relatedTerms"]
        ]


def _approve(_connection: Connection, document: Json, original: Json | None) -> None:
    if original is None:
        document.setdefault("entityStatus", "Draft" if document.get("reviewers") else "Approved")


def _prepare_document(_connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    document["fullyQualifiedName"] = request["fullyQualifiedName"]


def _below(kind: str) -> Any:
    def count(connection: Connection, document: Json) -> int:
        fqn = document["fullyQualifiedName"]
        return connection.execute(
            "SELECT count(*) FROM entities WHERE type = ? AND deleted = 0 AND fqn >= ? AND fqn < ?",
            (kind, f"{fqn}.", f"{fqn}/"),
        ).fetchone()[0]

    return count


def _used(kind: str) -> Any:
    def count(connection: Connection, document: Json) -> int:
        fqn = document["fullyQualifiedName"]
        return connection.execute(
            "SELECT count(DISTINCT holder) FROM labels WHERE source = ? AND (tag = ? OR (tag >= ? AND tag < ?))",
            (_SOURCES[kind], fqn, f"{fqn}.", f"{fqn}/"),
        ).fetchone()[0]

    return count


def _children(connection: Connection, document: Json) -> list[Json]:
    below = documents.children(connection, document["id"])
    return [documents.reference(term, row.name) for row, term in below if row is TERM]


def _count_children(connection: Connection, document: Json) -> int:
    return len(_children(connection, document))


def _dashboards(connection: Connection, document: Json) -> list[Json]:
    lines = connection.execute(
        "SELECT e.id FROM refs r JOIN entities e ON e.id = r.holder"
        " WHERE r.target = ? AND r.field IN ('charts', 'dataModels') AND e.type = 'dashboard' AND e.deleted = 0",
        (document["id"],),
    )
    return [{"id": line["id"], "type": "dashboard"} for line in lines]


PREPARE["glossaryTerm"].append(_prepare_term)
STORE["glossaryTerm"].append(_approve)
PREPARE["document"].append(_prepare_document)
ON_REQUEST["glossaryTerm"].add("relatedTerms")
for _kind in _SOURCES:
    COMPUTED[_kind]["usageCount"] = _used(_kind)
COMPUTED["classification"]["termCount"] = _below("tag")
COMPUTED["glossary"]["termCount"] = _below("glossaryTerm")
COMPUTED["glossaryTerm"].update({"children": _children, "childrenCount": _count_children})
COMPUTED["chart"]["dashboards"] = _dashboards
ALWAYS["classification"].add("termCount")
