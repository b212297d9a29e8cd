"""The catalog against a real PostgreSQL after a run: what the checks say, and what is deleted."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import collection, take
from data_platform.ingestion.spec import MATCHES, NO_MASS_DELETION
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.ingestion.conftest import PASSWORD, SpecMaker, execute
from data_platform_tests.ingestion.lossy import losing
from examples.demo.postgres import Server, running_postgres

Run = Callable[..., Ended]
ONLY_SALES = {"schemaFilterPattern": {"includes": ["^sales$"]}}


@pytest.fixture
def tables(catalog: RunningServer, database: str) -> Callable[[], set[str]]:
    """The tables that the catalog holds, without service and database."""

    def held() -> set[str]:
        with CatalogClient(catalog.url, catalog.token("admin")) as client:
            found = take(client, "database", "shop").holdings.values()
        return {each.fqn.removeprefix(f"shop.{database}.") for each in found if each.kind == "table"}

    return held


@pytest.fixture
def drop(postgres: Server, database: str) -> Callable[[str], None]:
    """Runs SQL in the shop's database."""
    return lambda statements: execute(postgres, database, statements)


def metadata(check: dict[str, Any]) -> dict[str, Any]:
    return Ended.metadata_of(check)


def test_a_catalog_that_holds_what_the_source_has_is_said_to_match(run: Run, make_spec: SpecMaker) -> None:
    for _ in range(2):
        ended = run(make_spec())
        check = ended.check_named(MATCHES)
        assert check["passed"], ended.output
        assert metadata(check)["compared"] == 7
        assert ended.check_named(NO_MASS_DELETION)["passed"]
        assert ended.metadata["deleted"] == 0


@pytest.mark.fault(
    "the catalog: loses one table in a hundred without an error",
    "The check `catalog_matches_source` fails and names it.",
)
def test_one_table_in_a_hundred_that_is_lost_in_silence_is_named(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, database: str, drop: Callable[[str], None]
) -> None:
    drop("".join(f"CREATE TABLE sales.t{number} (id integer);" for number in range(97)))
    with losing(catalog.url, "t42") as url:
        ended = run(make_spec(catalog_url=url))
    assert ended.verdict["outcome"] == "partial"
    lost = f"shop.{database}.sales.t42"
    assert [row["name"] for row in ended.metadata["failures"]["records"]] == [lost]
    check = ended.check_named(MATCHES)
    assert not check["passed"]
    assert check["severity"] == "WARN"
    assert metadata(check)["mismatches"]["records"] == [
        {
            "scope": f"shop.{database}.sales",
            "name": lost,
            "kind": "table",
            "difference": "missing",
            "detail": "",
        }
    ]


