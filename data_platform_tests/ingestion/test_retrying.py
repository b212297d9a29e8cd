"""What is repeated, how long, and what is not; and a catalog that goes away in the middle of a real run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests

from data_platform.errors import CatalogUnauthorizedError, CatalogUnreachableError
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.line import CatalogGone, Line
from data_platform.ingestion.retrying import repeatable
from data_platform.ingestion.traffic import Traffic
from data_platform.server.testing import RunningServer
from data_platform_tests.fakes import Request, listening
from data_platform_tests.ingestion.catalog_process import catalog_process
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.ingestion.conftest import SpecMaker

Answer = tuple[int, dict[str, str]]
OK: Answer = (200, {})
DROP: Answer = (0, {})


class Catalog:
    """Answers requests with what a test queued; when nothing is left, with success."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[float] = []
        self.url = ""

    def answer(self, _request: Request) -> tuple[int, Any, dict[str, str]]:
        self.asked.append(time.monotonic())
        status, headers = self.answers.pop(0) if self.answers else OK
        if not status:
            raise ConnectionAbortedError
        return status, {"code": status, "message": "as queued", "name": "orders"}, headers


@pytest.fixture
def answering() -> Iterator[Catalog]:
    catalog = Catalog()
    with listening(catalog.answer) as url:
        catalog.url = f"{url}/api"
        yield catalog


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def session(answering: Catalog, traffic: Traffic) -> Iterator[requests.Session]:
    """A session like that of OpenMetadata's client, held for two seconds."""
    with requests.Session() as session:
        Line(answering.url, 2.0, traffic).hold(session)
        yield session


@pytest.mark.parametrize("answers", [[(503, {})] * 2, [(429, {})], [DROP], [(502, {}), DROP, (504, {})], [(500, {})]])
def test_what_may_succeed_later_is_repeated_and_is_no_loss(
    answering: Catalog, traffic: Traffic, session: requests.Session, answers: list[Answer]
) -> None:
    answering.answers = [*answers]
    assert session.put(f"{answering.url}/v1/tables", json={"name": "orders"}).status_code == 200
    assert len(answering.asked) == len(answers) + 1
    assert traffic.account().losses == ()
    assert traffic.account().written == {"tables": frozenset({"orders"})}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 507])
def test_what_cannot_succeed_later_is_not_repeated(answering: Catalog, session: requests.Session, status: int) -> None:
    answering.answers = [(status, {})]
    assert session.put(f"{answering.url}/v1/tables", json={"name": "orders"}).status_code == status
    assert len(answering.asked) == 1


@pytest.mark.fault(
    "the catalog: is asked too often (429)",
    "The request is repeated when `Retry-After` says.",
)
@pytest.mark.parametrize("when", [lambda: "1", lambda: formatdate(time.time() + 2, usegmt=True)], ids=["in", "at"])
def test_the_catalog_says_when_to_come_again(
    answering: Catalog, session: requests.Session, when: Callable[[], str]
) -> None:
    answering.answers = [(429, {"Retry-After": when()})]
    assert session.get(f"{answering.url}/v1/tables").status_code == 200
    first, second = answering.asked
    assert second - first >= 0.9


def test_a_request_that_always_fails_is_sent_three_times(
    answering: Catalog, traffic: Traffic, session: requests.Session
) -> None:
    answering.answers = [(500, {})] * 9
    assert session.put(f"{answering.url}/v1/tables", json={"name": "orders"}).status_code == 500
    assert len(answering.asked) == 3
    (loss,) = traffic.account().losses
    assert loss.name == "orders"


ADD_TAG = [{"op": "add", "path": "/tags/0", "value": {"tagFQN": "PII.None"}}]
SET_TEXT = [{"op": "add", "path": "/description", "value": "Who buys"}]


@pytest.mark.fault(
    "the catalog: breaks a connection, so that nobody knows whether a request was carried out",
    "It is repeated where doing it twice changes nothing; else it is counted as lost.",
)
@pytest.mark.parametrize(
    ("method", "path", "body", "twice"),
    [
        ("PUT", "/api/v1/tables/bulk", [], True),
        ("DELETE", "/api/v1/tables/deleteStale", {}, True),
        ("PUT", "/api/v1/usage/table/1", {}, False),
        ("POST", "/api/v1/usage/table/1", {}, False),
        ("POST", "/api/v1/dataQuality/testCases/testCaseResults/shop.orders.unique", {}, True),
        ("PATCH", "/api/v1/tables/1", SET_TEXT, True),
        ("PATCH", "/api/v1/tables/1", ADD_TAG, False),
    ],
)
def test_what_may_have_been_done_is_repeated_only_where_that_changes_nothing(
    answering: Catalog, session: requests.Session, method: str, path: str, body: Any, twice: bool
) -> None:
    url = answering.url.removesuffix("/api") + path
    assert repeatable(method, url, json.dumps(body)) is twice
    answering.answers = [(503, {}), DROP]
    if twice:
        assert session.request(method, url, json=body).status_code == 200
    else:
        with pytest.raises(requests.exceptions.ConnectionError):
            session.request(method, url, json=body)
    assert len(answering.asked) == 2 + twice


