"""The comparison of containers with S3 and of pipelines with Dagster: what is not true is named."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import httpx
import pytest

from data_platform.server.testing import RunningServer
from examples.demo.compare import Catalog
from examples.demo.compare_services import container_differences, lineage_differences, pipeline_differences

JOB = "jobs/data_platform/nightly"
NOW = 1_790_000_000_000


@pytest.fixture
def api(server: RunningServer) -> Any:
    """A person who works in the catalog."""
    headers = {"Authorization": f"Bearer {server.token('admin')}"}
    with closing(httpx.Client(base_url=f"{server.url}/v1", headers=headers)) as client:
        yield client


@pytest.fixture
def dagster(api: httpx.Client) -> dict[str, Any]:
    """What Dagster has, as the catalog shows it: a job with two tasks and one run, and an asset."""
    pipelines = {JOB: {"extract": ["load"], "load": []}, "assets/orders": {"orders": []}}
    service = {"name": "dagster", "serviceType": "Dagster"}
    api.put("/services/pipelineServices", json=service).raise_for_status()
    for name, downstream in pipelines.items():
        tasks = [{"name": task, "downstreamTasks": after} for task, after in downstream.items()]
        body = {"name": name, "service": "dagster", "tasks": tasks}
        api.put("/pipelines", json=body).raise_for_status()
    status = {"timestamp": NOW, "executionStatus": "Successful", "executionId": "the run"}
    api.put(f"/pipelines/dagster.{JOB.replace('/', '%2F')}/status", json=status).raise_for_status()
    return {"service": "dagster", "pipelines": pipelines, "run": {"pipeline": JOB, "id": "the run"}}


def container(api: httpx.Client, name: str) -> dict[str, Any]:
    return api.get(f"/containers/name/s3.{name}", params={"fields": "dataModel"}).raise_for_status().json()


def test_a_container_deleted_from_the_catalog_is_named(
    api: httpx.Client, catalog: Catalog, expected: dict[str, Any]
) -> None:
    assert list(container_differences(catalog.client, expected["storage"])) == []
    gone = container(api, "nyc-flights-raw.airports")
    api.delete(f"/containers/{gone['id']}").raise_for_status()
    assert list(container_differences(catalog.client, expected["storage"])) == [
        "The container nyc-flights-raw.airports is missing in the catalog."
    ]


def test_what_a_container_says_of_its_files_is_compared(catalog: Catalog, expected: dict[str, Any]) -> None:
    flights = expected["storage"]["containers"]["nyc-flights-raw.flights"]
    flights["objects"], flights["partitioned"] = 11, False
    flights["columns"]["arr_delay"] = "FLOAT"
    del flights["columns"]["month"]
    del expected["storage"]["containers"]["nyc-flights-raw.airlines"]
    name = "nyc-flights-raw.flights"
    assert list(container_differences(catalog.client, expected["storage"])) == [
        "The container nyc-flights-raw.airlines is in the catalog but not in S3.",
        f"{name}.arr_delay is INT in the catalog, FLOAT in the file.",
        f"{name}.month is INT in the catalog, nothing in the file.",
        f"{name} has partitioned True in the catalog, False in S3.",
        f"{name} has number of objects 12.0 in the catalog, 11 in S3.",
    ]


def test_pipelines_tasks_and_runs_are_compared(api: httpx.Client, catalog: Catalog, dagster: dict[str, Any]) -> None:
    assert list(pipeline_differences(catalog.client, dagster)) == []
    dagster["pipelines"][JOB] = {"extract": [], "publish": []}
    dagster["pipelines"]["assets/revenue"] = dagster["pipelines"].pop("assets/orders")
    dagster["run"]["id"] = "another run"
    assert list(pipeline_differences(catalog.client, dagster)) == [
        "The pipeline assets/revenue is missing in the catalog.",
        "The pipeline assets/orders is in the catalog but not in Dagster.",
        f"The task extract of {JOB} comes before ['load'] in the catalog, before [] in Dagster.",
        f"The task load of {JOB} is in the catalog but not in Dagster.",
        f"The task publish of {JOB} is missing in the catalog.",
        f"The run another run of {JOB} is missing in the catalog.",
    ]


def test_lineage_is_compared_with_the_asset_that_made_it(
    api: httpx.Client, catalog: Catalog, dagster: dict[str, Any]
) -> None:
    names = [f"postgres.nycflights.aviation.{name}" for name in ("planes", "weather")]
    dagster["lineage"] = {"assets/orders": {"from": names[:1], "to": names[1]}}
    missing = [f"The lineage from {names[0]} to {names[1]} by assets/orders is missing in the catalog."]
    assert list(lineage_differences(catalog.client, dagster)) == missing
    ends = [api.get(f"/tables/name/{name}").raise_for_status().json()["id"] for name in names]
    edge = {
        "fromEntity": {"id": ends[0], "type": "table"},
        "toEntity": {"id": ends[1], "type": "table"},
        "lineageDetails": {"source": "PipelineLineage"},
    }
    api.put("/lineage", json={"edge": edge}).raise_for_status()
    assert list(lineage_differences(catalog.client, dagster)) == missing
    asset = api.get("/pipelines/name/dagster.assets%2Forders").raise_for_status().json()["id"]
    edge["lineageDetails"]["pipeline"] = {"id": asset, "type": "pipeline"}
    api.put("/lineage", json={"edge": edge}).raise_for_status()
    assert list(lineage_differences(catalog.client, dagster)) == []
