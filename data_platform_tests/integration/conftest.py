"""Debian's PostgreSQL 15, whose ``pg_stat_statements`` remembers what was asked of it, and Trino."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_platform_tests.ingestion.conftest import execute
from data_platform_tests.integration.cache import obtained
from data_platform_tests.integration.real_trino import RealTrino, running_trino
from data_platform_tests.integration.trino_program import java, trino_home
from examples.demo.postgres import READER, Server, running_postgres

PROGRAMS = Path("/usr/lib/postgresql/15/bin")

SCHEMA = f"""
    CREATE EXTENSION pg_stat_statements;
    CREATE SCHEMA sales;
    CREATE TABLE sales.customers (id integer PRIMARY KEY, name text NOT NULL, country text);
    CREATE TABLE sales.orders (id integer PRIMARY KEY, customer_id integer NOT NULL, day date, total numeric(10, 2));
    CREATE TABLE sales.revenue (country text, day date, revenue numeric(12, 2));
    CREATE TABLE sales.unread (id integer);
    INSERT INTO sales.customers VALUES (1, 'Ada', 'GB'), (2, 'Emmy', 'DE');
    INSERT INTO sales.orders VALUES (1, 1, '2024-01-01', 10), (2, 2, '2024-01-01', 20), (3, 2, '2024-01-02', 5);
    -- What the documentation asks for: to see the statements of others, and to read.
    CREATE ROLE {READER} LOGIN PASSWORD '%s' IN ROLE pg_read_all_stats, pg_read_all_data;
    SELECT pg_stat_statements_reset();
"""

# What people and jobs asked: one statement that moves data, and two that only read it.
WORKLOAD = (
    "INSERT INTO sales.revenue (country, day, revenue) SELECT c.country, o.day, sum(o.total) FROM sales.orders o "
    "JOIN sales.customers c ON c.id = o.customer_id GROUP BY c.country, o.day",
    "SELECT country, revenue FROM sales.revenue WHERE day = '2024-01-01'",
    "SELECT name FROM sales.customers WHERE country = 'DE'",
)


@pytest.fixture(scope="session")
def debian_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a database ``shop`` in which the workload has run."""
    assert PROGRAMS.is_dir(), "postgresql-15 is not installed: 'make test-integration' installs it"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    state = tmp_path_factory.mktemp("debian")
    with running_postgres(state, port, programs=PROGRAMS, settings=settings) as server:
        password = server.reader_password.read_text().strip()
        execute(server, "postgres", "CREATE DATABASE shop")
        execute(server, "shop", SCHEMA % password)
        execute(server, "shop", *WORKLOAD)
        yield server


@pytest.fixture(scope="session")
def trino(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTrino]:
    """A Trino that was fetched on this machine, by an earlier run or now."""
    home, program = obtained(request, lambda: (trino_home(), java()))
    with running_trino(home, program, tmp_path_factory.mktemp("trino")) as server:
        yield server
