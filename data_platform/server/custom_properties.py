"""Types and the custom properties that people add to them; what an entity's ``extension`` may hold.

A type is an entity: one for every entity type, which properties are added to, and one for every kind of value that a
property may have. An extension with a property that its type does not have, or with a value of another kind, is refused
wherever it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, models, references
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id, now
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.rules import AFTER, ON_REQUEST, STORE
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["type"]
COLUMNS = {"table": "tableColumn", "dashboardDataModel": "dashboardDataModelColumn"}
"""The types that hold the properties of columns."""

_DURATION = re.compile(r"^P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$")
_JAVA = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
}


def register(router: Router, keys: Keys) -> None:
    def add(call: Call) -> Json:
        may_write(call, ROW, "Create")
        request = call.object
        models.check("type.customProperty:CustomProperty", {"description": "", **request})

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, ROW, call.id)
            updated = _with_property(connection, document, request)
            changed = Writing(connection, keys, call.principal).update(ROW, document, updated, patch=False)
            return View.of(call, keys, connection).one(ROW, changed, {"customProperties"})

        return call.store.write(work)

    def fields(call: Call) -> list[Json]:
        kind = documents.need(call.reader, ROW, call.params["type"])
        own = [{"name": name, "type": "any"} for name in sorted(ENTITY_TYPES[kind["name"]].fields)]
        return own + [
            {"name": each["name"], "type": each["propertyType"]["name"]} for each in kind.get("customProperties", [])
        ]

    router.add("PUT", "/metadata/types/{id}", add)
    router.add("GET", "/metadata/types/fields/{type}", fields)


def _with_property(connection: Connection, document: Json, request: Json) -> Json:
    if document.get("category") != "entity":
        raise BadRequestError("Only entity types can be extended and field types can't be extended")
    kind = documents.find_id(connection, ROW, str(request["propertyType"].get("id", "")))
    if kind is None or kind["category"] != "field":
        raise NotFoundError(f"type instance for {request['propertyType'].get('id')} not found")
    present = {each["name"]: each for each in document.get("customProperties", [])}
    _check_config(kind["name"], request, present.get(request["name"]))
    held = {**documents.reference(kind, "type"), "name": kind["name"], "fullyQualifiedName": kind["name"]}
    present[request["name"]] = {"description": "", **request, "propertyType": held}
    return {**document, "customProperties": list(present.values())}


def _check_config(kind: str, request: Json, before: Json | None) -> None:
    """Refuse a property whose configuration does not say what its kind needs.

    Raises:
        BadRequestError: naming what is missing.
    """
    config = request.get("customPropertyConfig", {}).get("config")
    if kind == "enum":
        values: list[str] = _config(request).get("values") or []
        if not values:
            raise BadRequestError("Enum Custom Property Type must have EnumConfig populated with values.")
        if len(set(values)) != len(values):
            raise BadRequestError("Enum Custom Property values cannot have duplicates.")
        gone = set(_config(before).get("values", [])) - set(values)
        if gone:
            raise BadRequestError(f"Existing Enum Custom Property values cannot be removed: {', '.join(sorted(gone))}")
    elif kind in ("date-cp", "dateTime-cp", "time-cp") and not isinstance(config, str):
        raise BadRequestError(f"Custom Property Type must have config populated with format: {kind}.")
    elif kind in ("entityReference", "entityReferenceList") and (
        not isinstance(config, list) or not set(cast("list[str]", config)) <= ENTITY_TYPES.keys()
    ):
        raise BadRequestError("EntityReference Custom Property Type must have config populated with entity types.")
    elif kind == "table-cp" and not (isinstance(config, dict) and cast("Json", config).get("columns")):
        raise BadRequestError("Table Custom Property Type must have config populated with tableConfig.")


def _config(held: Json | None) -> Json:
    config = (held or {}).get("customPropertyConfig", {}).get("config")
    return cast("Json", config) if isinstance(config, dict) else {}


def _check_extension(kind: str) -> Callable[[Connection, Json, Json | None], None]:
    def check(connection: Connection, document: Json, original: Json | None) -> None:
        extension = document.get("extension")
        if extension and (original is None or extension != original.get("extension")):
            document["extension"] = checked(connection, kind, extension)
        if kind in COLUMNS:
            for column in document.get("columns", []):
                if column.get("extension"):
                    column["extension"] = checked(connection, COLUMNS[kind], column["extension"])

    return check


def checked(connection: Connection, kind: str, extension: Any) -> Json:
    """The extension of an entity of type ``kind`` as it is stored.

    Raises:
        BadRequestError: a property that the type does not have, or a value that does not fit it.
    """
    if not isinstance(extension, dict):
        raise BadRequestError("extension: Input should be an object")
    document = documents.find(connection, ROW, kind) or {}
    known = {each["name"]: each for each in document.get("customProperties", [])}
    stored: Json = {}
    for name, value in cast("Json", extension).items():
        if name not in known:
            raise BadRequestError(f"Unknown custom field {name}")
        try:
            stored[name] = _VALUES[known[name]["propertyType"]["name"]](connection, known[name], value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadRequestError(f"Custom field {name} has invalid JSON [{error}]") from None
    return stored


Checker = Callable[["Connection", "Json", Any], Any]


def _kind_of(wanted: type | tuple[type, ...], text: str) -> Checker:
    def check(_connection: Connection, _held: Json, value: Any) -> Any:
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"$: {type(value).__name__} found, {text} expected")
        return value

    return check


def _matching(pattern: str | re.Pattern[str], text: str) -> Checker:
    def check(_connection: Connection, _held: Json, value: Any) -> Any:
        if not isinstance(value, str) or not re.match(pattern, value):
            raise ValueError(f"$: {value!r} is not {text}")
        return value

    return check


def _moment(_connection: Connection, held: Json, value: Any) -> Any:
    pattern = str(held["customPropertyConfig"]["config"])
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    datetime.strptime(value, pattern.replace("'", ""))
    return value


def _interval(_connection: Connection, _held: Json, value: Any) -> Any:
    if not (isinstance(value, dict) and all(isinstance(cast("Json", value).get(end), int) for end in ("start", "end"))):
        raise ValueError("$: start and end expected")
    return cast("Json", value)


def _enum(_connection: Connection, held: Json, value: Any) -> Any:
    chosen = cast("list[str]", value) if isinstance(value, list) else [cast("str", value)]
    config = held["customPropertyConfig"]["config"]
    unknown = [each for each in chosen if each not in config["values"]]
    if unknown:
        raise ValueError(f"Values '{', '.join(map(str, unknown))}' not supported for property {held['name']}")
    if len(chosen) > 1 and not config.get("multiSelect"):
        raise ValueError(f"Only one value allowed for non-multiSelect {held['name']} property")
    return sorted(chosen)


def _reference(connection: Connection, held: Json, value: Any) -> Any:
    named = cast("Json", value)
    allowed = held["customPropertyConfig"]["config"]
    if named["type"] not in allowed:
        raise ValueError(f"{named['type']} is not one of {', '.join(allowed)}")
    try:
        found = references.find(connection, named["type"], str(named.get("id") or named["fullyQualifiedName"]))
    except NotFoundError as error:
        raise ValueError(error.message) from None
    return {**named, **found}


def _references(connection: Connection, held: Json, value: Any) -> Any:
    if not isinstance(value, list):
        raise TypeError("$: array expected")
    return [_reference(connection, held, each) for each in cast("list[Any]", value)]


def _table(_connection: Connection, held: Json, value: Any) -> Any:
    known = set(held["customPropertyConfig"]["config"]["columns"])
    rows = cast("list[Json]", cast("Json", value)["rows"])
    unknown = {column for row in rows for column in row} - known
    if unknown:
        raise ValueError(f"Column names {', '.join(sorted(unknown))} are not defined")
    return cast("Json", value)


def _link(_connection: Connection, _held: Json, value: Any) -> Any:
    if not re.match(r"^https?://", cast("Json", value)["url"]):
        raise ValueError("$.url: http or https expected")
    return cast("Json", value)


_text, _whole = _kind_of(str, "string"), _kind_of(int, "integer")
_VALUES: dict[str, Checker] = {
    "string": _text,
    "markdown": _text,
    "sqlQuery": _text,
    "integer": _whole,
    "timestamp": _whole,
    "number": _kind_of((int, float), "number"),
    "email": _matching(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "an e-mail address"),
    "duration": _matching(_DURATION, "an ISO 8601 duration"),
    "date-cp": _moment,
    "dateTime-cp": _moment,
    "time-cp": _moment,
    "timeInterval": _interval,
    "enum": _enum,
    "entityReference": _reference,
    "entityReferenceList": _references,
    "table-cp": _table,
    "hyperlink-cp": _link,
}


def seed_types(connection: Connection) -> None:
    """Store every type that is missing."""
    present = {line["name"] for line in connection.execute("SELECT name FROM entities WHERE type = 'type'")}
    wanted = dict.fromkeys([*ENTITY_TYPES, *COLUMNS.values()], "entity") | dict.fromkeys(_VALUES, "field")
    for name, category in wanted.items():
        if name not in present:
            document: Json = {
                "id": new_id(),
                "name": name,
                "fullyQualifiedName": name,
                "displayName": name,
                "description": f"The {name} type.",
                "category": category,
                "nameSpace": "data" if category == "entity" else "basic",
                "schema": "{}",
                "version": 0.1,
                "updatedAt": now(),
                "updatedBy": "admin",
            }
            documents.save(connection, ROW, document, fresh=True)


def _forget_removed(connection: Connection, document: Json, original: Json | None) -> None:
    """Take the values of a removed property off the entities that have one; it is no new version of theirs."""
    before = {each["name"] for each in (original or {}).get("customProperties", [])}
    gone = before - {each["name"] for each in document.get("customProperties", [])}
    row = ENTITY_TYPES.get(document["name"])
    if not gone or row is None:
        return
    lines = connection.execute(
        "SELECT json FROM entities WHERE type = ? AND json ->> 'extension' IS NOT NULL", (row.name,)
    ).fetchall()
    for line in lines:
        held = orjson.loads(line["json"])
        held["extension"] = {name: value for name, value in held["extension"].items() if name not in gone}
        documents.save(connection, row, held)


ON_REQUEST["type"].add("customProperties")
AFTER["type"].append(_forget_removed)
for _name in ENTITY_TYPES:
    STORE[_name].append(_check_extension(_name))
