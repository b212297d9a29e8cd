"""Service connections: sealed at rest, unmasked for bots, masked for people.

A person who writes a connection back as it was read leaves the masked secrets as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import models

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys

MASK = "*********"
FIELDS = {"workflow": "request", "ingestionPipeline": "sourceConfig"}
"""Where secrets are, for the types that have them elsewhere than in ``connection``."""


def field_of(row: EntityType) -> str:
    """The field of a type that holds secrets, and is sealed."""
    return FIELDS.get(row.name, "connection")


def sealed(keys: Keys, connection: Any) -> str:
    """A connection as it is stored."""
    return keys.seal.encrypt(orjson.dumps(connection)).decode()


def opened(keys: Keys, row: EntityType, document: Json, *, unmasked: bool) -> Any:
    """The connection of a stored document as it is read."""
    stored = document[field_of(row)]
    connection = orjson.loads(keys.seal.decrypt(stored.encode())) if isinstance(stored, str) else stored
    return connection if unmasked else _masked(connection, models.secret_fields(row.entity))


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: MASK if key in secrets and isinstance(member, str) else _masked(member, secrets)
            for key, member in cast("Json", value).items()
        }
    if isinstance(value, list):
        return [_masked(member, secrets) for member in cast("list[Any]", value)]
    return value


def unmasked(value: Any, original: Any) -> Any:
    """``value`` with each mask replaced by what ``original`` holds in its place."""
    if value == MASK:
        return original if isinstance(original, str) else value
    if isinstance(value, dict):
        before = cast("Json", original) if isinstance(original, dict) else {}
        return {key: unmasked(member, before.get(key)) for key, member in cast("Json", value).items()}
    return value
