"""OpenMetadata's MySQL connector, and what the catalog is held against, on Debian's MariaDB."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.ingestion.spec import MATCHES, NO_MASS_DELETION, Workflow
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.integration.mariadb import PROGRAM, MariaDb, running_mariadb
from data_platform_tests.integration.runs import Runs, Source, catalog_for_runs

# Importing OpenMetadata's client warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

READER = "catalog_reader"
PASSWORD = "Pa55-of-the/reader"
WIDEST = {"InnoDB": 1_017, "Aria": 1_500}
"""Columns of a table by its engine; InnoDB allows no more."""

SALES = (
    "CREATE DATABASE sales",
    "CREATE TABLE sales.customers (id int PRIMARY KEY, name varchar(100) NOT NULL COMMENT 'As on the invoice',"
    " country char(2)) COMMENT 'Who buys'",
    "CREATE TABLE sales.orders (id int PRIMARY KEY, customer_id int NOT NULL, day date, at datetime(3),"
    " total decimal(10, 2), state enum('open', 'paid'), note text, detail json, flag bit(1), unseen varchar(10),"
    " CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES sales.customers (id))",
    "CREATE VIEW sales.revenue AS SELECT c.country, sum(o.total) AS revenue"
    " FROM sales.orders o JOIN sales.customers c ON c.id = o.customer_id GROUP BY c.country",
    "CREATE PROCEDURE sales.pay(i int) UPDATE sales.orders SET state = 'paid' WHERE id = i",
    "CREATE FUNCTION sales.tax(amount decimal(10, 2)) RETURNS decimal(10, 2) DETERMINISTIC RETURN amount * 0.19",
    "CREATE SEQUENCE sales.numbers",
    "CREATE TABLE sales.prices (id int, price decimal(10, 2)) WITH SYSTEM VERSIONING",
    "INSERT INTO sales.customers SELECT seq, concat('customer ', seq), if(seq % 2, 'DE', 'GB') FROM sales.fifty",
    "INSERT INTO sales.orders (id, customer_id, day, at, total, state)"
    " SELECT seq, seq, '2024-01-01' + INTERVAL seq DAY, '2024-01-01' + INTERVAL seq HOUR,"
    " if(seq % 10, 20 - seq * 1.5, NULL), 'open' FROM sales.fifty",
    "DROP VIEW sales.fifty",
)

HARD_SCHEMA = "Größe.1 `y` it's"
HARD_TABLES = ("Orders", "orders", "with.dot", 'with "quotes"', "with `ticks`", "it's", "größe", "半角 カナ", "select")
HARD_COLUMNS = ("Upper", "with.dot", 'with "quotes"', "with `ticks`", "it's", "größe", "半角", "select", "per cent %")


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def hard_statements() -> Iterator[str]:
    schema = quoted(HARD_SCHEMA)
    yield f"CREATE DATABASE {schema}"
    columns = ", ".join(f"{quoted(name)} int COMMENT 'of it''s \"kind\"'" for name in HARD_COLUMNS)
    for table in HARD_TABLES:
        yield f"CREATE TABLE {schema}.{quoted(table)} ({columns})"
    for engine, width in WIDEST.items():
        wide = ", ".join(f"c{number} int" for number in range(width))
        yield f"CREATE TABLE {schema}.`wide {engine}` ({wide}) ENGINE {engine}"
    yield "CREATE DATABASE nothing"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A server with a shop, and a user who may do what the documentation asks for."""
    assert PROGRAM.exists(), "mariadb-server-core is not installed: 'make test-integration' installs it"
    with running_mariadb(tmp_path_factory.mktemp("mariadb")) as running:
        rows = " UNION ALL ".join(f"SELECT {number} AS seq" for number in range(1, 51))
        first, *others = SALES
        running.execute(first, f"CREATE VIEW sales.fifty AS {rows}", *others, *hard_statements())
        running.execute(f"CREATE USER {READER} IDENTIFIED BY '{PASSWORD}'")
        for schema in ("sales", HARD_SCHEMA, "nothing"):
            running.execute(f"GRANT SELECT, SHOW VIEW, EXECUTE ON {quoted(schema)}.* TO {READER}")
        yield running


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as opened:
        yield opened


