"""Servers of the tests' own that speak the protocols of real ones, on a loopback port."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Secret = Mapping[str, Any]
DELETED: Secret = {}


@dataclass
class FakeVault:
    """Vault's KV engine, versions 1 and 2, by token, as its HTTP API documents it.

    Attributes:
        address: where it listens.
        token: the token it accepts.
        versions: the version of each mount's engine.
        secrets: the fields of each secret by ``<mount>/<path>``; :data:`DELETED` is one that was deleted.
        forbidden: secrets that the token's policy leaves out.
        sealed: whether it is sealed.
        requests: the paths that were asked for.
        namespaces: the namespaces that were asked for.
    """

    address: str = ""
    token: str = "s.token"
    versions: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    sealed: bool = False
    requests: list[str] = field(default_factory=list)
    namespaces: list[str | None] = field(default_factory=list)

    def answer(self, path: str, token: str | None) -> tuple[int, Any]:
        """Status and body of a GET."""
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        if path.startswith("/v1/sys/internal/ui/mounts/"):
            return self._mount(path.removeprefix("/v1/sys/internal/ui/mounts/"))
        mount, _, rest = path.removeprefix("/v1/").partition("/")
        return self._versioned(mount, rest) if self.versions.get(mount) == 2 else self._plain(mount, rest)

    def _mount(self, mount: str) -> tuple[int, Any]:
        if mount not in self.versions:
            return 403, {
                "errors": [f"preflight capability check returned 403, please ensure client's policies {mount}"]
            }
        # Mounts from before there were versions have no options at all.
        options = {"version": "2"} if self.versions[mount] == 2 else None
        return 200, {"data": {"type": "kv", "path": f"{mount}/", "options": options}}

    def _plain(self, mount: str, path: str) -> tuple[int, Any]:
        name = f"{mount}/{path}"
        if name in self.forbidden:
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        return (200, {"data": self.secrets[name]}) if name in self.secrets else (404, {"errors": []})

    def _versioned(self, mount: str, path: str) -> tuple[int, Any]:
        status, body = self._plain(mount, path.removeprefix("data/"))
        if status != 200:
            return status, body
        deleted = body["data"] is DELETED
        metadata = {"version": 1, "destroyed": False, "deletion_time": "2026-01-01T00:00:00Z" if deleted else ""}
        return (404 if deleted else 200), {"data": {"data": None if deleted else body["data"], "metadata": metadata}}


@contextmanager
def running_vault(**state: Any) -> Iterator[FakeVault]:
    """A fake Vault that listens until the block is left."""
    vault = FakeVault(**state)

    def answer(request: Request) -> tuple[int, Any]:
        vault.requests.append(request.path)
        vault.namespaces.append(request.headers.get("X-Vault-Namespace"))
        return vault.answer(request.path, request.headers.get("X-Vault-Token"))

    with listening(answer) as vault.address:
        yield vault


@dataclass(frozen=True)
class Request:
    """What a client asked for.

    Attributes:
        method: for example ``GET``.
        path: without the query.
        query: the query's parameters, the last of each name.
        headers: case-insensitive.
        body: as it came.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes


@contextmanager
def listening(answer: Callable[[Request], tuple[int, Any]]) -> Iterator[str]:
    """A JSON server at the address that is yielded; ``answer`` returns the status and the body."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), self.headers, body)
            status, document = answer(request)
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PATCH = do_PUT = respond  # noqa: N815 - http.server looks for these names

        def log_message(self, format: str, *args: Any) -> None:
            """Tests note the requests instead."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
