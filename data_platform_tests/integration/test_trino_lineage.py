"""Lineage and usage from what was asked of a real Trino, also of one that has forgotten it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from data_platform.ingestion.spec import Workflow
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.integration.real_trino import RealTrino
from data_platform_tests.integration.trino_runs import TrinoRuns, trino_runs

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

HISTORY = "lakehouse.openmetadata.query_history"
KEPT = {"retentionDays": 10}
SHOP = {"databaseFilterPattern": {"includes": ["^lakehouse$"]}, "schemaFilterPattern": {"includes": ["^shop$"]}}
LINEAGE = {"queryLogDuration": 7}
EDGES = ("revenue", "names", "orders", "germans")
DAY = 24 * 3600 * 1000

MADE = (
    "CREATE SCHEMA lakehouse.shop",
    "CREATE TABLE lakehouse.shop.customers (id bigint, name varchar, country varchar)",
    "CREATE TABLE lakehouse.shop.orders (id bigint, customer_id bigint, total double)",
    "CREATE TABLE lakehouse.shop.changes (id bigint, total double)",
    "CREATE TABLE lakehouse.shop.names (name varchar)",
    "CREATE TABLE lakehouse.shop.old (id bigint)",
    "INSERT INTO lakehouse.shop.customers VALUES (1, 'Ada', 'GB'), (2, 'Emmy', 'DE')",
    "INSERT INTO lakehouse.shop.orders VALUES (1, 1, 10), (2, 2, 20)",
    "INSERT INTO lakehouse.shop.changes VALUES (2, 25), (3, 30)",
)
# One of each kind that moves data.
ASKED = (
    "CREATE TABLE lakehouse.shop.revenue AS SELECT c.country, sum(o.total) AS total FROM lakehouse.shop.orders o"
    " JOIN lakehouse.shop.customers c ON c.id = o.customer_id GROUP BY c.country",
    "INSERT INTO lakehouse.shop.names SELECT name FROM lakehouse.shop.customers",
    "MERGE INTO lakehouse.shop.orders o USING lakehouse.shop.changes c ON o.id = c.id"
    " WHEN MATCHED THEN UPDATE SET total = c.total WHEN NOT MATCHED THEN INSERT (id, total) VALUES (c.id, c.total)",
    "CREATE VIEW lakehouse.shop.germans AS SELECT name AS german FROM lakehouse.shop.customers WHERE country = 'DE'",
    "SELECT count(*) FROM lakehouse.shop.names",
)


@pytest.fixture(scope="module")
def ended() -> dict[str, Ended]:
    """How each run ended, filled by ``runs``."""
    return {}


@pytest.fixture(scope="module")
def runs(trino: RealTrino, ended: dict[str, Ended], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoRuns]:
    """A catalog with the lineage of a Trino that was restarted before the lineage was asked for."""
    trino.run(*MADE, *ASKED)
    with trino_runs(trino, tmp_path_factory.mktemp("lineage")) as runs:
        ended["copied"] = runs.run(Workflow.QUERY_LOG, KEPT, runs.with_history(HISTORY))
        ended["again"] = runs.run(Workflow.QUERY_LOG, KEPT, runs.with_history(HISTORY))
        trino.restart()
        ended["restarted"] = runs.run(Workflow.QUERY_LOG, KEPT, runs.with_history(HISTORY))
        ended["metadata"] = runs.run(Workflow.METADATA, SHOP)
        ended["lineage"] = runs.run(Workflow.LINEAGE, LINEAGE, runs.with_history(HISTORY))
        ended["usage"] = runs.run(Workflow.USAGE, {"queryLogDuration": 1}, runs.with_history(HISTORY))
        yield runs
    trino.empty()


def test_every_run_says_that_everything_arrived(runs: TrinoRuns, ended: dict[str, Ended]) -> None:
    outcomes = {name: each.verdict["outcome"] for name, each in ended.items()}
    assert outcomes == dict.fromkeys(ended, "ok"), "\n".join(each.output for each in ended.values())


def test_each_finished_query_is_kept_once_and_our_own_are_not(
    runs: TrinoRuns, trino: RealTrino, ended: dict[str, Ended]
) -> None:
    rows = trino.ask(f"SELECT query_id, query, source FROM {HISTORY}")
    assert (
        len({row[0] for row in rows})
        == len(rows)
        == sum(each.metadata.get("query_log/copied", 0) for each in ended.values())
    )
    queries = [row[1] for row in rows]
    assert [queries.count(query) for query in ASKED] == [1] * len(ASKED)
    assert not [row for row in rows if row[2] == "data-platform"]
    assert trino.ask(
        'SELECT partition.started_day = current_date FROM lakehouse.openmetadata."query_history$partitions"'
    ) == [[True]]


def test_a_restarted_trino_is_said_to_have_forgotten(runs: TrinoRuns, ended: dict[str, Ended]) -> None:
    assert "notices" not in ended["again"].metadata or "no longer remembers" not in ended["again"].metadata["notices"]
    assert "no longer remembers" in ended["restarted"].metadata["notices"]


@pytest.mark.fault(
    "the source: is restarted and forgets its queries (Trino)",
    "Lineage and usage read what `query_log` kept; what was asked after its last run is lost, which the next run says.",
)
def test_queries_from_before_the_restart_are_lineage_with_columns(runs: TrinoRuns) -> None:
    assert runs.upstream("lakehouse.shop", "revenue") == {
        "orders": {("orders.total", "revenue.total")},
        "customers": {("customers.country", "revenue.country")},
    }
    assert runs.upstream("lakehouse.shop", "names") == {"customers": {("customers.name", "names.name")}}
    assert runs.upstream("lakehouse.shop", "orders") == {
        "changes": {("changes.id", "orders.id"), ("changes.total", "orders.total")}
    }


def test_a_view_is_lineage_with_columns(runs: TrinoRuns) -> None:
    assert runs.upstream("lakehouse.shop", "germans") == {"customers": {("customers.name", "germans.german")}}


def test_usage_counts_the_queries_from_before_the_restart(runs: TrinoRuns) -> None:
    tables = runs.tables(("usageSummary",))
    counts = {name: tables[f"lakehouse.shop.{name}"].usageSummary.dailyStats.count for name in ("names", "old")}
    # Also the statements that made them.
    assert counts == {"names": 3, "old": 1}


def test_what_no_query_made_for_the_days_that_are_read_goes_and_what_people_drew_stays(
    runs: TrinoRuns, trino: RealTrino
) -> None:
    runs.connect("lakehouse.shop.old", "lakehouse.shop.names", "QueryLineage")
    runs.connect("lakehouse.shop.old", "lakehouse.shop.revenue", "Manual")
    before = {table: runs.upstream("lakehouse.shop", table) for table in EDGES}
    assert "old" in before["names"]
    _make_older(runs, days=8)
    trino.run(*(_asked_ago(days) for days in (8, 12)))
    kept = runs.run(Workflow.QUERY_LOG, KEPT, runs.with_history(HISTORY))
    assert kept.metadata["query_log/pruned"] == 1
    ended = runs.run(Workflow.LINEAGE, LINEAGE, runs.with_history(HISTORY))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.metadata["lineage/removed"] == 5
    del before["names"]["old"]
    assert {table: runs.upstream("lakehouse.shop", table) for table in EDGES} == before
    assert "old" in before["revenue"]


def test_a_user_who_may_only_read_write_and_delete_keeps_a_table_that_is_there(
    runs: TrinoRuns, trino: RealTrino
) -> None:
    trino.run("SELECT 'as little as possible'")
    with trino.limiting("openmetadata", "SELECT", "INSERT", "DELETE"):
        kept = runs.run(Workflow.QUERY_LOG, KEPT, runs.with_history(HISTORY))
    assert kept.verdict["outcome"] == "ok", kept.output
    assert kept.metadata["query_log/copied"] >= 1
    with trino.limiting("openmetadata", "SELECT"):
        refused = runs.run(Workflow.QUERY_LOG, KEPT, runs.with_history(HISTORY))
    assert (refused.verdict["outcome"], refused.verdict["permanent"]) == ("failed", True)
    assert "refuses the permission" in refused.verdict["sentence"]


def test_a_history_that_the_platform_keeps_itself_is_read_through_a_view(runs: TrinoRuns, trino: RealTrino) -> None:
    """As Starburst Galaxy's, whose columns have names of their own."""
    trino.run(
        "CREATE SCHEMA lakehouse.galaxy",
        "CREATE TABLE lakehouse.galaxy.history AS SELECT"
        " 'INSERT INTO lakehouse.shop.changes SELECT id, 1.0 FROM lakehouse.shop.customers' AS query_text,"
        " 'ada@example.org' AS email, current_timestamp AS create_time, current_timestamp AS end_time,"
        " 'FINISHED' AS query_state",
        'CREATE VIEW lakehouse.galaxy.queries AS SELECT query_text AS query, email AS "user", create_time AS started,'
        ' end_time AS "end", query_state AS state FROM lakehouse.galaxy.history',
    )
    ended = runs.run(Workflow.LINEAGE, LINEAGE, runs.with_history("lakehouse.galaxy.queries"))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert runs.upstream("lakehouse.shop", "changes") == {"customers": {("customers.id", "changes.id")}}


def test_a_history_that_does_not_reach_back_removes_nothing(runs: TrinoRuns) -> None:
    runs.connect("lakehouse.shop.old", "lakehouse.shop.names", "QueryLineage")
    _make_older(runs, days=40)
    ended = runs.run(Workflow.LINEAGE, {"queryLogDuration": 30}, runs.with_history(HISTORY))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert "old" in runs.upstream("lakehouse.shop", "names")


def _make_older(runs: TrinoRuns, days: int) -> None:
    """Let every edge of the catalog be so old."""
    written = int(time.time() * 1000) - days * DAY
    with closing(sqlite3.connect(runs.catalog.data / "catalog.sqlite")) as connection:
        connection.execute(
            "UPDATE edges SET json = CAST(json_set(CAST(json AS TEXT), '$.updatedAt', ?) AS BLOB)", (written,)
        )
        connection.commit()


def _asked_ago(days: int) -> str:
    asked = f"current_timestamp - INTERVAL '{days}' DAY"
    return f"INSERT INTO {HISTORY} VALUES ('{days} days', 'FINISHED', 'u', 's', 'SELECT 1', {asked}, {asked}, {asked})"
