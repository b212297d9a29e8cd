"""Names, types and permissions that are hard, on Debian's PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.ingestion.spec import MATCHES, Workflow
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import execute
from data_platform_tests.integration.runs import Runs, Source, catalog_for_runs
from examples.demo.postgres import Server

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

READER = "hard_reader"
PASSWORD = "Pa55 of:the@reader/"
SCHEMAS = ("Größe.1 `y`", "kinds", "nothing", "it's", "broken")
HARD_TABLES = (
    "Orders",
    "orders",
    "with.dot",
    'with "quotes"',
    "with `ticks`",
    "it's",
    "größe",
    "半角 カナ",
    "select",
    "a:b%c",
)
LONGEST = "x" * 63
HARD_COLUMNS = ("Upper", "with.dot", 'with "quotes"', "it's", "größe", "半角", "select", "per cent %", "a:b")
WIDEST = 1_500

# What PostgreSQL calls a type, and what it is in the catalog.
TYPES = {
    "smallint": "SMALLINT",
    "bigint": "BIGINT",
    "numeric(20, 5)": "NUMERIC",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "char(3)": "CHAR",
    "varchar(10)": "VARCHAR",
    "text": "TEXT",
    "bytea": "BYTEA",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP",
    "interval": "INTERVAL",
    "uuid": "UUID",
    "json": "JSON",
    "jsonb": "JSON",
    "xml": "XML",
    "inet": "INET",
    "money": "MONEY",
    "int[]": "ARRAY",
    "text[][]": "ARRAY",
    "tsvector": "TSVECTOR",
    "int4range": "UNKNOWN",  # the catalog has no word for it
    "tstzrange": "DATETIMERANGE",
    "daterange": "DATETIMERANGE",
    "point": "GEOMETRY",
    "bit(4)": "BIT",
    "bit varying(4)": "BIT",
    "kinds.mood": "ENUM",
    "kinds.positive": "INT",
    "kinds.very_positive": "INT",
    "kinds.price": "NUMERIC",
    "kinds.code": "VARCHAR",
    "kinds.tags": "ARRAY",
    "kinds.address": "STRUCT",
    "kinds.place": "STRUCT",
    "kinds.parent": "STRUCT",
    "kinds.positive[]": "ARRAY",
    "kinds.mood[]": "ARRAY",
    "kinds.address[]": "ARRAY",
    'kinds."Odd.name"': "BOOLEAN",
    "extras.citext": "TEXT",
    "hstore": "MAP",
    "ltree": "UNKNOWN",
    "extras.span": "UNKNOWN",
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def statements() -> Iterator[str]:
    for schema in SCHEMAS:
        yield f"CREATE SCHEMA {quoted(schema)}"
    hard = quoted(SCHEMAS[0])
    columns = ", ".join(f"{quoted(name)} integer" for name in HARD_COLUMNS)
    for table in (*HARD_TABLES, LONGEST):
        yield f"CREATE TABLE {hard}.{quoted(table)} ({columns})"
    yield f'CREATE VIEW {hard}."a view\'s" AS SELECT * FROM {hard}."with.dot"'
    yield f'CREATE TABLE {hard}."in parts" (id integer, "per cent %" text) PARTITION BY LIST ("per cent %")'
    yield 'CREATE TABLE "it\'s".there (id integer)'
    yield f"CREATE TABLE kinds.wide ({', '.join(f'c{number} smallint' for number in range(WIDEST))})"
    yield "CREATE TYPE kinds.mood AS ENUM ('sad', 'ok')"
    yield "CREATE DOMAIN kinds.positive AS integer CHECK (value > 0)"
    yield "CREATE DOMAIN kinds.very_positive AS kinds.positive CHECK (value > 9)"
    yield "CREATE DOMAIN kinds.price AS numeric(10, 2)"
    yield "CREATE DOMAIN kinds.code AS varchar(20)"
    yield "CREATE DOMAIN kinds.tags AS kinds.code[]"
    yield 'CREATE DOMAIN kinds."Odd.name" AS boolean'
    yield "CREATE TYPE kinds.address AS (street varchar(40), number kinds.positive)"
    yield "CREATE TYPE kinds.place AS (name text, moods kinds.mood[], addresses kinds.address[])"
    yield "CREATE SCHEMA extras"
    yield "CREATE TYPE extras.span AS RANGE (subtype = float8)"
    yield "CREATE EXTENSION citext SCHEMA extras"
    yield "CREATE EXTENSION hstore"
    yield "CREATE EXTENSION ltree"
    yield "CREATE TABLE kinds.parent (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED)"
    yield f"CREATE TABLE kinds.every ({', '.join(f'c{number} {kind}' for number, kind in enumerate(TYPES))})"
    values = {"kinds.price": ("1.5", "2.5"), "kinds.very_positive": ("10", "11"), "kinds.mood": ("'ok'", "'ok'")}
    names = ", ".join(f"c{list(TYPES).index(kind)}" for kind in values)
    for row in zip(*values.values(), strict=True):
        yield f"INSERT INTO kinds.every ({names}) VALUES ({', '.join(row)})"
    yield "CREATE TABLE kinds.by_day (id integer NOT NULL, day date NOT NULL) PARTITION BY RANGE (day)"
    for month in (1, 2):
        bounds = f"FROM ('2024-0{month}-01') TO ('2024-0{month + 1}-01')"
        yield f"CREATE TABLE kinds.by_day_{month} PARTITION OF kinds.by_day FOR VALUES {bounds}"
    yield "INSERT INTO kinds.by_day SELECT n, '2024-01-01'::date + n FROM generate_series(0, 49) n"
    yield "CREATE TABLE kinds.heir (more text) INHERITS (kinds.parent)"
    yield "CREATE UNLOGGED TABLE kinds.unlogged (parent integer REFERENCES kinds.parent)"
    yield "CREATE MATERIALIZED VIEW kinds.kept AS SELECT count(*) AS days FROM kinds.by_day"
    yield "CREATE FUNCTION kinds.tax(amount numeric) RETURNS numeric LANGUAGE sql AS 'SELECT amount * 0.19'"
    yield "CREATE FUNCTION kinds.tax(amount integer) RETURNS integer LANGUAGE sql AS 'SELECT amount'"
    yield "CREATE PROCEDURE kinds.clear() LANGUAGE sql AS 'DELETE FROM kinds.parent'"
    yield "CREATE TABLE kinds.guarded (tenant integer)"
    yield "INSERT INTO kinds.guarded SELECT n % 2 FROM generate_series(1, 40) n"
    yield "ALTER TABLE kinds.guarded ENABLE ROW LEVEL SECURITY"
    yield "CREATE POLICY own ON kinds.guarded USING (tenant = 1)"
    yield "CREATE TABLE broken.fine AS SELECT n AS id FROM generate_series(1, 3) n"
    yield "CREATE VIEW broken.by_zero AS SELECT id, id / (id - id) AS ratio FROM broken.fine"
    yield "CREATE MATERIALIZED VIEW broken.never_filled AS SELECT id FROM broken.fine WITH NO DATA"
    yield "CREATE EXTENSION postgres_fdw"
    yield "CREATE SERVER gone FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1')"
    yield "CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (user 'u', password 'p')"
    yield "CREATE FOREIGN TABLE broken.elsewhere (id integer, name text) SERVER gone"
    yield f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'"
    for schema in SCHEMAS:
        yield f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {READER}"
        yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {quoted(schema)} TO {READER}"
    yield "ANALYZE kinds.by_day, kinds.guarded, kinds.every, broken.fine"


@pytest.fixture(scope="module")
def database(debian_postgres: Server) -> str:
    execute(debian_postgres, "postgres", "CREATE DATABASE hard")
    execute(debian_postgres, "hard", *statements())
    return "hard"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(debian_postgres: Server, database: str, runs: Runs) -> Source:
    connection = {
        "hostPort": f"127.0.0.1:{debian_postgres.port}",
        "database": database,
        "username": READER,
        "authType": {"password": runs.secret("password", PASSWORD)},
    }
    return Source("hard", "Postgres", connection, {"schemaFilterPattern": {"excludes": ["^it's$"]}})


@pytest.fixture(scope="module")
def first(runs: Runs, source: Source) -> Ended:
    """The first run."""
    return runs.run(source)


def tables(runs: Runs, schema: str) -> dict[str, Any]:
    """Tables of a schema, by name, as OpenMetadata's client reads them."""
    from metadata.generated.schema.entity.data.table import Table
    from metadata.utils import fqn

    name = fqn._build("hard", "hard", schema)
    fields = ["columns", "tableConstraints", "tablePartition"]
    listed = runs.client.list_all_entities(Table, params={"databaseSchema": name}, fields=fields)
    return {table.name.root: table for table in listed}


