"""Lineage from a query log that no query makes any more.

OpenMetadata adds edges and removes none, and it skips queries whose edges are all there. So before a lineage run those
edges are removed that are older than the days of queries which the run reads: what a query in them still makes comes
back in the same run. Only edges from queries, between tables of the run's own service, are looked at; never what people
drew, what views say or what dbt knows. A history that does not reach back that far says nothing; nothing is removed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from data_platform.errors import EntityNotFoundError
from data_platform.ingestion import inventory
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.spec import Workflow, WorkflowSpec

_FROM_QUERIES: Final = "QueryLineage"
_MEMORY: Final = '"system"."runtime"."queries"'
_REACHES: Final = "SELECT count(*) FROM {} WHERE started < ?"


def remove(spec: WorkflowSpec, source: Any, catalog: CatalogClient) -> int | None:
    """Remove the edges of a service that are stale.

    Args:
        spec: the run's.
        source: OpenMetadata's source, connected.
        catalog: where the run writes.

    Returns:
        How many were removed; None when the source has no history to tell by.

    Raises:
        CatalogError: the catalog does not do it.
        Exception: whatever Trino's driver raises.
    """
    if spec.kind is not Workflow.LINEAGE or spec.connector != "Trino" or not source.source_config.processQueryLineage:
        return None
    history = str(source.service_connection.queryHistoryTable or _MEMORY)
    since: datetime = source.start.replace(tzinfo=UTC)
    if history == _MEMORY or not _reaches_back(source.engine, history, since):
        return None
    removed = 0
    known = inventory.take(catalog, "database", spec.service).holdings
    for holding in known.values():
        if holding.kind == "table":
            removed += _remove_into(catalog, holding.id, known.keys(), since)
    return removed


def _reaches_back(engine: Any, history: str, since: datetime) -> bool:
    with engine.connect() as connected:
        (earlier,) = connected.exec_driver_sql(_REACHES.format(history), (since,)).one()
    return bool(earlier)


def _remove_into(catalog: CatalogClient, table: str, known: Any, since: datetime) -> int:
    removed = 0
    for edge in catalog.upstream("table", table):
        details: dict[str, Any] = edge.get("lineageDetails") or {}
        changed = details.get("updatedAt")
        if details.get("source") != _FROM_QUERIES or changed is None or edge["fromEntity"] not in known:
            continue
        if changed < since.timestamp() * 1000:
            try:
                catalog.delete_edge("table", edge["fromEntity"], "table", table)
            except EntityNotFoundError:
                continue  # somebody was faster
            removed += 1
    return removed
