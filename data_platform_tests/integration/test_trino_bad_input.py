"""What a run says, in one sentence, of a real Trino that it cannot read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.ingestion.spec import Workflow
from data_platform_tests.fakes import listening
from data_platform_tests.integration.real_trino import RealTrino
from data_platform_tests.integration.trino_runs import NO_SYSTEM, TrinoRuns, trino_runs

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def runs(trino: RealTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoRuns]:
    """An empty catalog."""
    with trino_runs(trino, tmp_path_factory.mktemp("bad")) as runs:
        yield runs


def refusal(runs: TrinoRuns, connection: dict[str, Any]) -> tuple[str, bool]:
    """What a run on a connection says, and whether it says that another try is pointless."""
    ended = runs.run(Workflow.METADATA, NO_SYSTEM, connection, timeout=60)
    assert ended.verdict["outcome"] == "failed", ended.output
    sentence = ended.verdict["sentence"]
    assert "\n" not in sentence
    assert sentence.startswith("trino: ")
    return sentence, ended.verdict["permanent"]


@pytest.mark.bad_input("wrong port", "Trino")
def test_a_wrong_port(runs: TrinoRuns) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sentence, permanent = refusal(runs, {**runs.plain, "hostPort": f"127.0.0.1:{port}"})
    assert sentence.startswith(f"trino: the source does not answer at 127.0.0.1:{port} (Connection refused): check")
    assert not permanent


@pytest.mark.bad_input("wrong host", "Trino")
def test_a_wrong_host(runs: TrinoRuns) -> None:
    sentence, permanent = refusal(runs, {**runs.plain, "hostPort": "trino.invalid:8080"})
    assert sentence.startswith("trino: the source does not answer at trino.invalid:8080")
    assert not permanent


@pytest.mark.bad_input("wrong credentials", "Trino")
def test_a_wrong_password(runs: TrinoRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "letmein")
    connection = {**runs.by_password, "username": "somebody"}
    sentence, permanent = refusal(runs, connection)
    assert sentence.startswith("trino: the source refuses the credentials")
    assert permanent


@pytest.mark.bad_input("TLS refused", "Trino")
def test_a_certificate_that_nobody_vouches_for(runs: TrinoRuns) -> None:
    connection = {name: value for name, value in runs.by_password.items() if name != "verify"}
    sentence, permanent = refusal(runs, connection)
    assert sentence.startswith("trino: the source's certificate is not trusted")
    assert "verify" in sentence
    assert permanent


def test_a_password_for_a_port_without_tls(runs: TrinoRuns) -> None:
    sentence, permanent = refusal(runs, {**runs.by_password, "hostPort": runs.plain["hostPort"]})
    assert sentence.startswith("trino: the source does not speak TLS")
    assert permanent


def test_a_trino_catalog_that_is_not_there(runs: TrinoRuns) -> None:
    sentence, permanent = refusal(runs, {**runs.plain, "catalog": "lakehuose"})
    assert sentence.startswith("trino: the source does not know what the connection names")
    assert "lakehuose" in sentence
    assert permanent


@pytest.mark.bad_input("hangs", "Trino")
@pytest.mark.fault(
    "the source: accepts connections and never answers (Trino)",
    "The run gives up after `connectionArguments: {request_timeout: …}`, and Dagster tries again.",
)
def test_a_server_that_hangs_is_given_up_after_the_time_that_is_configured(runs: TrinoRuns) -> None:
    started = time.monotonic()
    with listening(lambda _request: time.sleep(30) or (200, {})) as url:
        connection = {
            **runs.plain,
            "hostPort": url.removeprefix("http://"),
            "connectionArguments": {"request_timeout": 1, "max_attempts": 1},
        }
        sentence, permanent = refusal(runs, connection)
        took = time.monotonic() - started
    assert sentence.startswith("trino: the source does not answer")
    assert not permanent
    assert took < 25


@pytest.mark.bad_input("500s", "Trino")
def test_a_server_that_fails_every_request(runs: TrinoRuns) -> None:
    with listening(lambda _request: (500, {"message": "out of order"})) as url:
        sentence, _ = refusal(runs, {**runs.plain, "hostPort": url.removeprefix("http://")})
    assert "500" in sentence