@pytest.fixture(scope="module")
def shop(server: MariaDb, runs: Runs) -> Source:
    connection = {
        "hostPort": f"127.0.0.1:{server.port}",
        "username": READER,
        "authType": {"password": runs.secret("password", PASSWORD)},
    }
    return Source("shop", "Mysql", connection, {"schemaFilterPattern": {"excludes": ["^information_schema$"]}})


def only(*schemas: str) -> dict[str, Any]:
    return {"schemaFilterPattern": {"includes": [f"^{schema}$" for schema in schemas]}}


@pytest.fixture(scope="module")
def first(runs: Runs, shop: Source) -> Ended:
    """The first run of everything; the tests after it add what they need and take it away."""
    return runs.run(shop)


def tables(runs: Runs, schema: str) -> dict[str, Any]:
    """Tables of a schema by their names in the source, by OpenMetadata's client."""
    from metadata.generated.schema.entity.data.table import Table

    listed = runs.client.list_all_entities(
        Table, fields=["columns", "tableConstraints"], params={"databaseSchema": f"shop.default.{schema}"}
    )
    return {table.name.root: table for table in listed}


@pytest.mark.bad_input("empty scope", "MySQL")
def test_everything_arrives_and_is_what_the_source_has(first: Ended, runs: Runs, shop: Source) -> None:
    assert first.verdict["outcome"] == "ok", first.output
    kinds = ("database", "databaseSchema", "table", "storedProcedure")
    assert [first.metadata[f"entities/{kind}"] for kind in kinds] == [1, 3, 15, 2]
    assert first.check_named(MATCHES)["passed"], first.check_named(MATCHES)
    assert Ended.metadata_of(first.check_named(MATCHES))["compared"] == 21
    again = runs.run(shop)
    assert (again.metadata["created"], again.metadata["deleted"]) == (0, 0)


@pytest.mark.usefixtures("first")
def test_tables_views_keys_comments_and_types_are_read_back(runs: Runs) -> None:
    sales = tables(runs, "sales")
    kinds = {name: table.tableType.value for name, table in sales.items()}
    regular = dict.fromkeys(("customers", "orders", "prices"), "Regular")
    assert kinds == {**regular, "revenue": "View"}
    assert sales["customers"].description.root == "Who buys"
    assert {
        column.name.root: column.description.root for column in sales["customers"].columns if column.description
    } == {"name": "As on the invoice"}
    types = {column.name.root: column.dataType.value for column in sales["orders"].columns}
    assert types == {
        "id": "INT",
        "customer_id": "INT",
        "day": "DATE",
        "at": "DATETIME",
        "total": "DECIMAL",
        "state": "ENUM",
        "note": "TEXT",
        "detail": "TEXT",  # MariaDB's json is a longtext
        "flag": "BIT",
        "unseen": "VARCHAR",
    }
    (key,) = (each for each in sales["orders"].tableConstraints if each.constraintType.value == "FOREIGN_KEY")
    assert (key.columns, [each.root for each in key.referredColumns]) == (
        ["customer_id"],
        ["shop.default.sales.customers.id"],
    )


@pytest.mark.bad_input("hard names", "MySQL")
@pytest.mark.bad_input("1,500 columns", "MySQL")
@pytest.mark.usefixtures("first")
def test_names_with_dots_quotes_ticks_unicode_and_upper_case_arrive_as_they_are(runs: Runs) -> None:
    hard = tables(runs, f'"{HARD_SCHEMA}"')
    assert set(hard) == {*HARD_TABLES, *(f"wide {engine}" for engine in WIDEST)}
    assert all({column.name.root for column in hard[name].columns} == set(HARD_COLUMNS) for name in HARD_TABLES)
    assert {engine: len(hard[f"wide {engine}"].columns) for engine in WIDEST} == WIDEST


