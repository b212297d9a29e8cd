"""One server for the whole suite, and a database service of its own for every test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from data_platform.server.testing import RunningServer, running_server

_numbers = itertools.count(1)

Json = dict[str, Any]


class Api(httpx.Client):
    """HTTP on the API as one subject; replies are JSON, and an unexpected status fails the test with it."""

    def __init__(self, server: RunningServer, subject: str) -> None:
        headers = {"Authorization": f"Bearer {server.token(subject)}"}
        super().__init__(base_url=server.url + "/v1", headers=headers, timeout=30)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        reply = self.request(method, path, json=body, **more)
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json()

    def refused(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> str:
        """The message of a request that must be refused with ``status``, as JSON."""
        reply = self.request(method, path, json=body, **more)
        assert reply.status_code == status, f"{method} {path}: {reply.status_code} {reply.text}"
        problem = reply.json()
        assert problem["code"] == status
        return problem["message"]

    def patch_with(self, path: str, *operations: tuple[Any, ...], **headers: str) -> Any:
        body = [
            {"op": each[0], "path": each[1], **({"value": each[2]} if len(each) > 2 else {})} for each in operations
        ]
        return self.ok("PATCH", path, body, headers={"Content-Type": "application/json-patch+json", **headers})


class Place:
    """A service, database and schema of one test."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.service = f"svc{next(_numbers)}"
        self.database = f"{self.service}.db"
        self.schema = f"{self.service}.db.sch"
        api.ok("POST", "/services/databaseServices", {"name": self.service, "serviceType": "Postgres"})
        api.ok("POST", "/databases", {"name": "db", "service": self.service})
        api.ok("POST", "/databaseSchemas", {"name": "sch", "database": self.database})

    def request(self, name: str = "t", **more: Any) -> Json:
        columns = [{"name": "id", "dataType": "INT"}, {"name": "label", "dataType": "VARCHAR", "dataLength": 20}]
        return {"name": name, "databaseSchema": self.schema, "columns": columns, **more}

    def table(self, name: str = "t", **more: Any) -> Json:
        return self.api.ok("POST", "/tables", self.request(name, **more))

    def fqn(self, name: str = "t") -> str:
        return f"{self.schema}.{name}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("catalog")) as running:
        yield running


@pytest.fixture(scope="session")
def admin(server: RunningServer) -> Iterator[Api]:
    with Api(server, "admin") as api:
        yield api


@pytest.fixture(scope="session")
def bot(server: RunningServer) -> Iterator[Api]:
    with Api(server, "ingestion-bot") as api:
        yield api


@pytest.fixture
def place(admin: Api) -> Place:
    return Place(admin)


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return f"n{next(_numbers)}"