@pytest.mark.bad_input("empty scope", "Postgres")
def test_everything_arrives_and_the_database_agrees(first: Ended) -> None:
    assert first.verdict["outcome"] == "ok", first.output
    assert first.check_named(MATCHES)["passed"]


@pytest.mark.bad_input("hard names", "Postgres")
@pytest.mark.usefixtures("first")
def test_names_of_any_kind_arrive_as_they_are(runs: Runs) -> None:
    hard = tables(runs, SCHEMAS[0])
    assert set(hard) == {*HARD_TABLES, LONGEST, "a view's", "in parts"}
    for name in HARD_TABLES:
        assert {column.name.root for column in hard[name].columns} == set(HARD_COLUMNS), name


@pytest.mark.bad_input("1,500 columns", "Postgres")
@pytest.mark.usefixtures("first")
def test_types_widths_partitions_heirs_and_routines_are_read_back(runs: Runs) -> None:
    kinds = tables(runs, "kinds")
    assert set(kinds) == {"wide", "every", "by_day", "parent", "heir", "unlogged", "kept", "guarded"}
    assert len(kinds["wide"].columns) == WIDEST
    found = {column.name.root: column.dataType.value for column in kinds["every"].columns}
    assert found == {f"c{number}": kind for number, kind in enumerate(TYPES.values())}
    by_day = kinds["by_day"]
    assert by_day.tableType.value == "Partitioned"
    (partition,) = by_day.tablePartition.columns
    assert (partition.columnName, partition.intervalType.value) == ("day", "TIME-UNIT")
    (partition,) = tables(runs, SCHEMAS[0])["in parts"].tablePartition.columns
    assert (partition.columnName, partition.intervalType.value) == ("per cent %", "COLUMN-VALUE")
    assert kinds["kept"].tableType.value == "MaterializedView"
    assert {column.name.root for column in kinds["heir"].columns} == {"id", "twice", "more"}
    (key,) = (each for each in kinds["unlogged"].tableConstraints if each.constraintType.value == "FOREIGN_KEY")
    assert [each.root for each in key.referredColumns] == ["hard.hard.kinds.parent.id"]
    assert routines(runs) == {"tax", "clear"}


