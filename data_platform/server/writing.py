"""Creating and changing entities, inside a transaction of the writer: requests to stored documents.

The rules that hold for every type are here: how a request maps to an entity, what a PUT keeps, what a
bot may not overwrite, when a change is a version and when it folds into the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import (
    asset_rules,
    change_events,
    columns,
    connections,
    documents,
    labels,
    models,
    names,
    references,
    renaming,
)
from data_platform.server.changes import between, following, keep_forward
from data_platform.server.deleting import restore
from data_platform.server.entity_types import EntityType, entity_type
from data_platform.server.ids import new_id, now
from data_platform.server.problems import BadRequestError, ConflictError
from data_platform.server.rules import AFTER, PREPARE, STORE

if TYPE_CHECKING:
    from data_platform.server.calls import Json, Principal
    from data_platform.server.keys import Keys
    from data_platform.server.store import Connection

FOLDING_MS = 10 * 60 * 1000
"""How long after a change another patch by the same user still belongs to the same version."""

_KEPT = frozenset(
    {
        "owners", "domains", "dataProducts", "extension", "lifeCycle", "experts", "reviewers", "certification",
        "connection", "dataModel", "tableProfilerConfig", "style", "profile", "teams", "roles", "personas",
        "authenticationMechanism", "isAdmin", "isBot", "entityStatus", "policies", "parents", "deployed", "enabled",
        "processedLineage", "users", "usedBy", "queryUsedIn", "testSuites",
    }
)  # fmt: skip
"""What a PUT cannot remove by leaving it out."""

_NOT_EMPTIED = ("owners", "domains", "dataProducts")
"""What a PUT cannot remove by sending an empty list either."""

_GUARDED = ("description", "displayName", "owners", "domains")
"""What a bot's PUT does not overwrite once it has a value."""

_SYSTEM = (
    "id", "fullyQualifiedName", "version", "updatedAt", "updatedBy", "deleted", "changeDescription",
    "incrementalChangeDescription", "href",
)  # fmt: skip


