"""Data quality: test suites, cases and their results.

A case is named below what it tests (``table[.column].case``) and belongs to the basic suite of its
table, which is made with the first case; logical suites refer to cases. The suite hangs below its
table and the case below the suite, so that deletion, owners and domains follow from containment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import documents, models
from data_platform.server.columns import all_columns
from data_platform.server.entities import Entities
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import now
from data_platform.server.names import join, split, unquote
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import COMPUTED, FILTERS, PREPARE
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

CASE, SUITE, TABLE = ENTITY_TYPES["testCase"], ENTITY_TYPES["testSuite"], ENTITY_TYPES["table"]
_LINK = re.compile(r"^<#E::(\w+)::(.+?)(?:::columns::(.+?))?>$")


def register(router: Router, keys: Keys) -> None:
    suites = Entities(SUITE, keys)
    for part in ("basic", "executable"):
        router.add("POST", f"{SUITE.route}/{part}", suites.create)
        router.add("PUT", f"{SUITE.route}/{part}", suites.put)
        router.add("DELETE", f"{SUITE.route}/{part}/{{id}}", suites.delete)
    for row in (CASE, SUITE):
        router.add("GET", f"{row.route}/search/list", Entities(row, keys).searched)
    router.add("PUT", f"{CASE.route}/logicalTestCases", lambda call: _add_logical(call, keys))
    router.add("DELETE", f"{CASE.route}/logicalTestCases/{{suite}}/{{id}}", lambda call: _remove_logical(call, keys))


def _subject(connection: Connection, link: str) -> tuple[Json, Json | None]:
    """The table, and the column, that an entity link names."""
    found = _LINK.match(link)
    if found is None or found[1] != "table":
        raise BadRequestError(f"Invalid entity link {link}")
    table = documents.need(connection, TABLE, found[2])
    if found[3] is None:
        return table, None
    for column in all_columns(table["columns"]):
        if column["fullyQualifiedName"] == join(table["fullyQualifiedName"], unquote(found[3])):
            return table, column
    raise BadRequestError(f"Invalid column name {found[3]}")


def _prepare_case(connection: Connection, document: Json, request: Json, principal: Principal) -> None:
    table, column = _subject(connection, request["entityLink"])
    definition = documents.need_id(connection, ENTITY_TYPES["testDefinition"], document["testDefinition"]["id"])
    if definition.get("entityType") != ("COLUMN" if column else "TABLE"):
        target = "a column" if column else "a table"
        raise BadRequestError(f"Test definition {definition['name']} cannot be used on {target}")
    _check_parameters(definition, document.get("parameterValues", []))
    subject = column or table
    document["entityFQN"] = subject["fullyQualifiedName"]
    document["fullyQualifiedName"] = join(subject["fullyQualifiedName"], document["name"])
    suite = documents.reference(_basic_suite(connection, table, principal), "testSuite")
    document["testSuite"] = suite
    document.setdefault("createdBy", principal.name)


def _check_parameters(definition: Json, values: list[Json]) -> None:
    known = {each["name"]: each for each in definition.get("parameterDefinition", [])}
    given = {value["name"] for value in values if value.get("value") not in (None, "")}
    for name in sorted(given - known.keys()):
        raise BadRequestError(f"Parameter value {name} is not defined for test definition {definition['name']}")
    for name, each in known.items():
        if each.get("required") and name not in given:
            raise BadRequestError(f"Required parameter {name} is not passed in parameterValues")


def _basic_suite(connection: Connection, table: Json, principal: Principal) -> Json:
    fqn = f"{table['fullyQualifiedName']}.testSuite"
    suite = documents.find(connection, SUITE, fqn, "all")
    if suite is not None:
        return suite
    from data_platform.server.writing import new_id

    suite = {
        "id": new_id(),
        "name": fqn,
        "fullyQualifiedName": fqn,
        "basic": True,
        "executable": True,
        "basicEntityReference": documents.reference(table, "table"),
        "version": 0.1,
        "updatedAt": now(),
        "updatedBy": principal.name,
        "deleted": False,
    }
    documents.save(connection, SUITE, suite, fresh=True)
    return suite


def _prepare_suite(connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    named = request.get("basicEntityReference") or request.get("executableEntityReference")
    document["basic"] = document["executable"] = bool(named)
    if named:
        table = documents.need(connection, TABLE, named)
        document["basicEntityReference"] = documents.reference(table, "table")
        document["name"] = document["fullyQualifiedName"] = f"{table['fullyQualifiedName']}.testSuite"


def _add_logical(call: Call, keys: Keys) -> Json:
    may_write(call, SUITE, "EditTests")
    request = call.object
    models.check("api.tests.createLogicalTestCases:CreateLogicalTestCases", request)

    def work(connection: Connection) -> Json:
        suite = documents.need_id(connection, SUITE, request["testSuiteId"])
        if suite.get("basic"):
            raise BadRequestError("You are trying to add test cases to a basic test suite.")
        for identity in request.get("testCaseIds", []):
            case = documents.need_id(connection, CASE, identity)
            connection.execute("INSERT OR IGNORE INTO suite_members VALUES (?, ?)", (suite["id"], case["id"]))
        return View.of(call, keys, connection).one(SUITE, suite, {"tests"})

    return call.store.write(work)


def _remove_logical(call: Call, keys: Keys) -> Json:
    may_write(call, SUITE, "EditTests")

    def work(connection: Connection) -> Json:
        suite = documents.need_id(connection, SUITE, call.uuid("suite"))
        case = documents.need_id(connection, CASE, call.id)
        connection.execute("DELETE FROM suite_members WHERE suite = ? AND test = ?", (suite["id"], case["id"]))
        return View.of(call, keys, connection).one(SUITE, suite, {"tests"})

    return call.store.write(work)


def _tests(connection: Connection, document: Json) -> list[Json]:
    lines = connection.execute(
        "SELECT id FROM entities WHERE type = 'testCase' AND deleted = 0"
        " AND (parent = ? OR id IN (SELECT test FROM suite_members WHERE suite = ?)) ORDER BY fqn",
        (document["id"], document["id"]),
    )
    return [{"id": line["id"], "type": "testCase"} for line in lines]


def _suites(connection: Connection, document: Json) -> list[Json]:
    lines = connection.execute(
        "SELECT json FROM entities WHERE id = ? OR id IN (SELECT suite FROM suite_members WHERE test = ?) ORDER BY fqn",
        (document["testSuite"]["id"], document["id"]),
    )
    shown = ("id", "name", "fullyQualifiedName", "description", "basic", "executable", "deleted", "version")
    suites = [orjson.loads(line["json"]) for line in lines]
    return [{field: suite[field] for field in shown if field in suite} for suite in suites]


def _suite_of(connection: Connection, document: Json) -> Any:
    suite = documents.find(connection, SUITE, f"{document['fullyQualifiedName']}.testSuite")
    return documents.reference(suite, "testSuite") if suite else None


def _inherited_tags(connection: Connection, document: Json) -> list[Json]:
    parts = split(document["entityFQN"])
    table = documents.find(connection, TABLE, ".".join(parts[:4]), "all") or {}
    own = document.get("tags", [])
    present = {label["tagFQN"] for label in own}
    return [*own, *(label for label in table.get("tags", []) if label["tagFQN"] not in present)]


PREPARE["testCase"].append(_prepare_case)
PREPARE["testSuite"].append(_prepare_suite)
_LATEST = "SELECT json ->> 'testCaseStatus' FROM series WHERE entity = entities.id AND kind = 'result'"
FILTERS["testCase"] = {
    "testCaseStatus": lambda value: (f"({_LATEST} ORDER BY timestamp DESC LIMIT 1) = ?", [value]),
    "testCaseType": lambda value: {
        "table": ("json ->> 'entityLink' NOT LIKE '%::columns::%'", list[Any]()),
        "column": ("json ->> 'entityLink' LIKE '%::columns::%'", list[Any]()),
    }.get(value, ("1", list[Any]())),
}
FILTERS["testSuite"] = {
    "testSuiteType": lambda value: ("coalesce(json ->> 'basic', 0) = ?", [int(value in ("basic", "executable"))])
}
COMPUTED["testSuite"]["tests"] = _tests
COMPUTED["table"]["testSuite"] = _suite_of
COMPUTED["testCase"].update(
    {
        "testSuites": _suites,
        "tags": _inherited_tags,
    }
)
