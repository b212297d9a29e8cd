"""All routes of the API: special paths first, then what every entity type has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import (
    assets,
    ingestion_runs,
    lineage,
    people,
    quality,
    queries,
    search,
    system,
    tables,
    usage,
)
from data_platform.server.entities import Entities
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.routing import Router

if TYPE_CHECKING:
    from data_platform.server.keys import Keys


def build_router(keys: Keys) -> Router:
    """The table of every method and path that is served."""
    router = Router()
    for module in (system, lineage, search, tables, queries, usage, people, ingestion_runs, quality, assets):
        module.register(router, keys)
    for row in ENTITY_TYPES.values():
        Entities(row, keys).register(router)
    return router
