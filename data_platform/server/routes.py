"""All routes of the API: special paths first, then what every entity type has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import (
    applications,
    assets,
    change_events,
    context,
    contracts,
    csv_files,
    custom_metrics,
    custom_properties,
    fault_routes,
    glossaries,
    groups,
    incidents,
    ingestion_runs,
    insights,
    lineage,
    lineage_search,
    memberships,
    odcs,
    openlineage,
    people,
    permissions,
    quality,
    queries,
    run_logs,
    samples,
    search,
    system,
    table_pipelines,
    tables,
    tasks,
    term_relations,
    test_results,
    threads,
    usage,
)
from data_platform.server.entities import Entities
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.routing import Router

if TYPE_CHECKING:
    from data_platform.server.faults import Faults
    from data_platform.server.keys import Keys

_MODULES = (
    system,
    lineage_search,
    lineage,
    openlineage,
    search,
    tables,
    custom_metrics,
    table_pipelines,
    samples,
    queries,
    usage,
    people,
    groups,
    permissions,
    memberships,
    glossaries,
    term_relations,
    ingestion_runs,
    run_logs,
    quality,
    test_results,
    incidents,
    threads,
    tasks,
    contracts,
    odcs,
    csv_files,
    insights,
    applications,
    assets,
    change_events,
    custom_properties,
    context,
)


def build_router(keys: Keys, faults: Faults | None = None) -> Router:
    """The table of every method and path that is served; ``/faults`` only where there may be some."""
    router = Router()
    for module in _MODULES:
        module.register(router, keys)
    for row in ENTITY_TYPES.values():
        Entities(row, keys).register(router)
    if faults is not None:
        fault_routes.register(router, faults)
    return router
