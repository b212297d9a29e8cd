"""One OpenMetadata workflow, from a resolved configuration to its result.

Runs in the child's main thread only: OpenMetadata's topology is bound to the thread that imported it and silently
lists nothing in another one.
"""

from __future__ import annotations

import logging
import resource
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_platform.errors import DataPlatformError, WorkflowInterruptedError
from data_platform.ingestion import config, inventory, shims, sources, verdict
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.diagnosis import diagnose, shorten
from data_platform.ingestion.inventory import LEAVES, Difference, Inventory
from data_platform.ingestion.progress import Progress
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Traffic
from data_platform.ingestion.verdict import Evidence, Failure, Verdict


@dataclass(frozen=True)
class Result:
    """What a workflow did.

    Attributes:
        verdict: how it ended.
        traffic: what was sent to the catalog.
        entities: number of entities that the catalog holds of the service, by type.
        difference: what the run changed of them.
        filtered: number of entities that the source's filters left out.
        warnings: number of warnings.
        seconds: wall time by stage.
        peak_memory: largest resident size of this process, in MiB.
    """

    verdict: Verdict
    traffic: Traffic
    entities: dict[str, int] = field(default_factory=dict[str, int])
    difference: Difference | None = None
    filtered: int = 0
    warnings: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    peak_memory: float = 0.0


def run(
    spec: WorkflowSpec,
    connection: dict[str, Any],
    token: str,
    catalog: CatalogClient,
    progress: Progress,
    traffic: Traffic,
) -> Result:
    """Run the workflow of a spec.

    Args:
        spec: what to do.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        catalog: a client of the catalog, for the inventories.
        progress: where to say how far the run is.
        traffic: the account of what is sent to the catalog.

    Raises:
        DataPlatformError: the workflow could not start, or was interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="data-platform-") as scratch:
        with progress.stage("loading", "loading OpenMetadata's client"):
            create = config.workflow_factory(spec)
            shims.cache_version_header()
            sources.install()
            settings = config.build(spec, connection, token, Path(scratch))
        with progress.stage("inventory", "taking the catalog's inventory"):
            before = _inventory(spec, catalog)
        with progress.stage("connecting", f"connecting to {spec.service}"):
            workflow = _create(create, settings, spec)
        with progress.stage("workflow", f"running the {spec.workflow} workflow"), _logged_errors() as logged:
            _execute(workflow, spec, traffic)
        with progress.stage("inventory", "taking the catalog's inventory"):
            after = _inventory(spec, catalog)
    return _result(spec, workflow, (before, after), logged, progress, traffic)


def peak_memory() -> float:
    """Largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _inventory(spec: WorkflowSpec, catalog: CatalogClient) -> Inventory:
    if spec.workflow is not Workflow.METADATA or spec.connector == config.DBT:
        return Inventory()
    return inventory.take(catalog, config.category(spec), spec.service)


def _create(create: config.Create, settings: config.Config, spec: WorkflowSpec) -> config.ClientWorkflow:
    try:
        workflow = create(settings)
    except Exception as error:
        raise diagnose(error, spec) from error
    shims.freeze_imports()
    shims.send_tables_before_foreign_keys(workflow.source)
    return workflow


def _execute(workflow: config.ClientWorkflow, spec: WorkflowSpec, traffic: Traffic) -> None:
    traffic.watch(workflow.metadata.client._session)
    _stop_cleanly(workflow, spec)
    try:
        workflow.execute()
    except Exception as error:
        raise diagnose(error, spec) from error


def _stop_cleanly(workflow: config.ClientWorkflow, spec: WorkflowSpec) -> None:
    """Let a signal end the workflow as a failure that is flushed and reported to the catalog.

    An exception would be taken for one table's failure, and ``SystemExit`` would be persisted as success; only
    around the inner loop does an exception mean what it says.
    """
    inner = workflow.execute_internal

    def execute_internal() -> None:
        try:
            inner()
        except (KeyboardInterrupt, SystemExit) as error:
            raise WorkflowInterruptedError("the workflow was told to stop", source=spec.name) from error

    workflow.execute_internal = execute_internal


@contextmanager
def _logged_errors() -> Generator[list[Failure]]:
    """Failures that OpenMetadata's topology only logs: an entity whose processing raised is lost without a trace."""
    failures: list[Failure] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lost = record.levelno >= logging.ERROR or record.getMessage().startswith("Unexpected value error")
            if record.module == "topology_runner" and lost:
                failures.append(Failure(record.funcName, "topology", record.getMessage()))

    collector = Collector(level=logging.WARNING)
    logger = logging.getLogger("metadata")
    logger.addHandler(collector)
    try:
        yield failures
    finally:
        logger.removeHandler(collector)


def _result(
    spec: WorkflowSpec,
    workflow: config.ClientWorkflow,
    inventories: tuple[Inventory, Inventory],
    logged: list[Failure],
    progress: Progress,
    traffic: Traffic,
) -> Result:
    steps = workflow.workflow_steps()
    before, after = inventories
    listed = spec.workflow is Workflow.METADATA and spec.connector != config.DBT
    leaves = LEAVES[config.category(spec)] if listed else None
    reported = [_failure(step.name, failure) for step in steps for failure in step.get_status().failures]
    evidence = Evidence(
        arrived=traffic.arrived,
        losses=tuple(traffic.losses),
        reported=(*reported, *logged),
        listed={collection: frozenset(names) for collection, names in traffic.written.items()},
        held_before=before.count(_leaf_kind(spec)) if leaves else 0,
        leaves=leaves,
    )
    return Result(
        verdict=verdict.judge(spec, evidence),
        traffic=traffic,
        entities=after.counts(),
        difference=inventory.compare(before, after) if listed else None,
        filtered=sum(len(step.get_status().filtered) for step in steps),
        warnings=sum(len(step.get_status().warnings) for step in steps),
        seconds=progress.seconds,
        peak_memory=peak_memory(),
    )


def _leaf_kind(spec: WorkflowSpec) -> str:
    category = config.category(spec)
    return inventory.COLLECTIONS[category][LEAVES[category]]


def _failure(step: str, failure: Any) -> Failure:
    return Failure(str(failure.name), step, shorten(str(failure.error)))


def ended_by(error: DataPlatformError, progress: Progress, traffic: Traffic) -> Result:
    """The result of a workflow that an error ended."""
    return Result(verdict.of_error(error), traffic, seconds=progress.seconds, peak_memory=peak_memory())
