"""The test server's own tools: faults that happen on demand, and the log of requests."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from data_platform.server.testing import running_server


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
