"""The Dagster connector on this code location and another, under ``dagster dev`` with a daemon that runs things."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from data_platform.ingestion.spec import MATCHES
from data_platform_tests.fakes import Answer, Request, listening
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.webserver import LOCATION, ask, launch, materialize, running_dev, wait_for
from data_platform_tests.integration.runs import Runs, Source, assert_stopped, catalog_for_runs
from examples.demo.layout import PROJECT_ROOT

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

OURS = "data_platform"
WORKSPACE = f"""
load_from:
  - python_module:
      {{module_name: data_platform.definitions, location_name: {OURS}, working_directory: {PROJECT_ROOT}}}
  - python_file: {LOCATION}
"""
DEFINED = json.loads((PROJECT_ROOT / "data_platform_tests" / "definitions" / "demo.json").read_text())
SHOP = {
    f"jobs/{LOCATION.name}/nightly",
    f"jobs/{LOCATION.name}/everything",
    "assets/orders",
    "assets/mart/revenue",
    "assets/forecast",
}
_SENSED = 'query { runsOrError(filter: {pipelineName: "nightly"}) { ... on Runs { results { runId } } } }'
_EVENTS = """
query Events($run: ID!) { runOrError(runId: $run) { ... on Run {
  tags { key value } eventConnection { events { __typename } }
} } }
"""


class Deployment(NamedTuple):
    """A Dagster whose daemon was asked for three runs: by a sensor, for a job of ours, and for two assets."""

    address: str
    sensed: str
    ours: str
    assets: str


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("dagster")
    workspace = folder / "workspace.yaml"
    workspace.write_text(WORKSPACE)
    settings = (PROJECT_ROOT / "dagster.yaml").read_text()
    with running_dev(folder / "home", workspace, settings, {"DAGSTER_ENVIRONMENT": "demo"}) as address:
        # A job that has nothing to do where no Trino is connected.
        ours = launch(address, OURS, "query_log")
        assets = materialize(address, ["orders"], ["mart", "revenue"])
        assert wait_for(address, ours) == "SUCCESS"
        yield Deployment(address, sensed(address), ours, assets)


def sensed(address: str) -> str:
    """The run that the sensor asked for, when it is over."""
    deadline = time.monotonic() + 60
    while not (runs := ask(address, _SENSED)["runsOrError"]["results"]):
        assert time.monotonic() < deadline, "the daemon does not ask the sensor"
        time.sleep(0.2)
    (run,) = runs
    assert wait_for(address, run["runId"]) == "SUCCESS"
    return run["runId"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A catalog with some of the tables that assets are."""
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        opened.tables("shop", "shop.sales", "orders", "revenue")
        opened.tables("postgres", "nycflights.analytics", "stg_flights", "daily_delays")
        yield opened


@pytest.fixture(scope="module")
def source(dagster: Deployment) -> Source:
    options = {"lineageInformation": {"dbServiceNames": ["postgres", "shop"]}}
    return Source("dagster", "Dagster", {"host": dagster.address}, options)


@pytest.fixture(scope="module")
def first(runs: Runs, source: Source) -> Ended:
    """The first run."""
    return runs.run(source)


@pytest.fixture(scope="module")
def pipelines(runs: Runs, first: Ended) -> dict[str, Any]:
    """Every pipeline by its name, as OpenMetadata's client reads them."""
    from metadata.generated.schema.entity.data.pipeline import Pipeline

    assert first.verdict["outcome"] == "ok", first.output
    fields = ["tasks", "pipelineStatus"]
    listed = runs.client.list_all_entities(Pipeline, params={"service": "dagster"}, fields=fields)
    return {each.name.root: each for each in listed}


def tasks(pipeline: Any) -> dict[str, set[str]]:
    """A pipeline's tasks, each with those that come after it."""
    return {task.name: set(task.downstreamTasks or ()) for task in pipeline.tasks}


def test_the_daemon_took_every_run_from_its_queue_and_asked_the_sensor(dagster: Deployment) -> None:
    asked = {run: ask(dagster.address, _EVENTS, {"run": run})["runOrError"] for run in dagster[1:]}
    for run in asked.values():
        kinds = [event["__typename"] for event in run["eventConnection"]["events"]]
        assert kinds.index("RunEnqueuedEvent") < kinds.index("RunStartingEvent") < kinds.index("RunStartEvent")
    tags = {tag["key"]: tag["value"] for tag in asked[dagster.sensed]["tags"]}
    assert tags["dagster/sensor_name"] == "till_is_full"


