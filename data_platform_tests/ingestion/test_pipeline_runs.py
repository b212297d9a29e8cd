"""What the catalog shows of runs: a pipeline for each asset, and every run with our verdict."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.spec import Workflow
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.ingestion.conftest import SpecMaker

Run = Callable[..., Ended]
COLLECTION = "services/ingestionPipelines"


@pytest.fixture
def client(catalog: RunningServer) -> Iterator[CatalogClient]:
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        yield client


@pytest.fixture
def known(client: CatalogClient) -> None:
    """The source's service is in the catalog, as after a first run."""
    client.put("services/databaseServices", {"name": "shop", "serviceType": "Postgres"})


def runs(client: CatalogClient, pipeline: str) -> dict[str, dict[str, Any]]:
    return {run["runId"]: run for run in client.list(f"{COLLECTION}/{pipeline}/pipelineStatus")}


def is_running_the_workflow(log: list[str]) -> bool:
    return any("running the metadata workflow" in line for line in log)


def test_an_asset_is_a_pipeline_with_its_schedule_and_links_to_dagster(
    run: Run, make_spec: SpecMaker, client: CatalogClient
) -> None:
    first = str(uuid.uuid4())
    spec = make_spec(
        run_id=first, run_url=f"https://dagster.example/runs/{first}", schedules={Workflow.METADATA: "0 */4 * * *"}
    )
    assert run(spec).verdict["outcome"] == "ok"
    pipeline = client.get_by_name(COLLECTION, "shop.metadata")
    assert pipeline["pipelineType"] == "metadata"
    assert pipeline["airflowConfig"]["scheduleInterval"] == "0 */4 * * *"
    assert "https://dagster.example/assets/openmetadata/shop/metadata" in pipeline["description"]
    (status,) = runs(client, "shop.metadata").values()
    assert status["pipelineState"] == "success"
    assert status["metadata"]["dagsterRun"] == f"https://dagster.example/runs/{first}"
    assert status["startDate"] <= status["endDate"]
    (counts,) = status["status"]
    assert (counts["records"], counts["errors"], counts["filtered"]) == (8, 0, 1)


@pytest.mark.usefixtures("known")
def test_a_run_is_running_while_it_runs_and_our_verdict_stands_at_its_end(
    run: Run, start: Callable[..., Child], make_spec: SpecMaker, catalog: RunningServer, client: CatalogClient
) -> None:
    catalog.faults.add(method="PUT", path="/storedProcedures/bulk", status=400)
    spec = make_spec(min_success_percent=50)
    child = start(spec)
    child.wait_for(is_running_the_workflow)
    during = runs(client, "shop.metadata")[spec.run_id]
    assert during["pipelineState"] == "running"
    assert "endDate" not in during
    assert child.end().verdict["outcome"] == "partial"
    after = runs(client, "shop.metadata")[spec.run_id]
    assert after["pipelineState"] == "partialSuccess"
    (counts,) = after["status"]
    assert counts["errors"] == 1
    assert counts["failures"][0]["name"].endswith("sales.tax")


@pytest.mark.usefixtures("known")
def test_what_openmetadata_would_call_a_success_is_a_failure_there_too(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, client: CatalogClient
) -> None:
    catalog.faults.add(method="PUT", path="/tables/bulk", status=400)
    spec = make_spec()
    assert run(spec).verdict["outcome"] == "failed"
    status = runs(client, "shop.metadata")[spec.run_id]
    assert status["pipelineState"] == "failed"
    assert "were lost" in status["status"][0]["failures"][0]["error"]


@pytest.mark.usefixtures("known")
def test_a_source_that_is_down_is_a_failed_run(run: Run, make_spec: SpecMaker, client: CatalogClient) -> None:
    spec = make_spec(connection={"hostPort": "127.0.0.1:1"})
    run(spec)
    assert runs(client, "shop.metadata")[spec.run_id]["pipelineState"] == "failed"


@pytest.mark.usefixtures("known")
@pytest.mark.fault(
    "the run: was killed and is shown as running in the catalog",
    "The next run of the asset ends it there as failed.",
)
def test_a_run_that_was_killed_is_ended_by_the_next_one(
    run: Run, start: Callable[..., Child], make_spec: SpecMaker, client: CatalogClient
) -> None:
    killed, next_one = make_spec(), make_spec()
    child = start(killed)
    child.wait_for(is_running_the_workflow)
    child.process.send_signal(signal.SIGKILL)
    child.end()
    assert runs(client, "shop.metadata")[killed.run_id]["pipelineState"] == "running"
    run(next_one)
    found = runs(client, "shop.metadata")
    assert found[killed.run_id]["pipelineState"] == "failed"
    assert found[killed.run_id]["endDate"] >= found[killed.run_id]["startDate"]
    assert found[next_one.run_id]["pipelineState"] == "success"


@pytest.mark.usefixtures("known")
@pytest.mark.fault(
    "the catalog: does not answer any more when the metadata is written and the run's end is filed",
    "The run keeps its verdict; a notice says that the catalog does not show it.",
)
def test_a_catalog_that_does_not_take_the_status_fails_no_run(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    catalog.faults.add(method="PUT", path="/pipelineStatus", drop=True)
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "ok"
    assert "the catalog does not show shop.metadata as running" in ended.metadata["notices"]
    assert any("the catalog does not show how shop.metadata ended" in line for line in ended.log)
