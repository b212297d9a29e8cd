"""What a fresh catalog holds before anybody writes to it, and what an older one lacks.

Seeds are put as the administrator would; what is there already is left alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from data_platform.server import documents
from data_platform.server.calls import Principal
from data_platform.server.custom_properties import seed_types
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.rules import PREPARE
from data_platform.server.seed_data import SEEDS
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.keys import Keys
    from data_platform.server.store import Connection, Store

logger = logging.getLogger(__name__)


def _connection_test(_connection: Connection, document: Json, _request: Json, _principal: Principal) -> None:
    document["fullyQualifiedName"] = f"{document['name']}.testConnectionDefinition"


PREPARE["testConnectionDefinition"].append(_connection_test)

SYSTEM = Principal("", "admin", is_bot=False, is_admin=True)


def seed(store: Store, keys: Keys) -> None:
    """Put every seed that is missing."""

    def missing(connection: Connection) -> list[tuple[str, dict[str, object], dict[str, object]]]:
        present = {
            (line["type"], line["fqn"])
            for line in connection.execute(
                "SELECT type, fqn FROM entities WHERE type IN"
                " ('team', 'role', 'policy', 'user', 'bot', 'classification', 'tag', 'testConnectionDefinition',"
                " 'testDefinition', 'app', 'appMarketPlaceDefinition', 'dataInsightChart')"
            )
        }
        return [
            item for item in SEEDS() if (item[0], item[1].get("fullyQualifiedName") or item[1]["name"]) not in present
        ]

    lacking = missing(store.reader)
    store.write(seed_types)
    if not lacking:
        return

    def work(connection: Connection) -> None:
        writing = Writing(connection, keys, SYSTEM)
        for kind, request, extra in lacking:
            row = ENTITY_TYPES[kind]
            request = {key: value for key, value in request.items() if key != "fullyQualifiedName"}
            document = writing.create(row, request)
            if extra:
                document.update(extra)
                documents.save(connection, row, document)
            if kind == "team":
                _give_everybody_their_rights(connection, document)

    store.write(work)


def _give_everybody_their_rights(connection: Connection, organization: Json) -> None:
    """Roles and policies of a team are given by id, which no seed knows."""
    for field, kind, name in (("defaultRoles", "role", "DataConsumer"), ("policies", "policy", "OrganizationPolicy")):
        held = documents.need(connection, ENTITY_TYPES[kind], name)
        organization[field] = [documents.reference(held, kind)]
    documents.save(connection, ENTITY_TYPES["team"], organization)
