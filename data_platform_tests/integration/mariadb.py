"""Debian's MariaDB as tests use it: a server of their own on 127.0.0.1, not the system's service."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from examples.demo.processes import answers, running

PROGRAM = Path("/usr/sbin/mariadbd")
_SYSTEM = Path("/usr/share/mysql")
_SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
_ADMIN = "admin"


@dataclass(frozen=True)
class MariaDb:
    """A running server; ``password`` is its administrator's."""

    port: int
    password: str

    def execute(self, *statements: str) -> tuple[tuple[Any, ...], ...]:
        """Run SQL as the administrator; returns the rows of the last statement."""
        connection = pymysql.connect(
            host="127.0.0.1", port=self.port, user=_ADMIN, password=self.password, charset="utf8mb4", autocommit=True
        )
        with closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()


@contextmanager
def running_mariadb(folder: Path) -> Iterator[MariaDb]:
    """A server that runs until the block is left.

    Args:
        folder: an empty folder for its data and its log.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        server = MariaDb(probe.getsockname()[1], secrets.token_urlsafe())
    data = folder / "data"
    data.mkdir()
    # Whoever runs the tests; MariaDB refuses to run as root unless it is told to.
    base = [PROGRAM, "--no-defaults", f"--datadir={data}", "--user=root", f"--tmpdir={folder}", "--skip-log-bin"]
    _make_system_tables(base)
    first = folder / "first.sql"
    first.write_text(
        f"CREATE USER {_ADMIN} IDENTIFIED BY '{server.password}';\nGRANT ALL ON *.* TO {_ADMIN} WITH GRANT OPTION;\n"
    )
    command = [
        *base,
        "--bind-address=127.0.0.1",
        f"--port={server.port}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--init-file={first}",
        "--skip-name-resolve",
        "--character-set-server=utf8mb4",
    ]
    with running("mariadb", command, logs=folder / "logs") as program:
        program.wait_until(lambda: answers(server.port))
        yield server


def _make_system_tables(base: list[Path | str]) -> None:
    """What ``mariadb-install-db`` does; it needs programs of other packages for it."""
    statements = "create database mysql;\nuse mysql;\n"
    statements += "".join((_SYSTEM / name).read_text() for name in _SYSTEM_TABLES)
    made = subprocess.run([*base, "--bootstrap"], input=statements, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
