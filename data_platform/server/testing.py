"""A server for tests: in a thread, on a free loopback port, with a log of requests and injectable faults."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_platform.errors import ServerError
from data_platform.server.faults import Faults, Faulty
from data_platform.server.tokens import issue_token

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Seen:
    """One request that arrived: when, what, and what was answered (0: the connection was dropped)."""

    method: str
    path: str
    query: str
    status: int
    seconds: float


@dataclass
class RunningServer:
    """A server that answers."""

    data: Path
    port: int
    faults: Faults
    requests: list[Seen]
    app: Starlette

    @property
    def url(self) -> str:
        """The address that clients are given; it ends in ``/api``."""
        return f"http://127.0.0.1:{self.port}/api"

    def token(self, subject: str = "ingestion-bot", *, lifetime: timedelta = timedelta(hours=1)) -> str:
        return issue_token(self.data, subject, lifetime=lifetime)

    def count(self, method: str, path: str) -> int:
        """How many requests of ``method`` matched the expression ``path`` so far."""
        return sum(1 for seen in self.requests if seen.method == method and re.search(path, seen.path))


class _Observed:
    """The application behind its faults, with every request noted."""

    def __init__(self, app: ASGIApp, requests: list[Seen]) -> None:
        self._app, self._requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").split("?")[0]
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._requests.append(
                Seen(scope["method"], path, scope["query_string"].decode(), status, time.perf_counter() - started)
            )


@contextmanager
def running_server(data: Path) -> Generator[RunningServer]:
    """A server on the data folder ``data``, ready when the block begins and stopped when it ends."""
    import uvicorn

    from data_platform.server.app import create_app
    from data_platform.server.serve import listening_socket

    faults, requests = Faults(), list[Seen]()
    app = create_app(data, faults)
    observed: Any = _Observed(Faulty(app, faults), requests)
    config = uvicorn.Config(observed, log_level="critical", access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="catalog", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise ServerError("the test server did not start", source=str(data))
            time.sleep(0.005)
        yield RunningServer(data, port, faults, requests, app)
    finally:
        server.should_exit = True
        thread.join(15)
        listening.close()
