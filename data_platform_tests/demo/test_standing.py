"""A second demo materializes nothing only while code, sources and catalog are what the first one left."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from examples.demo import standing
from examples.demo.expected import is_as_committed
from examples.demo.postgres import Server
from examples.demo.report import Report

REPORTS = {
    "openmetadata/postgres/metadata": Report({"seconds": 4.0}, {"completed": True}, frozenset({"completed"})),
    "nycflights/airline_names": Report({"seconds": 0.3}, {}, frozenset()),
}


def execute(server: Server, statement: str) -> None:
    with closing(server.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_good_demo_is_found_again_as_it_was(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    standing.take(REPORTS, note)
    found = standing.noted(note)
    assert found
    assert found.reports == REPORTS


def test_without_a_good_demo_nothing_stands(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    assert standing.noted(note) is None
    standing.take(REPORTS, note)
    standing.remove(note)
    assert standing.noted(note) is None


def test_a_good_demo_of_other_code_does_not_stand(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    standing.take(REPORTS, note)
    found = standing.noted(note)
    assert found
    note.write_text(note.read_text().replace(found.code, "0" * 64))
    assert standing.noted(note) is None


@pytest.mark.parametrize(
    ("file", "is_code"),
    [
        ("data_platform/new.py", True),
        ("data_platform/defs/sources/trino/defs.yaml", True),
        ("examples/demo/dbt/models/marts/new.sql", True),
        ("uv.lock", True),
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


def test_a_source_that_is_not_what_it_was_is_noticed(database: Server, artifacts: Path) -> None:
    assert is_as_committed(database, artifacts)
    execute(database, "ALTER TABLE aviation.airlines ADD COLUMN founded integer")
    try:
        assert not is_as_committed(database, artifacts)
    finally:
        execute(database, "ALTER TABLE aviation.airlines DROP COLUMN founded")
