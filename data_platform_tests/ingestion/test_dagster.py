"""The Dagster connector in a real child against a real webserver and a real embedded catalog."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from data_platform.errors import SourceError, SourceRefusedError, SourceUnreachableError
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.sources.dagster_api import RUNS_PER_REQUEST, Webserver
from data_platform.ingestion.spec import MATCHES, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.webserver import LOCATION, materialize, run_both_jobs, running_webserver

Run = Callable[..., Ended]
Make = Callable[..., WorkflowSpec]


class Dagster(NamedTuple):
    """A webserver with a run of each job, and one of the asset ``orders`` alone that came after them."""

    address: str
    last_run: str


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    home = tmp_path_factory.mktemp("dagster")
    with running_webserver(home, LOCATION) as address:
        run_both_jobs(home)
        yield Dagster(address, materialize(address, ["orders"]))


@pytest.fixture
def make(catalog: RunningServer, secrets: Path) -> Make:
    """Makes specs that read a webserver and look for tables in the service ``shop``."""

    def spec(host: str, **options: Any) -> WorkflowSpec:
        return WorkflowSpec(
            environment="demo",
            service="orchestrator",
            connector="Dagster",
            workflows=("metadata",),
            connection={"host": host},
            options={"lineageInformation": {"dbServiceNames": ["nowhere", "shop"]}, **options},
            min_success_percent=50,
            catalog_url=catalog.url,
            catalog_token=f"file:{secrets}/token",
            vault_address="http://127.0.0.1:1",
            run_id=str(uuid.uuid4()),
        )

    return spec


@pytest.fixture
def tables(catalog: RunningServer) -> None:
    """Two of the three tables that the location's assets are."""
    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    columns = [{"name": "id", "dataType": "INT"}]
    with httpx.Client(base_url=f"{catalog.url}/v1/", headers=headers) as client:
        for collection, body in (
            ("services/databaseServices", {"name": "shop", "serviceType": "Postgres"}),
            ("databases", {"name": "shop", "service": "shop"}),
            ("databaseSchemas", {"name": "sales", "database": "shop.shop"}),
            ("tables", {"name": "orders", "databaseSchema": "shop.shop.sales", "columns": columns}),
            ("tables", {"name": "revenue", "databaseSchema": "shop.shop.sales", "columns": columns}),
        ):
            client.put(collection, json=body).raise_for_status()


def pipelines(catalog: RunningServer) -> dict[str, Any]:
    """Every pipeline of the service by its name."""
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        found = client.list("pipelines", fields=["tasks", "pipelineStatus"], service="orchestrator")
        return {each["name"]: each for each in found}


def statuses(catalog: RunningServer, name: str) -> list[tuple[str, str]]:
    """Id and state of every run of a pipeline, the newest first."""
    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    path = f"{catalog.url}/v1/pipelines/{name.replace('/', '%2F')}/status"
    listed = httpx.get(path, headers=headers).raise_for_status().json()["data"]
    return [(each["executionId"], each["executionStatus"]) for each in listed]


