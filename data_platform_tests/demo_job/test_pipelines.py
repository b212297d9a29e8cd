"""What the demo expects the catalog to show of Dagster."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from examples.demo.layout import PROJECT_ROOT
from examples.demo.materialize import TAGS
from examples.demo.pipelines import expected


@dg.job
def nothing() -> None:
    """A job for a run to belong to."""


def test_every_job_and_asset_of_the_demo_is_expected_with_its_tasks_and_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "demo")
    with dg.DagsterInstance.get() as instance:
        instance.create_run_for_job(nothing, tags=TAGS)
        last = instance.create_run_for_job(nothing, tags=TAGS)
        instance.create_run_for_job(nothing)
    found = expected()
    assert found["run"] == {"pipeline": "jobs/data_platform/metadata_ingestion", "id": last.run_id}
    tasks = found["pipelines"]["jobs/data_platform/metadata_ingestion"]
    assert "openmetadata__dagster__metadata" in tasks["openmetadata__postgres__metadata"]
    assert found["pipelines"]["assets/openmetadata/s3/metadata"] == {"openmetadata__s3__metadata": []}
    # A source that is not connected here is nothing that Dagster could run.
    assert "assets/openmetadata/trino/metadata" not in found["pipelines"]
    assert found["lineage"]["assets/nycflights/daily_delays"] == {
        "from": ["postgres.nycflights.analytics.stg_flights"],
        "to": "postgres.nycflights.analytics.daily_delays",
    }
