"""A second demo materializes nothing only while code, sources and catalog are what the first one left."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from examples.demo import standing
from examples.demo.expected import is_as_committed
from examples.demo.layout import PROJECT_ROOT
from examples.demo.postgres import Server
from examples.demo.report import Report

REPORTS = {
    "openmetadata/postgres/metadata": Report({"seconds": 4.0}, {"completed": True}, frozenset({"completed"})),
    "nycflights/airline_names": Report({"seconds": 0.3}, {}, frozenset()),
}


def execute(server: Server, statement: str) -> None:
    with closing(server.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def note(database: Server, tmp_path: Path) -> Path:
    """The note of a good demo."""
    file = tmp_path / "note.json"
    standing.take(standing.code_digest(PROJECT_ROOT), database, REPORTS, file)
    return file


def test_a_good_demo_is_found_again_as_it_was(note: Path, database: Server) -> None:
    found = standing.noted(note)
    assert found
    assert found.reports == REPORTS
    assert found.database == standing.database_digest(database)


def test_without_a_good_demo_nothing_stands(note: Path) -> None:
    standing.remove(note)
    assert standing.noted(note) is None


def test_a_good_demo_of_other_code_does_not_stand_whatever_its_note_held(note: Path) -> None:
    note.write_text('{"code": "other"}')
    assert standing.noted(note) is None


def test_the_note_goes_with_what_dagster_recorded(
    database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    runs = tmp_path / "history"
    runs.mkdir()
    standing.take(standing.code_digest(PROJECT_ROOT), database, REPORTS)
    assert standing.noted()
    shutil.rmtree(runs)
    assert standing.noted() is None
    standing.remove()


@pytest.mark.parametrize(
    ("file", "is_code"),
    [
        ("data_platform/new.py", True),
        ("data_platform/defs/sources/trino/defs.yaml", True),
        ("examples/demo/dbt/models/marts/new.sql", True),
        ("uv.lock", True),
        (".venv-ingestion/lib/python3.11/site-packages/new-1.0.dist-info/METADATA", True),
        ("docs/new.md", False),
        ("data_platform/__pycache__/new.pyc", False),
        ("examples/demo/dbt/target/manifest.json", False),
    ],
)
def test_code_and_packages_are_what_a_demo_is_made_of(file: str, is_code: bool, tmp_path: Path) -> None:
    before = standing.code_digest(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("something new")
    assert (standing.code_digest(tmp_path) != before) is is_code


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("ALTER TABLE aviation.weather RENAME precip TO rain", "ALTER TABLE aviation.weather RENAME rain TO precip"),
        (
            "UPDATE aviation.airports SET tzone = 'Mars/Olympus' WHERE faa = 'LGA'",
            "UPDATE aviation.airports SET tzone = 'America/New_York' WHERE faa = 'LGA'",
        ),
        ("CREATE SCHEMA parking CREATE TABLE spots (spot integer)", "DROP SCHEMA parking CASCADE"),
        ("COMMENT ON INDEX aviation.airlines_pkey IS 'Two letters'", "COMMENT ON INDEX aviation.airlines_pkey IS NULL"),
        ("CREATE FUNCTION aviation.one() RETURNS int RETURN 1", "DROP FUNCTION aviation.one()"),
        (
            "REVOKE SELECT ON aviation.weather FROM catalog_reader",
            "GRANT SELECT ON aviation.weather TO catalog_reader",
        ),
    ],
)
def test_whatever_changes_in_the_database_is_noticed(change: str, back: str, database: Server) -> None:
    before = standing.database_digest(database)
    execute(database, change)
    try:
        assert standing.database_digest(database) != before
    finally:
        execute(database, back)


def test_a_source_that_is_not_what_it_was_is_noticed(database: Server, artifacts: Path) -> None:
    assert is_as_committed(database, artifacts)
    execute(database, "ALTER TABLE aviation.airlines ADD COLUMN founded integer")
    try:
        assert not is_as_committed(database, artifacts)
    finally:
        execute(database, "ALTER TABLE aviation.airlines DROP COLUMN founded")
