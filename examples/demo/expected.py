"""What the catalog must hold after the demo, asked of the database in SQL, of dbt's artifacts, of the files in S3 and
of the rows that the lakehouse is made of.

``.venv-ingestion/bin/python -m examples.demo.expected`` prints it; ``expected.json`` is the committed answer, and a
test compares the two, as does ``--check`` with a demo that is running. What Dagster has is in no file: it is asked when
the demo runs (``pipelines``). Nothing here uses OpenMetadata or this project's ingestion, so that an error of theirs
cannot hide.

Which column of a view or of dbt's tables comes from which column is not in PostgreSQL's catalogs. That is written by
hand in ``lineage.json``, and held against what PostgreSQL does know: the columns of every view, and all columns that
its query mentions. Of dbt's tables it knows only that the columns exist.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from psycopg2 import sql
from psycopg2.extensions import cursor

from examples.demo import expected_dbt, expected_ownership, lakehouse, raw_files
from examples.demo.fill import fill
from examples.demo.layout import ARTIFACTS, POSTGRES_PORT, STATE, DemoError
from examples.demo.models import build
from examples.demo.postgres import DATABASE, Server, running_postgres, server_of
from examples.demo.processes import end_leftovers, sole_user

FILE: Final = Path(__file__).with_name("expected.json")
SERVICE: Final = "postgres"

_LINEAGE: Final = Path(__file__).with_name("lineage.json")

# Columns whose profile is compared in full: integers, decimals, floating point, texts; with many nulls and with none.
_PROFILED: Final = {
    "aviation.flights": ["carrier", "tailnum", "dep_delay", "arr_delay", "distance"],
    "aviation.weather": ["temp", "wind_speed", "wind_gust"],
    "aviation.planes": ["year", "manufacturer", "seats"],
    "aviation.airports": ["name", "lat", "alt"],
    "aviation.airlines": ["name"],
    "analytics.airline_punctuality": ["departures", "average_delay", "punctuality"],
    "analytics.delay_bands": ["label", "to_minutes"],
}

_TABLES: Final = """
    SELECT n.nspname || '.' || c.relname,
           CASE c.relkind WHEN 'r' THEN 'Regular' WHEN 'v' THEN 'View' WHEN 'm' THEN 'MaterializedView' END,
           (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname IN ('aviation', 'analytics', 'reporting')
    ORDER BY 1
"""

_ROUTINES: Final = """
    SELECT n.nspname || '.' || p.proname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('aviation', 'analytics', 'reporting')
    ORDER BY 1
"""

_COMMENTS: Final = """
    SELECT n.nspname || '.' || c.relname || coalesce('.' || a.attname, ''), d.description
    FROM pg_description d
    JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
    WHERE n.nspname IN ('aviation', 'analytics', 'reporting') AND c.relkind IN ('r', 'v', 'm')
    ORDER BY c.relname, d.objsubid
"""

_FOREIGN_KEYS: Final = """
    SELECT k.conname, k.conrelid::regclass::text, k.confrelid::regclass::text,
           array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
           array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)
    FROM pg_constraint k WHERE k.contype = 'f'
    ORDER BY k.conname
"""

_VIEW_COLUMNS: Final = """
    SELECT c.oid::regclass::text, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relkind IN ('v', 'm') AND c.relnamespace::regnamespace::text IN ('aviation', 'analytics', 'reporting')
"""

_TABLE_COLUMNS: Final = """
    SELECT c.oid::regclass::text, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace IN ('aviation'::regnamespace, 'analytics'::regnamespace)
"""

_MENTIONED_COLUMNS: Final = """
    SELECT DISTINCT r.ev_class::regclass::text, d.refobjid::regclass::text || '.' || a.attname
    FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    JOIN pg_class c ON c.oid = r.ev_class
    WHERE d.refobjid <> r.ev_class AND d.refobjsubid > 0
      AND c.relnamespace::regnamespace::text IN ('aviation', 'analytics', 'reporting')
"""

# What each test of the source's definition asks, in SQL: what it is about, and whether the data passes.
_DATA_TESTS: Final = {
    "tableRowCountToBeBetween": (
        "aviation.flights",
        "SELECT count(*) BETWEEN 300000 AND 400000 FROM aviation.flights",
    ),
    "columnValuesToBeNotNull__carrier": (
        "aviation.flights.carrier",
        "SELECT count(*) = count(carrier) FROM aviation.flights",
    ),
    "columnValuesToBeInSet__origin": (
        "aviation.flights.origin",
        "SELECT bool_and(origin IN ('EWR', 'JFK', 'LGA')) FROM aviation.flights",
    ),
    "nothing_arrives_that_has_not_left": (
        "aviation.flights",
        "SELECT bool_and(arr_time IS NULL OR dep_time IS NOT NULL) FROM aviation.flights",
    ),
    "columnValuesToBeUnique__carrier": (
        "aviation.airlines.carrier",
        "SELECT count(carrier) = count(DISTINCT carrier) FROM aviation.airlines",
    ),
    "columnValuesToMatchRegex__faa": (
        "aviation.airports.faa",
        "SELECT bool_and(faa ~ '^[0-9A-Z]{3}$') FROM aviation.airports",
    ),
}

_IS_NUMBER: Final = """
    SELECT numeric_precision IS NOT NULL FROM information_schema.columns
    WHERE (table_schema, table_name, column_name) = (%s, %s, %s)
