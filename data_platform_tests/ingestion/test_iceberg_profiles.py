"""Profiles of Iceberg tables, from metadata alone, against what reading every row comes to."""

from __future__ import annotations

import json
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow
import pyarrow.compute
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.statistics import BlobMetadata, StatisticsFile
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType, StructType

from data_platform.ingestion.health import HealthCheck
from data_platform.ingestion.sources.iceberg_statistics import collect
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.ingestion.lakehouse import EVENTS, NAME, Lakehouse, append, data_file, wide
from data_platform_tests.ingestion.lakehouse_deletes import (
    commit,
    data_paths,
    equality_deletes,
    position_deletes,
)

SECRET = "Lovelace"
PERSONAL = Schema(
    NestedField(1, "id", LongType()),
    NestedField(2, "name", StringType()),
    NestedField(3, "home", StructType(NestedField(4, "street", StringType()), NestedField(5, "number", LongType()))),
)
DAY = PartitionSpec(PartitionField(source_id=5, field_id=1000, transform=IdentityTransform(), name="day"))


def order(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "customer": f"c{number % 7}" if number % 5 else None,
        "total": Decimal(number) / 4,
        "discount": number / 8 if number % 3 else None,
        "day": date(2026, 1, 1) + timedelta(days=number % 4),
        "at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        **more,
    }


@dataclass(frozen=True)
class Profiled:
    """A lakehouse whose tables were catalogued and profiled.

    Attributes:
        ended: the profiling run.
    """

    lake: Lakehouse
    api: httpx.Client
    server: RunningServer
    folder: Path
    ended: Ended

    def of(self, name: str) -> dict[str, Any]:
        """The catalog's profile of a table: its own figures and those of its columns."""
        fqn = f"iceberg.{NAME}.sales.{name}"
        answer = self.api.get(f"/tables/{quote(fqn)}/tableProfile/latest", params={"includeColumnProfile": True})
        found = answer.raise_for_status().json()
        custom = {each["name"]: each["value"] for each in found["profile"].get("customMetrics", [])}
        columns = {each["name"]: each.get("profile") or {} for each in _flat(found["columns"])}
        return {**found["profile"], "custom": custom, "columns": columns}

    def state(self, name: str) -> dict[str, Any]:
        """What the run says of a table's state."""
        rows = self.ended.metadata["health/tables"]["records"]
        return next(row for row in rows if row["name"] == f"iceberg.{NAME}.sales.{name}")

    def run(self, workflow: Workflow, **fields: Any) -> Ended:
        """Run a workflow of the source."""
        return run(self.lake, self.server, self.folder, workflow, **fields)


def _flat(columns: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for column in columns:
        yield column
        for child in _flat(column.get("children", [])):
            yield {**child, "name": f"{column['name']}.{child['name']}"}


def run(lake: Lakehouse, server: RunningServer, folder: Path, workflow: Workflow, **fields: Any) -> Ended:
    spec = WorkflowSpec(
        environment="demo",
        service="iceberg",
        connector="Iceberg",
        workflows=(workflow,),
        connection=lake.connection,
        catalog_url=server.url,
        catalog_token=f"file:{folder}/token",
        vault_address="http://127.0.0.1:1",
        run_id=str(uuid.uuid4()),
        **fields,
    )
    return Child(spec, folder / "children").end()


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profiled]:
    """Every kind of table, catalogued, with a tag on what is personal, then profiled."""
    folder = tmp_path_factory.mktemp("profiles")
    with closing(Lakehouse(folder / "lake")) as lake, running_server(folder / "catalog") as server:
        fill(lake)
        (folder / "token").write_text(server.token("ingestion-bot"))
        assert run(lake, server, folder, Workflow.METADATA).verdict["outcome"] == "ok"
        headers = {"Authorization": f"Bearer {server.token('admin')}"}
        with httpx.Client(base_url=f"{server.url}/v1", headers=headers) as api:
            for column in ("columns/1", "columns/2"):
                tag(api, "customers", column)
            ended = run(lake, server, folder, Workflow.PROFILING)
            yield Profiled(lake, api, server, folder, ended)


