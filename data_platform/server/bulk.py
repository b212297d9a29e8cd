"""Bulk PUT: rows that have not changed are passed by their source hash, the rest is upserted one by one.

The request is one transaction; a row that breaks a rule is undone alone and reported as failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from data_platform.server import documents, names
from data_platform.server.problems import ApiError, BadRequestError
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys
    from data_platform.server.store import Connection


def put_many(call: Call, keys: Keys, row: EntityType) -> Json:
    """The ``BulkOperationResult`` of upserting every create request in the body."""
    requests = cast("list[Any]", call.without_nulls(call.array))
    override = call.flag("overrideMetadata")

    def work(connection: Connection) -> Json:
        writing = Writing(connection, keys, call.principal)
        present = documents.find_many(connection, row, [fqn for each in requests if (fqn := expected_name(row, each))])
        passed: list[Json] = []
        failed: list[Json] = []
        for request in requests:
            fqn = expected_name(row, request)
            stored = present.get(fqn) if fqn else None
            if stored is not None and not override and _unchanged(stored, request):
                passed.append({"request": fqn, "status": 200})
                continue
            connection.execute("SAVEPOINT row_of_bulk")
            try:
                if not isinstance(request, dict):
                    raise BadRequestError("Unable to process JSON: expected an object")
                document, fresh = writing.put(row, cast("Json", request), override=override)
            except ApiError as error:
                connection.execute("ROLLBACK TO row_of_bulk")
                failed.append({"request": fqn or _name(request), "message": error.message, "status": error.status})
            else:
                passed.append({"request": document["fullyQualifiedName"], "status": 201 if fresh else 200})
            connection.execute("RELEASE row_of_bulk")
        return result(passed, failed)

    return call.store.write(work)


def result(passed: list[Json], failed: list[Json], *, dry: bool = False) -> Json:
    """A ``BulkOperationResult``."""
    return {
        "dryRun": dry,
        "status": "success" if not failed else "failure" if not passed else "partialSuccess",
        "numberOfRowsProcessed": len(passed) + len(failed),
        "numberOfRowsPassed": len(passed),
        "numberOfRowsFailed": len(failed),
        "successRequest": passed,
        "failedRequest": failed,
    }


def _unchanged(stored: Json, request: Json) -> bool:
    sent = request.get("sourceHash")
    return sent is not None and sent == stored.get("sourceHash") and not stored.get("deleted")


def expected_name(row: EntityType, request: Any) -> str | None:
    """The name that the entity of a request will have, where its container is given by name."""
    if not isinstance(request, dict):
        return None
    members = cast("Json", request)
    container = next((members[field] for field, _ in row.parents if field in members), None)
    if not isinstance(container, str) or not isinstance(members.get("name"), str):
        return None
    try:
        return names.join(container, members["name"])
    except BadRequestError:
        return None


def _name(request: Any) -> str:
    return str(cast("Json", request).get("name", "")) if isinstance(request, dict) else ""
