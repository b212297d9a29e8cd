"""The child process: carries out one :class:`WorkflowSpec` and says over Dagster Pipes what came of it.

Started by the launcher as ``python -I -m data_platform.ingestion.child``. It exits 0 whenever it could give a
verdict, also a bad one; another exit code means that it crashed. What it prints never shows a secret that it
resolved.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from dagster_pipes import PipesContext, open_dagster_pipes  # pyright: ignore[reportUnknownVariableType]

from data_platform import __version__, environment
from data_platform.errors import (
    CatalogError,
    DataPlatformError,
    IncompatibleEnvironmentError,
    ProtocolMismatchError,
    WorkflowInterruptedError,
)
from data_platform.ingestion import credentials, data_quality, interruption, lifeline, preflight, query_log, report
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.diagnosis import diagnose
from data_platform.ingestion.inventory import Holding
from data_platform.ingestion.line import CatalogGone
from data_platform.ingestion.pipeline_runs import PipelineRuns
from data_platform.ingestion.progress import Progress
from data_platform.ingestion.reconciliation import Mandate
from data_platform.ingestion.run import Result, ended_by, run
from data_platform.ingestion.spec import DELETIONS, LIFELINE, PROTOCOL, REPORTS, Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Traffic
from data_platform.ingestion.verdict import Outcome
from data_platform.observability import Redactor, redact_output

Announce = Callable[[Sequence[Holding]], None]


def main() -> None:
    """Carry out the spec that the Pipes context holds."""
    redactor = Redactor()
    redact_output(redactor)
    interruption.obey()
    held = environment.lifeline(LIFELINE)
    if held is not None:  # a pod has none: its cluster ends it
        lifeline.hold(held)
    with open_dagster_pipes() as pipes:
        pipes.report_custom_message({"protocol": PROTOCOL, "version": __version__})
        spec = _spec(pipes)
        if spec is not None:
            _report(pipes, spec, _carry_out(pipes, spec, redactor), redactor)
    sys.stdout.flush()
    sys.stderr.flush()
    # OpenMetadata leaves threads behind, and tearing its modules down takes a second; nothing is left to do.
    os._exit(0)


def _spec(pipes: PipesContext) -> WorkflowSpec | None:
    """The spec, or None when the launcher is of another version; the launcher sees that by our first message."""
    sent: dict[str, Any] = pipes.get_extra("spec")
    if (sent.get("protocol"), sent.get("version")) != (PROTOCOL, __version__):
        error = ProtocolMismatchError(
            f"the launcher is version {sent.get('version')} (protocol {sent.get('protocol')}), the ingestion"
            f" environment has {__version__} ({PROTOCOL})",
            remedy="run 'make setup'",
        )
        verdict = {"workflow": None, "outcome": Outcome.FAILED, "sentence": error.sentence, "permanent": True}
        pipes.report_custom_message({"verdicts": [verdict]})
        return None
    return WorkflowSpec.model_validate(sent)


def _carry_out(pipes: PipesContext, spec: WorkflowSpec, redactor: Redactor) -> list[Result]:
    traffic = Traffic()
    progress = Progress(spec.name, traffic, lambda message: pipes.log.info(redactor.text(message)))

    def announce(deleted: Sequence[Holding]) -> None:
        asset: str = pipes.get_extra("assets")[Workflow.METADATA]
        told = {DELETIONS: {"asset": asset, "entities": report.listed(deleted)}}
        pipes.report_custom_message(redactor.data(told))

    return _guarded(lambda: _run(spec, progress, traffic, redactor, announce), spec, progress, traffic)


def _guarded(
    work: Callable[[], list[Result]], spec: WorkflowSpec, progress: Progress, traffic: Traffic
) -> list[Result]:
    """Do what is asked for; the one place of this process that catches everything."""
    try:
        return work()
    except DataPlatformError as error:
        return ended_by(error, spec, progress, traffic)
    except CatalogGone as gone:
        return ended_by(gone.error, spec, progress, traffic)
    except KeyboardInterrupt:
        return ended_by(WorkflowInterruptedError("told to stop", source=spec.name), spec, progress, traffic)
    except Exception as error:  # noqa: BLE001 - see the docstring
        sys.excepthook(type(error), error, error.__traceback__)
        return ended_by(diagnose(error, spec), spec, progress, traffic)


def _run(
    spec: WorkflowSpec, progress: Progress, traffic: Traffic, redactor: Redactor, announce: Announce
) -> list[Result]:
    here = environment.named(spec.environment)
    here.require_encryption("DATA_PLATFORM_CATALOG_URL", spec.catalog_url)
    resolver = credentials.resolver(here, vault_address=spec.vault_address)
    with progress.stage("secrets", "resolving secret references"):
        try:
            token = str(resolver.resolve(spec.catalog_token, where="the catalog's token"))
            connection: dict[str, Any] = resolver.resolve(spec.connection, where="connection")
            options: dict[str, Any] = resolver.resolve(spec.options, where="workflows")
        finally:
            redactor.add(resolver.values)
    resolved = spec.model_copy(update={"options": options})
    with CatalogClient(spec.catalog_url, token, timeout=preflight.PATIENCE, retry_timeout=preflight.PATIENCE) as files:
        filed = PipelineRuns(files, spec, progress.notice)
        results = _guarded(
            lambda: _run_checked(resolved, connection, token, filed, announce, progress, traffic),
            spec,
            progress,
            traffic,
        )
        results = [_clean(result, redactor) for result in results]
        filed.end(results)
    return results


def _clean(result: Result, redactor: Redactor) -> Result:
    """The same, with a verdict that may be shown: drivers quote users, addresses and what they could not parse."""
    verdict = result.verdict
    failures = (
        replace(each, name=redactor.text(each.name), error=redactor.text(each.error)) for each in verdict.failures
    )
    return replace(result, verdict=replace(verdict, sentence=redactor.text(verdict.sentence), failures=tuple(failures)))


def _run_checked(
    spec: WorkflowSpec,
    connection: dict[str, Any],
    token: str,
    filed: PipelineRuns,
    announce: Announce,
    progress: Progress,
    traffic: Traffic,
) -> list[Result]:
    with progress.stage("preflight", "checking what the run needs"):
        try:
            notices = _preflight(spec, connection, token)
        except CatalogError:
            filed.leave()
            raise
        for notice in notices:
            progress.notice(notice)
        filed.begin()
    if spec.kind is Workflow.QUERY_LOG:
        return query_log.run(spec, connection, progress, traffic)
    with CatalogClient(spec.catalog_url, token, retry_timeout=spec.catalog_retry_timeout) as catalog:
        if spec.kind is Workflow.TESTS:
            return data_quality.run(spec, connection, token, catalog, progress, traffic)
        return run(spec, connection, token, catalog, progress, traffic, Mandate(filed.settled, announce))


def _preflight(spec: WorkflowSpec, connection: dict[str, Any], token: str) -> list[str]:
    """Find before the heavy import what would stop the workflow after it.

    Returns:
        Sentences on what will stop a later run.

    Raises:
        DataPlatformError: this run cannot succeed.
    """
    try:
        client = installed("openmetadata-ingestion")
    except PackageNotFoundError as error:
        raise IncompatibleEnvironmentError(
            "openmetadata-ingestion is not installed where the workflow runs",
            source=sys.executable,
            remedy="run 'make setup', or point DATA_PLATFORM_INGESTION_PYTHON at the ingestion environment",
        ) from error
    findings = preflight.examine(spec, connection, token, client)
    failure = preflight.first_failure(findings)
    if failure is not None:
        raise failure
    return preflight.warnings(findings)


def _report(pipes: PipesContext, spec: WorkflowSpec, results: list[Result], redactor: Redactor) -> None:
    assets: dict[str, str] = pipes.get_extra("assets")
    folder = Path(pipes.get_extra(REPORTS))
    for result in results:
        asset_key = assets[result.workflow]
        metadata = {**report.metadata(spec, result), **_all_failures(result, folder / spec.service, redactor)}
        if result.verdict.outcome is not Outcome.FAILED:
            pipes.report_asset_materialization(asset_key=asset_key, metadata=redactor.data(metadata))
        for check in report.checks(spec, result, metadata):
            pipes.report_asset_check(
                asset_key=asset_key,
                check_name=check.name,
                passed=check.passed,
                severity=check.severity,
                metadata=redactor.data(check.metadata),
            )
    pipes.report_custom_message(
        {
            "verdicts": [
                {
                    "workflow": result.workflow,
                    "outcome": result.verdict.outcome,
                    "sentence": redactor.text(result.verdict.sentence),
                    "permanent": result.verdict.permanent,
                }
                for result in results
            ]
        }
    )


def _all_failures(result: Result, folder: Path, redactor: Redactor) -> dict[str, Any]:
    """Asset metadata that says where all failures are, when there are more than a table shows."""
    lines = report.all_failures(result)
    if lines is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.workflow}.failures.jsonl"
    path.write_text(redactor.text(lines), encoding="utf-8")
    return report.file(path)


if __name__ == "__main__":
    main()
