"""What a run deleted from the catalog, and how it is taken back.

Dagster's event log is the record: a run lists the entities that it deletes before it does, and again with what it
materializes. The catalog keeps deleted entities, so that nothing has to be read from the source again. What earlier
runs deleted stays deleted, though the catalog restores an entity with all that ever lay in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import dagster as dg

from data_platform.errors import CatalogError, ConfigurationError, EntityNotFoundError
from data_platform.ingestion import inventory, names
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import Holding
from data_platform.ingestion.spec import DELETIONS


@dataclass(frozen=True)
class Deletion:
    """One entity that was deleted.

    Attributes:
        kind: OpenMetadata's entity type, for example ``table``.
        name: its fully qualified name.
        id: its UUID.
    """

    kind: str
    name: str
    id: str


class State(StrEnum):
    """What became of an entity that was to be restored."""

    RESTORED = "restored"
    THERE = "is there already"
    GONE = "is gone for good"
    REFUSED = "could not be restored"
    EXTRA = "came back with what it lies in, and could not be deleted again"


@dataclass(frozen=True)
class Outcome:
    """What became of one entity, and why the catalog did not do what it was asked to, if so."""

    deletion: Deletion
    state: State
    error: str = ""


def of_run(instance: dg.DagsterInstance, run_id: str) -> list[Deletion]:
    """What a run deleted, or was about to when it ended, what lies in something after it.

    Raises:
        ConfigurationError: Dagster knows no such run, or it deleted nothing.
    """
    if not instance.has_run(run_id):
        raise ConfigurationError(
            "Dagster knows no such run",
            source=run_id,
            remedy="take the id from the run's page; DAGSTER_HOME must be set",
        )
    kinds = {dg.DagsterEventType.ASSET_OBSERVATION, dg.DagsterEventType.ASSET_MATERIALIZATION}
    found = {each.id: each for log in instance.all_logs(run_id, of_type=kinds) for each in _listed(log)}
    if not found:
        raise ConfigurationError("the run deleted nothing", source=run_id)
    return sorted(found.values(), key=lambda each: names.split(each.name))


def restore(catalog: CatalogClient, deletions: Sequence[Deletion]) -> Iterator[Outcome]:
    """Bring entities back, and nothing but them.

    Yields:
        What became of each, in order, and of what came back with them and had to be deleted again, where it was not.

    Raises:
        CatalogUnreachableError: the catalog does not answer.
    """
    before = _held(catalog, deletions)
    back: list[str] = []
    for deletion in deletions:
        held = before.get(deletion.id)
        if held is None:
            yield Outcome(deletion, State.GONE)
        elif not held.is_deleted:
            yield Outcome(deletion, State.THERE)
        elif any(deletion.name.startswith(f"{name}.") for name in back):
            yield Outcome(deletion, State.RESTORED)
        else:
            outcome = _restore(catalog, deletion)
            if outcome.state is State.RESTORED:
                back.append(deletion.name)
            yield outcome
    yield from _delete_again(catalog, before, _held(catalog, deletions), {each.id for each in deletions})


def _restore(catalog: CatalogClient, deletion: Deletion) -> Outcome:
    try:
        catalog.restore(inventory.collection(deletion.kind), deletion.id)
    except EntityNotFoundError:
        return Outcome(deletion, State.GONE)
    except CatalogError as error:
        return Outcome(deletion, State.REFUSED, error.sentence)
    return Outcome(deletion, State.RESTORED)


def _delete_again(
    catalog: CatalogClient, before: dict[str, Holding], after: dict[str, Holding], wanted: set[str]
) -> Iterator[Outcome]:
    """Delete what was deleted before somebody asked for something else that it lies in."""
    extra = [
        one
        for one in after.values()
        if not one.is_deleted and one.id not in wanted and one.id in before and before[one.id].is_deleted
    ]
    above = [f"{one.fqn}." for one in extra]
    for one in extra:
        if any(map(one.fqn.startswith, above)):
            continue
        try:
            catalog.delete(inventory.collection(one.kind), one.id)
        except CatalogError as error:
            yield Outcome(Deletion(one.kind, one.fqn, one.id), State.EXTRA, error.sentence)


def _held(catalog: CatalogClient, deletions: Sequence[Deletion]) -> dict[str, Holding]:
    """All that the catalog has of the services in question, deleted or not, by id."""
    services = {(inventory.category(each.kind), names.split(each.name)[0]) for each in deletions}
    found: dict[str, Holding] = {}
    for category, service in sorted(services):
        found |= inventory.take(catalog, category, service, with_deleted=True).holdings
    return found


def _listed(log: dg.EventLogEntry) -> Iterator[Deletion]:
    event = log.asset_materialization or log.asset_observation
    value = event.metadata.get(DELETIONS) if event else None
    rows = cast(list[dict[str, Any]], value.value if value is not None else [])
    for row in rows:
        yield Deletion(str(row["kind"]), str(row["name"]), str(row["id"]))
