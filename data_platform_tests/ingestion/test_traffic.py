"""The account of what a catalog took, kept on the wire of a real HTTP session."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from data_platform.ingestion.traffic import Traffic

Answers = list[tuple[int, Any]]


class Catalog:
    """Answers requests with what a test queued."""

    def __init__(self) -> None:
        self.answers: Answers = []
        catalog = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = catalog.answers.pop(0)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_PATCH = _answer  # noqa: N815 - the names that the base class asks for

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v1"


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    catalog = Catalog()
    thread = threading.Thread(target=catalog.server.serve_forever, daemon=True)
    thread.start()
    yield catalog
    catalog.server.shutdown()
    catalog.server.server_close()
    thread.join()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def session(traffic: Traffic) -> Iterator[requests.Session]:
    with requests.Session() as session:
        traffic.watch(session)
        yield session


TABLES = [
    {"name": "orders", "databaseSchema": "shop.main.sales"},
    {"name": "lines", "databaseSchema": "shop.main.sales"},
]


def test_a_bulk_request_is_booked_row_by_row(session: requests.Session, catalog: Catalog, traffic: Traffic) -> None:
    catalog.answers = [
        (
            200,
            {
                "successRequest": [{"request": "shop.main.sales.orders"}],
                "failedRequest": [{"request": "shop.main.sales.lines", "message": "too long"}],
            },
        )
    ]
    session.put(f"{catalog.url}/tables/bulk", json=TABLES)
    assert traffic.account().written == {"tables": {"shop.main.sales.orders"}}
    assert [(loss.name, loss.kind, loss.error) for loss in traffic.account().losses] == [
        ("shop.main.sales.lines", "tables", "400 too long")
    ]


def test_a_lost_table_with_a_dot_in_its_name_is_named_as_the_catalog_would_name_it(
    session: requests.Session, catalog: Catalog, traffic: Traffic
) -> None:
    catalog.answers = [(500, {"message": "out of order"})]
    session.put(f"{catalog.url}/tables/bulk", json=[{"name": "old.orders", "databaseSchema": 'shop.main."of.sales"'}])
    assert [loss.name for loss in traffic.account().losses] == ['shop.main."of.sales"."old.orders"']


def test_a_bulk_request_that_fails_as_a_whole_loses_every_row(
    session: requests.Session, catalog: Catalog, traffic: Traffic
) -> None:
    catalog.answers = [(500, {"code": 500, "message": "boom"})]
    session.put(f"{catalog.url}/tables/bulk", json=TABLES)
    assert [loss.name for loss in traffic.account().losses] == ["shop.main.sales.orders", "shop.main.sales.lines"]
    assert {(loss.error, loss.transient) for loss in traffic.account().losses} == {("500 boom", False)}


def test_a_retry_that_succeeds_takes_the_loss_back(
    session: requests.Session, catalog: Catalog, traffic: Traffic
) -> None:
    catalog.answers = [(504, {"message": "later"}), (200, {"successRequest": [{"request": "a"}, {"request": "b"}]})]
    session.put(f"{catalog.url}/tables/bulk", json=TABLES)
    assert all(loss.transient for loss in traffic.account().losses)
    session.put(f"{catalog.url}/tables/bulk", json=TABLES)
    assert traffic.account().losses == ()
    assert traffic.requests == 2


def test_a_catalog_that_is_gone_loses_what_is_sent_to_it(traffic: Traffic, session: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError):
        session.put("http://127.0.0.1:1/api/v1/pipelines", json={"name": "daily", "service": "airflow"})
    (loss,) = traffic.account().losses
    assert (loss.name, loss.transient) == ("airflow.daily", True)


def test_lineage_counts_each_edge_once_and_its_columns(
    session: requests.Session, catalog: Catalog, traffic: Traffic
) -> None:
    columns = [{"fromColumns": ["a.x", "a.y"], "toColumn": "b.z"}]
    edge = {"fromEntity": {"id": "1"}, "toEntity": {"id": "2"}, "lineageDetails": {"columnsLineage": columns}}
    catalog.answers = [(200, {})] * 2
    session.put(f"{catalog.url}/lineage", json={"edge": edge})
    session.put(f"{catalog.url}/lineage/table/name/a/table/name/b", json={"columnsLineage": columns})
    assert list(traffic.account().edges.values()) == [2, 2]


def test_profiles_are_counted_by_table_and_column(
    session: requests.Session, catalog: Catalog, traffic: Traffic
) -> None:
    catalog.answers = [(200, {})] * 2
    for _ in range(2):
        session.put(f"{catalog.url}/tables/42/tableProfile", json={"columnProfile": [{}, {}]})
    assert traffic.account().profiles == {"tables/42/tableProfile": 2}


def test_reads_and_the_bookkeeping_of_the_run_lose_nothing(
    session: requests.Session, catalog: Catalog, traffic: Traffic
) -> None:
    catalog.answers = [(404, {"message": "no"}), (500, {"message": "no"})]
    session.get(f"{catalog.url}/tables/name/x")
    session.put(f"{catalog.url}/services/ingestionPipelines/shop.metadata/pipelineStatus", json={})
    assert traffic.account().losses == ()
    assert traffic.requests == 2


def test_the_runs_of_a_pipeline_arrive_in_bulk_and_are_lost_under_its_name(
    session: requests.Session, traffic: Traffic, catalog: Catalog
) -> None:
    catalog.answers += [(200, {"id": "1", "name": "nightly"}), (400, {"message": "Invalid task name load"})]
    for pipeline in ("nightly", "hourly"):
        session.put(f"{catalog.url}/pipelines/dagster.{pipeline}/status/bulk", json=[{"timestamp": 1}])
    assert traffic.account().other_writes == {"pipelines": 1}
    (loss,) = traffic.account().losses
    assert (loss.name, loss.error) == ("pipelines/dagster.hourly/status/bulk", "400 Invalid task name load")


def test_a_patch_of_an_edge_is_an_edge(session: requests.Session, catalog: Catalog, traffic: Traffic) -> None:
    catalog.answers = [(200, {})]
    session.patch(f"{catalog.url}/lineage/table/a/table/b", json=[{"op": "add", "path": "/x", "value": 1}])
    assert list(traffic.account().edges) == [("a", "b")]
    assert traffic.account().losses == ()


@pytest.mark.parametrize(
    "answer", ["a web page", {"status": "failure", "numberOfRowsFailed": 2}, {"successRequest": "what is this"}]
)
def test_an_answer_that_tells_nothing_loses_what_was_sent(
    session: requests.Session, catalog: Catalog, traffic: Traffic, answer: object
) -> None:
    catalog.answers = [(200, answer)]
    session.put(f"{catalog.url}/tables/bulk", json=TABLES)
    assert len(traffic.account().losses) == 2
    assert traffic.account().arrived == 0