def upstream(catalog: RunningServer, table: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    graph = httpx.get(f"{catalog.url}/v1/lineage/table/name/{table}", headers=headers).raise_for_status().json()
    return graph["upstreamEdges"]


def test_jobs_and_assets_arrive_as_pipelines_with_tasks_runs_and_lineage_between_their_tables(
    run: Run, make: Make, dagster: Dagster, catalog: RunningServer, tables: None
) -> None:
    ended = run(make(dagster.address))

    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.metadata["entities/pipeline"] == 5
    assert ended.check_named(MATCHES)["passed"], ended.output
    assert ended.metadata_of(ended.check_named(MATCHES))["compared"] == 5
    found = pipelines(catalog)
    assert {name: each["displayName"] for name, each in found.items()} == {
        "jobs/shop_location.py/nightly": "nightly",
        "jobs/shop_location.py/everything": "everything",
        "assets/orders": "orders",
        "assets/mart/revenue": "mart/revenue",
        "assets/forecast": "forecast",
    }

    nightly = found["jobs/shop_location.py/nightly"]
    assert (nightly["description"], nightly["scheduleInterval"]) == ("What the shop sold, every night", "0 3 * * *")
    assert nightly["sourceUrl"] == f"{dagster.address}/locations/shop_location.py/jobs/nightly"
    assert {task["name"]: set(task["downstreamTasks"]) for task in nightly["tasks"]} == {
        "extract": {"clean", "load"},
        "clean": {"load"},
        "load": set(),
    }
    status = nightly["pipelineStatus"]
    assert status["executionStatus"] == "Successful"
    times = {task["name"]: (task["startTime"], task["endTime"]) for task in status["taskStatus"]}
    assert times["extract"] < times["clean"] < times["load"] <= (status["endTime"], status["endTime"])
    # The graph took as long as its two ops together.
    assert times["extract"][1] <= times["clean"][0] < times["clean"][1] <= times["load"][0]

    everything = found["jobs/shop_location.py/everything"]
    assert {task["name"]: set(task["downstreamTasks"]) for task in everything["tasks"]} == {
        "orders": {"mart__revenue", "forecast"},
        "mart__revenue": set(),
        "forecast": set(),
    }
    assert everything["pipelineStatus"]["executionStatus"] == "Failed"

    assert found["assets/orders"]["description"] == "Orders as they come"
    assert found["assets/mart/revenue"]["sourceUrl"] == f"{dagster.address}/assets/mart/revenue"
    (whole,) = statuses(catalog, "orchestrator.assets/mart/revenue")
    assert whole[1] == "Failed"
    # The asset that was materialized alone has that run and the job's, in which it did not fail.
    assert statuses(catalog, "orchestrator.assets/orders") == [
        (dagster.last_run, "Successful"),
        (whole[0], "Successful"),
    ]

    assert ended.metadata["lineage/edges"] == 1
    (edge,) = upstream(catalog, "shop.shop.sales.revenue")
    assert edge["lineageDetails"]["pipeline"]["fullyQualifiedName"] == "orchestrator.assets/mart/revenue"
    assert edge["lineageDetails"]["source"] == "PipelineLineage"
    # shop.sales.forecast is a table that the catalog does not have.
    assert ended.metadata["warnings"] == 1

    again = run(make(dagster.address))
    assert (again.metadata["created"], again.metadata["updated"], again.metadata["unchanged"]) == (0, 0, 5)
    assert len(statuses(catalog, "orchestrator.assets/orders")) == 2
    assert len(upstream(catalog, "shop.shop.sales.revenue")) == 1


def test_a_filter_leaves_out_jobs_and_assets_by_the_name_that_people_see(
    run: Run, make: Make, dagster: Dagster, catalog: RunningServer
) -> None:
    excluded = ["^nightly$", "^mart/"]
    ended = run(make(dagster.address, pipelineFilterPattern={"excludes": excluded}, includeLineage=False))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert set(pipelines(catalog)) == {"jobs/shop_location.py/everything", "assets/orders", "assets/forecast"}
    assert ended.metadata["filtered"] == 2


@pytest.mark.bad_input("half-broken object", "Dagster")
@pytest.mark.bad_input("hard names", "Dagster")
@pytest.mark.bad_input("empty scope", "Dagster")
def test_a_code_location_that_does_not_load_is_named_and_the_others_arrive_also_one_with_hard_names_and_an_empty_one(
    run: Run, make: Make, catalog: RunningServer, tmp_path: Path
) -> None:
    keys = (["flour.v2", "Größe"], ["it's", 'the "best"'], ["UPPER"])
    locations = {
        "broken.py": "raise RuntimeError('somebody forgot a comma')\n",
        "good.py": "import dagster as dg\n\n"
        f"outs = {{f'out_{{number}}': dg.AssetOut(key=key) for number, key in enumerate({keys!r})}}\n\n"
        "@dg.multi_asset(outs=outs)\ndef bakery(): ...\n",
        "empty.py": "import dagster as dg\n\ndefs = dg.Definitions()\n",
    }
    for name, text in locations.items():
        (tmp_path / name).write_text(text)
    with running_webserver(tmp_path / "home", *(tmp_path / name for name in locations)) as address:
        ended = run(make(address))
    assert ended.verdict["outcome"] == "partial", ended.verdict
    (row,) = ended.metadata["failures"]["records"]
    assert row["name"] == "broken.py"
    assert row["error"].startswith("the code location broken.py does not load, so its jobs and assets are missing: ")
    assert "somebody forgot a comma" in row["error"]
    assert {each["displayName"] for each in pipelines(catalog).values()} == {"/".join(key) for key in keys}


@pytest.mark.bad_input("wrong port", "Dagster")
def test_a_webserver_that_is_down_fails_in_one_sentence_and_may_be_tried_again(
    run: Run, make: Make, catalog: RunningServer
) -> None:
    ended = run(make("http://127.0.0.1:1"))
    assert ended.verdict["outcome"] == "failed"
    assert not ended.verdict["permanent"]
    assert ended.verdict["sentence"] == (
        "orchestrator: the source does not answer at http://127.0.0.1:1 (Connection refused):"
        " check that it is up and that the address in its defs.yaml is right."
    )
    assert pipelines(catalog) == {}


def asked(answer: Callable[[httpx.Request], httpx.Response]) -> Webserver:
    return Webserver("http://dagster", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("response", "error", "sentence"),
    [
        (httpx.Response(401), SourceRefusedError, "refuses the token (401)"),
        (httpx.Response(502), SourceUnreachableError, "does not answer (502 Bad Gateway)"),
        (httpx.Response(200, text="<html>"), SourceRefusedError, "what answers at http://dagster is no Dagster"),
        (httpx.Response(200, json={}), SourceRefusedError, "what answers at http://dagster is no Dagster"),
        (
            httpx.Response(400, json={"errors": [{"message": "Cannot query field 'jobs'"}]}),
            SourceRefusedError,
            "refuses the question: Cannot query field 'jobs'",
        ),
        (
            httpx.Response(200, json={"data": {"workspaceOrError": {"__typename": "PythonError", "message": "boom"}}}),
            SourceRefusedError,
            "answers PythonError: boom",
        ),
    ],
    ids=["token", "proxy", "another server", "another API", "another version", "an error of its own"],
)
def test_what_is_no_answer_is_told_in_one_sentence(
    response: httpx.Response, error: type[SourceError], sentence: str
) -> None:
    with pytest.raises(error) as raised:
        list(asked(lambda _: response).definitions())
    assert sentence in raised.value.sentence


def test_runs_are_asked_for_page_by_page_from_the_newest_on() -> None:
    total = 2 * RUNS_PER_REQUEST + 1
    ids = [f"run {number}" for number in range(total)]
    cursors: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        import json

        cursor = json.loads(request.content)["variables"]["cursor"]
        cursors.append(cursor)
        start = ids.index(cursor) + 1 if cursor else 0
        page = [
            {
                "runId": each,
                "jobName": "nightly",
                "status": "SUCCESS",
                "creationTime": 1.5,
                "endTime": None,
                "repositoryOrigin": None,
                "assetSelection": None,
                "stepStats": [],
            }
            for each in ids[start : start + RUNS_PER_REQUEST]
        ]
        return httpx.Response(200, json={"data": {"runsOrError": {"__typename": "Runs", "results": page}}})

    runs = list(asked(answer).runs(datetime(2026, 1, 1, tzinfo=UTC)))
    assert [run.id for run in runs] == ids
    assert cursors == [None, ids[RUNS_PER_REQUEST - 1], ids[2 * RUNS_PER_REQUEST - 1]]
    assert runs[0].created == 1500