def fill(lake: Lakehouse) -> None:
    orders = lake.table("sales", "orders", partition_spec=DAY)
    append(orders, [order(number) for number in range(100)])
    with orders.update_schema() as change:
        change.add_column("currency", StringType())
    append(orders, [order(number, currency="EUR") for number in range(100, 150)])
    append(orders, [order(number) for number in range(150, 160)])
    lake.table("sales", "empty")
    lake.table("sales", "wide", wide(1500))
    append(lake.table("sales", "events", EVENTS), [{"id": 1, "user": {"name": "Ada", "tags": ["a", "b"]}}])
    silent = lake.table("sales", "silent", properties={"write.metadata.metrics.default": "none"})
    append(silent, [order(1)])
    people = lake.table("sales", "customers", PERSONAL)
    append(people, [{"id": 7, "name": SECRET, "home": {"street": f"{SECRET} Lane", "number": 1815}}])
    fill_deletes(lake)
    analyzed = lake.table("sales", "analyzed")
    append(analyzed, [order(number, customer="a text of more than sixteen characters") for number in range(10)])
    _analyze(analyzed, {"id": 10, "customer": 1})


def fill_deletes(lake: Lakehouse) -> None:
    for name in ("deleted", "twice", "equal", "orphans"):
        table = lake.table("sales", name)
        append(table, [order(number) for number in range(20)])
        append(table, [order(number) for number in range(20, 40)])
        first, second = data_paths(table)
        match name:
            case "deleted":
                commit(table, position_deletes(table, (first, 0), (first, 3)), position_deletes(table, (second, 1)))
            case "twice":
                table = commit(table, position_deletes(table, (first, 0), (first, 3)))
                commit(table, position_deletes(table, (first, 3), (first, 4), (first, 5)))
            case "equal":
                commit(table, equality_deletes(table, "id", [1, 2, 3]))
            case _:
                gone = first.replace(".parquet", "-compacted.parquet")
                table = commit(
                    table,
                    position_deletes(table, (gone, 0)),
                    position_deletes(table, (gone, 1)),
                    position_deletes(table, (first, 0)),
                )


def tag(api: httpx.Client, name: str, path: str) -> None:
    """Tag a column of a table as PII."""
    entity = api.get(f"/tables/name/iceberg.{NAME}.sales.{name}", params={"fields": "columns"}).json()["id"]
    label = {"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    change = [{"op": "add", "path": f"/{path}/tags/0", "value": label}]
    patch = {"Content-Type": "application/json-patch+json"}
    api.patch(f"/tables/{entity}", json=change, headers=patch).raise_for_status()


def _analyze(table: Table, distinct: dict[str, int]) -> None:
    """Leave numbers of different values, as an engine's ANALYZE does."""
    snapshot = table.current_snapshot()
    assert snapshot is not None
    blobs = [
        BlobMetadata.model_validate(
            {
                "type": "apache-datasketches-theta-v1",
                "snapshot-id": snapshot.snapshot_id,
                "sequence-number": snapshot.sequence_number,
                "fields": [table.schema().find_field(column).field_id],
                "properties": {"ndv": str(number)},
            }
        )
        for column, number in distinct.items()
    ]
    file = StatisticsFile.model_validate(
        {
            "snapshot-id": snapshot.snapshot_id,
            "statistics-path": f"{table.location()}/metadata/statistics.puffin",
            "file-size-in-bytes": 100,
            "file-footer-size-in-bytes": 50,
            "blob-metadata": blobs,
        }
    )
    with table.update_statistics() as update:
        update.set_statistics(file)


def test_the_run_profiles_every_table(profiled: Profiled) -> None:
    assert profiled.ended.verdict["outcome"] == "ok", profiled.ended.output
    assert profiled.ended.metadata["profiles/tables"] == 11
    assert profiled.ended.metadata["warnings"] == 0


def test_figures_of_columns_equal_those_of_reading_every_row(profiled: Profiled) -> None:
    read = profiled.lake.catalog.load_table(("sales", "orders")).scan().to_arrow()
    profile = profiled.of("orders")
    assert (profile["rowCount"], profile["columnCount"]) == (160, 7)
    assert (profile["custom"]["files"], profile["custom"]["partitions"]) == (12, 4)
    assert "rowCountIsUpperBound" not in profile["custom"]
    for column in read.column_names:
        found, values = profile["columns"][column], read[column]
        assert (found["valuesCount"], found["nullCount"]) == (len(values) - values.null_count, values.null_count), (
            column
        )
        assert found["nullProportion"] == values.null_count / len(values)
        least = pyarrow.compute.min_max(values).as_py()
        for end in ("min", "max"):
            assert _told(found[end]) == _told(least[end]), (column, end)


def _told(value: Any) -> Any:
    """A value as it can be compared, whatever of JSON's kinds it became."""
    if isinstance(value, Decimal | int | float):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str) and "T" in value:
        return datetime.fromisoformat(value).astimezone(UTC)
    return str(value)


