"""A server for tests: in a thread, on a free loopback port, with a log of requests and injectable faults."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_platform.errors import ServerError
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
class Fault:
    """What happens to matching requests instead of, or before, the answer."""

    method: str
    path: re.Pattern[str]
    status: int | None
    latency: float
    drop: bool
    times: int | None
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        spent = self.times is not None and self.hits >= self.times
        return not spent and self.method in ("*", method) and self.path.search(path) is not None


@dataclass
class Faults:
    """The faults of one server; the oldest that matches a request happens."""

    _faults: list[Fault] = field(default_factory=list[Fault])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        *,
        method: str = "*",
        path: str = "",
        status: int | None = None,
        latency: float = 0.0,
        drop: bool = False,
        times: int | None = None,
    ) -> Fault:
        """From now on, or ``times`` times, requests of ``method`` whose path matches the expression ``path``
        are answered with ``status`` (as JSON), delayed by ``latency`` seconds, or dropped without an answer."""
        fault = Fault(method.upper(), re.compile(path), status, latency, drop, times)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that happens to this request, counted."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(method, path):
                    fault.hits += 1
                    return fault
        return None


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

    def __init__(self, app: ASGIApp, faults: Faults, requests: list[Seen]) -> None:
        self._app, self._faults, self._requests = app, faults, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        import anyio
        import orjson

        started = time.perf_counter()
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").split("?")[0]
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            fault = self._faults.take(scope["method"], path)
            if fault is not None and fault.latency:
                await anyio.sleep(fault.latency)
            if fault is not None and fault.drop:
                _hang_up(receive)
            elif fault is not None and fault.status is not None:
                await _drain(receive)
                body = orjson.dumps({"code": fault.status, "message": "injected fault"})
                headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
                await noted({"type": "http.response.start", "status": fault.status, "headers": headers})
                await noted({"type": "http.response.body", "body": body})
            else:
                await self._app(scope, receive, noted)
        finally:
            self._requests.append(
                Seen(scope["method"], path, scope["query_string"].decode(), status, time.perf_counter() - started)
            )


def _hang_up(receive: Receive) -> None:
    # ASGI has no word for closing a connection without an answer; uvicorn's receive belongs to what holds it.
    cycle: Any = getattr(receive, "__self__", None)
    cycle.transport.abort()


async def _drain(receive: Receive) -> None:
    """Read the rest of a request, so that its connection can be used again."""
    while (await receive()).get("more_body"):
        pass


@contextmanager
def running_server(data: Path) -> Generator[RunningServer]:
    """A server on the data folder ``data``, ready when the block begins and stopped when it ends."""
    import uvicorn

    from data_platform.server.app import create_app
    from data_platform.server.serve import listening_socket

    app = create_app(data)
    faults, requests = Faults(), list[Seen]()
    observed: Any = _Observed(app, faults, requests)
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
