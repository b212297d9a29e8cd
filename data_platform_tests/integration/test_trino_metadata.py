"""What is in a real Trino is what the catalog shows, and what Trino does not show is not taken for gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.ingestion.spec import MATCHES, Workflow
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.integration.real_trino import BROKEN, RealTrino
from data_platform_tests.integration.trino_runs import NO_SYSTEM, TrinoRuns, trino_runs

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

WEIRD = '"we.ird ""q"" tä\'ble: x"'
WIDTH = 1500
CONTENT = (
    "CREATE SCHEMA lakehouse.sales",
    """CREATE TABLE lakehouse.sales.orders (
        id bigint NOT NULL COMMENT 'the key', name varchar, amount decimal(12,2), at timestamp(6) with time zone,
        day date, ok boolean, ratio double, small real, raw varbinary, u uuid, tags array(varchar),
        attrs map(varchar, bigint), address row(street varchar, geo row(lat double, lon double)),
        items array(row(sku varchar, "Opt.s" map(varchar, array(row(k varchar, v double))))))
        COMMENT 'What was sold'
        WITH (partitioning = ARRAY['day', 'bucket(id, 4)', 'hour(at)', 'truncate(name, 2)'])""",
    "CREATE VIEW lakehouse.sales.big COMMENT 'Over ten' AS SELECT id, amount FROM lakehouse.sales.orders"
    " WHERE amount > 10",
    "CREATE SCHEMA memory.stage",
    "CREATE SCHEMA memory.empty",
    """CREATE TABLE memory.stage.types (
        c char(3), v varchar(7), j json, t time(3), tz timestamp(3), iv interval day to second,
        anonymous row(bigint, varchar), n integer, s smallint, i tinyint)""",
    f'CREATE TABLE memory.stage.{WEIRD} ("a.b" bigint COMMENT \'dotted\', "sp ace" varchar, "quo""te" integer)',
    f"CREATE TABLE memory.stage.wide ({', '.join(f'c{number} bigint' for number in range(WIDTH))})",
    "CREATE TABLE memory.stage.gone (id bigint)",
    "CREATE VIEW memory.stage.broken AS SELECT id FROM memory.stage.gone",
    "DROP TABLE memory.stage.gone",
    "CREATE SCHEMA memory.secret",
    "CREATE TABLE memory.secret.one (id bigint)",
    "CREATE TABLE memory.secret.two (id bigint)",
    "CREATE TABLE memory.stage.dropped (id bigint)",
    "CREATE SCHEMA memory.figures",
    """CREATE TABLE memory.figures.measured AS SELECT
        CAST(n AS integer) AS id, CAST(n AS double) / 4 AS ratio, CAST(n % 7 + 0.25 AS decimal(10,2)) AS amount,
        CASE WHEN n % 10 > 0 THEN 'name ' || CAST(n % 50 AS varchar) END AS name,
        DATE '2024-01-01' + n * INTERVAL '1' DAY AS day, TIMESTAMP '2024-01-01 00:00:00' + n * INTERVAL '1' HOUR AS at,
        CAST(NULL AS varchar) AS nothing FROM UNNEST(sequence(1, 1000)) AS t(n)""",
    "CREATE TABLE memory.figures.left_out AS SELECT * FROM memory.figures.measured",
    "CREATE TABLE memory.figures.no_rows (id bigint, name varchar)",
)
OURS = {
    "databaseFilterPattern": {"includes": ["^lakehouse$", "^memory$", "^tpch$"]},
    "schemaFilterPattern": {"includes": ["^sales$", "^stage$", "^secret$", "^empty$", "^tiny$", "^figures$"]},
}


@pytest.fixture(scope="module")
def runs(trino: RealTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoRuns]:
    """A catalog for what is in Trino."""
    trino.run(*CONTENT)
    with trino_runs(trino, tmp_path_factory.mktemp("metadata")) as runs:
        yield runs
    trino.empty()


@pytest.fixture(scope="module")
def first(runs: TrinoRuns) -> Ended:
    """How the first run ended."""
    return runs.run(Workflow.METADATA, OURS, runs.by_password)


@pytest.fixture(scope="module")
def tables(runs: TrinoRuns, first: Ended) -> dict[str, Any]:
    """What it brought."""
    return runs.tables(("columns", "tablePartition"))


@pytest.mark.bad_input("empty scope", "Trino")
def test_everything_arrives_with_a_password_over_tls(runs: TrinoRuns, first: Ended, tables: dict[str, Any]) -> None:
    assert first.verdict["outcome"] == "ok", first.output
    assert runs.names("Database") == {"lakehouse", "memory", "tpch"}
    schemas = {"lakehouse.sales", "memory.stage", "memory.empty", "memory.secret", "memory.figures", "tpch.tiny"}
    assert runs.names("DatabaseSchema") == schemas
    assert len(tables) == 12 + 8
    matches = first.check_named(MATCHES)
    assert matches["passed"], matches
    assert Ended.metadata_of(matches)["compared"] == 3 + 6 + 20


def test_tables_and_views_have_their_kinds_comments_and_sql(tables: dict[str, Any]) -> None:
    orders, big = tables["lakehouse.sales.orders"], tables["lakehouse.sales.big"]
    assert (orders.tableType.value, orders.description.root) == ("Iceberg", "What was sold")
    assert (big.tableType.value, big.description.root) == ("View", "Over ten")
    assert "amount > 10" in big.schemaDefinition.root
    assert orders.columns[0].description.root == "the key"
    assert orders.columns[0].constraint.value == "NOT_NULL"


def described(columns: list[Any]) -> dict[str, Any]:
    """Columns with their types, and with what is in them."""
    return {
        column.name.root: (column.dataType.value, described(column.children))
        if column.children
        else column.dataType.value
        for column in columns
    }


def test_columns_have_their_types_to_the_innermost_field(tables: dict[str, Any]) -> None:
    orders = tables["lakehouse.sales.orders"]
    pair = {"k": "VARCHAR", "v": "DOUBLE"}
    assert described(orders.columns) == {
        "id": "BIGINT",
        "name": "VARCHAR",
        "amount": "DECIMAL",
        "at": "TIMESTAMPZ",
        "day": "DATE",
        "ok": "BOOLEAN",
        "ratio": "DOUBLE",
        "small": "FLOAT",
        "raw": "VARBINARY",
        "u": "UUID",
        "tags": "ARRAY",
        "attrs": "MAP",
        "address": ("STRUCT", {"street": "VARCHAR", "geo": ("STRUCT", {"lat": "DOUBLE", "lon": "DOUBLE"})}),
        "items": (
            "ARRAY",
            {"sku": "VARCHAR", "Opt.s": ("MAP", {"key": "VARCHAR", "value": ("ARRAY", pair)})},
        ),
    }
    shown = {column.name.root: column for column in orders.columns}
    assert (shown["amount"].precision, shown["amount"].scale) == (12, 2)
    assert shown["tags"].arrayDataType.value == "VARCHAR"
    assert shown["items"].arrayDataType.value == "STRUCT"
    assert shown["attrs"].dataTypeDisplay == "map(varchar, bigint)"
    types = tables["memory.stage.types"].columns
    assert [(column.dataType.value, column.dataTypeDisplay) for column in types] == [
        ("CHAR", "char(3)"),
        ("VARCHAR", "varchar(7)"),
        ("JSON", "json"),
        ("TIME", "time(3)"),
        ("TIMESTAMP", "timestamp(3)"),
        ("INTERVAL", "interval day to second"),
        ("STRUCT", "row(bigint, varchar)"),
        ("INT", "integer"),
        ("SMALLINT", "smallint"),
        ("TINYINT", "tinyint"),
    ]
    assert types[1].dataLength == 7
    assert described(types[6].children) == {"field1": "BIGINT", "field2": "VARCHAR"}


def test_an_iceberg_table_shows_what_it_is_partitioned_by(tables: dict[str, Any]) -> None:
    partition = tables["lakehouse.sales.orders"].tablePartition
    assert [(each.columnName, each.intervalType.value, each.interval) for each in partition.columns] == [
        ("day", "COLUMN-VALUE", None),
        ("id", "INTEGER-RANGE", "BUCKET"),
        ("at", "TIME-UNIT", "HOUR"),
        ("name", "OTHER", "TRUNC"),
    ]


@pytest.mark.bad_input("hard names", "Trino")
def test_names_with_dots_quotes_and_spaces_arrive_as_they_are(tables: dict[str, Any]) -> None:
    (weird,) = (table for name, table in tables.items() if "we.ird" in name)
    assert weird.name.root == 'we.ird "q" tä\'ble: x'
    assert [column.name.root for column in weird.columns] == ["a.b", "sp ace", 'quo"te']
    assert weird.columns[0].description.root == "dotted"


@pytest.mark.bad_input("1,500 columns", "Trino")
def test_a_table_of_1500_columns_arrives_whole(tables: dict[str, Any]) -> None:
    assert [column.name.root for column in tables["memory.stage.wide"].columns] == [f"c{n}" for n in range(WIDTH)]


@pytest.mark.bad_input("view that does not compile", "Trino")
def test_a_view_that_no_longer_compiles_arrives_as_trino_knows_it(tables: dict[str, Any]) -> None:
    broken = tables["memory.stage.broken"]
    assert (broken.tableType.value, described(broken.columns)) == ("View", {"id": "BIGINT"})


@pytest.mark.fault(
    "the source: no longer shows a schema to the user (Trino)",
    "What is in it stays, and `catalog_matches_source` warns and lists it; what was dropped elsewhere is deleted.",
)
def test_what_may_no_longer_be_seen_stays_and_is_said_while_what_was_dropped_goes(
    trino: RealTrino, runs: TrinoRuns, tables: dict[str, Any]
) -> None:
    trino.run("DROP TABLE memory.stage.dropped")
    with trino.hiding("secret"):
        ended = runs.run(Workflow.METADATA, OURS, runs.by_password)
    assert ended.verdict["outcome"] == "ok", ended.output
    left = runs.tables()
    assert set(tables) - set(left) == {"memory.stage.dropped"}
    matches = ended.check_named(MATCHES)
    assert not matches["passed"]
    assert Ended.metadata_of(matches)["hidden"] == ["trino.memory.secret.one", "trino.memory.secret.two"]


@pytest.mark.bad_input("half-broken object", "Trino")
@pytest.mark.fault(
    "the source: one of its Trino catalogs cannot be listed",
    "It is named, the others arrive, and nothing is deleted.",
)
def test_a_trino_catalog_that_cannot_be_read_is_named_and_hides_no_other_nor_lets_it_be_deleted(
    trino: RealTrino, runs: TrinoRuns, tables: dict[str, Any]
) -> None:
    options = {**NO_SYSTEM, "databaseFilterPattern": {"includes": [f"^{BROKEN}$", "^memory$"]}}
    trino.run("CREATE TABLE memory.stage.late (id bigint)", "DROP TABLE memory.secret.two")
    ended = runs.run(Workflow.METADATA, options, runs.by_token, min_success_percent=10)
    assert ended.verdict["outcome"] == "partial", ended.output
    assert BROKEN in str(ended.metadata["failures"])
    left = runs.tables()
    assert "memory.stage.late" in left
    assert "memory.secret.two" in left


def test_profiles_are_what_sql_itself_answers(trino: RealTrino, runs: TrinoRuns, tables: dict[str, Any]) -> None:
    ended = runs.run(Workflow.PROFILING, profiling(100))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert (ended.metadata["profiles/tables"], ended.metadata["profiles/columns"]) == (2, 9)
    assert runs.profile("memory.figures.no_rows")["rowCount"] == 0
    measured = runs.profile("memory.figures.measured")
    assert measured["rowCount"] == 1000
    for name, kind in {
        "id": "number",
        "ratio": "number",
        "amount": "number",
        "name": "text",
        "day": "time",
        "at": "time",
        "nothing": "text",
    }.items():
        column = measured["columns"][name]
        value = f"length({name})" if kind == "text" else name
        (row,) = trino.ask(
            f"SELECT count({name}), count(*) - count({name}), count(DISTINCT {name}), min({value}), max({value})"
            " FROM memory.figures.measured"
        )
        assert [column.get(each) for each in ("valuesCount", "nullCount", "distinctCount")] == row[:3], name
        limits = [
            value if value is None else value.isoformat() if kind == "time" else float(value) for value in row[3:]
        ]
        assert [column.get(each) for each in ("min", "max")] == limits, name
        if kind == "number":
            (row,) = trino.ask(f"SELECT avg({name}), sum({name}), stddev_pop({name}) FROM memory.figures.measured")
            assert [column[each] for each in ("mean", "sum", "stddev")] == pytest.approx(
                [float(each) for each in row]
            ), name


def test_a_sample_is_of_the_size_that_was_asked_for_and_shows_no_value_of_personal_data(
    runs: TrinoRuns, tables: dict[str, Any]
) -> None:
    runs.tag("memory.figures.measured", "ratio", "PII.Sensitive")
    ended = runs.run(Workflow.PROFILING, profiling(20))
    assert ended.verdict["outcome"] == "ok", ended.output
    measured = runs.profile("memory.figures.measured")
    assert measured["rowCount"] == 1000
    assert 100 < measured["columns"]["id"]["valuesCount"] < 300
    assert measured["columns"]["id"]["max"] is not None
    ratio = measured["columns"]["ratio"]
    assert [ratio[name] for name in ("min", "max", "median", "firstQuartile", "thirdQuartile", "histogram")] == [
        None
    ] * 6
    assert ratio["nullCount"] == 0
    assert ratio["mean"] is not None


def profiling(percent: int) -> dict[str, Any]:
    """Options for profiles of the measured tables from a sample of their rows."""
    return {
        "schemaFilterPattern": {"includes": ["^figures$"]},
        "tableFilterPattern": {"excludes": ["^left_out$"]},
        "profileSampleConfig": {
            "sampleConfigType": "STATIC",
            "config": {"profileSampleType": "PERCENTAGE", "profileSample": percent},
        },
    }
