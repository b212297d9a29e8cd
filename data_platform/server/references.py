"""From what requests name to references, and from stored references to what is read.

A request names an entity by its fully qualified name, by its id, or by a reference with either.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from data_platform.server import documents, links, names
from data_platform.server.entity_types import ENTITY_TYPES, EntityType, entity_type
from data_platform.server.problems import BadRequestError, NotFoundError, no_instance

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection


TARGETS = {
    **{name: name for name in ENTITY_TYPES},
    "domains": "domain",
    "dataProducts": "dataProduct",
    "experts": "user",
    "reviewers": "user",
    "users": "user",
    "botUser": "user",
    "bot": "bot",
    "roles": "role",
    "defaultRoles": "role",
    "policies": "policy",
    "teams": "team",
    "parents": "team",
    "personas": "persona",
    "defaultPersona": "persona",
    "charts": "chart",
    "dashboards": "dashboard",
    "dataModels": "dashboardDataModel",
    "apiEndpoints": "apiEndpoint",
    "relatedMetrics": "metric",
    "basicEntityReference": "table",
    "executableEntityReference": "table",
}
"""The type that a name or id in a request's field refers to, where the field's name decides it."""

_TARGET = """
    SELECT id, type, name, fqn, deleted, json ->> 'displayName' AS title, json ->> 'description' AS text FROM entities
"""


def resolve(connection: Connection, row: EntityType, field: str, value: Any) -> Json | list[Json]:
    """The stored form of what a request holds in a reference field.

    Raises:
        NotFoundError: what it names is not there.
        BadRequestError: it names nothing that a reference can.
    """
    if row.references[field]:
        if not isinstance(value, list):
            raise BadRequestError(f"{field}: expected a list")
        found: list[Json] = []
        for each in cast("list[Any]", value):
            held = _one(connection, row, field, each)
            if held not in found:
                found.append(held)
        return found
    return _one(connection, row, field, value)


def _one(connection: Connection, row: EntityType, field: str, value: Any) -> Json:
    kind = target_of(row, field)
    if isinstance(value, dict):
        members = cast("Json", value)
        kind = members.get("type") or kind
        named = members.get("id") or members.get("fullyQualifiedName") or members.get("name")
        if named is None:
            raise BadRequestError(f"{field}: a reference needs an id or a fullyQualifiedName")
    elif field == "assignees":
        return _person(connection, str(value))
    elif str(value).startswith("<#E::"):
        held, entity, _ = links.linked(connection, str(value))
        return documents.reference(entity, held.name)
    else:
        named = value
    if kind is None:
        raise BadRequestError(f"{field}: a reference needs a type")
    return find(connection, kind, str(named))


def find(connection: Connection, kind: str, named: str) -> Json:
    """The stored reference to the entity of type ``kind`` with that id or name.

    Raises:
        NotFoundError: there is none.
    """
    row = entity_type(kind)
    if _is_uuid(named):
        found = connection.execute(
            "SELECT id FROM entities WHERE id = ? AND type = ?", (named.lower(), kind)
        ).fetchone()
        if found is not None:
            return {"id": found["id"], "type": kind}
    document = documents.find(connection, row, named, "all")
    if document is None and kind in ("user", "team"):
        document = documents.find(connection, row, names.quote(named.lower() if kind == "user" else named), "all")
    if document is None:
        raise no_instance(kind, named)
    return documents.reference(document, kind)


def _person(connection: Connection, named: str) -> Json:
    """The user or team of that name or id."""
    try:
        return find(connection, "user", named)
    except NotFoundError:
        return find(connection, "team", named)


def find_any(connection: Connection, kinds: tuple[str, ...], fqn: str) -> tuple[EntityType, Json] | None:
    """The first entity of that name among several types."""
    for kind in kinds:
        document = documents.find(connection, ENTITY_TYPES[kind], fqn)
        if document is not None:
            return ENTITY_TYPES[kind], document
    return None


def _is_uuid(value: str) -> bool:
    try:
        return len(value) == 36 and bool(uuid.UUID(value))
    except ValueError:
        return False


class Resolver:
    """Stored references to what is read, each target looked up once.

    Args:
        base: the address that links start with, ``http://host:port/api``.
    """

    def __init__(self, connection: Connection, base: str) -> None:
        self._connection = connection
        self._base = base
        self._known: dict[str, Json] = {}

    def learn(self, identities: set[str]) -> None:
        """Look up many targets at once."""
        wanted = identities - self._known.keys()
        for chunk in documents.chunks(wanted):
            marks = ",".join("?" * len(chunk))
            for line in self._connection.execute(
                f"{_TARGET} WHERE id IN ({marks})",
                chunk,
            ):
                held: Json = {
                    "id": line["id"],
                    "type": line["type"],
                    "name": line["name"],
                    "fullyQualifiedName": line["fqn"],
                    "deleted": bool(line["deleted"]),
                    "href": self.href(line["type"], line["id"]),
                }
                if line["text"]:
                    held["description"] = line["text"]
                if line["title"]:
                    held["displayName"] = line["title"]
                self._known[line["id"]] = held

    def read(self, held: Json) -> Json | None:
        """What is read of a stored reference; None if its target is gone."""
        self.learn({held["id"]})
        target = self._known.get(held["id"])
        if target is None:
            return None
        return {**target, "inherited": True} if held.get("inherited") else dict(target)

    def read_all(self, held: list[Json]) -> list[Json]:
        """Those of several that are still there."""
        self.learn({each["id"] for each in held})
        return [target for each in held if (target := self.read(each)) is not None]

    def href(self, kind: str, identity: str) -> str:
        return f"{self._base}/v1{ENTITY_TYPES[kind].route}/{identity}"


def need_reference(connection: Connection, identity: str) -> tuple[EntityType, Json]:
    """The row and document of the entity with that id, whatever its type.

    Raises:
        NotFoundError: there is none.
    """
    kind = documents.type_of(connection, identity)
    if kind is None:
        raise NotFoundError(f"instance for {identity} not found")
    row = entity_type(kind)
    return row, documents.need_id(connection, row, identity, "all")


def target_of(row: EntityType, field: str) -> str | None:
    """The type that ``field`` of a request for ``row`` refers to by name or id; None for any."""
    if field == "service":
        return row.service
    if field in ("parent", "children"):
        return next((kind for name, kind in row.parents if name == "parent"), row.name)
    return TARGETS.get(field)