"""


def expected(server: Server, artifacts: Path) -> dict[str, Any]:
    """Everything the catalog must hold of the filled database, in which dbt has built its models.

    Args:
        server: where the database is.
        artifacts: folder of dbt's artifacts.

    Raises:
        DemoError: ``lineage.json`` does not fit the views of the database.
    """
    with closing(server.connect()) as database, database.cursor() as statement:
        tables = _rows(statement, _TABLES)
        dbt = expected_dbt.expected(artifacts)
        described = dbt.pop("descriptions")
        routines = [name for (name,) in _rows(statement, _ROUTINES)]
        return {
            "service": SERVICE,
            "database": DATABASE,
            "entities": {
                "databaseService": 1,
                "database": 1,
                "databaseSchema": len({name.partition(".")[0] for name, _, _ in tables}),
                "table": len(tables),
                "storedProcedure": len(routines),
            },
            "tables": {name: {"type": kind, "columns": columns} for name, kind, columns in tables},
            "stored_procedures": routines,
            # dbt fills in what the database does not say.
            "descriptions": {**described, **dict(_rows(statement, _COMMENTS))},
            "foreign_keys": {
                name: {
                    "columns": [f"{table}.{column}" for column in columns],
                    "refers_to": [f"{target}.{column}" for column in target_columns],
                }
                for name, table, target, columns, target_columns in _rows(statement, _FOREIGN_KEYS)
            },
            "lineage": _lineage(statement),
            "ownership": expected_ownership.expected(DATABASE, [name for name, _, _ in tables], dbt["models"]),
            "dbt": dbt,
            "data_tests": {
                name: {"status": "Success" if _rows(statement, query) == [(True,)] else "Failed", "of": subject}
                for name, (subject, query) in _DATA_TESTS.items()
            },
            "profiles": {table: _profile(statement, table, columns) for table, columns in _PROFILED.items()},
            "storage": raw_files.expected(),
            "lakehouse": lakehouse.expected(),
        }


def _rows(statement: cursor, query: str | sql.Composed, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    statement.execute(query, values)
    return statement.fetchall()


def _lineage(statement: cursor) -> dict[str, dict[str, list[str]]]:
    lineage: dict[str, dict[str, list[str]]] = json.loads(_LINEAGE.read_text())
    columns: dict[str, set[str]] = defaultdict(set)
    for view, column in _rows(statement, _VIEW_COLUMNS):
        columns[view].add(column)
    mentioned: dict[str, set[str]] = defaultdict(set)
    for view, column in _rows(statement, _MENTIONED_COLUMNS):
        mentioned[view].add(column)
    tables: dict[str, set[str]] = defaultdict(set)
    for table, column in _rows(statement, _TABLE_COLUMNS):
        tables[table].add(column)
    written = {view: set(sources) for view, sources in lineage.items() if view not in tables}
    if written != dict(columns):
        raise DemoError(f"{_LINEAGE.name} does not list exactly the columns of the views: {written} is not {columns}")
    every = {f"{name}.{column}" for each in (tables, columns) for name, found in each.items() for column in found}
    for name, sources in lineage.items():
        known = mentioned[name] if name in columns else every
        unknown = {source for each in sources.values() for source in each} - known
        unknown |= {f"{name}.{column}" for column in sources} - every
        if unknown:
            raise DemoError(f"{_LINEAGE.name}: {name} cannot come from {', '.join(sorted(unknown))}")
    return lineage


def _profile(statement: cursor, table: str, columns: list[str]) -> dict[str, Any]:
    [(rows,)] = _rows(statement, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split("."))))
    return {"rows": rows, "columns": {column: _column_profile(statement, table, column) for column in columns}}


def _column_profile(statement: cursor, table: str, column: str) -> dict[str, Any]:
    names = {"column": sql.Identifier(column), "table": sql.Identifier(*table.split("."))}
    counts = sql.SQL("SELECT count(*) - count({column}), count(DISTINCT {column}) FROM {table}")
    [(nulls, distinct)] = _rows(statement, counts.format(**names))
    figures: dict[str, Any] = {"nulls": nulls, "distinct": distinct}
    [(is_number,)] = _rows(statement, _IS_NUMBER, [*table.split("."), column])
    if is_number:
        extent = sql.SQL("SELECT min({column}), max({column}), avg({column}) FROM {table}")
        [(least, greatest, mean)] = _rows(statement, extent.format(**names))
        # Rounded, because the order of rows shows in the last digits of a mean.
        figures |= {"min": float(least), "max": float(greatest), "mean": round(float(mean), 6)}
    return figures


def is_as_committed(server: Server, artifacts: Path) -> bool:
    """Whether the sources hold what ``expected.json`` says."""
    return as_json(expected(server, artifacts)) == FILE.read_text()


def main() -> int:
    """Print what is expected of the demo's database, filling it first if need be."""
    parser = argparse.ArgumentParser(description="What the catalog must hold after the demo, asked of its sources.")
    parser.add_argument(
        "--check", action="store_true", help="ask a running demo, and tell by the exit code if it holds"
    )
    if parser.parse_args().check:
        return 0 if is_as_committed(server_of(STATE, POSTGRES_PORT), ARTIFACTS) else 1
    try:
        with sole_user(STATE):
            end_leftovers(STATE / "logs")
            with running_postgres(STATE, POSTGRES_PORT) as server:
                fill(server)
                with tempfile.TemporaryDirectory() as artifacts:
                    build(server, Path(artifacts))
                    print(as_json(expected(server, Path(artifacts))), end="")
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def as_json(answer: dict[str, Any]) -> str:
    """The text of ``expected.json``."""
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
