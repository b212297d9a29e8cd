"""Stored documents to what is read: references and labels filled in, fields chosen, secrets masked.

What an asset inherits (owners, domains, retention) is computed here and never stored on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from data_platform.server import connections, documents
from data_platform.server.entity_types import EntityType, entity_type
from data_platform.server.labels import Labels
from data_platform.server.problems import BadRequestError
from data_platform.server.references import Resolver
from data_platform.server.rules import ALWAYS, COMPUTED, ON_REQUEST

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.store import Connection

RELATED = frozenset(
    {
        "owners", "tags", "extension", "domains", "dataProducts", "followers", "votes", "experts", "reviewers",
        "usageSummary", "lifeCycle", "certification", "children", "dataContract", "tests", "testSuites",
        "teams", "roles", "personas", "defaultPersona", "defaultRoles", "policies", "parents", "users", "owns",
        "follows", "profile", "authenticationMechanism", "charts", "dashboards", "dataModels", "tables",
        "databaseSchemas", "pipelines", "location", "relatedTerms", "queryUsedIn", "termCount", "usageCount",
        "childrenCount", "userCount",
    }
)  # fmt: skip
"""Fields that any entity returns only when ``fields`` names them."""

_ALWAYS = {
    "bot": {"botUser"},
    "classification": {"termCount"},
    "user": set[str](),
    "dashboardDataModel": set[str](),
    "testCase": {"testSuite", "testDefinition"},
}
_INHERITED = {"owners": True, "domains": True, "retentionPeriod": False}


def chosen(row: EntityType, names: str | None) -> set[str]:
    """The fields that a ``fields`` parameter asks for.

    Raises:
        BadRequestError: one that the type does not have.
    """
    asked = {name.strip() for name in (names or "").split(",") if name.strip()}
    if "*" in asked:
        return set(row.fields)
    for name in sorted(asked):
        if name not in row.fields:
            raise BadRequestError(f"Invalid field name {name}")
    return asked


class View:
    """How one request reads entities; look-ups are shared between them.

    Args:
        unmasked: whether the reader gets secrets as they are.
        inherit: whether to fill in what is computed and what assets inherit; a patch is applied to what is theirs.
    """

    def __init__(self, connection: Connection, keys: Keys, base: str, *, unmasked: bool, inherit: bool = True) -> None:
        self.connection = connection
        self.resolver = Resolver(connection, base)
        self._keys = keys
        self._labels = Labels(connection, base)
        self._unmasked = unmasked
        self._inherits = inherit
        self._ancestors: dict[str, tuple[EntityType, Json] | None] = {}

    @classmethod
    def of(cls, call: Call, keys: Keys, connection: Connection | None = None) -> View:
        return cls(connection or call.reader, keys, call.base, unmasked=call.principal.is_bot)

    def one(self, row: EntityType, document: Json, asked: set[str]) -> Json:
        return self.many(row, [document], asked)[0]

    def many(self, row: EntityType, stored: list[Json], asked: set[str]) -> list[Json]:
        """What is read of stored documents, in their order; the documents are used up."""
        hidden = {*RELATED, *ON_REQUEST[row.name]} - asked - _ALWAYS.get(row.name, set())
        self.resolver.learn(
            {
                held["id"]
                for document in stored
                for field, held in documents.references_in(row, document)
                if field not in hidden
            }
        )
        return [self._read(row, document, asked, hidden) for document in stored]

    def _read(self, row: EntityType, document: Json, asked: set[str], hidden: set[str]) -> Json:
        for field in ((asked & COMPUTED[row.name].keys()) | ALWAYS[row.name]) if self._inherits else ():
            value = COMPUTED[row.name][field](self.connection, document)
            if value is not None:
                document[field] = value
        for field in hidden & document.keys():
            del document[field]
        for field, value in row.defaults.items():
            if field not in hidden:
                document.setdefault(field, value)
        if "tags" in asked and "tags" in row.fields:
            document.setdefault("tags", [])
        if self._inherits:
            self._inherit(row, document, asked)
        for field, many in row.references.items():
            held = document.get(field)
            if held is None:
                if many and field in asked:
                    document[field] = []
                continue
            if many:
                document[field] = self.resolver.read_all(held)
            elif (target := self.resolver.read(held)) is not None:
                document[field] = target
            else:
                del document[field]
        self._read_labels(document, keep_nested="tags" in asked or row.name in ("query",))
        if "followers" in asked and "followers" in row.fields:
            document["followers"] = self._followers(document["id"])
        if "votes" in asked and "votes" in row.fields:
            document["votes"] = self._votes(document["id"])
        secret = connections.field_of(row)
        if secret in document:
            document[secret] = connections.opened(self._keys, row, document, unmasked=self._unmasked)
        if "href" in row.fields:
            document["href"] = self.resolver.href(row.name, document["id"])
        return document

    def _read_labels(self, value: Json, *, keep_nested: bool) -> None:
        for key, member in value.items():
            if key == "tags" and isinstance(member, list):
                value[key] = self._labels.read(cast("list[Json]", member)) if keep_nested else []
            elif isinstance(member, list) and key in ("columns", "children", "schemaFields", "fields", "mlFeatures"):
                for each in cast("list[Any]", member):
                    if isinstance(each, dict):
                        self._read_labels(cast("Json", each), keep_nested=keep_nested)
            elif isinstance(member, dict) and key in ("dataModel", "messageSchema", "requestSchema", "responseSchema"):
                self._read_labels(cast("Json", member), keep_nested=keep_nested)

    def _inherit(self, row: EntityType, document: Json, asked: set[str]) -> None:
        for field, related in _INHERITED.items():
            if field not in row.fields or document.get(field) or (related and field not in asked):
                continue
            value = self._inherited(row, document, field)
            if value:
                document[field] = value

    def _inherited(self, row: EntityType, document: Json, field: str) -> Any:
        held = documents.parent_of(row, document)
        while held is not None:
            above = self._ancestor(held)
            if above is None:
                return None
            kind, ancestor = above
            if ancestor.get(field):
                value = ancestor[field]
                if not isinstance(value, list):
                    return value
                return [{**each, "inherited": True} for each in cast("list[Json]", value)]
            held = documents.parent_of(kind, ancestor)
        return None

    def _ancestor(self, held: Json) -> tuple[EntityType, Json] | None:
        identity = held["id"]
        if identity not in self._ancestors:
            kind = entity_type(held["type"])
            found = documents.find_id(self.connection, kind, identity, "all")
            self._ancestors[identity] = (kind, found) if found is not None else None
        return self._ancestors[identity]

    def _followers(self, identity: str) -> list[Json]:
        lines = self.connection.execute("SELECT user FROM followers WHERE entity = ? ORDER BY user", (identity,))
        return self.resolver.read_all([{"id": line["user"], "type": "user"} for line in lines])

    def _votes(self, identity: str) -> Json:
        cast = self.connection.execute("SELECT user, vote FROM votes WHERE entity = ?", (identity,)).fetchall()
        up = [{"id": line["user"], "type": "user"} for line in cast if line["vote"] == "votedUp"]
        down = [{"id": line["user"], "type": "user"} for line in cast if line["vote"] == "votedDown"]
        return {
            "upVotes": len(up),
            "downVotes": len(down),
            "upVoters": self.resolver.read_all(up),
            "downVoters": self.resolver.read_all(down),
        }
