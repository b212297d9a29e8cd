"""Runs the job and tells on the way what happens; what came of it is read from what Dagster recorded."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, EventLogEntry, RunsFilter
from rich.console import Console
from rich.markup import escape

from examples.demo.job import metadata_ingestion
from examples.demo.report import Report

TAGS = {"data_platform/started_by": "make demo"}
_POLL_SECONDS = 0.5
# What happens is told from the event log; Dagster's own console would print every event beside it.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def materialize(log: Path) -> dict[str, Report]:
    """Run the job on every asset of the environment, and tell on the terminal how far it is.

    Args:
        log: where everything goes that the run's processes print themselves.

    Returns:
        A report for each asset of the job, by its key and in the order they run; also for those that failed or
        never ran.

    Raises:
        KeyboardInterrupt: the run was told to stop.
    """
    assets = metadata_ingestion().asset_layer.asset_graph
    reports = {
        key.to_user_string(): Report(wanted=frozenset(check.name for check in assets.get(key).check_keys))
        for key in assets.toposorted_asset_keys
        if key in assets.executable_asset_keys
    }
    with DagsterInstance.get() as instance:
        release_what_was_killed(instance)
        with _output_into(log) as terminal, _told(terminal, instance):
            result = dg.execute_job(
                dg.reconstructable(metadata_ingestion), instance, run_config=_QUIET, tags=TAGS, raise_on_error=False
            )
        for event in result.all_events:
            if event.event_type is DagsterEventType.RUN_FAILURE and _is_interruption(event):
                raise KeyboardInterrupt
            if event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
                materialization = event.step_materialization_data.materialization
                report = reports[materialization.asset_key.to_user_string()]
                report.figures |= _numbers(materialization.metadata)
            elif event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                reports[evaluation.asset_key.to_user_string()].checks[evaluation.check_name] = evaluation.passed
    return reports


def _numbers(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, float]:
    return {
        key: float(value.value)
        for key, value in metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue) and value.value is not None
    }


def release_what_was_killed(instance: DagsterInstance) -> None:
    """Give back the pools that runs hold which are over, or whose demo was killed; without a daemon nobody does."""
    for run in instance.get_runs(RunsFilter(tags=TAGS, statuses=_UNFINISHED)):
        instance.report_run_canceled(run, "The demo that ran this was killed.")
    storage = instance.event_log_storage
    holders = [storage.get_concurrency_info(pool) for pool in storage.get_concurrency_keys()]
    for run_id in {
        run_id for pool in holders for run_id in pool.active_run_ids | pool.assigned_run_ids | pool.pending_run_ids
    }:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


@contextmanager
def _output_into(log: Path) -> Iterator[Console]:
    """Send what this process and its children print into a file; a console still reaches the terminal."""
    sys.stdout.flush()
    is_terminal = sys.stdout.isatty()
    terminal, errors = os.dup(1), os.dup(2)
    with log.open("wb") as output, os.fdopen(terminal, "w") as stream:
        try:
            for descriptor in (1, 2):
                os.dup2(output.fileno(), descriptor)
            yield Console(file=stream, force_terminal=is_terminal or None, width=None if is_terminal else 120)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(terminal, 1)
            os.dup2(errors, 2)
            os.close(errors)


@contextmanager
def _told(console: Console, instance: DagsterInstance) -> Iterator[None]:
    """Print what happens in the run that the block executes."""
    earlier = {run.run_id for run in instance.get_runs(RunsFilter(tags=TAGS))}
    ended = threading.Event()
    started = time.monotonic()

    def tell() -> None:
        run_id, cursor = None, None
        while True:
            is_last = ended.wait(_POLL_SECONDS)
            if run_id is None:
                run_id = next((run.run_id for run in _demos(instance) if run.run_id not in earlier), None)
            if run_id is not None:
                page = instance.get_records_for_run(run_id, cursor)
                cursor = page.cursor
                for record in page.records:
                    if message := _message(record.event_log_entry):
                        console.print(f"{time.monotonic() - started:5.0f} s  {message}", highlight=False)
            if is_last:
                return

    speaker = threading.Thread(target=tell, name="progress", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        ended.set()
        speaker.join()


def _demos(instance: DagsterInstance) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(RunsFilter(tags=TAGS))


def _message(entry: EventLogEntry) -> str | None:
    """What to tell of an event, if anything: that a step starts or fails, and what it says of itself."""
    if not entry.is_dagster_event:
        # dagster-dbt tells its command lines; what dbt has made is told below.
        level = logging.WARNING if (entry.step_key or "").startswith("dbt__") else logging.INFO
        is_ours = int(entry.level) >= level and not entry.user_message.startswith("[pipes]")
        return f"  {escape(entry.user_message)}" if is_ours else None
    event = entry.get_dagster_event()
    match event.event_type:
        case DagsterEventType.RUN_START:
            return "the run has started"
        case DagsterEventType.STEP_WORKER_STARTING:
            return f"[bold]{_asset(event)}[/] gets a process"
        case DagsterEventType.STEP_START:
            return f"[bold]{_asset(event)}[/] started"
        case DagsterEventType.ASSET_MATERIALIZATION if (event.step_key or "").startswith("dbt__"):
            return f"  {event.step_materialization_data.materialization.asset_key.to_user_string()} is built"
        case DagsterEventType.STEP_SUCCESS:
            return f"[bold green]{_asset(event)}[/] done"
        case DagsterEventType.STEP_FAILURE | DagsterEventType.STEP_UP_FOR_RETRY:
            return f"[bold red]{_asset(event)}[/] failed: {escape(_reason(event))}"
        case _:
            return None


def _is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether a run failed because of Ctrl-C, which Dagster's executor takes for itself."""
    reason = event.job_failure_data.failure_reason
    return reason is not None and reason.name == "UNEXPECTED_TERMINATION"


def _asset(event: dg.DagsterEvent) -> str:
    return (event.step_key or "").replace("__", "/")


def _reason(event: dg.DagsterEvent) -> str:
    data = event.event_specific_data
    error = getattr(data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "no reason given"
