"""One OpenMetadata workflow, from a resolved configuration to its result.

Runs in the child's main thread only: OpenMetadata's topology is bound to the thread that imported it and silently
lists nothing in another one.
"""

from __future__ import annotations

import resource
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_platform.errors import DataPlatformError
from data_platform.ingestion import (
    config,
    dbt,
    dbt_reconciliation,
    inventory,
    ownership,
    personal_data,
    profiling_budget,
    sources,
    stale_lineage,
    verdict,
)
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.client_workflow import create_workflow, execute, lists, load
from data_platform.ingestion.data_tests import Tested
from data_platform.ingestion.ended import Ended, logged_failures, logged_warnings
from data_platform.ingestion.health import Health
from data_platform.ingestion.inventory import LEAVES, Changed
from data_platform.ingestion.matching import Difference
from data_platform.ingestion.progress import Progress
from data_platform.ingestion.reconciliation import Mandate, Reconciled, Reconciliation
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Account, Traffic
from data_platform.ingestion.verdict import Evidence, Outcome, Unmatched, Verdict


@dataclass(frozen=True)
class Result:
    """What one workflow did. What a run costs is the same for all that it did.

    Attributes:
        workflow: which.
        verdict: how it ended.
        account: what became of what it sent to the catalog.
        entities: number of entities that the catalog holds of the service, by type.
        changed: what the run changed of them.
        filtered: number of entities that the source's filters left out.
        warnings: number of warnings.
        unmatched: what belongs to something that the catalog does not have.
        ownership: what was written of owners, domains and tiers, or None when the source's definition gives none.
        reconciled: how the catalog compares with the source, and what was deleted; None when the run lists nothing.
        notices: what will stop a later run unless somebody sees to it, in sentences.
        tested: what became of each data-quality test.
        figures: numbers of the workflow's own, by their keys in the asset's metadata.
        health: the state of the tables that were profiled, where the connector tells it.
        requests: requests to the catalog, retries included.
        seconds: wall time by stage; ``catalog`` is the time spent waiting for the catalog, in whatever stage.
        peak_memory: largest resident size of this process, in MiB.
    """

    workflow: Workflow
    verdict: Verdict
    account: Account
    entities: dict[str, int] = field(default_factory=dict[str, int])
    changed: Changed | None = None
    filtered: int = 0
    warnings: int = 0
    unmatched: tuple[Unmatched, ...] = ()
    ownership: ownership.Written | None = None
    reconciled: Reconciled | None = None
    notices: tuple[str, ...] = ()
    tested: tuple[Tested, ...] = ()
    health: Health | None = None
    figures: dict[str, int] = field(default_factory=dict[str, int])
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
    mandate: Mandate,
) -> list[Result]:
    """Run OpenMetadata as a spec asks for it.

    Args:
        spec: what to do.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        catalog: a client of the catalog, for the inventories.
        progress: where to say how far the run is.
        traffic: the account of what is sent to the catalog.
        mandate: what deletions rest on.

    Returns:
        One result for each workflow that is asked for.

    Raises:
        DataPlatformError: the workflow could not start, or was interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="data-platform-") as scratch:
        with progress.stage("loading", "loading OpenMetadata's client"):
            create = load(spec, traffic)
            settings = config.build(spec, connection, token, Path(scratch))
        with logged_warnings() as warned:
            with progress.stage("connecting", f"connecting to {spec.service}"):
                workflow = create_workflow(create, settings, spec)
                findings = dbt.prepare(workflow.source, spec.workflows) if spec.connector == dbt.CONNECTOR else None
            if spec.kind is Workflow.PROFILING and spec.connector not in sources.CUSTOM:
                personal_data.keep_out_of_profiles(workflow.workflow_steps()[1])
            budget = profiling_budget.of(spec, workflow.source, catalog)
            reconciliation = Reconciliation(spec, workflow.source, catalog) if lists(spec) else None
            if reconciliation:
                with progress.stage("inventory", "asking source and catalog what they have"):
                    reconciliation.begin()
            removed = stale_lineage.remove(spec, workflow.source, catalog)
            with progress.stage("workflow", f"running the {spec.asked} workflow"), logged_failures() as logged:
                execute(workflow, spec)
        ended = Ended(workflow, logged, traffic.account(), warned)
        if reconciliation:
            owned = _own(spec, catalog, progress, ended.account)
            with progress.stage("inventory", "asking source and catalog what they have now"):
                reconciliation.end()
            return [_listed(spec, ended, reconciliation, mandate, owned, progress, traffic)]
    if findings:
        reconciled = None
        if Workflow.METADATA in spec.workflows:
            with progress.stage("inventory", "asking the catalog what is described"):
                reconciled = dbt_reconciliation.reconcile(findings.described, workflow.source, catalog)
        return [_part(spec, each, ended, findings, reconciled, costs(progress, traffic)) for each in spec.workflows]
    figures = {} if removed is None else {"lineage/removed": removed}
    if budget:
        figures |= budget.figures
        for notice in budget.notices:
            progress.notice(notice)
    return [replace(_result(spec, ended, costs(progress, traffic)), figures=figures)]


def peak_memory() -> float:
    """Largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _own(spec: WorkflowSpec, catalog: CatalogClient, progress: Progress, account: Account) -> ownership.Written | None:
    if not spec.ownership:
        return None
    with progress.stage("ownership", "writing owners, domain and tier"):
        return ownership.apply(catalog, config.category(spec), spec.service, spec.ownership, account.written)


