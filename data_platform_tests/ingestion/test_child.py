"""The child against a real PostgreSQL and a real embedded catalog: what arrives, and what it claims."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import Inventory, take
from data_platform.ingestion.spec import Workflow
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import PASSWORD, SpecMaker, execute
from examples.demo.postgres import Server

Run = Callable[..., Ended]


def holdings(catalog: RunningServer) -> Inventory:
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        return take(client, "database", "shop")


def test_a_database_arrives_with_its_tables_views_functions_and_comments(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    ended = run(make_spec())

    assert ended.code == 0, ended.output
    assert ended.verdict == {
        "workflow": "metadata",
        "outcome": "ok",
        "sentence": "shop/metadata: everything arrived.",
        "permanent": False,
    }
    assert ended.check["passed"]
    assert ended.materialized == ["openmetadata/shop/metadata"]
    counted = {key: value for key, value in ended.metadata.items() if key.startswith("entities/")}
    assert counted == {
        "entities/database": 1,
        "entities/databaseSchema": 2,
        "entities/storedProcedure": 1,
        "entities/table": 3,
    }
    assert ended.metadata["created"] == 7
    assert ended.metadata["failed"] == 0
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        customers = client.get_by_name("tables", f"shop.{database}.sales.customers")
    assert customers["description"] == "Who buys"
    assert {column["name"]: column.get("description") for column in customers["columns"]} == {
        "id": None,
        "name": "As on the invoice",
    }


def test_the_second_rerun_changes_nothing(run: Run, make_spec: SpecMaker, catalog: RunningServer) -> None:
    run(make_spec())
    run(make_spec())  # the first rerun of a table with foreign keys is not a no-op, see OpenMetadata's topology
    before = holdings(catalog)
    ended = run(make_spec())
    assert holdings(catalog) == before
    assert (ended.metadata["created"], ended.metadata["updated"], ended.metadata["unchanged"]) == (0, 0, 7)


def test_view_lineage_arrives_with_columns(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    run(make_spec())
    ended = run(make_spec(Workflow.LINEAGE, options={"processQueryLineage": False}))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.metadata["lineage/edges"] == 2
    assert ended.metadata["lineage/column_edges"] == 2


def test_profiles_arrive_for_every_table(run: Run, make_spec: SpecMaker, catalog: RunningServer, database: str) -> None:
    run(make_spec())
    ended = run(make_spec(Workflow.PROFILING))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.metadata["profiles/tables"] == 2
    assert ended.metadata["profiles/columns"] == 5


def test_progress_is_said_from_the_first_second_to_the_last(run: Run, make_spec: SpecMaker) -> None:
    ended = run(make_spec())
    assert any("loading OpenMetadata's client" in line for line in ended.log)
    assert any("running the metadata workflow" in line for line in ended.log)
    assert len(ended.log) > ended.metadata["seconds"] / 4


def test_nothing_that_leaves_the_child_shows_a_secret(run: Run, make_spec: SpecMaker, catalog: RunningServer) -> None:
    token = catalog.token("ingestion-bot")
    for connection in ({}, {"hostPort": "127.0.0.1:1"}, {"database": PASSWORD}):
        ended = run(make_spec(connection=connection), fresh=True)
        assert ended.messages
        assert PASSWORD not in ended.everything
        assert "Pa55-of-the%2Freader" not in ended.everything
        assert token not in ended.everything
    # The last one's driver quotes the name of the unknown database, which is the password.
    assert 'database "*****" does not exist' in ended.verdict["sentence"]


@pytest.mark.bad_input("wrong port", "Postgres")
@pytest.mark.bad_input("wrong credentials", "Postgres")
@pytest.mark.fault(
    "the source: refuses the user, or what the connection names",
    "The run fails in one sentence and changes nothing.",
)
@pytest.mark.parametrize(
    ("connection", "sentence", "permanent"),
    [
        ({"hostPort": "127.0.0.1:1"}, "shop: the source does not answer at 127.0.0.1:1", False),
        ({"authType": {"password": "env:WRONG"}}, "shop: the source refuses the credentials", True),
        ({"database": "nowhere"}, "shop: the source does not know what the connection names", True),
    ],
    ids=["unreachable", "wrong password", "unknown database"],
)
def test_a_source_that_cannot_be_read_fails_in_one_sentence_and_changes_nothing(
    run: Run,
    make_spec: SpecMaker,
    catalog: RunningServer,
    connection: dict[str, object],
    sentence: str,
    permanent: bool,
) -> None:
    run(make_spec())
    before = holdings(catalog)
    ended = run(make_spec(connection=connection), {"WRONG": "not the password"})
    assert ended.code == 0
    assert ended.verdict["outcome"] == "failed"
    assert ended.verdict["sentence"].startswith(sentence)
    assert ended.verdict["permanent"] is permanent
    assert ended.materialized == []
    assert not ended.check["passed"]
    assert holdings(catalog) == before


@pytest.mark.fault(
    "the source: has no schema of a name that a filter includes",
    "The run fails and names it; nothing is retried.",
)
def test_an_unknown_schema_is_named(run: Run, make_spec: SpecMaker, catalog: RunningServer) -> None:
    run(make_spec())
    before = holdings(catalog)
    ended = run(make_spec(options={"schemaFilterPattern": {"includes": ["^warehouse$"]}}))
    assert ended.verdict["outcome"] == "failed"
    assert ended.verdict["sentence"].startswith("shop: the source has no schema 'warehouse'")
    assert ended.verdict["permanent"]
    assert holdings(catalog) == before


@pytest.mark.fault(
    "the source: is empty all of a sudden",
    "The run fails and deletes nothing.",
)
def test_a_source_that_had_tables_and_lists_none_fails_and_deletes_nothing(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, postgres: Server, database: str
) -> None:
    run(make_spec())
    before = holdings(catalog)
    execute(postgres, database, "DROP SCHEMA sales CASCADE")
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "failed"
    assert ended.verdict["sentence"].startswith("shop: the source lists no tables any more, the catalog has 3")
    assert holdings(catalog) == before


@pytest.mark.fault(
    "the catalog: is down before a run",
    "The run fails within seconds, and Dagster tries again by itself.",
)
def test_a_catalog_that_does_not_answer_fails_before_the_heavy_import(run: Run, make_spec: SpecMaker) -> None:
    ended = run(make_spec(catalog_url="http://127.0.0.1:1/api"))
    assert ended.verdict["outcome"] == "failed"
    assert ended.verdict["sentence"].startswith("http://127.0.0.1:1/api: the catalog does not answer")
    assert not ended.verdict["permanent"]
    assert not any("loading" in line for line in ended.log)


@pytest.mark.fault(
    "the token: is refused",
    "The run fails before anything is loaded; nothing is retried.",
)
def test_a_refused_token_is_a_permanent_failure(run: Run, make_spec: SpecMaker, catalog: RunningServer) -> None:
    ended = run(make_spec(catalog_token="env:TOKEN"), {"TOKEN": "eyJhbGciOiJub25lIn0.e30.x"})
    assert ended.verdict["outcome"] == "failed"
    assert "the catalog refuses the token" in ended.verdict["sentence"]
    assert ended.verdict["permanent"]


def test_a_secret_that_cannot_be_resolved_is_named(run: Run, make_spec: SpecMaker) -> None:
    ended = run(make_spec(connection={"authType": {"password": "env:NOT_THERE"}}))
    assert ended.verdict["sentence"].startswith(
        "connection.authType.password = env:NOT_THERE: the environment variable NOT_THERE is not set"
    )
    assert ended.verdict["permanent"]


@pytest.mark.fault(
    "this machine: has another version of the package in one of its environments",
    "The run fails with what to do; nothing is retried.",
)
def test_a_launcher_of_another_version_is_refused(run: Run, make_spec: SpecMaker) -> None:
    sent = make_spec().model_dump(mode="json") | {"version": "0.0.1", "a field of the future": 1}
    ended = run(sent)
    assert ended.code == 0
    assert "the launcher is version 0.0.1" in ended.verdict["sentence"]
    assert ended.verdict["permanent"]


@pytest.mark.fault(
    "the catalog: is of another version than the client",
    "The run fails before anything is loaded or written; nothing is retried.",
)
def test_a_catalog_of_another_version_is_refused_before_anything_is_written(run: Run, make_spec: SpecMaker) -> None:
    class Future(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"version": "3.1.0", "data": [], "paging": {"total": 0}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Future) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ended = run(make_spec(catalog_url=f"http://127.0.0.1:{server.server_port}/api"))
        server.shutdown()
    assert "the catalog is version 3.1.0, openmetadata-ingestion is 2.0.6" in ended.verdict["sentence"]
    assert ended.verdict["permanent"]
    assert not any("loading" in line for line in ended.log)


def test_a_run_links_to_the_services_page_in_the_catalog(run: Run, make_spec: SpecMaker) -> None:
    ended = run(make_spec(catalog_token="env:NOT_THERE", catalog_url="https://catalog.example/api"))
    assert ended.metadata["catalog"] == "https://catalog.example/service/databaseServices/shop"
