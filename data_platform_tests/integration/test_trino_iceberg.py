"""Tables that a real Trino writes, deletes from and analyzes, read by our Iceberg connector beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from data_platform.ingestion.spec import MATCHES, Workflow
from data_platform_tests.integration.real_trino import LAKEHOUSE, READER, RealTrino
from data_platform_tests.integration.runs import Source, catalog_for_runs

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

ORDERS = f"{LAKEHOUSE}.shop.orders"
COLUMNS = ("orderkey", "custkey", "totalprice", "orderdate", "status", "late")
CONTENT = (
    f"CREATE SCHEMA {LAKEHOUSE}.shop",
    f"""CREATE TABLE {ORDERS} WITH (format_version = 2, partitioning = ARRAY['year(orderdate)']) AS
        SELECT orderkey, nullif(custkey, 1) AS custkey, totalprice, orderdate, orderstatus AS status
        FROM tpch.tiny.orders WHERE orderkey < 30000""",
    f"ALTER TABLE {ORDERS} ADD COLUMN late integer",
    f"""INSERT INTO {ORDERS} SELECT orderkey, custkey, totalprice, orderdate, orderstatus, CAST(orderkey % 7 AS integer)
        FROM tpch.tiny.orders WHERE orderkey >= 30000""",
    f"ANALYZE {ORDERS}",
    f"CREATE TABLE {LAKEHOUSE}.shop.deleted AS SELECT orderkey, totalprice FROM tpch.tiny.orders",
    f"DELETE FROM {LAKEHOUSE}.shop.deleted WHERE orderkey % 5 = 0",
    f"CREATE TABLE {LAKEHOUSE}.shop.merged AS SELECT orderkey, totalprice FROM tpch.tiny.orders",
    f"UPDATE {LAKEHOUSE}.shop.merged SET totalprice = 0 WHERE orderkey % 5 = 0",
    f"DELETE FROM {LAKEHOUSE}.shop.merged WHERE orderkey % 7 = 0",
    f"CREATE TABLE {LAKEHOUSE}.shop.nested AS SELECT CAST(ROW(1, 'a') AS row(n bigint, s varchar)) AS r, ARRAY[1] AS a",
)


@pytest.fixture(scope="module")
def api(trino: RealTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A person in the catalog, which has Trino's metadata, then Iceberg's and its profiles."""
    trino.run(*CONTENT)
    only = {"schemaFilterPattern": {"includes": ["^shop$"]}}
    engine = {"databaseFilterPattern": {"includes": [f"^{LAKEHOUSE}$"]}, **only}
    shown = Source("trino", "Trino", {"hostPort": trino.address, "username": READER}, engine)
    read = Source("iceberg", "Iceberg", trino.lakehouse, only)
    with catalog_for_runs(tmp_path_factory.mktemp("iceberg")) as runs:
        assert (ended := runs.run(shown)).verdict["outcome"] == "ok", ended.output
        assert (ended := runs.run(read)).verdict["outcome"] == "ok", ended.output
        assert ended.check_named(MATCHES)["passed"]
        assert ended.metadata["lineage/edges"] == 4
        assert (ended := runs.run(read, Workflow.PROFILING)).verdict["outcome"] == "ok", ended.output
        headers = {"Authorization": f"Bearer {runs.server.token('admin')}"}
        with httpx.Client(base_url=f"{runs.server.url}/v1", headers=headers) as client:
            yield client
    trino.empty()


def profile_of(api: httpx.Client, table: str) -> dict[str, Any]:
    """The latest profile of a table, with its metrics, and those of its columns."""
    answer = api.get(f"/tables/iceberg.{LAKEHOUSE}.shop.{table}/tableProfile/latest").raise_for_status().json()
    metrics = {each["name"]: each["value"] for each in answer["profile"]["customMetrics"]}
    columns = {each["name"]: each.get("profile", {}) for each in answer["columns"]}
    return {**answer["profile"], "metrics": metrics, "columns": columns}


def test_profiles_are_what_trino_answers(trino: RealTrino, api: httpx.Client) -> None:
    profile = profile_of(api, "orders")
    [(rows,)] = trino.ask(f"SELECT count(*) FROM {ORDERS}")
    [(partitions, files, size)] = trino.ask(
        f'SELECT (SELECT count(*) FROM {LAKEHOUSE}.shop."orders$partitions"), count(*), sum(file_size_in_bytes)'
        f' FROM {LAKEHOUSE}.shop."orders$files"'
    )
    metrics = profile["metrics"]
    assert (profile["rowCount"], profile["sizeInByte"]) == (rows, size)
    assert (metrics["partitions"], metrics["files"]) == (partitions, files)
    assert "rowCountIsUpperBound" not in metrics
    for column in COLUMNS:
        found = profile["columns"][column]
        [(values, least, greatest, distinct)] = trino.ask(
            f"SELECT count({column}), min({column}), max({column}), count(DISTINCT {column}) FROM {ORDERS}"
        )
        assert (found["valuesCount"], found["nullCount"]) == (values, rows - values), column
        if column == "status":
            least, greatest = str(least), str(greatest)
        assert [str(found["min"]), str(found["max"])] == [str(least), str(greatest)], column
        # A sketch of up to some thousands of values is exact, and beyond that within a few percent.
        assert found["distinctCount"] == pytest.approx(distinct, rel=0.05), column


def test_rows_that_trino_deleted_are_left_out(trino: RealTrino, api: httpx.Client) -> None:
    profile = profile_of(api, "deleted")
    assert [[profile["rowCount"]]] == trino.ask(f"SELECT count(*) FROM {LAKEHOUSE}.shop.deleted")
    assert profile["metrics"]["deleteFiles"] == 1
    assert "rowCountIsUpperBound" not in profile["metrics"]


def test_rows_that_two_delete_files_may_share_make_the_number_an_upper_bound(
    trino: RealTrino, api: httpx.Client
) -> None:
    [(rows,)] = trino.ask(f"SELECT count(*) FROM {LAKEHOUSE}.shop.merged")
    [(written,)] = trino.ask(f'SELECT sum(record_count) FROM {LAKEHOUSE}.shop."merged$files" WHERE content = 0')
    profile = profile_of(api, "merged")
    assert profile["metrics"]["rowCountIsUpperBound"] == 1
    assert rows < profile["rowCount"] < written


def test_the_same_tables_are_linked_with_their_columns(api: httpx.Client) -> None:
    graph = api.get(
        f"/lineage/table/name/iceberg.{LAKEHOUSE}.shop.orders", params={"upstreamDepth": 0, "downstreamDepth": 1}
    ).json()
    (edge,) = graph["downstreamEdges"]
    assert [node["fullyQualifiedName"] for node in graph["nodes"]] == [f"trino.{ORDERS}"]
    assert len(edge["lineageDetails"]["columnsLineage"]) == len(COLUMNS)
