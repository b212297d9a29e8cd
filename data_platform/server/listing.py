"""Lists: filters, and pages by opaque cursors in the order of names."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import documents, links, names, references
from data_platform.server.entity_types import ENTITY_TYPES, SERVICE_TYPES, EntityType
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import FILTERS

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json

_SCOPES = {
    "service", "database", "databaseSchema", "parent", "glossary", "classification", "apiCollection",
    "spreadsheet", "directory",
}  # fmt: skip
_REFERRED = {
    "entityId": "queryUsedIn", "team": "teams", "parentTeam": "parents",
    "domain": "domains", "domainId": "domains", "owner": "owners", "assignee": "assignees",
    "createdById": "createdBy", "aboutEntity": "about",
}  # fmt: skip
_NAMED: dict[str, tuple[str, ...]] = {
    "team": ("team",), "parentTeam": ("team",), "domain": ("domain",), "owner": ("user", "team"),
    "assignee": ("user", "team"), "aboutEntity": tuple(ENTITY_TYPES),
}  # fmt: skip
_EQUAL = {
    "pipelineType", "teamType", "isBot", "isAdmin", "entityType", "testPlatform", "isJoinable", "tableType",
    "provider", "workflowType", "serviceType", "category", "priority", "type",
}  # fmt: skip


def page(call: Call, row: EntityType) -> tuple[list[Json], Json]:
    """The stored documents that a list request asks for, and its ``paging``.

    Raises:
        BadRequestError: a limit out of bounds, both cursors, or one that is none.
    """
    _, limit = call.window()
    before, after = call.arg("before"), call.arg("after")
    if before and after:
        raise BadRequestError("Only one of before or after query parameter allowed")
    where, values = _conditions(call, row)
    connection = call.reader
    total = connection.execute(f"SELECT count(*) FROM entities WHERE {where}", values).fetchone()[0]  # noqa: S608
    paging: Json = {"total": total}
    if limit == 0:
        return [], paging
    backwards = before is not None
    cursor = _decoded(before or after or "") if before or after else None
    bound, extra = "", list[Any]()
    if cursor:
        bound = f"AND (name, id) {'<' if backwards else '>'} (?, ?)"
        extra = [*cursor]
    order = "DESC" if backwards else "ASC"
    lines = connection.execute(
        f"SELECT name, id, json FROM entities WHERE {where} {bound} ORDER BY name {order}, id {order} LIMIT ?",  # noqa: S608
        [*values, *extra, limit + 1],
    ).fetchall()
    more = len(lines) > limit
    lines = lines[:limit]
    if backwards:
        lines.reverse()
    if lines:
        if more if backwards else cursor is not None:
            paging["before"] = _encoded(lines[0]["name"], lines[0]["id"])
        if backwards or more:
            paging["after"] = _encoded(lines[-1]["name"], lines[-1]["id"])
    return [orjson.loads(line["json"]) for line in lines], paging


def searched(call: Call, row: EntityType) -> tuple[list[Json], Json]:
    """The stored documents of a ``search/list``, which is paged by ``offset``, and its ``paging``.

    Raises:
        BadRequestError: an offset or a limit out of bounds.
    """
    offset, limit = call.window()
    where, values = _conditions(call, row)
    text = (call.arg("q") or "").strip("*")
    if text:
        where += " AND instr(lower(fqn), ?) > 0"
        values.append(text.lower())
    total = call.reader.execute(f"SELECT count(*) FROM entities WHERE {where}", values).fetchone()[0]  # noqa: S608
    lines = call.reader.execute(
        f"SELECT json FROM entities WHERE {where} ORDER BY name, id LIMIT ? OFFSET ?",  # noqa: S608
        [*values, limit, offset],
    )
    paging: Json = {"total": total, "offset": offset, "limit": limit}
    return [orjson.loads(line["json"]) for line in lines], paging


def _conditions(call: Call, row: EntityType) -> tuple[str, list[Any]]:
    where, values = ["type = ?"], list[Any]([row.name])
    include = call.arg("include", "non-deleted")
    if include not in ("all", "deleted", "non-deleted"):
        raise BadRequestError(f"query param include must be one of [all, deleted, non-deleted], not {include}")
    if include != "all":
        where.append("deleted = ?")
        values.append(int(include == "deleted"))
    for name in call.query:
        value = call.arg(name) or ""
        if name in _SCOPES and value:
            first, last = names.below(_scope(call, name, value))
            where.append("fqn >= ? AND fqn < ?")
            values += [first, last]
        elif name in _REFERRED and value:
            where.append("id IN (SELECT holder FROM refs WHERE field = ? AND target = ?)")
            values += [_REFERRED[name], _target(call, name, value)]
        elif name == "directChildrenOf" and value:
            where.append("parent = ?")
            values.append(_holder(call, row, value))
        elif name == "testSuiteId" and value:
            where.append("(parent = ? OR id IN (SELECT test FROM suite_members WHERE suite = ?))")
            values += [value, value]
        elif name in _EQUAL and name in row.fields and value:
            where.append("json ->> ? = ?")
            values += [name, int(value == "true") if value in ("true", "false") else value]
        elif name.endswith("Regex") and value:
            where.append(_regex(call, row, name.removesuffix("Regex")))
            values.append(_checked(value))
        elif name in FILTERS[row.name] and value:
            condition, bound = FILTERS[row.name][name](value)
            where.append(condition)
            values += bound
        elif name in ("entityLink", "entityFQN") and row.name == "testCase" and value:
            tested = links.name_of(value) if name == "entityLink" else value
            first, last = names.below(tested)
            within = " OR (json ->> 'entityFQN' >= ? AND json ->> 'entityFQN' < ?)"
            where.append(f"(json ->> 'entityFQN' = ?{within if call.flag('includeAllTests') else ''})")
            values += [tested, first, last] if call.flag("includeAllTests") else [tested]
    return " AND ".join(where), values


def _scope(call: Call, name: str, value: str) -> str:
    # A service may be given by its bare name; its fully qualified name quotes the dots.
    kinds = SERVICE_TYPES if name == "service" else (name,) if name in ENTITY_TYPES else ()
    for kind in kinds:
        found = documents.find(call.reader, ENTITY_TYPES[kind], value, "all")
        found = found or documents.find_id(call.reader, ENTITY_TYPES[kind], value, "all")
        if found is not None:
            return str(found["fullyQualifiedName"])
    return value


def _holder(call: Call, row: EntityType, fqn: str) -> str:
    """The id of the container of that name, or a value that no entity has."""
    found = references.find_any(call.reader, tuple(kind for _, kind in row.parents), fqn)
    return str(found[1]["id"]) if found else ""


def _target(call: Call, name: str, value: str) -> str:
    kinds = _NAMED.get(name, ())
    found = next(
        (each for kind in kinds if (each := documents.find(call.reader, ENTITY_TYPES[kind], value, "all"))), None
    )
    return found["id"] if found else value


def _regex(call: Call, row: EntityType, level: str) -> str:
    if level not in ENTITY_TYPES:
        raise BadRequestError(f"Unknown filter {level}Regex")
    negation = "NOT " if call.arg("regexMode") == "exclude" else ""
    if call.flag("regexFilterByFqn"):
        depth = {"database": 2, "databaseSchema": 3, "table": 4}.get(level, 99)
        return f"{negation}matches(?, first_parts(fqn, {depth}))"
    if level == row.name:
        return f"{negation}matches(?, name)"
    above = f"SELECT p.name FROM entities p WHERE p.id = entities.json ->> '$.{level}.id'"  # noqa: S608 - a known level
    return f"{negation}matches(?, ({above}))"


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadRequestError(f"Invalid regex [{pattern}]: {error}") from None
    return pattern


def _encoded(name: str, identity: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([name, identity])).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[str, str]:
    try:
        name, identity = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise BadRequestError("Invalid cursor in query parameter before or after") from None
    return str(name), str(identity)