class Writing:
    """One principal's changes within one transaction."""

    def __init__(self, connection: Connection, keys: Keys, principal: Principal) -> None:
        self.connection = connection
        self.keys = keys
        self.principal = principal
        self._containers: dict[tuple[str, str], Json] = {}

    def build(self, row: EntityType, request: Json) -> Json:
        """The document that a create request describes, complete but not stored.

        Raises:
            BadRequestError: the request breaks the schema or a rule.
            NotFoundError: it names something that is not there.
        """
        labels.complete(request)
        models.check(row.create, request)
        document: Json = {"id": new_id()}
        containers = {field for field, _ in row.parents}
        for field, value in request.items():
            if field not in row.fields or field in _SYSTEM:
                continue
            if field in row.references and field not in containers:
                document[field] = references.resolve(self.connection, row, field, value)
            else:
                document[field] = value
        container = self._place(row, document, request)
        for prepare in PREPARE[row.name]:
            prepare(self.connection, document, request, self.principal)
        names.check(document.get("name", ""))
        if "fullyQualifiedName" not in document:
            document["fullyQualifiedName"] = documents.fqn_of(container, document["name"])
        columns.settle_labels(self.connection, document)
        secret = connections.field_of(row)
        if secret in document:
            document[secret] = connections.sealed(self.keys, document[secret])
        self._stamp(document, 0.1)
        if "deleted" in row.fields:
            document["deleted"] = False
        return document

    def create(self, row: EntityType, request: Json) -> Json:
        """Store a new entity.

        Raises:
            ConflictError: there is one of that name, deleted or not.
        """
        document = self.build(row, request)
        if documents.find(self.connection, row, document["fullyQualifiedName"], "all") is not None:
            raise ConflictError("Entity already exists")
        return self._insert(row, document)

    def put(self, row: EntityType, request: Json, *, override: bool = False) -> tuple[Json, bool]:
        """Create the entity or bring it up to date; true if it is new."""
        document = self.build(row, request)
        original = documents.find(self.connection, row, document["fullyQualifiedName"], "all")
        if original is None:
            return self._insert(row, document), True
        return self.put_over(row, original, document, request, override=override), False

    def put_over(
        self, row: EntityType, original: Json, document: Json, request: Json, *, override: bool = False
    ) -> Json:
        """Bring ``original`` up to ``document``, which ``request`` describes."""
        gone = original if original.get("deleted") else None
        if gone is not None:
            original = restore(self.connection, row, original, self.principal.name, now())
        updated = self._merged(row, original, document, request, override=override)
        return self.update(row, original, updated, patch=False, gone=gone)

    def replaced(self, row: EntityType, original: Json, patched: Json) -> Json:
        """Store what a patch made of an entity as it was read.

        Raises:
            BadRequestError: the result breaks the schema or a rule.
        """
        unknown = sorted(patched.keys() - row.fields)
        if unknown:
            raise BadRequestError(f"Unrecognized field {unknown[0]!r}")
        if patched.get("deleted") and not original.get("deleted"):
            raise BadRequestError(f"{row.name} attribute deleted can't be modified")
        # What is read as an empty list or as a default may not be there at all.
        updated = {
            field: value
            for field, value in patched.items()
            if field in original or not (value == [] or value == row.defaults.get(field))
        }
        for field in _SYSTEM:
            updated.pop(field, None)
            if field in original:
                updated[field] = original[field]
        labels.complete(updated)
        self._validate(row, updated)
        columns.drop_computed(updated)
        if updated.get("name") != original["name"]:
            if row.name not in renaming.RENAMED:
                updated["name"] = original["name"]
            elif original.get("provider") == "system":
                raise BadRequestError(f"System entity [{original['name']}] of type {row.name} can not be renamed.")
        names.check(updated.get("name", ""))
        for field in [*(field for field, _ in row.parents), *row.carried]:
            if field == "parent" and row.name in renaming.MOVED:
                continue
            updated.pop(field, None)
            if field in original:
                updated[field] = original[field]
        for field in row.references.keys() & updated.keys():
            if updated[field] != original.get(field):
                updated[field] = references.resolve(self.connection, row, field, updated[field])
        secret = connections.field_of(row)
        if secret in updated:
            self._seal(row, original, updated, updated[secret])
        columns.settle_labels(self.connection, updated)
        return self.update(row, original, updated, patch=True)

    def update(self, row: EntityType, original: Json, updated: Json, *, patch: bool, gone: Json | None = None) -> Json:
        """Store ``updated`` in place of ``original``, as a new version if that makes a difference.

        Args:
            gone: the soft-deleted entity that ``original`` was restored from just now; both changes are one version.
        """
        self._validate(row, updated)
        keep_forward(original, updated)
        self._check(row, updated, original)
        changes = between(row, original, updated)
        if not changes:
            if updated != original:
                documents.save(self.connection, row, updated)
            return updated
        base = self._folded(original) if patch else gone
        if base is None:
            remember(self.connection, original)
            base = original
            described = changes
        else:
            described = between(row, base, updated)
        if described:
            updated["changeDescription"] = described.description(base["version"])
            if "incrementalChangeDescription" in row.fields:
                updated["incrementalChangeDescription"] = changes.description(original["version"])
            self._stamp(updated, following(base["version"], major=described.major))
        else:
            self._stamp(updated, base["version"])
            self.connection.execute(
                "DELETE FROM versions WHERE entity = ? AND version = ?", (updated["id"], base["version"])
            )
            for field in ("changeDescription", "incrementalChangeDescription"):
                updated.pop(field, None)
                if field in base:
                    updated[field] = base[field]
        if row.name in renaming.MOVED and documents.parent_of(row, updated) != documents.parent_of(row, original):
            renaming.move(self.connection, row, original, updated)
        elif updated["name"] != original["name"]:
            renaming.rename(self.connection, row, original, updated)
        documents.save(self.connection, row, updated)
        self._tell(change_events.UPDATED, row, updated, changes.description(original["version"]))
        for follow in AFTER[row.name]:
            follow(self.connection, updated, original)
        return updated

    def _insert(self, row: EntityType, document: Json) -> Json:
        self._validate(row, document)
        self._check(row, document, None)
        documents.save(self.connection, row, document, fresh=True)
        self._tell(change_events.CREATED, row, document)
        for follow in AFTER[row.name]:
            follow(self.connection, document, None)
        return document

    def _check(self, row: EntityType, document: Json, original: Json | None) -> None:
        for check in STORE[row.name]:
            check(self.connection, document, original)
        asset_rules.check(self.connection, row, document, original)

    def _tell(self, event: str, row: EntityType, document: Json, description: Json | None = None) -> None:
        # What a catalog is seeded with is nobody's doing.
        if self.principal.id:
            change_events.record(self.connection, event, row, document, self.principal.name, description)

    def _place(self, row: EntityType, document: Json, request: Json) -> Json | None:
        """Put the document below its container and copy what it carries from there."""
        for field, kind in row.parents:
            if field not in request:
                continue
            container, kind = self._container(kind, request[field])
            for other, _ in row.parents:
                if other in request and other != field and other in row.references:
                    document[other] = references.resolve(self.connection, row, other, request[other])
            document[field] = {"id": container["id"], "type": kind}
            for carried in row.carried:
                if carried in container:
                    document[carried] = container[carried]
                elif carried == kind or (entity_type(kind).is_service and carried == "service"):
                    document[carried] = {"id": container["id"], "type": kind}
            return container
        return None

    def _container(self, kind: str, named: Any) -> tuple[Json, str]:
        if isinstance(named, dict):
            held = cast("Json", named)
            kind = held.get("type", kind)
            named = held.get("id") or held.get("fullyQualifiedName", "")
        known = self._containers.get((kind, named))
        if known is None:
            row = entity_type(kind)
            known = documents.find(self.connection, row, named) or documents.find_id(self.connection, row, named)
            if known is None:
                known = documents.need(self.connection, row, named)
            self._containers[kind, named] = known
        return known, kind

    def _merged(self, row: EntityType, original: Json, document: Json, request: Json, *, override: bool) -> Json:
        asked = models.fields(row.create)
        kept = {field: value for field, value in original.items() if field in _KEPT or field not in asked}
        updated = {**kept, **document}
        updated.update({field: original[field] for field in _SYSTEM if field in original})
        restored = {field: original[field] for field in _NOT_EMPTIED if original.get(field) and not updated.get(field)}
        updated.update(restored)
        guarded = self.principal.is_bot and not override
        if guarded:
            updated.update({field: original[field] for field in _GUARDED if original.get(field)})
            # A bot gives custom properties when it makes an entity; afterwards they are people's.
            updated.pop("extension", None)
            if "extension" in original:
                updated["extension"] = original["extension"]
        if "tags" in row.fields and ("tags" in original or "tags" in document):
            merged = labels.merge(original.get("tags", []), document.get("tags", []))
            updated["tags"] = labels.settle(self.connection, merged) if merged != original.get("tags") else merged
        kept = columns.merge_parts(row.name, original, updated, guarded=guarded)
        columns.settle_labels(self.connection, {"columns": kept})
        secret = connections.field_of(row)
        if secret in document and secret in original:
            self._seal(row, original, updated, request[secret])
        return updated

    def _seal(self, row: EntityType, original: Json, updated: Json, sent: Any) -> None:
        """Store what was sent, with the secrets of the original where it is masked; unchanged, it stays as it is."""
        secret = connections.field_of(row)
        before = connections.opened(self.keys, row, original, unmasked=True) if secret in original else None
        after = connections.unmasked(sent, before)
        updated[secret] = original[secret] if after == before else connections.sealed(self.keys, after)

    def _folded(self, original: Json) -> Json | None:
        """The version that another patch by the same user still adds to, if there is one."""
        described = original.get("changeDescription")
        if (
            not described
            or original["version"] <= 0.1
            or original.get("deleted")
            or original.get("updatedBy") != self.principal.name
            or now() - original.get("updatedAt", 0) > FOLDING_MS
        ):
            return None
        line = self.connection.execute(
            "SELECT json FROM versions WHERE entity = ? AND version = ?",
            (original["id"], described["previousVersion"]),
        ).fetchone()
        base = cast("Json", orjson.loads(line["json"])) if line else None
        return base if base is not None and not base.get("deleted") else None

    def _validate(self, row: EntityType, document: Json) -> None:
        secret = connections.field_of(row)
        held = {field: value for field, value in document.items() if field != secret}
        if secret in document and row.name in connections.FIELDS:
            # Unlike a connection, which may be left out and is of a model that changes, this must be there.
            held[secret] = connections.opened(self.keys, row, document, unmasked=True)
        models.check(row.entity, held)

    def _stamp(self, document: Json, version: float) -> None:
        document["version"] = version
        document["updatedAt"] = now()
        document["updatedBy"] = self.principal.name


def remember(connection: Connection, document: Json) -> None:
    """Keep a document as a past version."""
    connection.execute(
        "INSERT OR REPLACE INTO versions VALUES (?, ?, ?)",
        (document["id"], document["version"], orjson.dumps(document)),
    )