def costs(progress: Progress, traffic: Traffic) -> dict[str, Any]:
    """What a run has cost and met so far, as fields of a result."""
    return {
        "notices": tuple(progress.notices),
        "requests": traffic.requests,
        "seconds": {**progress.seconds, "catalog": traffic.seconds},
        "peak_memory": peak_memory(),
    }


def _result(spec: WorkflowSpec, ended: Ended, run_costs: dict[str, Any]) -> Result:
    """The result of a workflow that adds to what the catalog has."""
    evidence = Evidence(ended.account.arrived, ended.account.losses, ended.reported())
    return Result(
        spec.kind,
        verdict.judge(spec, spec.kind, evidence),
        ended.account,
        health=getattr(ended.workflow.source, "health", None),
        **ended.noted(),
        **run_costs,
    )


def _listed(
    spec: WorkflowSpec,
    ended: Ended,
    reconciliation: Reconciliation,
    mandate: Mandate,
    owned: ownership.Written | None,
    progress: Progress,
    traffic: Traffic,
) -> Result:
    """The result of a workflow that lists a source, once what disappeared is deleted."""
    before, after, match = reconciliation.before, reconciliation.after, reconciliation.match
    evidence = Evidence(
        ended.account.arrived,
        ended.account.losses,
        (*ended.reported(), *(owned.failures if owned else ())),
        listed=ended.account.written,
        held_before=before.count(_leaf_kind(spec)),
        leaves=LEAVES[config.category(spec)],
        missing=match.names(Difference.MISSING) if match else (),
    )
    ruling = verdict.judge(spec, spec.kind, evidence)
    reconciled = reconciliation.without_deletion()
    if ruling.outcome is not Outcome.FAILED:
        with progress.stage("deletion", "deleting what the source no longer has"):
            reconciled = reconciliation.delete(ended, mandate)
        after = after.without(reconciled.plan.deleted)
    return Result(
        spec.kind,
        verdict.with_failed_deletions(ruling, spec, reconciled.failures),
        ended.account,
        entities=after.counts(),
        changed=inventory.compare(before, after),
        ownership=owned,
        reconciled=reconciled,
        **ended.noted(),
        **costs(progress, traffic),
    )


def _part(
    spec: WorkflowSpec,
    part: Workflow,
    ended: Ended,
    findings: dbt.Findings,
    reconciled: Reconciled | None,
    run_costs: dict[str, Any],
) -> Result:
    """The result of one part of a dbt run."""
    own = ended.account.lineage(findings.names) if part is Workflow.LINEAGE else ended.account.without_lineage()
    reported = [dbt.told(failure) for failure in ended.by_step() if findings.concerns(failure, part)]
    artifacts = [failure for failure in findings.failures.get(None, []) if failure.kind == verdict.ARTIFACTS]
    told = " ".join(failure.error for failure in reported)
    unmatched = tuple(one for one in findings.unmatched.values() if one.kind in dbt.MATCHED_BY[part])
    evidence = Evidence(
        own.arrived,
        own.losses,
        (*artifacts, *reported, *(failure for failure in ended.logged if failure.error not in told)),
        matched=findings.models,
        unmatched=unmatched,
    )
    return Result(
        part,
        verdict.judge(spec, part, evidence),
        own,
        entities=findings.entities(own) if part is Workflow.METADATA else {},
        unmatched=unmatched,
        reconciled=reconciled if part is Workflow.METADATA else None,
        **ended.noted(),
        **run_costs,
    )


def _leaf_kind(spec: WorkflowSpec) -> str:
    category = config.category(spec)
    return inventory.COLLECTIONS[category][LEAVES[category]]


def ended_by(error: DataPlatformError, spec: WorkflowSpec, progress: Progress, traffic: Traffic) -> list[Result]:
    """The results of a run that an error ended."""
    run_costs = costs(progress, traffic)
    return [Result(each, verdict.of_error(error), traffic.account(), **run_costs) for each in spec.workflows]
