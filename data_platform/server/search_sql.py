"""Elasticsearch's query language, the part that clients of a catalog use, as conditions on ``entities``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import names
from data_platform.server.connections import field_of
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.problems import BadRequestError
from data_platform.server.query_string import parsed
from data_platform.server.references import Resolver

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json


@dataclass(frozen=True)
class Condition:
    """A condition of a WHERE clause and the values of its marks."""

    sql: str
    values: list[Any]

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) AND ({other.sql})", [*self.values, *other.values])

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) OR ({other.sql})", [*self.values, *other.values])

    def __invert__(self) -> Condition:
        # What cannot be said of a document, because it lacks the field, is not so.
        return Condition(f"NOT coalesce(({self.sql}), 0)", self.values)


_NOTHING = Condition("0", [])
_SERVICE = re.compile(r"^service\.(name|fullyQualifiedName|displayName)$")


def query_sql(query: Any) -> Condition:
    """The condition of one query object.

    Raises:
        BadRequestError: a kind of query that is not supported, named.
    """
    members = cast("Json", query) if isinstance(query, dict) else {}
    if len(members) != 1:
        raise BadRequestError("query_filter: expected an object with one query")
    kind, body = next(iter(members.items()))
    translate = _QUERIES.get(kind)
    if translate is None:
        raise BadRequestError(f"query_filter: {kind} is not supported, use one of {', '.join(sorted(_QUERIES))}")
    try:
        return translate(body)
    except (AttributeError, KeyError, TypeError, StopIteration):
        raise BadRequestError(f"query_filter: {kind} cannot be read") from None


def _bool(body: Any) -> Condition:
    condition = Condition("1", [])
    for part in (*_listed(body.get("must")), *_listed(body.get("filter"))):
        condition &= query_sql(part)
    for part in _listed(body.get("must_not")):
        condition &= ~query_sql(part)
    should = [query_sql(part) for part in _listed(body.get("should"))]
    required = body.get("minimum_should_match", 0 if body.get("must") or body.get("filter") else 1)
    if should and required:
        condition &= reduce(lambda one, other: one | other, should)
    return condition


def _listed(part: Any) -> list[Any]:
    if part is None:
        return []
    return cast("list[Any]", part) if isinstance(part, list) else [part]


def _term(body: Any) -> Condition:
    field, value = next(iter(body.items()))
    return equal_sql(field, _value(value))


def _terms(body: Any) -> Condition:
    field, values = next(iter(body.items()))
    return any_sql(field, [_value(value) for value in values])


def _exists(body: Any) -> Condition:
    if _bare(body["field"]) == "upstreamLineage":
        return Condition("id IN (SELECT target FROM edges)", [])
    return Condition("json ->> ? IS NOT NULL", [path_of(body["field"])])


def _ids(body: Any) -> Condition:
    values = [str(value) for value in body.get("values", [])]
    return Condition(f"id IN ({','.join('?' * len(values))})", values) if values else _NOTHING


def _wildcard(body: Any) -> Condition:
    field, value = next(iter(body.items()))
    return field_sql(field, str(_value(value)))


def _value(value: Any) -> Any:
    # Both ``{"field": "x"}`` and ``{"field": {"value": "x"}}`` are written.
    plain = cast("Json", value).get("value") if isinstance(value, dict) else value
    if not isinstance(plain, str | int | float | None):
        raise TypeError("a text or a number is expected")
    return plain


def _everything(_body: Any) -> Condition:
    return Condition("1", [])


def _query_string(body: Any) -> Condition:
    return text_sql(str(body.get("query", "")), [str(field) for field in body.get("fields", [])])


def _multi_match(body: Any) -> Condition:
    return text_sql(f'"{_value(body["query"])}"', [str(field) for field in body.get("fields", [])])


def _prefix(body: Any) -> Condition:
    field, value = next(iter(body.items()))
    return field_sql(field, f"{_value(value)}*")


def _range(body: Any) -> Condition:
    field, bounds = next(iter(body.items()))
    signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    condition = Condition("1", [])
    for name, bound in bounds.items():
        if name in signs:
            condition &= Condition(f"json ->> ? {signs[name]} ?", [path_of(field), _value(bound)])
    return condition


_QUERIES: dict[str, Callable[[Any], Condition]] = {
    "bool": _bool,
    "term": _term,
    "match": _term,
    "match_phrase": _term,
    "terms": _terms,
    "exists": _exists,
    "ids": _ids,
    "wildcard": _wildcard,
    "query_string": _query_string,
    "simple_query_string": _query_string,
    "multi_match": _multi_match,
    "prefix": _prefix,
    "match_phrase_prefix": _prefix,
    "range": _range,
    "match_all": _everything,
}


def equal_sql(field: str, value: Any) -> Condition:
    """The condition that a field has a value."""
    return any_sql(field, [value])


def any_sql(field: str, values: list[Any]) -> Condition:
    """The condition that a field has one of several values; by name, service and edge from an index."""
    if not values:
        return _NOTHING
    name = _bare(field)
    marks = ",".join("?" * len(values))
    if name == "fullyQualifiedName":
        return Condition(f"fqn IN ({marks})", values)
    if name in ("name", "id", "deleted"):
        return Condition(f"{name} IN ({marks})", values)
    if name == "entityType":
        return Condition(f"type IN ({marks})", values)
    if _SERVICE.match(name):
        ids = f"SELECT id FROM entities WHERE type LIKE '%Service' AND (name IN ({marks}) OR fqn IN ({marks}))"  # noqa: S608
        return Condition(f"json ->> '$.service.id' IN ({ids})", [*values, *values])
    if name == "upstreamLineage.fromEntity.id":
        return Condition(f"id IN (SELECT target FROM edges WHERE source IN ({marks}))", values)  # noqa: S608
    if name == "tags.tagFQN":
        return Condition(f"id IN (SELECT holder FROM labels WHERE tag IN ({marks}))", values)  # noqa: S608
    if name in ("tier.tagFQN", "columns.tags.tagFQN"):
        return Condition(f"id IN (SELECT holder FROM labels WHERE tag IN ({marks}))", values)  # noqa: S608
    if name == "columns.name":
        named = f"SELECT 1 FROM json_each(json, '$.columns') WHERE value ->> 'name' IN ({marks})"  # noqa: S608
        return Condition(f"EXISTS ({named})", values)
    held = re.match(
        r"^(owners|domains|dataProducts|databaseSchema|database)\.(id|name|fullyQualifiedName|displayName)$", name
    )
    if held:
        # What has no display name is shown, and searched, by its name.
        column = {"fullyQualifiedName": "fqn", "displayName": "coalesce(json ->> 'displayName', name)"}.get(
            held[2], held[2]
        )
        targets = f"SELECT id FROM entities WHERE {column} IN ({marks})"  # noqa: S608
        holders = f"SELECT holder FROM refs WHERE field = ? AND target IN ({targets})"  # noqa: S608
        return Condition(f"id IN ({holders})", [held[1], *values])
    if name == "tableType":
        return Condition(f"json ->> '$.tableType' IN ({marks})", values)  # the expression of an index
    return Condition(
        f"json ->> ? IN ({marks})", [path_of(name), *(int(v) if isinstance(v, bool) else v for v in values)]
    )


def field_sql(field: str, value: str) -> Condition:
    """The condition that a field is a value in which ``*`` and ``?`` stand for anything."""
    if "*" not in value and "?" not in value:
        return equal_sql(field, value)
    column = {"fullyQualifiedName": "fqn", "name": "name"}.get(_bare(field), "json ->> ?")
    values: list[Any] = [] if column in ("fqn", "name") else [path_of(field)]
    # GLOB is case-sensitive, as FQN look-ups are, and uses the index up to the first wildcard.
    escaped = re.sub(r"[\[\]]", lambda match: f"[{match.group(0)}]", value)
    condition = Condition(f"{column} GLOB ?", [*values, escaped])
    tail = value.rsplit("*", 1)[-1].lstrip(".")
    if column == "fqn" and tail and "?" not in tail and "*." in value:
        # Whatever the wildcard stands for, the name ends with the entity's own, which is indexed.
        condition = Condition("name = ?", [names.unquote(names.split(tail)[-1])]) & condition
    return condition


def text_sql(text: str, fields: list[str] | None = None) -> Condition:
    """The condition of a query string; words without a field are looked for in ``fields``."""
    searched = [field.split("^")[0] for field in fields or ["name", "displayName", "description", "fullyQualifiedName"]]

    def leaf(field: str, value: str) -> Condition:
        plain = value.strip('"').replace("\\", "")
        if not field:
            word = value.strip('"*~').replace("\\", "").lower()
            matches = " OR ".join("instr(lower(coalesce(json ->> ?, '')), ?) > 0" for _ in searched)
            return Condition(matches, [part for each in searched for part in (path_of(each), word)])
        if plain in ("true", "false"):
            return Condition("coalesce(json ->> ?, 0) = ?", [path_of(field), int(plain == "true")])
        return field_sql(field, plain)

    return parsed(text, leaf) or Condition("1", [])


def _bare(field: str) -> str:
    return field.removesuffix(".keyword")


def path_of(field: str) -> str:
    """A field of a search document as a JSON path."""
    bare = _bare(field)
    if '"' in bare or "\0" in bare:
        raise BadRequestError(f"Invalid field {field[:80]!r}")
    return "$." + ".".join(f'"{part}"' for part in bare.split("."))


def document_of(call: Call, line: Any) -> Json:
    """What the search index holds of an entity: its document with references named, and its upstream edges."""
    resolver = Resolver(call.reader, call.base)
    source: Json = orjson.loads(line["json"])
    source.pop(field_of(ENTITY_TYPES[line["type"]]), None)
    source["entityType"] = line["type"]
    for field, many in ENTITY_TYPES[line["type"]].references.items():
        if source.get(field):
            source[field] = resolver.read_all(source[field]) if many else resolver.read(source[field])
    source.setdefault("displayName", source["name"])
    source.setdefault("tags", [])
    wanted = call.query.get("include_source_fields") or []
    if not wanted or any(field.startswith("upstreamLineage") for field in wanted):
        edges = call.reader.execute("SELECT source FROM edges WHERE target = ?", (line["id"],))
        source["upstreamLineage"] = [{"fromEntity": {"id": edge["source"]}} for edge in edges]
    return source
