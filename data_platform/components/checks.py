"""The asset checks of a source's workflows; the child of ``data_platform.ingestion`` evaluates them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import dagster as dg

from data_platform.components.deletion import deletes
from data_platform.ingestion import health, source_inventory
from data_platform.ingestion.data_tests import declared
from data_platform.ingestion.health import HealthCheck
from data_platform.ingestion.schemas import Connector
from data_platform.ingestion.spec import COMPLETED, MATCHES, NO_MASS_DELETION, Workflow

_DESCRIPTIONS: Final = {
    COMPLETED: "The workflow ended, and what it was to bring arrived in the catalog; a warning lists what did not.",
    MATCHES: "The catalog holds what the source has by its own inventory, columns included; nothing more and nothing"
    " less. What depends on the metadata does not run when it does not.",
    NO_MASS_DELETION: "What disappeared from the source was deleted from the catalog, unless it was too much of a"
    " schema, a database or the service: then nothing of it was, and somebody has to look. It warns where a doubt kept"
    " something from being deleted.",
    HealthCheck.SMALL_FILES: "No table has too many small data files.",
    HealthCheck.SNAPSHOTS: "Tables expire their snapshots.",
    HealthCheck.ORPHAN_DELETES: "Delete files of tables apply to data that is there.",
    HealthCheck.FRESHNESS: "Something was committed to every table within the time that the source's options say.",
}


def check_specs(
    key: dg.AssetKey, connector: Connector, workflow: Workflow, options: Mapping[str, Any]
) -> list[dg.AssetCheckSpec]:
    """The checks of one workflow's asset.

    Args:
        key: the asset.
        connector: the source's connector.
        workflow: the workflow.
        options: its options; those of ``tests`` are tests, each of which is a check.
    """
    tests = declared(options) if workflow is Workflow.TESTS else ()
    return [
        dg.AssetCheckSpec(name, asset=key, description=_DESCRIPTIONS[name], blocking=name == MATCHES)
        for name in _names(connector, workflow)
    ] + [
        dg.AssetCheckSpec(
            test.check,
            asset=key,
            description=test.description or f"OpenMetadata's {test.definition} of {test.subject}.",
        )
        for test in tests
    ]


def _names(connector: Connector, workflow: Workflow) -> Iterator[str]:
    yield COMPLETED
    if workflow is Workflow.METADATA:
        if source_inventory.exists_for(connector.name):
            yield MATCHES
        if deletes(connector, [workflow]):
            yield NO_MASS_DELETION
    if workflow is Workflow.PROFILING and connector.name in health.CONNECTORS:
        # Dagster writes names down, and an enum is none to it.
        yield from (check.value for check in HealthCheck)
