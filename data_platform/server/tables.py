"""What tables have and other entities do not: profiles, joins, data models."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import columns, documents, joins, labels, models, series
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES, entity_type
from data_platform.server.names import split
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError, no_instance
from data_platform.server.references import Resolver
from data_platform.server.rules import COMPUTED, ON_REQUEST, STORE
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["table"]
_MODEL = "entity.data.table"


def register(router: Router, keys: Keys) -> None:
    def changing(change: Callable[[Writing, Json, Json], Json], *fields: str) -> Callable[[Call], Json]:
        """A PUT on a part of a table, answered with the table and ``fields``."""

        def handler(call: Call) -> Json:
            may_write(call, ROW, "EditAll")
            request = call.object

            def work(connection: Connection) -> Json:
                document = documents.need_id(connection, ROW, call.id)
                changed = change(Writing(connection, keys, call.principal), document, request)
                return View.of(call, keys, connection).one(ROW, changed, set(fields))

            return call.store.write(work)

        return handler

    def reading(field: str) -> Callable[[Call], Json]:
        def handler(call: Call) -> Json:
            document = documents.need_id(call.reader, ROW, call.id)
            return View.of(call, keys).one(ROW, document, {field})

        return handler

    def without_config(call: Call) -> Json:
        may_write(call, ROW, "EditAll")

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, ROW, call.id)
            if document.pop("tableProfilerConfig", None) is not None:
                documents.save(connection, ROW, document)
            return View.of(call, keys, connection).one(ROW, document, {"tableProfilerConfig"})

        return call.store.write(work)

    for part, change, fields in (
        ("tableProfile", _profile, ("profile",)),
        ("joins", joins.put, ("joins",)),
        ("dataModel", _data_model, ("tags", "owners")),
        ("tableProfilerConfig", _profiler_config, ("tableProfilerConfig",)),
    ):
        router.add("PUT", f"/tables/{{id}}/{part}", changing(change, *fields))
    for part in ("joins", "tableProfilerConfig"):
        router.add("GET", f"/tables/{{id}}/{part}", reading(part))
    router.add("DELETE", "/tables/{id}/tableProfilerConfig", without_config)
    router.add("GET", "/tables/{fqn}/tableProfile/latest", lambda call: _latest(call, keys))
    router.add("GET", "/tables/{fqn}/tableProfile", lambda call: _history(call, "table"))
    router.add("GET", "/tables/{fqn}/columnProfile", lambda call: _history(call, "column"))
    router.add("GET", "/tables/{fqn}/systemProfile", lambda call: _history(call, "system"))
    router.add("DELETE", "/tables/{fqn}/{kind}/{timestamp}/profile", _delete_profile)
    router.add("GET", "/entity/profiles/{type}", _profiles)
    router.add("GET", "/tables/name/{fqn}/columns", lambda call: _columns(call, keys, by_name=True))
    router.add("GET", "/tables/{id}/columns", lambda call: _columns(call, keys, by_name=False))
    for route in ("/databases", "/databaseSchemas"):
        row = next(each for each in ENTITY_TYPES.values() if each.route == route)
        field = f"{row.name}ProfilerConfig"
        router.add("PUT", f"{route}/{{id}}/{field}", _container_config(keys, row.name, field))


def _profile(writing: Writing, document: Json, request: Json) -> Json:
    models.check("api.data.createTableProfile:CreateTableProfileRequest", request)
    table = document["id"]
    profile = request["tableProfile"]
    series.put(writing.connection, table, "table", "", series.stamped(profile.get("timestamp")), profile)
    for column in request.get("columnProfile", []):
        stamp = series.stamped(column.get("timestamp"))
        series.put(writing.connection, table, "column", column["name"], stamp, column)
    for system in request.get("systemProfile", []):
        stamp = series.stamped(system.get("timestamp"))
        series.put(writing.connection, table, "system", system.get("operation", ""), stamp, system)
    return document


def _data_model(writing: Writing, document: Json, request: Json) -> Json:
    """Keep a data model; its owners, tags and column tags are the table's from now on."""
    labels.complete(request)
    models.check(f"{_MODEL}:DataModel", request)
    updated = {**document, "dataModel": request}
    if request.get("owners") and not document.get("owners"):
        updated["owners"] = [{"id": each["id"], "type": each["type"]} for each in request["owners"]]
    if request.get("tags"):
        updated["tags"] = labels.merge(document.get("tags", []), request["tags"])
    modelled = {column["name"].lower(): column for column in request.get("columns", [])}
    updated["columns"] = [
        {**column, "tags": labels.merge(column.get("tags", []), modelled[column["name"].lower()].get("tags", []))}
        if column["name"].lower() in modelled
        else column
        for column in document["columns"]
    ]
    columns.settle_labels(writing.connection, updated)
    return writing.update(ROW, document, updated, patch=False)


def _profiler_config(writing: Writing, document: Json, request: Json) -> Json:
    models.check(f"{_MODEL}:TableProfilerConfig", request)
    known = {column["name"] for column in columns.all_columns(document["columns"])}
    excluded = request.get("excludeColumns", [])
    included = [each.get("columnName") for each in request.get("includeColumns", [])]
    for name in [*excluded, *included]:
        if name is not None and name not in known:
            raise BadRequestError(f"Invalid column name {name}")
    return writing.update(ROW, document, {**document, "tableProfilerConfig": request}, patch=False)


def _container_config(keys: Keys, kind: str, field: str) -> Callable[[Call], Json]:
    row = ENTITY_TYPES[kind]

    def handler(call: Call) -> Json:
        may_write(call, row, "EditAll")
        request = call.object

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, row, call.id)
            writing = Writing(connection, keys, call.principal)
            changed = writing.update(row, document, {**document, field: request}, patch=False)
            return View.of(call, keys, connection).one(row, changed, {field})

        return call.store.write(work)

    return handler


