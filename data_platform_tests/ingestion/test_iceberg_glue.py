"""The Iceberg connector on AWS Glue, which moto's server answers for, with the tables' files in its S3."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from data_platform.ingestion.spec import MATCHES, Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.lakehouse import EVENTS, ORDERS, append, iceberg_spec
from examples.demo.storage import REGION, Storage, running_storage

Run = Callable[..., Ended]
Make = Callable[..., WorkflowSpec]

BUCKET = "lake"
KEY = "anybody"
ROWS = [{"id": number, "customer": "Ada", "day": date(2026, 1, number)} for number in range(1, 6)]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """A Glue with two databases, one of them empty: two Iceberg tables, and a table that is none."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running_storage(tmp_path_factory.mktemp("aws"), port) as (storage, program):
        program.wait_until(storage.answers)
        fill(storage)
        yield storage


def fill(aws: Storage) -> None:
    from pyiceberg.catalog import load_catalog

    with aws.client() as s3:
        s3.create_bucket(Bucket=BUCKET)
    keys = {"client.region": REGION, "client.access-key-id": KEY, "client.secret-access-key": KEY}
    endpoints = {"glue.endpoint": aws.url, "s3.endpoint": aws.url}
    with closing(load_catalog("lake", type="glue", warehouse=f"s3://{BUCKET}", **keys, **endpoints)) as catalog:
        catalog.create_namespace("sales", {"comment": "What was sold"})
        catalog.create_namespace("empty")
        append(catalog.create_table("sales.orders", ORDERS), ROWS)
        catalog.create_table("sales.events", EVENTS)
    with aws.client("glue") as glue:
        glue.create_table(DatabaseName="sales", TableInput={"Name": "plain", "TableType": "EXTERNAL_TABLE"})


@pytest.fixture
def make(aws: Storage, catalog: RunningServer, tmp_path: Path) -> Make:
    """Makes specs; ``properties`` are pyiceberg's."""
    (tmp_path / "key").write_text(KEY)

    def spec(workflow: Workflow = Workflow.METADATA, **properties: Any) -> WorkflowSpec:
        secret = f"file:{tmp_path}/key"
        keys = {"awsRegion": REGION, "awsAccessKeyId": secret, "awsSecretAccessKey": secret, "endPointURL": aws.url}
        connection = {
            "name": "lake",
            "type": "glue",
            "warehouse": f"s3://{BUCKET}",
            "awsConfig": keys,
            "properties": {"glue.endpoint": aws.url, "glue.max-retries": 1, **properties},
        }
        return iceberg_spec(catalog, tmp_path, workflow, connection, min_success_percent=50)

    return spec


def test_tables_of_glue_arrive_and_are_profiled_and_what_is_no_iceberg_is_left_out(
    run: Run, make: Make, api: httpx.Client
) -> None:
    ended = run(make())
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"]
    counts = {name: value for name, value in ended.metadata.items() if name.startswith("entities/")}
    assert counts == {"entities/database": 1, "entities/databaseSchema": 2, "entities/table": 2}
    assert api.get("/databaseSchemas/name/iceberg.lake.sales").json()["description"] == "What was sold"
    events = api.get("/tables/name/iceberg.lake.sales.events", params={"fields": "columns"}).json()
    assert [child["name"] for child in events["columns"][1]["children"]] == ["name", "tags"]

    ended = run(make(Workflow.PROFILING))
    assert (ended.verdict["outcome"], ended.metadata["profiles/tables"]) == ("ok", 2), ended.output
    found = api.get("/tables/iceberg.lake.sales.orders/tableProfile/latest").json()
    columns = {column["name"]: column["profile"] for column in found["columns"]}
    assert found["profile"]["rowCount"] == len(ROWS)
    assert (columns["id"]["min"], columns["id"]["max"], columns["total"]["nullCount"]) == (1, 5, 5)


@pytest.mark.fault(
    "the source: an Iceberg catalog in Glue that does not answer",
    "The run fails and says so, and Dagster tries again by itself.",
)
def test_a_glue_that_is_gone_fails_the_run_and_takes_nothing_away(run: Run, make: Make, api: httpx.Client) -> None:
    assert run(make()).verdict["outcome"] == "ok"
    ended = run(make(**{"glue.endpoint": "http://127.0.0.1:1"}))
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", False), ended.verdict
    assert ended.verdict["sentence"].startswith("iceberg: the source does not answer")
    assert len(api.get("/tables", params={"service": "iceberg"}).json()["data"]) == 2