def test_a_catalog_that_stays_away_ends_the_workflow_and_later_requests_do_not_wait(traffic: Traffic) -> None:
    with requests.Session() as session:
        Line("http://127.0.0.1:1/api", 0.5, traffic).hold(session)
        with pytest.raises(CatalogGone, match="still away after 0.5 seconds"):
            session.get("http://127.0.0.1:1/api/v1/tables")
        started = time.monotonic()
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get("http://127.0.0.1:1/api/v1/tables")
        assert time.monotonic() - started < 0.2


def test_our_own_client_repeats_for_as_long_as_it_is_told_to(answering: Catalog) -> None:
    answering.answers = [(503, {}), DROP, (429, {"Retry-After": "0"})]
    with CatalogClient(answering.url, "x", retry_timeout=5) as client:
        assert client.get_by_name("tables", "orders")["name"] == "orders"
    answering.answers = [(503, {}), (401, {})]
    with CatalogClient(answering.url, "x") as client, pytest.raises(CatalogUnreachableError):
        client.get_by_name("tables", "orders")
    with CatalogClient(answering.url, "x", retry_timeout=5) as client, pytest.raises(CatalogUnauthorizedError):
        client.get_by_name("tables", "orders")


def is_running_the_workflow(log: list[str]) -> bool:
    return any("running the metadata workflow" in line for line in log)


@pytest.mark.fault(
    "the catalog: is killed in the middle of a run and comes back within a minute",
    "The run waits for it, and everything arrives.",
)
@pytest.mark.parametrize("away", [2.0])
def test_a_catalog_that_is_killed_and_comes_back_costs_nothing(
    start: Callable[..., Child], make_spec: SpecMaker, secrets: Path, tmp_path: Path, away: float
) -> None:
    with catalog_process(tmp_path / "killed") as catalog:
        (secrets / "token").write_text(catalog.token())
        child = start(make_spec(catalog_url=catalog.url, catalog_retry_timeout=30))
        child.wait_for(is_running_the_workflow)
        catalog.kill()
        time.sleep(away)
        catalog.start()
        ended = child.end()
        assert "trying again for 30 s" in ended.output
        assert ended.verdict["outcome"] == "ok", ended.output
        assert ended.metadata["failed"] == 0
        assert ended.metadata["created"] == 7


@pytest.mark.fault(
    "the catalog: is gone for longer than the minute that a run waits",
    "The run fails with one sentence; the next one repairs what it left out.",
)
def test_a_catalog_that_does_not_come_back_fails_the_run_with_one_sentence_and_the_next_one_repairs(
    start: Callable[..., Child], make_spec: SpecMaker, secrets: Path, tmp_path: Path
) -> None:
    with catalog_process(tmp_path / "killed") as catalog:
        (secrets / "token").write_text(catalog.token())
        child = start(make_spec(catalog_url=catalog.url, catalog_retry_timeout=2))
        child.wait_for(is_running_the_workflow)
        catalog.kill()
        ended = child.end()
        assert ended.verdict["sentence"] == (
            f"{catalog.url}: the catalog stopped answering and was still away after 2 seconds:"
            " check that it is up; the next run repairs."
        )
        assert not ended.verdict["permanent"]
        assert ended.materialized == []
        catalog.start()
        assert start(make_spec(catalog_url=catalog.url)).end().metadata["entities/table"] == 3


@pytest.mark.fault(
    "the catalog: fails 5 % of its calls with 429, 5 % with 500, 5 % with 503, and drops 5 %",
    "They are repeated, and everything arrives.",
)
def test_a_catalog_that_fails_one_call_in_twenty_in_each_of_four_ways_gets_everything(
    run: Callable[..., Ended], make_spec: SpecMaker, catalog: RunningServer
) -> None:
    kinds: list[dict[str, Any]] = [{"status": 503}, {"drop": True}, {"status": 500}, {"status": 429, "retry_after": 0}]
    faults = [catalog.faults.add(share=0.05, **kind) for kind in kinds]
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.metadata["failed"] == 0
    assert all(fault.hits for fault in faults)
