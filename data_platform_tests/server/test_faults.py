"""Faults that happen on demand: in the process, over HTTP, from a file; and the log of requests."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from data_platform.errors import ConfigurationError
from data_platform.server.app import create_app
from data_platform.server.faults import read_faults
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.server.conftest import Api


def test_faults_answer_delay_and_drop_as_often_as_asked(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, httpx.Client(base_url=server.url + "/v1") as client:
        server.faults.add(method="GET", path="/system/version$", status=503, times=2)
        assert [client.get("/system/version").status_code for _ in range(3)] == [503, 503, 200]
        server.faults.add(path="/system", latency=0.2, times=1)
        started = time.perf_counter()
        assert client.get("/system/health").status_code == 200
        assert time.perf_counter() - started >= 0.2
        server.faults.add(path="/system", drop=True)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/system/version")
        server.faults.clear()
        assert client.get("/system/version").status_code == 200
        assert [seen.status for seen in server.requests] == [503, 503, 200, 200, 0, 200]
        assert server.count("GET", "/system/version$") == 5


def test_a_share_is_spread_evenly_and_429_says_when_to_come_back(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, httpx.Client(base_url=server.url + "/v1") as client:
        server.faults.add(path="/version", status=429, share=0.25, retry_after=2)
        replies = [client.get("/system/version") for _ in range(8)]
        assert [reply.status_code for reply in replies] == [200, 200, 200, 429] * 2
        assert replies[3].headers["retry-after"] == "2"
        assert replies[3].json()["code"] == 429


def test_administrators_change_faults_over_http(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, Api(server, "admin") as admin, Api(server, "ingestion-bot") as bot:
        admin.ok("PUT", "/faults", {"faults": [{"method": "get", "path": "/tables", "status": 503, "times": 1}]})
        bot.refused(503, "GET", "/tables")
        assert bot.ok("GET", "/tables")["data"] == []
        (fault,) = admin.ok("GET", "/faults")["faults"]
        assert (fault["hits"], fault["method"]) == (1, "GET")
        admin.ok("POST", "/faults", {"path": ".", "status": 500})
        assert len(admin.ok("DELETE", "/faults")["faults"]) == 0
        assert bot.ok("GET", "/tables")
        bot.refused(403, "GET", "/faults")


@pytest.mark.parametrize(
    "fault",
    [{}, {"path": "(", "status": 500}, {"status": 99}, {"status": 500, "share": 2}, {"nope": 1}, {"method": "X"}, 5],
    ids=str,
)
def test_a_fault_that_is_none_is_400_and_changes_nothing(server: RunningServer, admin: Api, fault: Any) -> None:
    admin.refused(400, "PUT", "/faults", {"faults": [fault]})
    admin.refused(400, "PUT", "/faults", {"faults": 5})
    assert admin.ok("GET", "/faults")["faults"] == []


def test_a_started_server_takes_faults_from_a_file(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults:\n  - {path: /system/version, status: 502, times: 1}\n")
    program = "from data_platform.cli import main; main()"
    arguments = ["server", "start", "--port", "0", "--data", str(tmp_path / "data"), "--faults", str(faults)]
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        address = re.search(r"http://[\d.:]+", process.stderr.readline())
        assert address is not None
        assert [httpx.get(f"{address[0]}/api/v1/system/version").status_code for _ in range(2)] == [502, 200]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_server_without_faults_has_no_such_address(tmp_path: Path) -> None:
    app = create_app(tmp_path)
    paths = {pattern for _, pattern, _ in app.state.application.router.routes}
    app.state.application.store.close()
    assert "/faults" not in paths


def test_faults_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("- {path: '('}")
    with pytest.raises(ConfigurationError, match="no regular expression"):
        read_faults(tmp_path / "faults.yaml")
