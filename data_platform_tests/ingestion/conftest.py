"""A real PostgreSQL and a real embedded catalog for every test that runs a child."""

from __future__ import annotations

import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child, Ended
from examples.demo.postgres import Server, running_postgres

PASSWORD = "Pa55-of-the/reader"

SHOP = """
    CREATE SCHEMA sales;
    COMMENT ON SCHEMA sales IS 'What was sold';
    CREATE TABLE sales.customers (id integer PRIMARY KEY, name text NOT NULL);
    COMMENT ON TABLE sales.customers IS 'Who buys';
    COMMENT ON COLUMN sales.customers.name IS 'As on the invoice';
    CREATE TABLE sales.orders (
        id integer PRIMARY KEY,
        customer_id integer NOT NULL REFERENCES sales.customers,
        total numeric(10, 2)
    );
    CREATE VIEW sales.revenue AS
        SELECT c.name AS customer, sum(o.total) AS revenue
        FROM sales.orders o JOIN sales.customers c ON c.id = o.customer_id GROUP BY c.name;
    CREATE FUNCTION sales.tax(amount numeric) RETURNS numeric LANGUAGE sql AS 'SELECT amount * 0.19';
    INSERT INTO sales.customers SELECT n, 'customer ' || n FROM generate_series(1, 50) n;
    INSERT INTO sales.orders SELECT n, 1 + n % 50, CASE WHEN n % 10 > 0 THEN n END FROM generate_series(1, 400) n;
    ANALYZE;
"""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a role ``reader`` that may read everything."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_postgres(tmp_path_factory.mktemp("postgres"), port) as server:
        execute(server, "postgres", f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data")
        yield server


@pytest.fixture
def database(postgres: Server) -> str:
    """A new database with a small shop in it."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    execute(postgres, "postgres", f"CREATE DATABASE {name}")
    execute(postgres, name, SHOP)
    return name


def execute(server: Server, database: str, *statements: str) -> None:
    """Run SQL as the superuser, each of the statements for itself."""
    with closing(server.connect(database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for each in statements:
                cursor.execute(each)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[RunningServer]:
    """An empty embedded catalog."""
    with running_server(tmp_path / "catalog") as server:
        yield server


@pytest.fixture
def api(catalog: RunningServer) -> Iterator[httpx.Client]:
    """A person who looks into the catalog."""
    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    with httpx.Client(base_url=f"{catalog.url}/v1", headers=headers) as client:
        yield client


@pytest.fixture
def secrets(tmp_path: Path, catalog: RunningServer) -> Path:
    """A folder with the secrets that specs refer to."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "password").write_text(f"{PASSWORD}\n")
    (folder / "token").write_text(catalog.token("ingestion-bot"))
    return folder


SpecMaker = Callable[..., WorkflowSpec]


@pytest.fixture
def make_spec(postgres: Server, database: str, catalog: RunningServer, secrets: Path) -> SpecMaker:
    """Makes specs for the shop; keywords replace fields, those in ``connection`` single ones of it."""

    def make(workflow: Workflow = Workflow.METADATA, connection: dict[str, Any] | None = None, **fields: Any):
        defaults: dict[str, Any] = {
            "environment": "demo",
            "service": "shop",
            "connector": "Postgres",
            "workflows": [workflow],
            "connection": {
                "hostPort": f"127.0.0.1:{postgres.port}",
                "username": "reader",
                "authType": {"password": f"file:{secrets}/password"},
                "database": database,
                **(connection or {}),
            },
            "options": {"schemaFilterPattern": {"excludes": ["^information_schema$"]}}
            if workflow is Workflow.METADATA
            else {},
            "catalog_url": catalog.url,
            "catalog_token": f"file:{secrets}/token",
            "vault_address": "http://127.0.0.1:1",
            "run_id": str(uuid.uuid4()),
        }
        return WorkflowSpec.model_validate({**defaults, **fields})

    return make


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Child]:
    """Starts a child."""

    def begin(
        spec: WorkflowSpec | dict[str, Any], variables: dict[str, str] | None = None, *, fresh: bool = False
    ) -> Child:
        return Child(spec, tmp_path / "children", variables, python=Path(sys.executable) if fresh else None)

    return begin


@pytest.fixture
def run(start: Callable[..., Child]) -> Callable[..., Ended]:
    """Runs a child to its end."""
    return lambda spec, variables=None, *, fresh=False: start(spec, variables, fresh=fresh).end()