@pytest.mark.usefixtures("first")
def test_domains_composite_types_and_arrays_say_what_they_are_made_of(runs: Runs) -> None:
    every = dict(zip(TYPES, tables(runs, "kinds")["every"].columns, strict=True))
    for kind in ("kinds.mood", "kinds.very_positive", "kinds.address", "kinds.address[]", "jsonb", 'kinds."Odd.name"'):
        assert every[kind].dataTypeDisplay == kind
    assert (every["kinds.price"].precision, every["kinds.price"].scale) == (10, 2)
    assert every["kinds.code"].dataLength == 20
    elements = {kind: column.arrayDataType.value for kind, column in every.items() if column.arrayDataType}
    assert elements == {
        "int[]": "INT",
        "text[][]": "TEXT",
        "kinds.tags": "VARCHAR",
        "kinds.positive[]": "INT",
        "kinds.mood[]": "ENUM",
        "kinds.address[]": "STRUCT",
    }
    assert tree(every["kinds.place"]) == {
        "name": "text",
        "moods": "kinds.mood[]",
        "addresses": {"street": "character varying(40)", "number": "kinds.positive"},
    }
    assert tree(every["kinds.address[]"]) == tree(every["kinds.address"]) == tree(every["kinds.place"])["addresses"]
    assert tree(every["kinds.parent"]) == {"id": "integer", "twice": "integer"}


def tree(column: Any) -> Any:
    """The types inside a column as PostgreSQL shows them, by the fields' names."""
    inside = {child.name.root: tree(child) for child in column.children or []}
    return inside or column.dataTypeDisplay


