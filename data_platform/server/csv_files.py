"""CSV: what is below a glossary, team, database service, database, schema or table as a file, and back.

A file has a row for each thing; importing makes what is missing and changes what differs, each row by itself, and
answers with a file that says what became of every row. As in OpenMetadata, an import is a dry run unless it says
``dryRun=false``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from data_platform.server import columns, documents, labels, names, references
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.ids import new_id
from data_platform.server.permissions import may_write
from data_platform.server.problems import ApiError, BadRequestError
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_COMMON = ("displayName", "description", "owner", "tags", "glossaryTerms", "domains")


@dataclass(frozen=True)
class _Format:
    """The file of one type of holder: the type of its rows, their columns, and where they hang."""

    rows: str
    headers: tuple[str, ...]
    parent: str

    @property
    def row(self) -> EntityType:
        return ENTITY_TYPES[self.rows]


_FORMATS = {
    "glossary": _Format(
        "glossaryTerm",
        ("parent", "name*", "displayName", "description", "synonyms", "tags", "owner"),
        "glossary",
    ),
    "team": _Format("team", ("name*", "displayName", "description", "teamType*", "parents*", "owner"), "parents"),
    "databaseService": _Format("database", ("name*", *_COMMON), "service"),
    "database": _Format("databaseSchema", ("name*", *_COMMON), "database"),
    "databaseSchema": _Format("table", ("name*", *_COMMON), "databaseSchema"),
    "table": _Format(
        "table",
        (
            "column.name*",
            "column.displayName",
            "column.description",
            "column.dataType",
            "column.tags",
            "column.glossaryTerms",
        ),
        "",
    ),
}


def register(router: Router, keys: Keys) -> None:
    for kind in _FORMATS:
        base = f"{ENTITY_TYPES[kind].route}/name/{{fqn}}"
        router.add("GET", f"{base}/export", _export(kind))
        router.add("GET", f"{base}/exportAsync", _export_started(kind))
        router.add("PUT", f"{base}/import", _import(keys, kind))
        router.add("PUT", f"{base}/importAsync", _import_started(keys, kind))


def _text(values: list[dict[str, str]], headers: tuple[str, ...]) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, headers, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(values)
    return target.getvalue()


def _export(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        holder = documents.need(call.reader, ENTITY_TYPES[kind], call.params["fqn"])
        found = _FORMATS[kind]
        rows = [_shown(call.reader, found, holder, each) for each in _below(call.reader, kind, holder)]
        return Response(_text(rows, found.headers), media_type="text/csv")

    return handler


def _export_started(kind: str) -> Callable[[Call], Reply]:
    def handler(call: Call) -> Reply:
        _export(kind)(call)
        return Reply(202, {"jobId": new_id(), "message": "Export initiated successfully."})

    return handler


def _below(connection: Connection, kind: str, holder: Json) -> list[Json]:
    if kind == "table":
        return list(columns.all_columns(holder["columns"]))
    first, last = names.below(holder["fullyQualifiedName"])
    if kind == "team":
        where, values = "id IN (SELECT holder FROM refs WHERE field = 'parents' AND target = ?)", [holder["id"]]
    elif kind == "glossary":
        where, values = "fqn >= ? AND fqn < ?", [first, last]
    else:
        where, values = "parent = ?", [holder["id"]]
    lines = connection.execute(
        f"SELECT json FROM entities WHERE type = ? AND deleted = 0 AND {where} ORDER BY fqn",  # noqa: S608 - our own
        [_FORMATS[kind].rows, *values],
    )
    return [orjson.loads(line["json"]) for line in lines]


def _shown(connection: Connection, found: _Format, holder: Json, held: Json) -> dict[str, str]:
    row = {header: str(held.get(header.removeprefix("column.").rstrip("*")) or "") for header in found.headers}
    by_source = {"tags": "Classification", "glossaryTerms": "Glossary"}
    for header in found.headers:
        field = header.removeprefix("column.").rstrip("*")
        if field in by_source:
            row[header] = ";".join(
                label["tagFQN"] for label in held.get("tags", []) if label.get("source") == by_source[field]
            )
        elif field == "owner":
            row[header] = ";".join(f"{kind}:{name}" for kind, name in _names(connection, held.get("owners", [])))
        elif field in ("domains", "parents"):
            row[header] = ";".join(name for _, name in _names(connection, held.get(field, [])))
        elif field == "synonyms":
            row[header] = ";".join(held.get("synonyms", []))
        elif field == "parent":
            above = ".".join(names.split(held["fullyQualifiedName"])[:-1])
            row[header] = "" if above == holder["fullyQualifiedName"] else above
    return row


def _names(connection: Connection, held: list[Json]) -> list[tuple[str, str]]:
    found = [(each["type"], documents.find_id(connection, ENTITY_TYPES[each["type"]], each["id"])) for each in held]
    return [(kind, each["fullyQualifiedName"]) for kind, each in found if each]


def _import(keys: Keys, kind: str) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        may_write(call, ENTITY_TYPES[kind], "EditAll")
        dry = call.arg("dryRun") != "false"
        reader = csv.DictReader(io.StringIO(call.text))
        found, given = _FORMATS[kind], [str(name) for name in reader.fieldnames or ()]
        _check_headers(found, given)
        try:
            rows = list(reader)
        except csv.Error as error:
            raise BadRequestError(f"The file cannot be read as CSV: {error}") from None

        def work(connection: Connection) -> Json:
            connection.execute("SAVEPOINT file_of_import")
            holder = documents.need(connection, ENTITY_TYPES[kind], call.params["fqn"])
            writing = Writing(connection, keys, call.principal)
            results = [_taken(writing, kind, holder, row) for row in rows]
            if dry:
                connection.execute("ROLLBACK TO file_of_import")
            connection.execute("RELEASE file_of_import")
            return _result(results, found, dry=dry)

        return call.store.write(work)

    return handler


def _import_started(keys: Keys, kind: str) -> Callable[[Call], Reply]:
    def handler(call: Call) -> Reply:
        _import(keys, kind)(call)
        return Reply(202, {"jobId": new_id(), "message": "Import initiated successfully."})

    return handler


def _check_headers(found: _Format, given: list[str]) -> None:
    plain = {name.rstrip("*") for name in given}
    required = [header for header in found.headers if header.endswith("*") and header.rstrip("*") not in plain]
    if required or not given:
        raise BadRequestError(f"#INVALID_HEADER: Headers should be {','.join(found.headers)}")


def _taken(writing: Writing, kind: str, holder: Json, row: dict[Any, Any]) -> dict[str, str]:
    values = {str(name).rstrip("*"): value.strip() for name, value in row.items() if isinstance(value, str)}
    writing.connection.execute("SAVEPOINT row_of_import")
    try:
        is_new = _column(writing, holder, values) if kind == "table" else _entity(writing, kind, holder, values)
    except ApiError as error:
        writing.connection.execute("ROLLBACK TO row_of_import")
        told = {"status": "failure", "details": f"#INVALID_FIELD: {error.message}"}
    else:
        told = {"status": "success", "details": "Entity created" if is_new else "Entity updated"}
    writing.connection.execute("RELEASE row_of_import")
    return {**{str(name): str(value) for name, value in row.items()}, **told}


def _entity(writing: Writing, kind: str, holder: Json, values: dict[str, str]) -> bool:
    found = _FORMATS[kind]
    if not values.get("name"):
        raise BadRequestError("Field 1 name is required")
    request: Json = {"name": values["name"]}
    if kind == "team":
        above = values.get("parents") or holder["name"]
        request |= {"teamType": values.get("teamType") or "Group"}
        request["parents"] = [references.find(writing.connection, "team", each)["id"] for each in _listed(above)]
    else:
        request[found.parent] = holder["fullyQualifiedName"]
    if kind == "databaseSchema":
        request["columns"] = []
    if kind == "glossary":
        request["description"] = values.get("description") or values["name"]
        request["synonyms"] = _listed(values.get("synonyms", ""))
        if values.get("parent"):
            request["parent"] = values["parent"]
    for field in ("displayName", "description"):
        if values.get(field):
            request[field] = values[field]
    tags = _tags(values.get("tags", ""), values.get("glossaryTerms", ""))
    if tags and "tags" in found.row.fields:
        request["tags"] = tags
    if values.get("owner"):
        request["owners"] = [_owner(writing.connection, each) for each in _listed(values["owner"])]
    if values.get("domains"):
        request["domains"] = _listed(values["domains"])
    built = writing.build(found.row, request)
    original = documents.find(writing.connection, found.row, built["fullyQualifiedName"], "all")
    if original is not None and kind == "databaseSchema":
        built["columns"] = orjson.loads(orjson.dumps(original["columns"]))
    if original is None:
        writing.create(found.row, request)
    else:
        writing.put_over(found.row, original, built, request)
    return original is None


def _column(writing: Writing, table: Json, values: dict[str, str]) -> bool:
    original = documents.need_id(writing.connection, ENTITY_TYPES["table"], table["id"])
    updated = orjson.loads(orjson.dumps(original))
    named = values.get("column.name", "")
    held = next((each for each in columns.all_columns(updated["columns"]) if each["name"] == named), None)
    if held is None:
        raise BadRequestError(f"Column {named} not found")
    for field in ("displayName", "description"):
        if values.get(f"column.{field}"):
            held[field] = values[f"column.{field}"]
    held["tags"] = _tags(values.get("column.tags", ""), values.get("column.glossaryTerms", ""))
    labels.complete(updated)
    writing.replaced(ENTITY_TYPES["table"], original, updated)
    return False


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _tags(tags: str, terms: str) -> list[Json]:
    found = [(name, "Classification") for name in _listed(tags)] + [(name, "Glossary") for name in _listed(terms)]
    return [{"tagFQN": name, "source": source, "labelType": "Manual", "state": "Confirmed"} for name, source in found]


def _owner(connection: Connection, text: str) -> Json:
    kind, colon, name = text.partition(":")
    return references.find(connection, kind if colon else "user", name if colon else kind)


def _result(results: list[dict[str, str]], found: _Format, *, dry: bool) -> Json:
    failed = sum(row["status"] == "failure" for row in results)
    headers = ("status", "details", *(header for header in found.headers))
    plain = [{**row, **{f"{name}*": value for name, value in row.items()}} for row in results]
    return {
        "dryRun": dry,
        "status": "success" if not failed else "failure" if failed == len(results) else "partialSuccess",
        "numberOfRowsProcessed": len(results),
        "numberOfRowsPassed": len(results) - failed,
        "numberOfRowsFailed": failed,
        "importResultsCsv": _text(plain, headers),
    }
