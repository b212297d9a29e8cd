"""What a run deleted from the catalog, and how it is taken back.

Dagster's event log is the record: each materialization lists the entities that were deleted with it. The catalog keeps
deleted entities, so that nothing has to be read from the source again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg

from data_platform.errors import ConfigurationError, EntityNotFoundError
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import collection
from data_platform.ingestion.spec import DELETIONS


@dataclass(frozen=True)
class Deletion:
    """One entity that was deleted with all that lies in it.

    Attributes:
        kind: OpenMetadata's entity type, for example ``table``.
        name: its fully qualified name.
        id: its UUID.
    """

    kind: str
    name: str
    id: str


def of_run(instance: dg.DagsterInstance, run_id: str) -> list[Deletion]:
    """What a run deleted.

    Raises:
        ConfigurationError: Dagster knows no such run, or it deleted nothing.
    """
    if not instance.has_run(run_id):
        raise ConfigurationError(
            "Dagster knows no such run",
            source=run_id,
            remedy="take the id from the run's page; DAGSTER_HOME must be set",
        )
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    found = [deletion for entry in logs for deletion in _listed(entry.asset_materialization)]
    if not found:
        raise ConfigurationError("the run deleted nothing", source=run_id)
    return found


def restore(catalog: CatalogClient, deletions: list[Deletion]) -> Iterator[tuple[Deletion, bool]]:
    """Bring entities back, with all that lies in them.

    Yields:
        Each, and whether the catalog still had it.

    Raises:
        CatalogError: the catalog refuses to.
    """
    for deletion in deletions:
        try:
            catalog.restore(collection(deletion.kind), deletion.id)
        except EntityNotFoundError:
            yield deletion, False
        else:
            yield deletion, True


def _listed(materialization: dg.AssetMaterialization | None) -> Iterator[Deletion]:
    value = materialization.metadata.get(DELETIONS) if materialization else None
    rows = cast(list[dict[str, Any]], value.value if value is not None else [])
    for row in rows:
        yield Deletion(str(row["kind"]), str(row["name"]), str(row["id"]))