@pytest.mark.usefixtures("first")
def test_schemas_without_a_table_arrive_too(runs: Runs) -> None:
    from metadata.generated.schema.entity.data.databaseSchema import DatabaseSchema

    listed = runs.client.list_all_entities(DatabaseSchema, params={"database": "hard.hard"})
    assert {each.name.root for each in listed} == {*SCHEMAS, "extras", "public", "information_schema"} - {"it's"}
    assert tables(runs, "nothing") == {}


@pytest.mark.usefixtures("first")
def test_what_can_be_seen_and_not_read_arrives_and_only_its_profile_is_missing(runs: Runs, source: Source) -> None:
    """PostgreSQL lets nobody drop what a view needs; a view that cannot be computed is the nearest to a broken one."""
    broken = tables(runs, "broken")
    found = {name: [column.name.root for column in table.columns] for name, table in broken.items()}
    assert found == {
        "fine": ["id"],
        "by_zero": ["id", "ratio"],
        "never_filled": ["id"],
        "elsewhere": ["id", "name"],
    }
    options = {"schemaFilterPattern": {"includes": ["^broken$"]}, "includeViews": True}
    ended = runs.run(source, Workflow.PROFILING, options=options, min_success_percent=0)
    assert ended.verdict["outcome"] == "partial", ended.output
    failures = {row["name"]: row["error"] for row in ended.metadata["failures"]["records"]}
    causes = {"by_zero": "division by zero", "never_filled": "has not been populated", "elsewhere": "could not connect"}
    assert failures.keys() == {f"hard.hard.broken.{name}" for name in causes}
    for name, cause in causes.items():
        assert cause in failures[f"hard.hard.broken.{name}"]
    assert runs.client.get_latest_table_profile("hard.hard.broken.fine").profile.rowCount == 3


@pytest.mark.usefixtures("first")
def test_columns_of_any_type_can_be_profiled(runs: Runs, source: Source) -> None:
    options = {"schemaFilterPattern": {"includes": ["^kinds$"]}, "tableFilterPattern": {"includes": ["^every$"]}}
    ended = runs.run(source, Workflow.PROFILING, options=options)
    assert ended.verdict["outcome"] == "ok", ended.output
    profiles = dict(zip(TYPES, runs.client.get_latest_table_profile("hard.hard.kinds.every").columns, strict=True))
    price, positive, mood = (profiles[kind].profile for kind in ("kinds.price", "kinds.very_positive", "kinds.mood"))
    assert (price.min, price.max, price.sum) == (1.5, 2.5, 4.0)
    assert (positive.min, positive.max, positive.distinctCount) == (10, 11, 2)
    assert mood.distinctCount == 1


def routines(runs: Runs) -> set[str]:
    from metadata.generated.schema.entity.data.storedProcedure import StoredProcedure

    listed = runs.client.list_all_entities(StoredProcedure, params={"databaseSchema": "hard.hard.kinds"})
    return {each.name.root for each in listed}


@pytest.mark.usefixtures("first")
def test_routines_of_a_schema_with_an_apostrophe_are_named_as_failed_and_nothing_else_is_lost(
    runs: Runs, source: Source
) -> None:
    """A known limit: OpenMetadata writes the schema's name into its statements as it is."""
    ended = runs.run(source, options={})
    assert ended.verdict["outcome"] == "partial", ended.output
    assert {row["name"] for row in ended.metadata["failures"]["records"]} == {
        "Tags and Classification",
        "Producer get_stored_procedures",
    }
    assert set(tables(runs, "it's")) == {"there"}
    assert routines(runs) == {"tax", "clear"}


@pytest.mark.usefixtures("first")
def test_rows_behind_row_level_security_are_counted_once_the_role_may_bypass_it(
    runs: Runs, source: Source, debian_postgres: Server
) -> None:
    options = {"schemaFilterPattern": {"includes": ["^kinds$"]}, "tableFilterPattern": {"includes": ["^guarded$"]}}

    def distinct() -> int:
        ended = runs.run(source, Workflow.PROFILING, options=options)
        assert ended.verdict["outcome"] == "ok", ended.output
        (column,) = runs.client.get_latest_table_profile("hard.hard.kinds.guarded").columns
        return int(column.profile.distinctCount)

    assert distinct() == 1
    execute(debian_postgres, "hard", f"ALTER ROLE {READER} BYPASSRLS")
    assert distinct() == 2