@pytest.mark.usefixtures("first")
def test_schemas_without_a_table_arrive_too(runs: Runs) -> None:
    from metadata.generated.schema.entity.data.databaseSchema import DatabaseSchema

    listed = runs.client.list_all_entities(DatabaseSchema, params={"database": "shop.default"})
    assert {each.name.root for each in listed} >= {"sales", HARD_SCHEMA, "nothing"}
    assert tables(runs, "nothing") == {}


@pytest.mark.usefixtures("first")
def test_profiles_are_what_sql_answers(runs: Runs, shop: Source, server: MariaDb) -> None:
    ended = runs.run(shop, Workflow.PROFILING, options=only("sales"))
    assert ended.verdict["outcome"] == "ok", ended.output
    profile = runs.client.get_latest_table_profile("shop.default.sales.orders")
    columns = {column.name.root: column.profile for column in profile.columns}
    (asked,) = server.execute(
        "SELECT count(*), count(total), min(total), max(total), avg(total), sum(total), count(DISTINCT state),"
        " count(DISTINCT day), min(day), max(day), min(at), max(at), count(unseen) FROM sales.orders"
    )
    rows, totals, low, high, mean, whole, states, days, first_day, last_day, first_at, last_at, seen = asked
    assert profile.profile.rowCount == pytest.approx(rows, rel=0.1)  # InnoDB estimates it
    total = columns["total"]
    assert (total.nullCount, total.min, total.max, total.sum) == (rows - totals, float(low), float(high), float(whole))
    assert total.mean == pytest.approx(float(mean))
    assert columns["state"].distinctCount == states
    assert (columns["day"].distinctCount, columns["day"].min, columns["day"].max) == (
        days,
        first_day.isoformat(),
        last_day.isoformat(),
    )
    assert (columns["at"].min, columns["at"].max) == (first_at.isoformat(), last_at.isoformat())
    assert (columns["unseen"].nullCount, columns["unseen"].nullProportion) == (rows - seen, 1.0)


@pytest.mark.usefixtures("first")
def test_what_is_dropped_is_deleted_and_the_rest_stays(runs: Runs, shop: Source, server: MariaDb) -> None:
    server.execute("CREATE TABLE sales.passing (id int)")
    assert runs.run(shop).metadata["created"] == 1
    server.execute("DROP TABLE sales.passing")
    ended = runs.run(shop)
    assert ended.check_named(NO_MASS_DELETION)["passed"], str(ended.check_named(NO_MASS_DELETION)["metadata"])[:3000]
    assert [row["name"] for row in ended.metadata["deletions"]] == ["shop.default.sales.passing"]
    assert ended.check_named(MATCHES)["passed"]
    assert ended.check_named(NO_MASS_DELETION)["passed"]


@pytest.mark.usefixtures("first")
def test_a_schema_whose_privileges_are_lost_stays_with_its_tables(runs: Runs, shop: Source, server: MariaDb) -> None:
    server.execute("CREATE DATABASE spare", "CREATE TABLE spare.parts (id int)")
    server.execute(f"GRANT SELECT, SHOW VIEW, EXECUTE ON spare.* TO {READER}")
    assert runs.run(shop).metadata["created"] == 2
    server.execute(f"REVOKE SELECT, SHOW VIEW, EXECUTE ON spare.* FROM {READER}")
    ended = runs.run(shop, deletion={"max_share": 50})
    kept = tables(runs, "spare")
    runs.run(shop, allow_deletions=True)
    server.execute("DROP DATABASE spare")
    assert set(kept) == {"parts"}
    check = ended.check_named(NO_MASS_DELETION)
    assert not check["passed"]
    assert [row["scope"] for row in Ended.metadata_of(check)["refused"]["records"]] == ["shop.default.spare"]


