"""Faults on purpose: latency, status codes and dropped connections for requests that match a method and a path.

Given by a file when the server starts, changed while it runs at ``/api/v1/faults``, or added in the process by tests. A
server that was not asked for faults has none and no such address.
"""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from data_platform.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROUTE = "/api/v1/faults"
_METHODS = ("*", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


@dataclass
class Fault:
    """What happens to matching requests instead of, or before, the answer.

    Attributes:
        method: of the request, ``*`` for any.
        path: a regular expression that is searched in the path.
        status: answered with this, as JSON.
        latency: seconds before anything else.
        drop: the connection is closed without an answer.
        retry_after: seconds in a ``Retry-After`` header beside the status.
        times: how many matching requests it happens to; None for all.
        share: to which part of the matching requests it happens, spread evenly: 0.25 is every fourth.
        seen: matching requests so far.
        hits: how many of them it happened to.
    """

    method: str = "*"
    path: str = ""
    status: int | None = None
    latency: float = 0.0
    drop: bool = False
    retry_after: float | None = None
    times: int | None = None
    share: float = 1.0
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        self.method = str(self.method).upper()
        try:
            self._pattern = re.compile(self.path)
        except (re.error, TypeError) as error:
            raise ConfigurationError(f"{self.path!r} is no regular expression: {error}", source="faults") from None
        if self.method not in _METHODS:
            raise ConfigurationError(
                f"{self.method} is no method", source="faults", remedy=f"use {', '.join(_METHODS)}"
            )
        for name, lowest, highest in (("status", 100, 599), ("latency", 0, 3600), ("retry_after", 0, 86400)):
            _check_number(name, getattr(self, name), lowest, highest)
        _check_number("share", self.share, 0, 1)
        _check_number("times", self.times, 0, 2**31)
        if not (self.drop or self.status or self.latency):
            raise ConfigurationError("a fault does nothing", source="faults", remedy="give status, latency or drop")

    def happens(self, method: str, path: str) -> bool:
        """Whether this request gets the fault; counts it."""
        if self.method not in ("*", method) or self._pattern.search(path) is None:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.seen += 1
        due = int(self.seen * self.share + 1e-9) > self.hits
        self.hits += due
        return due


def _check_number(name: str, value: Any, lowest: float, highest: float) -> None:
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ConfigurationError(f"{name} must be between {lowest} and {highest}, not {value!r}", source="faults")


@dataclass
class Faults:
    """The faults of one server; the oldest that is due happens."""

    _faults: list[Fault] = field(default_factory=list[Fault])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **given: Any) -> Fault:
        """From now on a fault with these attributes (:class:`Fault`).

        Raises:
            ConfigurationError: an attribute that is none, or that is out of its bounds.
        """
        fault = _fault(given)
        with self._lock:
            self._faults.append(fault)
        return fault

    def replace(self, given: Any) -> None:
        """These faults, as a list of objects, in place of all that there were.

        Raises:
            ConfigurationError: naming what cannot be read; the old ones stay.
        """
        if not isinstance(given, list):
            raise ConfigurationError("faults must be a list", source="faults")
        fresh = [_fault(each) for each in cast("list[Any]", given)]
        with self._lock:
            self._faults[:] = fresh

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that happens to this request."""
        with self._lock:
            return next((fault for fault in self._faults if fault.happens(method, path)), None)

    def listed(self) -> list[dict[str, Any]]:
        """Every fault with its counts."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def _fault(given: Any) -> Fault:
    known = set(Fault.__dataclass_fields__) - {"seen", "hits"}
    if not isinstance(given, dict) or not set(cast("dict[str, Any]", given)) <= known:
        raise ConfigurationError(
            f"{given!r} is no fault", source="faults", remedy=f"its fields are {', '.join(sorted(known))}"
        )
    return Fault(**cast("dict[str, Any]", given))


def read_faults(path: Path) -> Faults:
    """The faults of a YAML file: a list, or an object with the list as ``faults``.

    Raises:
        ConfigurationError: naming what cannot be read.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the faults: {error}", source=str(path)) from None
    faults = Faults()
    faults.replace(cast("dict[str, Any]", content).get("faults") if isinstance(content, dict) else content or [])
    return faults


class Faulty:
    """An ASGI application behind its faults."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("raw_path", scope.get("path", "").encode()).decode("latin-1").split("?")[0]
        if scope["type"] != "http" or path.startswith(ROUTE):
            await self._app(scope, receive, send)
            return
        import anyio

        fault = self._faults.take(scope["method"], path)
        if fault is not None and fault.latency:
            await anyio.sleep(fault.latency)
        if fault is not None and fault.drop:
            _hang_up(receive)
        elif fault is not None and fault.status is not None:
            await _drain(receive)
            await _answer(fault, send)
        else:
            await self._app(scope, receive, send)


async def _answer(fault: Fault, send: Send) -> None:
    import orjson

    body = orjson.dumps({"code": fault.status, "message": "injected fault"})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if fault.retry_after is not None:
        headers.append((b"retry-after", f"{fault.retry_after:g}".encode()))
    start: Message = {"type": "http.response.start", "status": fault.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _hang_up(receive: Receive) -> None:
    # ASGI has no word for closing a connection without an answer; uvicorn's receive belongs to what holds it.
    cycle: Any = getattr(receive, "__self__", None)
    cycle.transport.abort()


async def _drain(receive: Receive) -> None:
    """Read the rest of a request, so that its connection can be used again."""
    while (await receive()).get("more_body"):
        pass
