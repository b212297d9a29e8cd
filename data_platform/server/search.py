"""``/search``: the searches that OpenMetadata's client makes, answered from the database itself.

Elasticsearch's query language is translated to SQL, so that what was written a moment ago is found, and
what is asked by exact name or below a service is answered from an index.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.search_sql import Condition, document_of, field_sql, path_of, query_sql, text_sql

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router

_IRREGULAR = {
    "search_entity_search_index": ("searchIndex",),
    "api_service_search_index": ("apiService",),
    "all": tuple(ENTITY_TYPES),
    "dataAsset": tuple(ENTITY_TYPES),
}


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("GET", "/search/query", _query)
    router.add("GET", "/search/fieldQuery", _field_query)
    router.add("GET", "/search/suggest", _suggest)
    router.add("GET", "/search/aggregate", _aggregate)
    router.add("POST", "/search/aggregate", _aggregate)
    router.add("GET", "/search/get/{index}/doc/{id}", _document)
    for path in ("/search/reindex", "/search/reindex/{type}"):
        router.add("POST", path, lambda _: {"code": 200, "message": "Nothing to reindex: the database is searched"})


def kinds_of(index: str) -> tuple[str, ...]:
    """The entity types of an index, for example ``database_schema_search_index`` or ``table``."""
    found: list[str] = []
    for name in index.split(","):
        if name in _IRREGULAR:
            found += _IRREGULAR[name]
            continue
        words = name.removesuffix("_search_index").removesuffix("_index").split("_")
        kind = words[0] + "".join(word.title() for word in words[1:])
        known = next((each for each in ENTITY_TYPES if each.lower() == kind.lower()), None)
        if known is not None:
            found.append(known)
    return tuple(found)


def _field_query(call: Call) -> Json:
    field, value = call.arg("fieldName"), call.arg("fieldValue")
    if not field or value is None or "\0" in value:
        raise BadRequestError("fieldName and fieldValue must be given")
    return _search(call, field_sql(field, value))


def _query(call: Call) -> Json:
    condition = Condition("1", [])
    text = call.arg("q") or ""
    if text.strip() not in ("", "*", "**"):
        condition &= text_sql(text)
    filtered = call.arg("query_filter")
    if filtered:
        try:
            query = orjson.loads(filtered)
        except orjson.JSONDecodeError as error:
            raise BadRequestError(f"query_filter is not JSON: {error}") from None
        if not isinstance(query, dict):
            raise BadRequestError("query_filter: expected an object")
        try:
            condition &= query_sql(cast("Json", query).get("query", query))
        except RecursionError:
            raise BadRequestError("query_filter is nested too deeply") from None
    try:
        return _search(call, condition)
    except sqlite3.OperationalError as error:
        # SQLite's own bounds: levels of nesting, and values.
        raise BadRequestError(f"The query is too large: {error}") from None


def _suggest(call: Call) -> Json:
    """Entities whose name, or another field, begins with what was typed so far."""
    typed = call.arg("q")
    if not typed:
        raise BadRequestError("[query param q must not be null]")
    field = call.arg("field") or "suggest"
    expressions = ["name", "json ->> 'displayName'"] if field == "suggest" else ["json ->> ?"]
    values = [] if field == "suggest" else [path_of(field.removesuffix("_suggest").removesuffix(".suggest"))]
    begins = " OR ".join(f"lower({each}) LIKE ? ESCAPE '\\'" for each in expressions)
    pattern = re.sub(r"([\\%_])", r"\\\1", typed.lower()) + "%"
    where = _of_index(call.arg("index") or "dataAsset")
    where &= Condition("deleted = ?", [int(call.flag("deleted"))])
    where &= Condition(begins, [*values, *(pattern for _ in expressions)])
    lines = call.reader.execute(
        f"SELECT id, type, fqn, json FROM entities WHERE {where.sql} ORDER BY name, fqn LIMIT ?",  # noqa: S608
        [*where.values, _size(call)],
    ).fetchall()
    options = [{"text": orjson.loads(line["json"])["name"], **_hit(call, line)} for line in lines]
    told = {"text": typed, "offset": 0, "length": len(typed), "options": options}
    return {"suggest": {"metadata-suggest": [told]}}


def _aggregate(call: Call) -> Json:
    """How often each value of a field is there; the real server names the aggregation after the field."""
    asked = call.object if call.method == "POST" else {}
    field = str(asked.get("fieldName") or call.arg("field") or "")
    if not field:
        raise BadRequestError("[query param field must not be null]")
    condition = Condition("deleted = 0", [])
    text = call.arg("q") or ""
    if text.strip() not in ("", "*"):
        condition &= text_sql(text)
    where = _of_index(str(asked.get("index") or call.arg("index") or "all")) & condition
    value = "type" if field == "entityType" else "json ->> ?"
    size = max(1, min(10_000, int(asked.get("size") or call.number("size", 10))))
    path = [] if field == "entityType" else [path_of(field)]
    wanted = str(asked.get("fieldValue") or call.arg("value") or "").strip(".*").lower()
    lines = call.reader.execute(
        f"SELECT lower({value}) AS value, count(*) AS number FROM entities WHERE {where.sql}"  # noqa: S608
        " GROUP BY 1 HAVING value IS NOT NULL ORDER BY number DESC, value",
        [*path, *where.values],
    )
    buckets = [{"key": line["value"], "doc_count": line["number"]} for line in lines if wanted in str(line["value"])]
    named = {"buckets": buckets[:size], "sum_other_doc_count": sum(each["doc_count"] for each in buckets[size:])}
    return {"took": 1, "timed_out": False, "aggregations": {f"sterms#{field}": named}}


def _document(call: Call) -> Json:
    line = call.reader.execute("SELECT id, type, fqn, json FROM entities WHERE id = ?", (call.id,)).fetchone()
    if line is None or line["type"] not in kinds_of(call.params["index"]):
        raise NotFoundError(f"{call.params['index']} document {call.id} not found")
    return document_of(call, line)


def _of_index(index: str) -> Condition:
    kinds = kinds_of(index)
    # A single type is written out, so that SQLite can see which partial index serves it.
    if len(kinds) == 1:
        return Condition(f"type = '{kinds[0]}'", [])
    return Condition(f"type IN ({','.join('?' * len(kinds))})", list(kinds))


def _search(call: Call, condition: Condition) -> Json:
    where = _of_index(call.arg("index") or "table_search_index") & condition
    deleted = call.arg("deleted")
    if deleted is not None:
        where &= Condition("deleted = ?", [int(deleted == "true")])
    start, size = max(0, call.number("from", 0)), _size(call)
    order, descending = call.arg("sort_field") or "_score", (call.arg("sort_order") or "desc") == "desc"
    by_name = order == "fullyQualifiedName"
    total = call.reader.execute(f"SELECT count(*) FROM entities WHERE {where.sql}", where.values).fetchone()[0]  # noqa: S608
    after = call.query.get("search_after")
    if after and by_name:
        where &= Condition(f"fqn {'<' if descending else '>'} ?", [after[-1]])
        start = 0
    elif after:
        where &= Condition("fqn > ?", [after[-1]])
        start = 0
    direction = "DESC" if by_name and descending else "ASC"
    lines = call.reader.execute(
        f"SELECT id, type, fqn, json FROM entities WHERE {where.sql} ORDER BY fqn {direction} LIMIT ? OFFSET ?",  # noqa: S608
        [*where.values, size, start],
    ).fetchall()
    hits = [{**_hit(call, line), "sort": [line["fqn"]]} for line in lines]
    return {
        "took": 1,
        "timed_out": False,
        "hits": {"total": {"relation": "eq", "value": total}, "max_score": 1.0, "hits": hits},
    }


def _size(call: Call) -> int:
    return max(0, min(10_000, call.number("size", 10)))


def _hit(call: Call, line: Any) -> Json:
    source, wanted = document_of(call, line), call.query.get("include_source_fields")
    return {
        "_index": f"{_snake(line['type'])}_search_index",
        "_id": line["id"],
        "_score": 1.0,
        "_source": _only(source, wanted) if wanted else source,
    }


def _only(source: Json, wanted: list[str]) -> Json:
    roots = {field.split(".")[0] for field in wanted}
    return {field: value for field, value in source.items() if field in roots}


def _snake(kind: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match.group(1).lower()}", kind)
