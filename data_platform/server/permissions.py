"""Who may do what: the rules of the policies that a person has by roles and teams.

Administrators and bots may do everything. Of anybody else every operation must be allowed by a rule, and denied by
none. What people may read is open to all but those to whom a rule denies it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from data_platform.server import documents
from data_platform.server.conditions import holds
from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.problems import BadRequestError, ForbiddenError, NotFoundError
from data_platform.server.rules import STORE

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

OPERATIONS = (
    "Create", "Delete", "ViewAll", "ViewBasic", "ViewUsage", "ViewTests", "ViewQueries", "ViewDataProfile",
    "ViewSampleData", "EditAll", "EditCustomFields", "EditDescription", "EditDisplayName", "EditLineage", "EditOwners",
    "EditQueries", "EditSampleData", "EditStatus", "EditTags", "EditGlossaryTerms", "EditTier", "EditTests",
    "EditUsage", "EditLifeCycle", "EditIngestionPipelineStatus",
)  # fmt: skip
_OF_FIELD = {
    "description": "EditDescription", "displayName": "EditDisplayName", "owners": "EditOwners", "tags": "EditTags",
    "extension": "EditCustomFields", "lifeCycle": "EditLifeCycle", "reviewers": "EditReviewers",
    "certification": "EditCertification", "users": "EditUsers", "roles": "EditRole", "policies": "EditPolicy",
    "teams": "EditTeams", "pipelineStatus": "EditStatus",
}  # fmt: skip


@dataclass(frozen=True)
class Granted:
    """A rule that applies, and where a person has it from."""

    rule: Json
    policy: str
    role: str | None


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("GET", "/permissions", _all)
    for pattern in ("", "/{id}", "/name/{fqn}"):
        router.add("GET", "/permissions/{resource}" + pattern, _one)


def may_write(call: Call, row: EntityType, *operations: str) -> None:
    """Check that the principal may do all ``operations`` on the entity that the path names, or on any of the type.

    Raises:
        ForbiddenError: one of them is denied, or not allowed.
    """
    if not (call.principal.is_bot or call.principal.is_admin):
        _check(call, row, operations, subject_of(call, row))


def may_put(call: Call, row: EntityType, document: Json | None) -> None:
    """Check a PUT that makes an entity, or changes the ``document`` that is there."""
    if not (call.principal.is_bot or call.principal.is_admin):
        _check(call, row, ["EditAll"] if document else ["Create"], document)


def may_patch(call: Call, row: EntityType) -> None:
    """Check a patch by the fields that it touches."""
    if not (call.principal.is_bot or call.principal.is_admin):
        paths = [str(cast("Json", each).get("path", "")) for each in call.array if isinstance(each, dict)]
        _check(call, row, sorted({_operation(path) for path in paths}), subject_of(call, row))


def may_read(call: Call, row: EntityType, document: Json | None = None) -> None:
    """Refuse reading only where a rule denies it."""
    if call.principal.is_bot or call.principal.is_admin or not call.principal.id:
        return
    for granted in _matching(call.reader, call.principal, row, "ViewBasic", document):
        if granted.rule["effect"] == "deny":
            raise _denied(call.principal, "ViewBasic", granted)


def subject_of(call: Call, row: EntityType) -> Json | None:
    """The entity that the path of a call names."""
    if "id" in call.params:
        return documents.find_id(call.reader, row, call.params["id"], "all")
    return documents.find(call.reader, row, call.params["fqn"], "all") if "fqn" in call.params else None


def _operation(path: str) -> str:
    parts = path.strip("/").split("/")
    # A column's description, tags or name is edited as the table's is.
    nested = parts[2] if len(parts) > 2 and parts[0] in ("columns", "tasks") and parts[1].isdigit() else parts[0]
    return _OF_FIELD.get(nested, "EditAll")


def _check(call: Call, row: EntityType, operations: Any, document: Json | None) -> None:
    missing: list[str] = []
    for operation in operations:
        allowed = False
        for granted in _matching(call.reader, call.principal, row, operation, document):
            if granted.rule["effect"] == "deny":
                raise _denied(call.principal, operation, granted)
            allowed = True
        if not allowed:
            missing.append(operation)
    if missing:
        raise ForbiddenError(
            f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} operations [{', '.join(missing)}] not allowed"
        )


def _denied(principal: Principal, operation: str, granted: Granted) -> ForbiddenError:
    role = f"role {granted.role}, " if granted.role else ""
    return ForbiddenError(
        f"Principal: CatalogPrincipal{{name='{principal.name}'}} operation {operation} denied by"
        f" {role}policy {granted.policy}, rule {granted.rule['name']}"
    )


def _matching(
    connection: Connection, principal: Principal, row: EntityType, operation: str, document: Json | None
) -> Iterator[Granted]:
    """The rules on this operation and resource whose condition holds."""
    user = documents.find_id(connection, ENTITY_TYPES["user"], principal.id)
    if user is None:
        return
    for granted in _granted(connection, user):
        rule = granted.rule
        resources = {resource.lower() for resource in rule["resources"]}
        if not resources & {"all", "*", row.name.lower()} or not _covers(set(rule["operations"]), operation):
            continue
        if holds(connection, rule.get("condition"), user, row, document):
            yield granted


def _covers(given: set[str], operation: str) -> bool:
    whole = "EditAll" if operation.startswith("Edit") else "ViewAll" if operation.startswith("View") else operation
    return bool(given & {"All", "*", operation, whole})


def _granted(connection: Connection, user: Json) -> Iterator[Granted]:
    seen: set[tuple[str, str | None]] = set()
    for policy, role in _policies(connection, user):
        document = documents.find_id(connection, ENTITY_TYPES["policy"], policy)
        if document is None or (policy, role) in seen or document.get("enabled") is False:
            continue
        seen.add((policy, role))
        for rule in document.get("rules", []):
            yield Granted(rule, document["name"], role)


def _policies(connection: Connection, user: Json) -> Iterator[tuple[str, str | None]]:
    yield from _of_roles(connection, user.get("roles", []))
    for team in teams_of(connection, user):
        yield from _of_roles(connection, team.get("defaultRoles", []))
        for policy in team.get("policies", []):
            yield policy["id"], None


def _of_roles(connection: Connection, roles: list[Json]) -> Iterator[tuple[str, str | None]]:
    for held in roles:
        role = documents.find_id(connection, ENTITY_TYPES["role"], held["id"])
        for policy in (role or {}).get("policies", []):
            yield policy["id"], role["name"] if role else None


def teams_of(connection: Connection, user: Json) -> list[Json]:
    """The teams of a user and the teams above them, each once."""
    found: dict[str, Json] = {}
    waiting = [team["id"] for team in user.get("teams", [])]
    while waiting:
        identity = waiting.pop()
        team = documents.find_id(connection, ENTITY_TYPES["team"], identity)
        if team is not None and identity not in found:
            found[identity] = team
            waiting += [parent["id"] for parent in team.get("parents", [])]
    return list(found.values())


def _all(call: Call) -> Json:
    data = [_permissions(call, row, None) for row in ENTITY_TYPES.values()]
    return {"data": data, "paging": {"total": len(data)}}


def _one(call: Call) -> Json:
    row = ENTITY_TYPES.get(call.params["resource"])
    if row is None:
        raise NotFoundError(f"Permission for resource {call.params['resource']} not found")
    document: Json | None = None
    if "id" in call.params:
        document = documents.need_id(call.reader, row, call.id)
    elif "fqn" in call.params:
        document = documents.need(call.reader, row, call.params["fqn"])
    return _permissions(call, row, document)


def _permissions(call: Call, row: EntityType, document: Json | None) -> Json:
    return {"resource": row.name, "permissions": [_access(call, row, name, document) for name in OPERATIONS]}


def _access(call: Call, row: EntityType, operation: str, document: Json | None) -> Json:
    if call.principal.is_admin or call.principal.is_bot:
        return {"operation": operation, "access": "allow"}
    found = list(_matching(call.reader, call.principal, row, operation, document))
    chosen = next((each for each in found if each.rule["effect"] == "deny"), found[0] if found else None)
    if chosen is None:
        return {"operation": operation, "access": "notAllow"}
    where: Json = {"policy": chosen.policy, **({"role": chosen.role} if chosen.role else {})}
    return {"operation": operation, "access": chosen.rule["effect"], "rule": chosen.rule, **where}


def _check_policy(_connection: Connection, document: Json, _original: Json | None) -> None:
    if not document.get("rules"):
        raise BadRequestError("At least one rule is required in a policy")
    for rule in document["rules"]:
        rule["fullyQualifiedName"] = f"{document['fullyQualifiedName']}.{rule['name']}"


def _check_role(_connection: Connection, document: Json, _original: Json | None) -> None:
    if not document.get("policies"):
        raise BadRequestError("At least one policy is required in a role")


STORE["policy"].append(_check_policy)
STORE["role"].append(_check_role)