def test_columns_that_differ_are_named_and_stop_what_depends_on_the_metadata(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    run(make_spec())
    name = f"shop.{database}.sales.customers"
    # A hash that is equal makes the catalog keep what it has, whatever it is sent.
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        table = client.get_by_name("tables", name)
        client.patch("tables", table["id"], [{"op": "remove", "path": "/columns/1"}])
    ended = run(make_spec())
    check = ended.check_named(MATCHES)
    assert not check["passed"]
    assert check["severity"] == "ERROR"
    (row,) = metadata(check)["mismatches"]["records"]
    assert (row["name"], row["difference"], row["detail"]) == (name, "columns", "missing: name")


def test_a_dropped_table_is_deleted_and_can_be_restored_and_a_renamed_one_arrives_under_its_new_name(
    run: Run,
    make_spec: SpecMaker,
    catalog: RunningServer,
    tables: Callable[[], set[str]],
    drop: Callable[[str], None],
    database: str,
) -> None:
    run(make_spec())
    drop("DROP VIEW sales.revenue; ALTER TABLE sales.orders RENAME TO purchases")
    ended = run(make_spec(deletion={"max_share": 70}))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert tables() == {"sales.customers", "sales.purchases"}
    assert ended.metadata["deleted"] == 2
    assert {row["name"] for row in ended.metadata["deletions"]} == {
        f"shop.{database}.sales.orders",
        f"shop.{database}.sales.revenue",
    }
    assert ended.check_named(MATCHES)["passed"]
    assert ended.check_named(NO_MASS_DELETION)["passed"]

    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        for row in ended.metadata["deletions"]:
            client.restore(collection(row["kind"]), row["id"])
    assert tables() == {"sales.customers", "sales.orders", "sales.purchases", "sales.revenue"}


@pytest.mark.fault(
    "the source: has lost most of its tables",
    "They stay in the catalog until a run is told that they may go; `no_mass_deletion` fails.",
)
def test_too_much_that_disappears_stays_until_a_run_is_told_otherwise(
    run: Run, make_spec: SpecMaker, tables: Callable[[], set[str]], drop: Callable[[str], None], database: str
) -> None:
    run(make_spec())
    drop("DROP VIEW sales.revenue")
    ended = run(make_spec())
    assert tables() == {"sales.customers", "sales.orders", "sales.revenue"}
    assert ended.verdict["outcome"] == "ok"
    check = ended.check_named(NO_MASS_DELETION)
    assert not check["passed"]
    assert metadata(check)["refused"]["records"] == [
        {
            "scope": f"shop.{database}.sales",
            "kind": "table",
            "vanishing": 1,
            "held": 3,
            "percent": 33.3,
            "first": f"shop.{database}.sales.revenue",
        }
    ]
    matches = ended.check_named(MATCHES)
    assert not matches["passed"]
    assert matches["severity"] == "WARN"
    assert metadata(matches)["surplus"] == 1

    ended = run(make_spec(allow_deletions=True))
    assert tables() == {"sales.customers", "sales.orders"}
    assert ended.check_named(MATCHES)["passed"]


def test_a_filter_that_is_narrowed_deletes_nothing(
    run: Run, make_spec: SpecMaker, tables: Callable[[], set[str]], drop: Callable[[str], None]
) -> None:
    drop("CREATE TABLE public.notes (id integer)")
    run(make_spec())
    ended = run(make_spec(options={**ONLY_SALES, "includeViews": False}, allow_deletions=True))
    assert ended.metadata["deleted"] == 0
    assert ended.check_named(MATCHES)["passed"]
    assert tables() == {"public.notes", "sales.customers", "sales.orders", "sales.revenue"}


def test_names_that_the_client_escapes_are_the_same_on_both_sides_and_filters_see_the_sources(
    run: Run, make_spec: SpecMaker, tables: Callable[[], set[str]], drop: Callable[[str], None]
) -> None:
    drop("""
        CREATE SCHEMA "a::b";
        CREATE TABLE sales."tmp>a" ("a>b" integer);
        CREATE FUNCTION sales."f>g"() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    """)
    ended = run(make_spec())
    assert ended.check_named(MATCHES)["passed"], metadata(ended.check_named(MATCHES))
    assert metadata(ended.check_named(MATCHES))["compared"] == 10
    assert "sales.tmp__reserved__arrow__a" in tables()
    ended = run(make_spec(options={"tableFilterPattern": {"excludes": ["^tmp>"]}}, allow_deletions=True))
    assert ended.metadata["deleted"] == 0
    assert "sales.tmp__reserved__arrow__a" in tables()


@pytest.mark.bad_input("half-broken object", "Postgres")
def test_a_routine_that_the_catalog_can_not_name_is_named_and_those_after_it_arrive(
    run: Run, make_spec: SpecMaker, drop: Callable[[str], None], database: str
) -> None:
    routine = "CREATE FUNCTION sales.{}() RETURNS integer LANGUAGE sql AS 'SELECT 1';"
    drop(routine.format('"say ""hi"""') + "".join(routine.format(f"f{number}") for number in range(20)))
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "partial"
    rows = ended.metadata["failures"]["records"]
    assert any('Invalid name say "hi"' in row["error"] for row in rows), rows
    missing = [row["name"] for row in metadata(ended.check_named(MATCHES))["mismatches"]["records"]]
    assert missing == [f"shop.{database}.sales.say __reserved__quote__hi__reserved__quote__"]


def test_all_databases_but_templates_are_listed_without_a_filter_and_filters_of_the_connection_count(
    run: Run, make_spec: SpecMaker, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_postgres(tmp_path / "own", port) as server:
        execute(server, "postgres", f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data")
        for name in ("accounts", "stock"):
            execute(server, "postgres", f"CREATE DATABASE {name}")
            execute(server, name, "CREATE TABLE held (id integer)")
        every = {"hostPort": f"127.0.0.1:{port}", "database": "postgres", "ingestAllDatabases": True}
        ended = run(make_spec(connection=every, options={}))
        assert ended.verdict["outcome"] == "ok", ended.verdict
        assert ended.check_named(MATCHES)["passed"]
        assert ended.metadata["entities/database"] == 3
        narrowed = {**every, "databaseFilterPattern": {"includes": ["^stock$"]}}
        ended = run(make_spec(connection=narrowed, options={}))
        assert (ended.metadata["deleted"], ended.check_named(MATCHES)["passed"]) == (0, True)
        assert metadata(ended.check_named(MATCHES))["compared"] == 3


def test_a_connection_that_is_narrowed_to_one_database_deletes_nothing_of_the_others(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, database: str, drop: Callable[[str], None]
) -> None:
    other = f"{database}_other"
    drop(f"CREATE DATABASE {other}")
    every = {"databaseFilterPattern": {"includes": [f"^{database}"]}}
    assert run(make_spec(connection={"ingestAllDatabases": True}, options=every)).verdict["outcome"] == "ok"
    ended = run(make_spec(options=every, allow_deletions=True))
    assert ended.metadata["deleted"] == 0
    assert ended.check_named(MATCHES)["passed"], ended.check_named(MATCHES)
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        assert {each["name"] for each in client.list("databases", service="shop")} == {database, other}


def test_a_dropped_schema_goes_with_its_tables(
    run: Run, make_spec: SpecMaker, tables: Callable[[], set[str]], drop: Callable[[str], None], database: str
) -> None:
    drop("CREATE SCHEMA old; CREATE TABLE old.notes (id integer)")
    run(make_spec())
    drop("DROP SCHEMA old CASCADE")
    ended = run(make_spec(deletion={"max_share": 40}))
    assert ended.metadata["deleted"] == 2
    assert [(row["kind"], row["name"]) for row in ended.metadata["deletions"]] == [
        ("databaseSchema", f"shop.{database}.old"),
        ("table", f"shop.{database}.old.notes"),
    ]
    # Said before it was done: a run that ends in the middle of it leaves no other record.
    said = [params["payload"] for method, params in ended.messages if method == "report_custom_message"]
    assert {"asset": "openmetadata/shop/metadata", "entities": ended.metadata["deletions"]} in [
        each.get("deletions") for each in said
    ]
    assert tables() == {"sales.customers", "sales.orders", "sales.revenue"}


@pytest.mark.fault(
    "the source: can be read in part (a schema that is refused)",
    "Nothing in it is deleted.",
)
def test_permissions_that_are_lost_on_a_schema_delete_nothing_in_it(
    run: Run, make_spec: SpecMaker, tables: Callable[[], set[str]], drop: Callable[[str], None]
) -> None:
    run(make_spec())
    drop("REVOKE pg_read_all_data FROM reader")
    try:
        ended = run(make_spec(allow_deletions=True))
    finally:
        drop("GRANT pg_read_all_data TO reader")
    assert ended.materialized
    assert tables() == {"sales.customers", "sales.orders", "sales.revenue"}


@pytest.mark.fault(
    "the source: breaks its connections in the middle of a run",
    "Nothing is deleted, and the next run does what there is to do.",
)
def test_a_source_whose_connections_break_in_the_middle_loses_nothing(
    run: Run,
    start: Callable[..., Child],
    make_spec: SpecMaker,
    tables: Callable[[], set[str]],
    drop: Callable[[str], None],
    database: str,
) -> None:
    run(make_spec())
    drop("DROP VIEW sales.revenue")
    child = start(make_spec(deletion={"max_share": 50}))
    child.wait_for(lambda log: any("running the metadata workflow" in line for line in log))
    of_reader = f"usename = 'reader' AND datname = '{database}'"
    while child.process.poll() is None:
        drop(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_reader}")
        time.sleep(0.02)
    ended = child.end()
    assert ended.verdict["outcome"] == "failed" or not ended.check_named(MATCHES)["passed"]
    assert tables() == {"sales.customers", "sales.orders", "sales.revenue"}
    run(make_spec(deletion={"max_share": 50}))
    assert tables() == {"sales.customers", "sales.orders"}


def test_a_failed_run_deletes_nothing_and_the_next_one_does(
    run: Run,
    make_spec: SpecMaker,
    catalog: RunningServer,
    tables: Callable[[], set[str]],
    drop: Callable[[str], None],
) -> None:
    run(make_spec())
    drop("DROP VIEW sales.revenue; CREATE TABLE sales.returns (id integer)")
    fault = catalog.faults.add(method="PUT", path="/tables/bulk$", status=500)
    ended = run(make_spec(deletion={"max_share": 50}))
    assert fault.hits
    assert ended.verdict["outcome"] == "failed"
    assert tables() == {"sales.customers", "sales.orders", "sales.revenue"}
    catalog.faults.clear()
    run(make_spec(deletion={"max_share": 50}))
    assert tables() == {"sales.customers", "sales.orders", "sales.returns"}


@pytest.mark.fault(
    "the run: meets another one that deletes at the same time",
    "Nothing that is there is deleted.",
)
def test_two_runs_at_once_delete_nothing_that_is_there(
    start: Callable[..., Child], make_spec: SpecMaker, tables: Callable[[], set[str]], drop: Callable[[str], None]
) -> None:
    children = [start(make_spec(allow_deletions=True)) for _ in range(2)]
    for child in children:
        child.end()
    assert tables() == {"sales.customers", "sales.orders", "sales.revenue"}


def test_a_deletion_that_the_catalog_refuses_makes_the_run_partial_and_is_not_said_to_be_done(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, tables: Callable[[], set[str]], drop: Callable[[str], None]
) -> None:
    drop("".join(f"CREATE TABLE sales.t{number} (id integer);" for number in range(10)))
    run(make_spec())
    drop("DROP TABLE sales.t1, sales.t2")
    catalog.faults.add(method="DELETE", path="/v1/tables/", status=403, times=1)
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "partial"
    assert "could not be deleted" in ended.verdict["sentence"]
    assert "sales.t1" in tables()
    assert "sales.t2" not in tables()
    assert [row["name"].rpartition(".")[2] for row in ended.metadata["deletions"]] == ["t2"]
    assert ended.metadata["deleted"] == 1
    assert [row["name"].rpartition(".")[2] for row in ended.metadata["failures"]["records"]] == ["t1"]
    assert Ended.metadata_of(ended.check_named(MATCHES))["surplus"] == 1