def test_columns_in_structs_have_figures_and_those_in_lists_have_none(profiled: Profiled) -> None:
    profile = profiled.of("events")
    assert (profile["columnCount"], profile["columns"]["user.name"]["valuesCount"]) == (4, 1)
    assert profile["columns"]["user.tags"] == profile["columns"]["items.sku"] == {}


def test_the_size_is_that_of_the_data_files(profiled: Profiled) -> None:
    table = profiled.lake.catalog.load_table(("sales", "orders"))
    assert profiled.of("orders")["sizeInByte"] == sum(
        task.file.file_size_in_bytes for task in table.scan().plan_files()
    )


def test_an_empty_table_has_no_rows(profiled: Profiled) -> None:
    profile = profiled.of("empty")
    assert (profile["rowCount"], profile["custom"]["files"]) == (0, 0)
    assert profiled.state("empty")["last_commit"] == ""


def test_a_table_without_statistics_says_so(profiled: Profiled) -> None:
    profile = profiled.of("silent")
    assert (profile["rowCount"], profile["custom"]["columnsWithoutStatistics"]) == (1, 6)
    assert {key for column in profile["columns"].values() for key in column} <= {"name", "timestamp"}
    assert profiled.state("silent")["columns_without_statistics"] == 6
    assert profiled.ended.metadata["health/columns_without_statistics"] == 6


@pytest.mark.parametrize(
    ("name", "rows", "is_exact", "orphan_percent"),
    [("deleted", 37, True, 0), ("twice", 37, False, 0), ("equal", 40, False, 0), ("orphans", 39, True, 66.7)],
)
def test_deleted_rows_are_left_out_or_the_number_is_an_upper_bound(
    profiled: Profiled, name: str, rows: int, is_exact: bool, orphan_percent: float
) -> None:
    table = profiled.lake.catalog.load_table(("sales", name))
    profile = profiled.of(name)
    assert (profile["rowCount"], "rowCountIsUpperBound" not in profile["custom"]) == (rows, is_exact)
    assert profile["custom"]["columnFiguresAreUpperBounds"] == 1
    state = profiled.state(name)
    assert (state["is_exact"], state["orphan_delete_percent"]) == (is_exact, orphan_percent)
    if name == "equal":
        return  # pyiceberg does not read these
    left = table.scan().to_arrow().num_rows
    assert left == rows if is_exact else left < rows


def test_distinct_counts_are_those_of_the_latest_analysis(profiled: Profiled) -> None:
    columns = profiled.of("analyzed")["columns"]
    assert (columns["id"]["distinctCount"], columns["id"]["distinctProportion"]) == (10, 1.0)
    assert (columns["customer"]["distinctCount"], columns["customer"]["distinctProportion"]) == (1, 0.1)
    assert "distinctCount" not in columns["total"]