@pytest.mark.bad_input("half-broken object", "MySQL")
@pytest.mark.bad_input("view that does not compile", "MySQL")
@pytest.mark.usefixtures("first")
def test_a_view_that_does_not_compile_is_named_and_neither_it_nor_anything_else_is_deleted(
    runs: Runs, shop: Source, server: MariaDb
) -> None:
    server.execute("CREATE TABLE sales.base (id int)", "CREATE VIEW sales.broken AS SELECT * FROM sales.base")
    assert runs.run(shop).metadata["created"] == 2
    server.execute("DROP TABLE sales.base", "CREATE TABLE sales.after (id int)")
    ended = runs.run(shop)
    server.execute("DROP VIEW sales.broken", "DROP TABLE sales.after")
    assert ended.verdict["outcome"] == "partial"
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == "broken"
    assert "references invalid table(s)" in failure["error"]
    assert (ended.metadata["created"], ended.metadata["deleted"]) == (1, 0)
    assert {"broken", "after"} <= set(tables(runs, "sales"))


@pytest.mark.usefixtures("first")
def test_a_schema_that_the_client_has_no_name_for_is_told_of_and_does_not_hide_the_others(
    runs: Runs, shop: Source, server: MariaDb
) -> None:
    server.execute(
        'CREATE DATABASE `a "b"`', 'CREATE TABLE `a "b"`.t (i int)', f'GRANT SELECT ON `a "b"`.* TO {READER}'
    )
    ended = runs.run(shop)
    filtered = runs.run(shop, options={"schemaFilterPattern": {"excludes": ["^information_schema$", "^a "]}})
    server.execute('DROP DATABASE `a "b"`')
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == "shop.default.a __reserved__quote__b__reserved__quote__"
    assert 'cannot name the schema a "b"' in failure["error"]
    assert ended.metadata["entities/databaseSchema"] == 3
    assert filtered.verdict["outcome"] == "ok"


@pytest.mark.bad_input("wrong host", "MySQL")
@pytest.mark.bad_input("wrong port", "MySQL")
@pytest.mark.bad_input("wrong credentials", "MySQL")
@pytest.mark.bad_input("TLS refused", "MySQL")
@pytest.mark.parametrize(
    ("connection", "permanent", "sentence"),
    [
        ({"hostPort": "no.such.host:3306"}, False, "does not answer at no.such.host:3306 (Name or service not known)"),
        ({"hostPort": "127.0.0.1:1"}, False, "does not answer at 127.0.0.1:1 (Connection refused)"),
        ({"username": "nobody"}, True, "refuses the credentials"),
        ({"databaseSchema": "unknown"}, True, "refuses the permission"),
        ({"connectionArguments": {"ssl": {"check_hostname": False}}}, True, "does not speak TLS"),
    ],
)
def test_what_stops_a_run_is_one_sentence(
    runs: Runs, shop: Source, connection: dict[str, Any], permanent: bool, sentence: str
) -> None:
    ended = runs.run(shop, connection=connection)
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", permanent)
    assert sentence in ended.verdict["sentence"]
    assert "\n" not in ended.verdict["sentence"]
    assert "sqlalche.me" not in ended.verdict["sentence"]
    assert PASSWORD not in ended.everything


def test_a_schema_that_a_filter_names_and_nobody_has_is_one_sentence(runs: Runs, shop: Source) -> None:
    ended = runs.run(shop, options=only("sales", "unknown"))
    assert ended.verdict["sentence"].startswith("shop: the source has no schema 'unknown'")


@pytest.mark.bad_input("hangs", "MySQL")
def test_a_server_that_never_speaks_is_given_up_as_configured(runs: Runs, shop: Source) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        connection = {
            "hostPort": f"127.0.0.1:{mute.getsockname()[1]}",
            "connectionArguments": {"connect_timeout": 2, "read_timeout": 2},
        }
        ended = runs.run(shop, connection=connection)
    assert ended.verdict["outcome"] == "failed"
    assert not ended.verdict["permanent"]
    assert "the source does not answer" in ended.verdict["sentence"]
