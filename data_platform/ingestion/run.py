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
from data_platform.ingestion import config, dbt, inventory, ownership, shims, sources, verdict
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.diagnosis import diagnose
from data_platform.ingestion.inventory import LEAVES, Difference, Inventory
from data_platform.ingestion.progress import Progress
from data_platform.ingestion.retrying import CatalogGone, Line
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Account, Traffic
from data_platform.ingestion.verdict import Evidence, Failure, Unmatched, Verdict


@dataclass(frozen=True)
class Result:
    """What one workflow did. What a run costs is the same for all that it did.

    Attributes:
        workflow: which.
        verdict: how it ended.
        account: what became of what it sent to the catalog.
        entities: number of entities that the catalog holds of the service, by type.
        difference: what the run changed of them.
        filtered: number of entities that the source's filters left out.
        warnings: number of warnings.
        unmatched: what belongs to something that the catalog does not have.
        ownership: what was written of owners, domains and tiers, or None when the source's definition gives none.
        notices: what will stop a later run unless somebody sees to it, in sentences.
        requests: requests to the catalog, retries included.
        seconds: wall time by stage; ``catalog`` is the time spent waiting for the catalog, in whatever stage.
        peak_memory: largest resident size of this process, in MiB.
    """

    workflow: Workflow
    verdict: Verdict
    account: Account
    entities: dict[str, int] = field(default_factory=dict[str, int])
    difference: Difference | None = None
    filtered: int = 0
    warnings: int = 0
    unmatched: tuple[Unmatched, ...] = ()
    ownership: ownership.Written | None = None
    notices: tuple[str, ...] = ()
    requests: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    peak_memory: float = 0.0


def run(
    spec: WorkflowSpec,
    connection: dict[str, Any],
    token: str,
    catalog: CatalogClient,
    progress: Progress,
    traffic: Traffic,
) -> list[Result]:
    """Run OpenMetadata as a spec asks for it.

    Args:
        spec: what to do.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        catalog: a client of the catalog, for the inventories.
        progress: where to say how far the run is.
        traffic: the account of what is sent to the catalog.

    Returns:
        One result for each workflow that is asked for.

    Raises:
        DataPlatformError: the workflow could not start, or was interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="data-platform-") as scratch:
        with progress.stage("loading", "loading OpenMetadata's client"):
            create = config.workflow_factory(spec)
            shims.cache_version_header()
            shims.leave_status_to_us()
            Line(spec.catalog_url, spec.catalog_retry_timeout, traffic).install()
            sources.install()
            settings = config.build(spec, connection, token, Path(scratch))
        with progress.stage("inventory", "taking the catalog's inventory"):
            before = _inventory(spec, catalog)
        with progress.stage("connecting", f"connecting to {spec.service}"):
            workflow = _create(create, settings, spec)
            findings = dbt.prepare(workflow.source, spec.workflows) if spec.connector == dbt.CONNECTOR else None
        with progress.stage("workflow", f"running the {spec.asked} workflow"), _logged_errors() as logged:
            _execute(workflow, spec)
        owned = _own(spec, catalog, progress, traffic)
        with progress.stage("inventory", "taking the catalog's inventory"):
            after = _inventory(spec, catalog)
    run_costs = costs(progress, traffic)
    if findings is None:
        return [_result(spec, workflow, (before, after), owned, logged, traffic.account(), run_costs)]
    return [_part(spec, each, workflow, findings, logged, traffic.account(), run_costs) for each in spec.workflows]


def peak_memory() -> float:
    """Largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _inventory(spec: WorkflowSpec, catalog: CatalogClient) -> Inventory:
    if spec.kind is not Workflow.METADATA or spec.connector == dbt.CONNECTOR:
        return Inventory()
    return inventory.take(catalog, config.category(spec), spec.service)


def _own(spec: WorkflowSpec, catalog: CatalogClient, progress: Progress, traffic: Traffic) -> ownership.Written | None:
    if not spec.ownership:
        return None
    with progress.stage("ownership", "writing owners, domain and tier"):
        listed = traffic.account().written
        return ownership.apply(catalog, config.category(spec), spec.service, spec.ownership, listed)


def _create(create: config.Create, settings: config.Config, spec: WorkflowSpec) -> config.ClientWorkflow:
    try:
        workflow = create(settings)
    except Exception as error:
        raise diagnose(error, spec) from error
    shims.freeze_imports()
    shims.send_tables_before_foreign_keys(workflow.source)
    return workflow


def _execute(workflow: config.ClientWorkflow, spec: WorkflowSpec) -> None:
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
        except CatalogGone as gone:
            raise gone.error from gone
        except (KeyboardInterrupt, SystemExit) as error:
            raise WorkflowInterruptedError("the workflow was told to stop", source=spec.name) from error

    workflow.execute_internal = execute_internal


