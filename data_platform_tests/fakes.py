"""Servers of the tests' own that speak the protocols of real ones, on a loopback port."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Any] | tuple[int, Any, Mapping[str, str]]
"""A status, a document and headers; bytes are sent as they are, and with a status of 3xx it is an address."""


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

    @property
    def json(self) -> Any:
        """The document that was sent; empty when none was."""
        return json.loads(self.body or b"{}")


@contextmanager
def listening(answer: Callable[[Request], Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A JSON server at the address that is yielded; where ``answer`` raises, it hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), self.headers, body)
            status, document, *headers = answer(request)
            text = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if 300 <= status < 400:
                self.send_header("Location", document)
            for name, value in headers[0].items() if headers else ():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_DELETE = do_GET = do_HEAD = do_LIST = do_PATCH = do_POST = do_PUT = respond  # noqa: N815 - http.server looks for these names

        def log_message(self, format: str, *args: Any) -> None:
            """Tests note the requests instead."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not believe the certificate hangs up; its own error is what a test looks at."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
