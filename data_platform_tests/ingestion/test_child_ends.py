"""How a child ends when it is told to, when its step is gone, and when the catalog fails it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.ingestion.conftest import SpecMaker

Run = Callable[..., Ended]
Start = Callable[..., Child]


def is_running_the_workflow(log: list[str]) -> bool:
    return any("running the metadata workflow" in line for line in log)


def is_loading(log: list[str]) -> bool:
    return any("loading" in line for line in log)


@pytest.mark.fault(
    "the run: is told to stop by SIGINT or SIGTERM",
    "It ends within seconds; Dagster and the catalog show it as failed.",
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_a_running_workflow_at_once_and_the_catalog_learns_that_it_failed(
    run: Run, start: Start, make_spec: SpecMaker, catalog: RunningServer, number: signal.Signals
) -> None:
    run(make_spec())  # the catalog keeps statuses of a pipeline whose service it knows
    catalog.faults.add(method="PUT", path="/bulk", latency=1.0)
    spec = make_spec()
    child = start(spec, fresh=True)
    child.wait_for(is_running_the_workflow)
    time.sleep(0.5)
    told = time.monotonic()
    child.process.send_signal(number)
    ended = child.end(timeout=8)
    assert ended.code == 0, ended.output
    assert time.monotonic() - told < 6
    assert ended.verdict["outcome"] == "failed"
    assert "told to stop" in ended.verdict["sentence"]
    assert not ended.verdict["permanent"]
    assert ended.materialized == []
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        pipeline = client.get_by_name("services/ingestionPipelines", "shop.metadata", fields=["pipelineStatuses"])
    assert pipeline["pipelineStatuses"]["runId"] == spec.run_id
    assert pipeline["pipelineStatuses"]["pipelineState"] == "failed"


def test_a_signal_while_the_client_is_loaded_ends_the_child(start: Start, make_spec: SpecMaker) -> None:
    child = start(make_spec(), fresh=True)
    child.wait_for(is_loading)
    child.process.send_signal(signal.SIGTERM)
    ended = child.end(timeout=8)
    assert ended.code == 0
    assert "told to stop" in ended.verdict["sentence"]


@pytest.mark.parametrize("stage", [is_loading, is_running_the_workflow], ids=["loading", "running"])
def test_a_child_whose_step_is_gone_is_gone_within_a_second(
    start: Start, make_spec: SpecMaker, catalog: RunningServer, stage: Callable[[list[str]], bool]
) -> None:
    catalog.faults.add(method="PUT", path="/bulk", latency=2.0)
    child = start(make_spec(), fresh=True)
    child.wait_for(stage)
    child.drop_lifeline()
    ended = child.end(timeout=1)
    assert ended.code == -signal.SIGKILL
    assert not Path(f"/proc/{child.process.pid}").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(child.process.pid, 0)


@pytest.mark.fault(
    "the catalog: refuses a whole bulk request",
    "Every row of it counts as lost, and the run fails with the list.",
)
def test_a_bulk_request_that_the_catalog_refuses_loses_all_of_its_rows_and_fails_the_run(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    catalog.faults.add(method="PUT", path="/tables/bulk", status=500)
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "failed"
    assert not ended.check["passed"]
    assert ended.check["severity"] == "ERROR"
    assert ended.materialized == []
    lost = {row["name"].rpartition(".")[2] for row in ended.metadata["failures"]["records"]}
    assert {"customers", "orders", "revenue"} <= lost
    assert ended.metadata["failed"] >= 3


@pytest.mark.fault(
    "the catalog: refuses part of what is sent",
    "What arrived is materialized; the check `completed` warns with the list of what did not.",
)
def test_what_partly_arrives_is_materialized_and_the_check_warns_with_the_list(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    catalog.faults.add(method="PUT", path="/storedProcedures/bulk", status=500)
    ended = run(make_spec(min_success_percent=50))
    assert ended.verdict["outcome"] == "partial"
    assert ended.materialized == ["openmetadata/shop/metadata"]
    assert (ended.check["passed"], ended.check["severity"]) == (False, "WARN")
    (row,) = ended.metadata["failures"]["records"]
    assert row["name"].endswith("sales.tax")
    assert row["kind"] == "storedProcedures"


def test_a_catalog_that_goes_away_in_the_middle_is_blamed_and_may_be_tried_again(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    catalog.faults.add(method="PUT", path="/(tables|storedProcedures)/bulk", drop=True)
    ended = run(make_spec(catalog_retry_timeout=1))
    assert ended.verdict["outcome"] == "failed"
    assert not ended.verdict["permanent"]
    assert "the catalog stopped answering" in ended.verdict["sentence"]
    catalog.faults.clear()
    assert run(make_spec()).verdict["outcome"] == "ok"