@contextmanager
def _logged_errors() -> Generator[list[Failure]]:
    """Failures that OpenMetadata only logs.

    An entity whose processing raised is lost without a trace in any status, and so is a file of a dbt project that
    cannot be fetched or read.
    """
    failures: list[Failure] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lost = record.levelno >= logging.ERROR or record.getMessage().startswith("Unexpected value error")
            if record.module == "topology_runner" and lost:
                failures.append(Failure(record.funcName, "topology", record.getMessage()))
            elif record.module == "dbt_config":
                failures.append(Failure(record.funcName, verdict.ARTIFACTS, " ".join(record.getMessage().split())))

    collector = Collector(level=logging.WARNING)
    logger = logging.getLogger("metadata")
    logger.addHandler(collector)
    try:
        yield failures
    finally:
        logger.removeHandler(collector)


def costs(progress: Progress, traffic: Traffic) -> dict[str, Any]:
    """What a run has cost and met so far, as fields of a result."""
    return {
        "notices": tuple(progress.notices),
        "requests": traffic.requests,
        "seconds": {**progress.seconds, "catalog": traffic.seconds},
        "peak_memory": peak_memory(),
    }


def _result(
    spec: WorkflowSpec,
    workflow: config.ClientWorkflow,
    inventories: tuple[Inventory, Inventory],
    owned: ownership.Written | None,
    logged: list[Failure],
    account: Account,
    run_costs: dict[str, Any],
) -> Result:
    before, after = inventories
    listed = spec.kind is Workflow.METADATA
    leaves = LEAVES[config.category(spec)] if listed else None
    evidence = Evidence(
        arrived=account.arrived,
        losses=account.losses,
        reported=(*_reported(workflow), *logged, *(owned.failures if owned else ())),
        listed=account.written,
        held_before=before.count(_leaf_kind(spec)) if leaves else 0,
        leaves=leaves,
    )
    return Result(
        spec.kind,
        verdict.judge(spec, spec.kind, evidence),
        account,
        entities=after.counts(),
        difference=inventory.compare(before, after) if listed else None,
        ownership=owned,
        **_noted(workflow),
        **run_costs,
    )


def _part(
    spec: WorkflowSpec,
    part: Workflow,
    workflow: config.ClientWorkflow,
    findings: dbt.Findings,
    logged: list[Failure],
    account: Account,
    run_costs: dict[str, Any],
) -> Result:
    """The result of one part of a dbt run."""
    own = account.lineage(findings.names) if part is Workflow.LINEAGE else account.without_lineage()
    reported = [dbt.told(failure) for failure in _reported(workflow) if findings.concerns(failure, part)]
    artifacts = [failure for failure in findings.failures.get(None, []) if failure.kind == verdict.ARTIFACTS]
    told = " ".join(failure.error for failure in reported)
    unmatched = tuple(one for one in findings.unmatched.values() if one.kind in dbt.MATCHED_BY[part])
    evidence = Evidence(
        arrived=own.arrived,
        losses=own.losses,
        reported=(*artifacts, *reported, *(failure for failure in logged if failure.error not in told)),
        matched=findings.models,
        unmatched=unmatched,
    )
    return Result(
        part,
        verdict.judge(spec, part, evidence),
        own,
        entities=_described(findings, own) if part is Workflow.METADATA else {},
        unmatched=unmatched,
        **_noted(workflow),
        **run_costs,
    )


def _described(findings: dbt.Findings, account: Account) -> dict[str, int]:
    """Numbers of what the metadata of a dbt project consists of, by OpenMetadata's names for it."""
    return {
        "dataModel": account.other_writes["dataModel"],
        "tag": len(account.written.get("tags", ())),
        "testCase": findings.tests,
        "testCaseResult": account.other_writes["testCaseResults"],
    }


def _reported(workflow: config.ClientWorkflow) -> list[Failure]:
    steps = workflow.workflow_steps()
    return [Failure.of(step.name, failure) for step in steps for failure in step.get_status().failures]


def _noted(workflow: config.ClientWorkflow) -> dict[str, int]:
    statuses = [step.get_status() for step in workflow.workflow_steps()]
    return {
        "filtered": sum(len(status.filtered) for status in statuses),
        "warnings": sum(len(status.warnings) for status in statuses),
    }


def _leaf_kind(spec: WorkflowSpec) -> str:
    category = config.category(spec)
    return inventory.COLLECTIONS[category][LEAVES[category]]


def ended_by(error: DataPlatformError, spec: WorkflowSpec, progress: Progress, traffic: Traffic) -> list[Result]:
    """The results of a run that an error ended."""
    run_costs = costs(progress, traffic)
    return [Result(each, verdict.of_error(error), traffic.account(), **run_costs) for each in spec.workflows]
