"""A catalog that loses one table in silence: a proxy that takes it out of bulk requests and answers that it came.

What is told by a table's id is its data model: it is not written, and the table as it is comes back.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_HOP = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


@contextmanager
def losing(url: str, table: str) -> Generator[str]:
    """Address of a proxy of the catalog at ``url`` that never lets ``table`` through."""
    with (
        httpx.Client(timeout=30) as client,
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(url, table, client)) as proxy,
    ):
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}/api"
        finally:
            proxy.shutdown()
            thread.join()


def _handler(url: str, table: str, client: httpx.Client) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            rows: list[dict[str, Any]] = json.loads(body) if "/tables/bulk" in self.path else []
            kept = [row for row in rows if row["name"] != table]
            headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP}
            is_lost = self.path.endswith(f"/tables/{table}/dataModel")
            path = self.path.removesuffix("/dataModel") if is_lost else self.path
            answer = client.request(
                "GET" if is_lost else self.command,
                f"{url.removesuffix('/api')}{path}",
                content=json.dumps(kept) if rows else body,
                headers=headers,
            )
            content = answer.content
            if len(kept) < len(rows):
                result = answer.json()
                result["successRequest"] = [*(result.get("successRequest") or []), {"request": table, "status": 200}]
                content = json.dumps(result).encode()
            self.send_response(answer.status_code)
            for key, value in answer.headers.items():
                if key.lower() not in _HOP and key.lower() != "content-encoding":
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.forward)
    return Handler