def test_text_that_statistics_have_cut_is_no_minimum(profiled: Profiled) -> None:
    customer = profiled.of("analyzed")["columns"]["customer"]
    assert customer["valuesCount"] == 10
    assert not {"min", "max"} & customer.keys()


def test_values_of_personal_columns_are_nowhere(profiled: Profiled) -> None:
    columns = profiled.of("customers")["columns"]
    assert (columns["id"]["min"], columns["id"]["max"]) == (7, 7)
    for name in ("name", "home.street", "home.number"):
        assert (columns[name]["valuesCount"], columns[name]["nullCount"]) == (1, 0)
        assert not {"min", "max"} & columns[name].keys()
    history = profiled.api.get(
        f"/tables/iceberg.{NAME}.sales.customers/columnProfile", params={"startTs": 0, "endTs": 9_999_999_999_999}
    )
    everything = profiled.ended.everything + history.text + json.dumps(profiled.of("customers"))
    assert SECRET not in everything
    assert "1815" not in json.dumps(columns)


def test_limits_decide_what_is_healthy(profiled: Profiled) -> None:
    assert [profiled.ended.check_named(name)["passed"] for name in HealthCheck] == [False, True, False, True]
    orphans = profiled.ended.metadata_of(profiled.ended.check_named(HealthCheck.ORPHAN_DELETES))
    assert [row["name"] for row in orphans["beyond"]["records"]] == [f"iceberg.{NAME}.sales.orphans"]
    limits = {"minFiles": 1000, "maxOrphanDeletePercent": 90, "maxSnapshots": 2, "maxCommitAgeHours": 1}
    only = {"includes": ["^orders$", "^orphans$", "^empty$"]}
    ended = profiled.run(Workflow.PROFILING, options={"health": limits, "tableFilterPattern": only})
    assert ended.metadata["profiles/tables"] == 3
    beyond = {
        name: [row["name"].rpartition(".")[2] for row in found["beyond"]["records"]] if "beyond" in found else []
        for name in HealthCheck
        for found in [ended.metadata_of(ended.check_named(name))]
    }
    assert beyond == {
        HealthCheck.SMALL_FILES: [],
        HealthCheck.SNAPSHOTS: ["orders", "orphans"],
        HealthCheck.ORPHAN_DELETES: [],
        HealthCheck.FRESHNESS: ["empty"],
    }
    assert {each["severity"] for each in ended.all_checks if each["check_name"] in set(HealthCheck)} == {"WARN"}


@pytest.mark.fault(
    "the source: can be read in part (an Iceberg table whose manifests are missing)",
    "It is named and has no new profile; the others get theirs.",
)
def test_a_table_that_cannot_be_profiled_is_named_and_the_others_arrive(profiled: Profiled) -> None:
    broken, dropped = (profiled.lake.table("late", name) for name in ("broken", "dropped"))
    append(broken, [order(1)])
    append(dropped, [order(1)])
    assert profiled.run(Workflow.METADATA).verdict["outcome"] == "ok"
    snapshot = broken.current_snapshot()
    assert snapshot is not None
    Path(snapshot.manifest_list.removeprefix("file://")).unlink()
    profiled.lake.catalog.drop_table(("late", "dropped"))
    ended = profiled.run(Workflow.PROFILING)
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == f"iceberg.{NAME}.late.broken"
    assert "the table cannot be profiled: FileNotFoundError" in failure["error"]
    assert (ended.metadata["profiles/tables"], ended.metadata["warnings"]) == (11, 1)


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    peaks: list[int] = []
    with closing(Lakehouse(tmp_path / "lake")) as lake:
        for number in (200, 2000):
            table = lake.table("many", f"files_{number}")
            with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append_files:
                for each in range(number):
                    append_files.append_data_file(data_file(table, each, 6))
            collect(table, 1)
            tracemalloc.start()
            found = collect(table, 1)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert (found.files, found.rows) == (number, number * 1000)
    # What is held is the manifest as it is stored; as a list of entries it would be ten times as much.
    assert (peaks[1] - peaks[0]) / 1800 < 500
