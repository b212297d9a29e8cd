"""Data contracts: one an asset, with a schema that the asset must have, and the results of checking it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from data_platform.server import documents, models, records, references, series
from data_platform.server.calls import Call, without_nulls
from data_platform.server.columns import parts
from data_platform.server.entity_types import ENTITY_TYPES, entity_type
from data_platform.server.ids import new_id, now
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError, no_instance
from data_platform.server.rules import COMPUTED, PREPARE, STORE
from data_platform.server.views import View, chosen
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

ROW = ENTITY_TYPES["dataContract"]
KIND = "dataContractResult"
_RESULT = "entity.datacontract.dataContractResult:DataContractResult"


def register(router: Router, keys: Keys) -> None:
    route = ROW.route
    results = f"{route}/{{id}}/results"
    router.add("PUT", results, _put_result)
    router.add("GET", results, lambda call: records.between(call, KIND, _contract(call.reader, call)["id"]))
    router.add("GET", f"{results}/latest", _latest)
    router.add("GET", f"{results}/{{result}}", _result)
    router.add("DELETE", f"{results}/{{timestamp}}", lambda call: _delete(call, "timestamp = ?"))
    router.add("DELETE", f"{results}/before/{{timestamp}}", lambda call: _delete(call, "timestamp < ?"))
    router.add("GET", f"{route}/entity", lambda call: _of_entity(call, keys))
    router.add("POST", f"{route}/{{id}}/validate", lambda call: _validate(call, _contract(call.reader, call)))
    router.add("POST", f"{route}/entity/validate", lambda call: _validate(call, contract_of(call.reader, call)))
    router.add("POST", f"{route}/validate", lambda call: _checked_as_result(call, keys))
    router.add("POST", f"{route}/validate/yaml", lambda call: _check_request(call, keys, from_yaml(call)))


def from_yaml(call: Call) -> Json:
    """The body as an object, from YAML.

    Raises:
        BadRequestError: it is none.
    """
    try:
        body: Any = yaml.safe_load(call.text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRequestError(f"Unable to process YAML: {error}") from None
    if not isinstance(body, dict):
        raise BadRequestError("Unable to process YAML: expected an object")
    return without_nulls(body)


def _contract(connection: Connection, call: Call) -> Json:
    return documents.need_id(connection, ROW, call.id)


def contract_of(connection: Connection, call: Call) -> Json:
    """The contract of the entity that the query names.

    Raises:
        NotFoundError: no such entity, or it has no contract.
    """
    kind, identity = entity_type(call.arg("entityType") or ""), call.arg("entityId") or ""
    documents.need_id(connection, kind, identity)
    found = next((each for row, each in documents.children(connection, identity) if row is ROW), None)
    if found is None:
        raise NotFoundError(f"dataContract instance for {kind.name} {identity} not found")
    return found


def _of_entity(call: Call, keys: Keys) -> Json:
    asked = chosen(ROW, call.arg("fields"))
    return View.of(call, keys).one(ROW, contract_of(call.reader, call), asked)


def _put_result(call: Call) -> Json:
    may_write(call, ROW, "EditAll")
    result = call.object
    models.check(_RESULT, result)
    stamp = series.stamped(result.get("timestamp"))

    def work(connection: Connection) -> Json:
        contract = _contract(connection, call)
        if result["dataContractFQN"] != contract["fullyQualifiedName"]:
            raise BadRequestError(f"dataContractFQN {result['dataContractFQN']} is not this contract's")
        stored = {"id": new_id(), **result, "timestamp": stamp}
        records.remove(connection, KIND, contract["id"], "timestamp = ?", stamp)
        records.put(connection, KIND, contract["id"], stored)
        return stored

    return call.store.write(work)


def _latest(call: Call) -> Json:
    contract = _contract(call.reader, call)
    found = records.latest(call.reader, KIND, contract["id"])
    if found is None:
        raise no_instance(KIND, contract["id"])
    return found


def _result(call: Call) -> Json:
    _contract(call.reader, call)
    return records.need(call.reader, KIND, call.uuid("result"))


def _delete(call: Call, where: str) -> Json:
    may_write(call, ROW, "EditAll")
    try:
        stamp = int(call.params["timestamp"])
    except ValueError:
        raise NotFoundError("HTTP 404 Not Found") from None

    def work(connection: Connection) -> int:
        return records.remove(connection, KIND, _contract(connection, call)["id"], where, stamp)

    return {"code": 200, "message": f"{call.store.write(work)} results deleted"}


def schema_validation(connection: Connection, contract: Json) -> Json | None:
    """How the columns of a contract compare with those of its entity; None where it has no columns."""
    columns: list[Json] = contract.get("schema", [])
    if not columns:
        return None
    row = entity_type(contract["entity"]["type"])
    entity = documents.need_id(connection, row, contract["entity"]["id"], "all")
    held = {column["name"]: column.get("dataType") for column in parts(row.name, entity)}
    named: list[str] = [column["name"] for column in columns]
    missing = [name for name in named if name not in held]
    apart = [
        f"{column['name']}: expected {column['dataType']}, got {held[column['name']]}"
        for column in columns
        if column["name"] in held and column.get("dataType") not in (None, held[column["name"]])
    ]
    repeated = sorted({name for name in named if named.count(name) > 1})
    failed = len({*missing, *repeated}) + len(apart)
    validation: Json = {"total": len(named), "failed": failed, "passed": max(0, len(named) - failed)}
    lists: dict[str, list[str]] = {"failedFields": missing, "duplicateFields": repeated, "typeMismatchFields": apart}
    return {**validation, **{name: found for name, found in lists.items() if found}}


def _quality(connection: Connection, contract: Json) -> Json | None:
    expected: list[Json] = contract.get("qualityExpectations", [])
    if not expected:
        return None
    results: list[Json] = [series.latest(connection, held["id"], "result") or {} for held in expected]
    passed = sum(result.get("testCaseStatus") == "Success" for result in results)
    failed = sum(result.get("testCaseStatus") in ("Failed", "Aborted") for result in results)
    return {"passed": passed, "failed": failed, "total": len(expected)}


def _validate(call: Call, contract: Json) -> Json:
    """Check a contract now, and keep the result."""
    may_write(call, ROW, "EditAll")

    def work(connection: Connection) -> Json:
        checks = {
            "schemaValidation": schema_validation(connection, contract),
            "qualityValidation": _quality(connection, contract),
        }
        done = {name: check for name, check in checks.items() if check is not None}
        failed = any(check["failed"] for check in done.values())
        result: Json = {
            "id": new_id(),
            "dataContractFQN": contract["fullyQualifiedName"],
            "timestamp": now(),
            "contractExecutionStatus": "Failed" if failed else "Success",
            **done,
        }
        records.put(connection, KIND, contract["id"], result)
        return result

    return call.store.write(work)


def _check_request(call: Call, keys: Keys, request: Json) -> Json:
    """Whether a contract that is not stored could be."""
    models.check(ROW.create, request)
    validation = None
    errors: list[str] = []
    try:
        built = Writing(call.reader, keys, call.principal).build(ROW, {**request, "schema": []})
        validation = schema_validation(call.reader, {**built, "schema": request.get("schema")})
    except (BadRequestError, NotFoundError) as error:
        errors.append(error.message)
    fine = not errors and not (validation or {}).get("failed")
    return {
        "valid": fine,
        **({"schemaValidation": validation} if validation else {}),
        **({"entityErrors": errors} if errors else {}),
    }


def _checked_as_result(call: Call, keys: Keys) -> Json:
    """The same as a result, which is what the client makes of it."""
    checked = _check_request(call, keys, call.object)
    result: Json = {
        "dataContractFQN": call.object["name"],
        "timestamp": now(),
        "contractExecutionStatus": "Success" if checked["valid"] else "Failed",
    }
    if checked.get("schemaValidation"):
        result["schemaValidation"] = checked["schemaValidation"]
    if checked.get("entityErrors"):
        result["result"] = "; ".join(checked["entityErrors"])
    return result


def _prepare(connection: Connection, document: Json, request: Json, _principal: Principal) -> None:
    held = references.find(connection, request["entity"]["type"], str(request["entity"]["id"]))
    entity = documents.need_id(connection, entity_type(held["type"]), held["id"])
    document["fullyQualifiedName"] = f"{entity['fullyQualifiedName']}.dataContract_{document['name']}"
    if isinstance(document.get("termsOfUse"), str):
        document["termsOfUse"] = {"content": document["termsOfUse"]}
    document.setdefault("entityStatus", "Draft")
    for other, contract in documents.children(connection, entity["id"]):
        if other is ROW and contract["fullyQualifiedName"] != document["fullyQualifiedName"]:
            raise BadRequestError(f"A data contract already exists for {held['type']} {entity['fullyQualifiedName']}")


def _check(connection: Connection, document: Json, original: Json | None) -> None:
    if original is not None and document.get("schema") == original.get("schema"):
        return
    validation = schema_validation(connection, document) or {}
    if validation.get("failedFields"):
        fields = ", ".join(validation["failedFields"])
        raise BadRequestError(f"Schema validation failed: {fields} do not exist in the {document['entity']['type']}")


def _summary(connection: Connection, contract: Json) -> Json | None:
    found = records.latest(connection, KIND, contract["id"])
    if found is None:
        return None
    summary: Json = {"timestamp": found["timestamp"], "resultId": found["id"]}
    return {**summary, "status": found["contractExecutionStatus"], "message": found.get("result", "")}


PREPARE["dataContract"].append(_prepare)
STORE["dataContract"].append(_check)
COMPUTED["dataContract"]["latestResult"] = _summary