def test_jobs_and_assets_of_both_locations_are_pipelines_with_names_that_people_know(
    first: Ended, pipelines: dict[str, Any]
) -> None:
    jobs = {f"jobs/{OURS}/{job}" for job in DEFINED["jobs"]}
    assets = {f"assets/{key}" for key, asset in DEFINED["assets"].items() if asset["connected"]}
    assert set(pipelines) == jobs | assets | SHOP
    assert first.metadata["entities/pipeline"] == len(pipelines)
    assert first.check_named(MATCHES)["passed"], first.output
    shown = {name: each.displayName for name, each in pipelines.items()}
    assert shown[f"jobs/{OURS}/metadata_ingestion"] == "metadata_ingestion"
    assert shown["assets/openmetadata/postgres/metadata"] == "openmetadata/postgres/metadata"
    assert shown["assets/nycflights/daily_delays"] == "nycflights/daily_delays"


def test_tasks_lead_to_those_that_come_after_them(pipelines: dict[str, Any]) -> None:
    ingestion = tasks(pipelines[f"jobs/{OURS}/metadata_ingestion"])
    assert ingestion["openmetadata__postgres__metadata"] >= {
        "openmetadata__postgres__lineage",
        "openmetadata__postgres__profiling",
        "openmetadata__dagster__metadata",
        "openmetadata__dbt__metadata_and_lineage",
    }
    assert tasks(pipelines[f"jobs/{LOCATION.name}/nightly"]) == {
        "extract": {"clean", "load"},
        "clean": {"load"},
        "load": set(),
    }
    assert tasks(pipelines[f"jobs/{OURS}/query_log"]) == {}


def test_every_run_is_a_status_of_the_pipelines_that_it_ran(dagster: Deployment, pipelines: dict[str, Any]) -> None:
    found = {
        name: (each.pipelineStatus.executionId, each.pipelineStatus.executionStatus.value)
        for name, each in pipelines.items()
        if each.pipelineStatus
    }
    assert found == {
        f"jobs/{LOCATION.name}/nightly": (dagster.sensed, "Successful"),
        f"jobs/{OURS}/query_log": (dagster.ours, "Successful"),
        "assets/orders": (dagster.assets, "Successful"),
        "assets/mart/revenue": (dagster.assets, "Failed"),
    }


@pytest.mark.usefixtures("pipelines")
def test_tables_come_from_tables_where_assets_name_them(runs: Runs, first: Ended) -> None:
    assert runs.upstream("shop.shop.sales.revenue") == {("shop.shop.sales.orders", "dagster.assets/mart/revenue")}
    assert runs.upstream("postgres.nycflights.analytics.daily_delays") == {
        ("postgres.nycflights.analytics.stg_flights", "dagster.assets/nycflights/daily_delays")
    }
    assert first.metadata["lineage/edges"] == 2


def test_a_second_run_changes_nothing(runs: Runs, source: Source, pipelines: dict[str, Any]) -> None:
    again = runs.run(source)
    figures = ("created", "updated", "deleted", "unchanged")
    assert [again.metadata[figure] for figure in figures] == [0, 0, 0, len(pipelines)]


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("http://no.such.host:3000", "does not answer at http://no.such.host:3000"),
        ("http://127.0.0.1:1", "does not answer at http://127.0.0.1:1 (Connection refused)"),
    ],
    ids=["host", "port"],
)
def test_a_wrong_address_is_one_sentence(runs: Runs, host: str, sentence: str) -> None:
    stopped = runs.run(Source("stopped", "Dagster", {"host": host}, {}))
    assert_stopped(stopped, permanent=False, sentence=sentence, secret="no secret")


def test_a_webserver_that_fails_every_request_may_be_tried_again(runs: Runs) -> None:
    with listening(lambda _request: (500, {"message": "out of order"})) as url:
        stopped = runs.run(Source("stopped", "Dagster", {"host": url}, {}))
    assert_stopped(stopped, permanent=False, sentence="does not answer (500", secret="no secret")


@pytest.mark.fault(
    "the source: accepts connections and never answers (Dagster)",
    "The run gives up after the connection's `timeout`, a minute at most, and Dagster tries again.",
)
def test_a_webserver_that_hangs_is_given_up_after_the_time_that_is_configured(runs: Runs) -> None:
    given_up, in_time = threading.Event(), list[bool]()

    def answer(request: Request) -> Answer:
        if request.path == "/graphql":
            in_time.append(given_up.wait(30))
        return 200, {}

    with listening(answer) as url:
        stopped = runs.run(Source("stopped", "Dagster", {"host": url, "timeout": 1}, {}))
        given_up.set()
    assert_stopped(stopped, permanent=False, sentence="does not answer (timed out)", secret="no secret")
    assert set(in_time) == {True}
