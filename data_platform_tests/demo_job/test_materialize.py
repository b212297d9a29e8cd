"""What the demo makes of Dagster's records, and of runs that an earlier demo left behind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from rich.console import Console

from examples.demo.layout import PROJECT_ROOT
from examples.demo.materialize import TAGS, release_what_was_killed
from examples.demo.report import Report, as_table

POOL = "openmetadata/postgres"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance of its own with the project's settings."""
    (tmp_path / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    with DagsterInstance.from_config(str(tmp_path)) as made:
        made.event_log_storage.set_concurrency_slots(POOL, 1)
        yield made


@dg.job
def nothing() -> None:
    """A job for runs to belong to."""


def started(instance: DagsterInstance, tags: dict[str, str]) -> dg.DagsterRun:
    """A run that has started and holds the pool."""
    run = instance.create_run_for_job(nothing, status=DagsterRunStatus.STARTED, tags=tags)
    instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step")
    return run


def holders(instance: DagsterInstance) -> set[str]:
    """Runs that hold the pool or are next in line for it."""
    pool = instance.event_log_storage.get_concurrency_info(POOL)
    return pool.active_run_ids | pool.assigned_run_ids | pool.pending_run_ids


def status(instance: DagsterInstance, run: dg.DagsterRun) -> DagsterRunStatus:
    """A run's status now."""
    now = instance.get_run_by_id(run.run_id)
    assert now is not None
    return now.status


def test_the_run_of_a_killed_demo_is_canceled_and_gives_its_pool_back(instance: DagsterInstance) -> None:
    run = started(instance, TAGS)
    waiting = started(instance, TAGS)
    assert holders(instance) == {run.run_id, waiting.run_id}
    release_what_was_killed(instance)
    assert holders(instance) == set()
    assert status(instance, run) is status(instance, waiting) is DagsterRunStatus.CANCELED


def test_a_run_that_is_over_gives_its_pool_back(instance: DagsterInstance) -> None:
    run = started(instance, {})
    instance.report_run_failed(run)
    assert holders(instance) == {run.run_id}
    release_what_was_killed(instance)
    assert holders(instance) == set()


def test_a_run_of_somebody_else_that_goes_on_keeps_its_pool(instance: DagsterInstance) -> None:
    run = started(instance, {})
    release_what_was_killed(instance)
    assert holders(instance) == {run.run_id}
    assert status(instance, run) is DagsterRunStatus.STARTED


@pytest.mark.parametrize(
    ("report", "is_good"),
    [
        (Report({"seconds": 1.0}, {"completed": True}), True),
        (Report({"seconds": 1.0}, {"completed": True, "catalog_matches_source": False}), False),
        (Report({"seconds": 1.0}, {}), False),
        (Report({"seconds": 1.0}, {}, wanted=frozenset()), True),
        (Report({}, {"completed": False}), False),
        (Report(), False),
    ],
    ids=["passed", "one check failed", "a check is missing", "has no check", "not materialized", "never ran"],
)
def test_an_asset_is_good_only_when_it_is_materialized_and_every_check_passed(report: Report, is_good: bool) -> None:
    assert report.is_good is is_good


def test_the_table_shows_what_dagster_recorded() -> None:
    figures = {"entities/table": 11.0, "entities/database": 1.0, "lineage/edges": 10.0, "seconds": 8.25}
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(as_table({"openmetadata/postgres/metadata": Report(figures, {"completed": False})}))
    shown = console.export_text()
    for words in ("openmetadata/postgres/metadata", "11 table", "1 database", " 10 ", "8.2", "completed: FAILED"):
        assert words in shown