def _latest(call: Call, keys: Keys) -> Json:
    document = documents.need(call.reader, ROW, call.params["fqn"])
    shown = View.of(call, keys).one(ROW, document, {"profile", "customMetrics"})
    newest = series.latest_by_key(call.reader, shown["id"], "column")
    for column in columns.all_columns(shown["columns"]):
        name = _below_table(split(column["fullyQualifiedName"]))
        if name in newest:
            column["profile"] = newest[name]
    return shown


def _history(call: Call, kind: str) -> Json:
    fqn = call.params["fqn"]
    if kind != "column":
        document = documents.need(call.reader, ROW, fqn)
        return series.between(call, document["id"], kind, None if kind == "system" else "")
    parts = split(fqn)
    document = documents.find(call.reader, ROW, ".".join(parts[:4]))
    column = next((each for each in _all(document) if each["fullyQualifiedName"] == fqn), None)
    if document is None or column is None:
        raise no_instance("column", fqn)
    return series.between(call, document["id"], "column", _below_table(parts))


def _delete_profile(call: Call) -> Reply:
    """Forget a table's, a column's or a system's profile of one moment."""
    may_write(call, ROW, "EditDataProfile")
    kind, fqn = call.params["kind"], call.params["fqn"]
    if kind not in ("table", "column", "system"):
        raise BadRequestError("entityType must be one of [table, column, system]")
    parts = split(fqn)
    stamp = call.params["timestamp"]

    def work(connection: Connection) -> None:
        table = documents.need(connection, ROW, ".".join(parts[:4]))
        key = _below_table(parts) if kind == "column" else None
        if not stamp.isdigit() or not series.delete(connection, table["id"], kind, int(stamp), key):
            raise NotFoundError(f"Failed to find profile of {fqn} at {stamp}")

    call.store.write(work)
    return Reply(200)


def _below_table(parts: list[str]) -> str:
    """The name under which a column is profiled: that of a nested one has those above it before it."""
    return ".".join(part.strip('"') for part in parts[4:])


def _profiles(call: Call) -> Json:
    """Profiles of every entity of a type in a span of time; tables are the only ones that have some."""
    row = entity_type(call.params["type"])
    kind = call.arg("profileType")
    kinds = [kind] if kind else ["table", "column", "system"]
    marks = ",".join("?" * len(kinds))
    lines = call.reader.execute(
        f"SELECT s.entity, s.kind, s.key, s.timestamp, s.json FROM series s JOIN entities e ON e.id = s.entity"  # noqa: S608
        f" WHERE e.type = ? AND s.kind IN ({marks}) AND s.timestamp BETWEEN ? AND ? ORDER BY s.timestamp DESC",
        (row.name, *kinds, call.number("startTs", 0), call.number("endTs", 2**62)),
    ).fetchall()
    offset, limit = call.window(10_000)
    resolver = Resolver(call.reader, call.base)
    data = [
        {
            "id": str(
                uuid.uuid5(uuid.NAMESPACE_OID, f"{line['entity']} {line['kind']} {line['key']} {line['timestamp']}")
            ),
            "entityReference": resolver.read({"id": line["entity"]}),
            "timestamp": line["timestamp"],
            "profileData": orjson.loads(line["json"]),
            "profileType": line["kind"],
        }
        for line in lines[offset : offset + limit]
    ]
    return {"data": data, "paging": {"total": len(lines), "after": None, "before": None}}


def _all(document: Json | None) -> list[Json]:
    return list(columns.all_columns(document["columns"])) if document else []


def _columns(call: Call, keys: Keys, *, by_name: bool) -> Json:
    if by_name:
        document = documents.need(call.reader, ROW, call.params["fqn"])
    else:
        document = documents.need_id(call.reader, ROW, call.id)
    asked = {name for name in (call.arg("fields") or "").split(",") if name}
    shown = View.of(call, keys).one(ROW, document, asked & {"tags", "customMetrics", "extension"})["columns"]
    offset, limit = call.window(50)
    paging = {"total": len(shown), "offset": offset, "limit": limit}
    return {"data": shown[offset : offset + limit], "paging": paging}


def _check(_connection: Connection, document: Json, _original: Json | None) -> None:
    known = {column["name"].lower() for column in document["columns"]}
    for constraint in document.get("tableConstraints", []):
        for name in constraint.get("columns", []):
            if name.lower() not in known:
                raise BadRequestError(f"Invalid column name found in table constraint: {name}")


def _children(kind: str) -> Callable[[Connection, Json], Any]:
    def compute(connection: Connection, document: Json) -> list[Json]:
        lines = connection.execute(
            "SELECT id FROM entities WHERE parent = ? AND type = ? AND deleted = 0 ORDER BY name",
            (document["id"], kind),
        )
        return [{"id": line["id"], "type": kind} for line in lines]

    return compute


STORE["table"].append(_check)
ON_REQUEST["table"].update({"joins", "sampleData", "customMetrics", "testSuite", "tableProfilerConfig"})
ON_REQUEST["database"].add("databaseProfilerConfig")
ON_REQUEST["databaseSchema"].add("databaseSchemaProfilerConfig")
COMPUTED["table"].update(
    {
        "profile": lambda connection, document: series.latest(connection, document["id"], "table"),
        "joins": joins.read,
    }
)
COMPUTED["database"]["databaseSchemas"] = _children("databaseSchema")
COMPUTED["databaseSchema"]["tables"] = _children("table")
for _kind in ("container", "directory"):
    COMPUTED[_kind]["children"] = _children(_kind)
for _service in ENTITY_TYPES.values():
    if _service.is_service:
        COMPUTED[_service.name]["pipelines"] = _children("ingestionPipeline")
