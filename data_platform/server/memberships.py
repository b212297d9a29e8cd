"""Which assets belong to a domain, data product, tag, term, user or team; adding and removing them in bulk.

Each asset of a bulk request succeeds or fails by itself, as an ordinary change of that asset: it gets a version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, labels, models, references, series
from data_platform.server.bulk import result
from data_platform.server.entity_types import ENTITY_TYPES, EntityType, entity_type
from data_platform.server.names import unquote
from data_platform.server.permissions import may_write
from data_platform.server.problems import ApiError, BadRequestError
from data_platform.server.references import Resolver
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

_NO_ASSETS = ("domain", "dataProduct", "testCase", "testSuite", "ingestionPipeline", "glossary", "classification")
_HELD = "SELECT holder FROM refs WHERE field = ? AND target IN (SELECT value FROM json_each(?))"
_INHERITED = f"""
    WITH RECURSIVE below(id) AS (
        {_HELD} UNION SELECT e.id FROM entities e JOIN below ON e.parent = below.id
        WHERE NOT EXISTS (SELECT 1 FROM refs r WHERE r.holder = e.id AND r.field = ?)
    ) SELECT id FROM below
"""  # noqa: S608 - no value is part of it
_LABELLED = "SELECT holder FROM labels WHERE tag = ? AND source = ?"
_PORTS = ("inputPorts", "outputPorts")


def register(router: Router, keys: Keys) -> None:
    for kind, select in (
        ("domain", _in_domain),
        ("dataProduct", _in_product),
        ("tag", _labelled("Classification")),
        ("glossaryTerm", _labelled("Glossary")),
        ("user", _owned),
        ("team", _owned),
    ):
        route = ENTITY_TYPES[kind].route
        for pattern in (f"{route}/name/{{fqn}}/assets", f"{route}/{{id}}/assets"):
            router.add("GET", pattern, _listing(ENTITY_TYPES[kind], select))
    for kind, add, remove in (
        ("domain", _join_one("domains"), _leave("domains")),
        ("dataProduct", _join("dataProducts"), _leave("dataProducts")),
        ("tag", _label("Classification"), _unlabel("Classification")),
        ("glossaryTerm", _label("Glossary"), _unlabel("Glossary")),
    ):
        route = ENTITY_TYPES[kind].route
        router.add("PUT", f"{route}/{{fqn}}/assets/add", _changing(keys, ENTITY_TYPES[kind], add))
        router.add("PUT", f"{route}/{{fqn}}/assets/remove", _changing(keys, ENTITY_TYPES[kind], remove))
    for ports in _PORTS:
        router.add("PUT", f"/dataProducts/{{fqn}}/{ports}/add", _ports(ports, add=True))
        router.add("PUT", f"/dataProducts/{{fqn}}/{ports}/remove", _ports(ports, add=False))
        router.add("GET", f"/dataProducts/name/{{fqn}}/{ports}", _list_ports(ports))


def _list(*identities: str) -> str:
    return orjson.dumps(identities).decode()


def _in_domain(connection: Connection, held: Json) -> tuple[str, list[Any]]:
    first, last = held["fullyQualifiedName"] + ".", held["fullyQualifiedName"] + "/"
    lines = connection.execute(
        "SELECT id FROM entities WHERE type = 'domain' AND fqn >= ? AND fqn < ?", (first, last)
    ).fetchall()
    return _INHERITED, ["domains", _list(held["id"], *(line["id"] for line in lines)), "domains"]


def _in_product(_connection: Connection, held: Json) -> tuple[str, list[Any]]:
    return _HELD, ["dataProducts", _list(held["id"])]


def _labelled(source: str) -> Callable[[Connection, Json], tuple[str, list[Any]]]:
    return lambda _, held: (_LABELLED, [held["fullyQualifiedName"], source])


def _owned(_connection: Connection, held: Json) -> tuple[str, list[Any]]:
    return _INHERITED, ["owners", _list(held["id"], *(team["id"] for team in held.get("teams", []))), "owners"]


def found(connection: Connection, row: EntityType, named: str) -> Json:
    """The entity that a path names by its id or its name.

    Raises:
        NotFoundError: there is none.
    """
    return documents.find_id(connection, row, named) or documents.need(connection, row, named)


def _listing(row: EntityType, select: Callable[[Connection, Json], tuple[str, list[Any]]]) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        held = found(call.reader, row, call.params.get("fqn") or call.params["id"])
        offset, limit = call.window()
        ids, values = select(call.reader, held)
        marks = ",".join(f"'{kind}'" for kind in _NO_ASSETS)
        where = f"id IN ({ids}) AND deleted = 0 AND type NOT IN ({marks})"
        total = call.reader.execute(f"SELECT count(*) FROM entities WHERE {where}", values).fetchone()[0]  # noqa: S608
        lines = call.reader.execute(
            f"SELECT id, type FROM entities WHERE {where} ORDER BY fqn LIMIT ? OFFSET ?",  # noqa: S608
            [*values, limit, offset],
        ).fetchall()
        shown = Resolver(call.reader, call.base).read_all([{"id": line["id"], "type": line["type"]} for line in lines])
        return {"data": shown, "paging": {"total": total, "offset": offset, "limit": limit}}

    return handler


def _changing(keys: Keys, row: EntityType, change: Callable[[Json, Json], None]) -> Callable[[Call], Json]:
    """A bulk change of assets; every one of them is answered for."""

    def handler(call: Call) -> Json:
        may_write(call, row, "EditAll")
        request = _assets(call)
        dry = bool(request.get("dryRun"))

        def work(connection: Connection) -> Json:
            held = found(connection, row, call.params["fqn"])
            writing = Writing(connection, keys, call.principal)
            passed: list[Json] = []
            failed: list[Json] = []
            for asset in request["assets"]:
                connection.execute("SAVEPOINT asset")
                try:
                    kind = entity_type(asset["type"])
                    original = documents.need_id(connection, kind, str(asset["id"]))
                    updated = cast("Json", orjson.loads(orjson.dumps(original)))
                    change(updated, held)
                    updated["tags"] = labels.settle(connection, updated.get("tags", []))
                    if not updated["tags"]:
                        updated.pop("tags")
                    writing.update(kind, original, updated, patch=False)
                except ApiError as error:
                    connection.execute("ROLLBACK TO asset")
                    failed.append({"request": asset, "status": error.status, "message": error.message})
                else:
                    if dry:
                        connection.execute("ROLLBACK TO asset")
                    passed.append({"request": asset, "status": 200})
                connection.execute("RELEASE asset")
            return result(passed, failed, dry=dry)

        return call.store.write(work)

    return handler


def _assets(call: Call) -> Json:
    request = call.object
    models.check("api.bulkAssets:BulkAssets", request)
    request.setdefault("assets", [])
    return request


def _target(held: Json, field: str) -> Json:
    return documents.reference(held, references.TARGETS[field])


def _join(field: str) -> Callable[[Json, Json], None]:
    def change(asset: Json, held: Json) -> None:
        kept = [each for each in asset.get(field, []) if each["id"] != held["id"]]
        asset[field] = [*kept, _target(held, field)]

    return change


def _join_one(field: str) -> Callable[[Json, Json], None]:
    def change(asset: Json, held: Json) -> None:
        asset[field] = [_target(held, field)]

    return change


def _leave(field: str) -> Callable[[Json, Json], None]:
    def change(asset: Json, held: Json) -> None:
        asset[field] = [each for each in asset.get(field, []) if each["id"] != held["id"]]

    return change


def _label(source: str) -> Callable[[Json, Json], None]:
    def change(asset: Json, held: Json) -> None:
        label: Json = {"tagFQN": held["fullyQualifiedName"], "source": source}
        asset["tags"] = labels.merge(asset.get("tags", []), [{**label, "labelType": "Manual", "state": "Confirmed"}])

    return change


def _unlabel(source: str) -> Callable[[Json, Json], None]:
    def change(asset: Json, held: Json) -> None:
        gone = (source, held["fullyQualifiedName"])
        asset["tags"] = [label for label in asset.get("tags", []) if labels.key(label) != gone]

    return change


def _ports(field: str, *, add: bool) -> Callable[[Call], Json]:
    """Adding or removing ports of a data product; an output port is one of the product's own assets."""
    row = ENTITY_TYPES["dataProduct"]

    def handler(call: Call) -> Json:
        may_write(call, row, "EditAll")
        request = _assets(call)

        def work(connection: Connection) -> Json:
            product = found(connection, row, call.params["fqn"])
            named = {str(asset["id"]) for asset in request["assets"]}
            held: list[Json] = series.attached(connection, product["id"], field) or []
            ports = [port for port in held if port["id"] not in named]
            passed: list[Json] = []
            failed: list[Json] = []
            for asset in request["assets"]:
                try:
                    if add:
                        ports.append(_port(connection, product, field, asset))
                except ApiError as error:
                    failed.append({"request": asset, "status": error.status, "message": error.message})
                else:
                    passed.append({"request": asset, "status": 200})
            series.attach(connection, product["id"], field, ports)
            return result(passed, failed)

        return call.store.write(work)

    return handler


def _port(connection: Connection, product: Json, field: str, asset: Json) -> Json:
    port = references.find(connection, asset["type"], str(asset["id"]))
    if field == "outputPorts":
        held = connection.execute(
            "SELECT 1 FROM refs WHERE holder = ? AND field = 'dataProducts' AND target = ?", (port["id"], product["id"])
        ).fetchone()
        if held is None:
            raise BadRequestError(f"Output port {asset['id']} is no asset of data product {unquote(product['name'])}")
    return port


def _list_ports(field: str) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        product = documents.need(call.reader, ENTITY_TYPES["dataProduct"], call.params["fqn"])
        offset, limit = call.window()
        ports: list[Json] = series.attached(call.reader, product["id"], field) or []
        shown = Resolver(call.reader, call.base).read_all(ports[offset : offset + limit])
        return {"data": shown, "paging": {"total": len(ports), "offset": offset, "limit": limit}}

    return handler
