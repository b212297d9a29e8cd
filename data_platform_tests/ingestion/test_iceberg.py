"""The Iceberg connector, on catalogs on disk: what is in the catalog afterwards is what the tables' metadata says."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.types import IntegerType, StringType

from data_platform.ingestion.spec import MATCHES, Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import PASSWORD, execute
from data_platform_tests.ingestion.lakehouse import EVENTS, NAME, ORDERS, Lakehouse, append, iceberg_spec, wide
from examples.demo.layout import password
from examples.demo.postgres import SUPERUSER, Server

Run = Callable[..., Ended]

PARTITIONED = PartitionSpec(
    PartitionField(source_id=5, field_id=1000, transform=IdentityTransform(), name="day"),
    PartitionField(source_id=1, field_id=1001, transform=BucketTransform(8), name="id_bucket"),
)
SORTED = SortOrder(SortField(source_id=6, transform=IdentityTransform()))
ROW = {
    "id": 1,
    "customer": "Ada",
    "total": Decimal("2.50"),
    "day": date(2026, 1, 1),
    "at": datetime(2026, 1, 1, tzinfo=UTC),
}


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lakehouse]:
    """An Iceberg catalog with nothing in it."""
    with closing(Lakehouse(tmp_path / "lake")) as made:
        yield made


@pytest.fixture
def make_spec(lake: Lakehouse, catalog: RunningServer, tmp_path: Path) -> Callable[..., WorkflowSpec]:
    """Makes specs for the catalog; keywords replace fields, those in ``connection`` single ones of it."""

    def make(
        workflow: Workflow = Workflow.METADATA, connection: dict[str, Any] | None = None, **fields: Any
    ) -> WorkflowSpec:
        return iceberg_spec(catalog, tmp_path, workflow, {**lake.connection, **(connection or {})}, **fields)

    return make


def table(api: httpx.Client, schema: str, name: str) -> dict[str, Any]:
    fqn = f'iceberg.{NAME}."{schema}"."{name}"' if "." in schema else f"iceberg.{NAME}.{schema}.{name}"
    answer = api.get(
        f"/tables/name/{quote(fqn, safe='')}",
        params={"fields": "columns,extension,tableConstraints,tags", "include": "all"},
    )
    return answer.raise_for_status().json()


def names(api: httpx.Client) -> set[str]:
    return {each["fullyQualifiedName"] for each in api.get("/tables", params={"limit": 1000}).json()["data"]}


def test_a_table_arrives_with_all_that_its_metadata_says(
    lake: Lakehouse, make_spec: Callable[..., WorkflowSpec], run: Run, api: httpx.Client
) -> None:
    lake.catalog.create_namespace("sales", {"comment": "What was sold"})
    properties = {"comment": "Every order", "write.format.default": "parquet", "owner-of": "sales"}
    made = lake.table("sales", "orders", sort_order=SORTED, properties=properties)
    append(made, [ROW])
    append(made, [{**ROW, "id": 2}])
    lake.table("sales", "archive", partition_spec=PARTITIONED)
    lake.table("sales", "events", EVENTS)
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"]
    assert api.get(f"/databaseSchemas/name/iceberg.{NAME}.sales").json()["description"] == "What was sold"

    orders = table(api, "sales", "orders")
    assert (orders["tableType"], orders["description"]) == ("Iceberg", "Every order")
    assert orders["locationPath"] == made.location()
    assert [(column["name"], column["dataType"], column["constraint"]) for column in orders["columns"]] == [
        ("id", "BIGINT", "NOT_NULL"),
        ("customer", "STRING", "NULL"),
        ("total", "DECIMAL", "NULL"),
        ("discount", "DOUBLE", "NULL"),
        ("day", "DATE", "NULL"),
        ("at", "TIMESTAMPZ", "NULL"),
    ]
    assert orders["columns"][0]["description"] == "The order's number"
    assert (orders["columns"][2]["precision"], orders["columns"][2]["scale"]) == (10, 2)
    assert orders["tableConstraints"] == [
        {"constraintType": "PRIMARY_KEY", "columns": ["id"]},
        {"constraintType": "SORT_KEY", "columns": ["at"]},
    ]
    told = orders["extension"]
    current = lake.catalog.load_table(("sales", "orders")).metadata
    assert told["icebergSnapshot"] == str(current.current_snapshot_id)
    assert told["icebergSortOrder"] == "at ASC NULLS FIRST"
    assert told["icebergFormatVersion"] == 2
    assert "- `owner-of` = `sales`" in told["icebergProperties"].splitlines()
    rows = [line.split(" | ") for line in told["icebergSnapshots"].splitlines()[2:]]
    assert [(row[1], row[2], row[-1]) for row in rows] == [
        (str(snapshot.snapshot_id), "append", f"{number} |")
        for snapshot, number in zip(reversed(current.snapshots), (2, 1), strict=True)
    ]

    archive = table(api, "sales", "archive")
    assert archive["tablePartition"]["columns"] == [
        {"columnName": "day", "intervalType": "COLUMN-VALUE", "interval": "identity"},
        {"columnName": "id", "intervalType": "OTHER", "interval": "bucket[8]"},
    ]
    assert archive["extension"]["icebergPartitioning"] == "day, bucket[8](id)"

    _, user, items, labels = table(api, "sales", "events")["columns"]
    assert user["dataTypeDisplay"] == "struct<name:string, tags:list<string>>"
    assert [(child["name"], child["dataType"]) for child in user["children"]] == [("name", "STRING"), ("tags", "ARRAY")]
    assert user["children"][0]["description"] == "As they typed it"
    assert (items["dataType"], items["arrayDataType"]) == ("ARRAY", "STRUCT")
    assert [child["name"] for child in items["children"]] == ["sku", "n"]
    assert (labels["dataType"], [child["name"] for child in labels["children"]]) == ("MAP", ["key", "value"])

    again = run(make_spec())
    assert (again.verdict["outcome"], again.metadata["updated"], again.metadata["unchanged"]) == ("ok", 0, 5)


@pytest.mark.bad_input("hard names", "Iceberg (SQL)")
@pytest.mark.bad_input("empty scope", "Iceberg (SQL)")
@pytest.mark.bad_input("1,500 columns", "Iceberg (SQL)")
def test_hard_names_and_wide_tables_arrive(
    lake: Lakehouse, make_spec: Callable[..., WorkflowSpec], run: Run, api: httpx.Client
) -> None:
    lake.catalog.create_namespace("empty")
    lake.table(("raw", "daily"), "orders.v2")
    lake.table("Ünïcode", "Größe")
    lake.table("UPPER", "Orders")
    lake.table("quoted", 'the "best" orders')
    lake.table("quoted", "wide", wide(1500))
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"], ended.check_named(MATCHES)
    assert ended.metadata["entities/databaseSchema"] == 6  # raw holds raw.daily
    assert names(api) == {
        f'iceberg.{NAME}."raw.daily"."orders.v2"',
        f"iceberg.{NAME}.Ünïcode.Größe",
        f"iceberg.{NAME}.UPPER.Orders",
        f"iceberg.{NAME}.quoted.the __reserved__quote__best__reserved__quote__ orders",
        f"iceberg.{NAME}.quoted.wide",
    }
    assert len(table(api, "quoted", "wide")["columns"]) == 1500


def test_schemas_between_snapshots_are_versions_of_the_table(
    lake: Lakehouse, make_spec: Callable[..., WorkflowSpec], run: Run, api: httpx.Client
) -> None:
    made = lake.table("sales", "orders")
    append(made, [ROW])
    with made.update_schema() as change:
        change.add_column("currency", StringType())
    append(made, [{**ROW, "currency": "EUR"}])
    with made.update_schema() as change:
        change.delete_column("discount")
    append(made, [{key: value for key, value in ROW.items() if key != "discount"}])
    assert run(make_spec()).verdict["outcome"] == "ok"

    def history() -> list[list[str]]:
        listed = api.get(f"/tables/{table(api, 'sales', 'orders')['id']}/versions").json()["versions"]
        columns = [[column["name"] for column in json.loads(version)["columns"]] for version in reversed(listed)]
        # In a version of its own the custom properties tell of newer snapshots.
        return [names for names, _ in groupby(columns)]

    first = ["id", "customer", "total", "discount", "day", "at"]
    third = ["id", "customer", "total", "day", "at", "currency"]
    assert history() == [first, [*first, "currency"], third]

    with made.update_schema() as change:
        change.add_column("quantity", IntegerType())
    append(made, [ROW])
    with made.update_schema() as change:
        change.rename_column("customer", "buyer")
    append(made, [{"id": 9}])
    assert run(make_spec()).verdict["outcome"] == "ok"
    fourth = [*third, "quantity"]
    assert history()[3:] == [fourth, ["id", "buyer", *fourth[2:]]]
    assert run(make_spec()).metadata["updated"] == 0
    assert len(history()) == 5

    append(made, [{"id": 10}])
    assert run(make_spec()).metadata["updated"] == 1
    newest = lake.catalog.load_table(("sales", "orders")).metadata.current_snapshot_id
    assert table(api, "sales", "orders")["extension"]["icebergSnapshot"] == str(newest)
    assert len(history()) == 5


@pytest.mark.bad_input("half-broken object", "Iceberg (SQL)")
@pytest.mark.fault(
    "the source: can be read in part (Iceberg tables whose metadata is missing or garbled)",
    "They are named and the others arrive; nothing is deleted.",
)
def test_tables_whose_metadata_is_broken_are_named_and_the_others_arrive(
    lake: Lakehouse, make_spec: Callable[..., WorkflowSpec], run: Run, api: httpx.Client
) -> None:
    for name in ("orders", "gone", "garbled"):
        lake.table("sales", name)
    assert run(make_spec()).verdict["outcome"] == "ok"
    _metadata_file(lake, "gone").unlink()
    _metadata_file(lake, "garbled").write_text("{}")
    lake.table("sales", "refunds")
    lake.catalog.drop_table(("sales", "orders"))
    ended = run(make_spec(min_success_percent=50))
    assert ended.verdict["outcome"] == "partial", ended.output
    failures = {row["name"]: row["error"] for row in ended.metadata["failures"]["records"]}
    assert failures.keys() == {f"iceberg.{NAME}.sales.{name}" for name in ("gone", "garbled")}
    assert "the table cannot be read: FileNotFoundError" in failures[f"iceberg.{NAME}.sales.gone"]
    # What a run did not list to its end is not deleted, and neither is what is broken.
    assert {name.rpartition(".")[2] for name in names(api)} == {"orders", "gone", "garbled", "refunds"}


def test_what_was_dropped_is_deleted_and_what_is_filtered_is_left_alone(
    lake: Lakehouse, make_spec: Callable[..., WorkflowSpec], run: Run, api: httpx.Client
) -> None:
    for number in range(6):
        lake.table("sales", f"orders_{number}")
    lake.table("scratch", "notes")
    assert run(make_spec()).verdict["outcome"] == "ok"
    lake.catalog.drop_table(("sales", "orders_5"))
    lake.catalog.drop_table(("scratch", "notes"))
    ended = run(make_spec(options={"schemaFilterPattern": {"excludes": ["^scratch$"]}}))
    assert (ended.verdict["outcome"], ended.metadata["deleted"]) == ("ok", 1), ended.output
    assert {name.rpartition(".")[2] for name in names(api)} == {*(f"orders_{number}" for number in range(5)), "notes"}


def test_what_people_wrote_stays_and_the_connection_is_not_in_the_catalog(
    lake: Lakehouse, make_spec: Callable[..., WorkflowSpec], run: Run, api: httpx.Client, tmp_path: Path
) -> None:
    lake.table("sales", "orders")
    (tmp_path / "secret").write_text("a-secret-token")
    spec = make_spec(connection={"token": f"file:{tmp_path}/secret"})
    assert run(spec).verdict["outcome"] == "ok"
    kind = api.get("/metadata/types/name/string").json()["id"]
    tables = api.get("/metadata/types/name/table").json()["id"]
    own = {"name": "contact", "description": "Whom to ask", "propertyType": {"id": kind, "type": "type"}}
    api.put(f"/metadata/types/{tables}", json=own).raise_for_status()
    change = [{"op": "add", "path": "/extension/contact", "value": "Ada"}]
    patch = {"Content-Type": "application/json-patch+json"}
    api.patch(f"/tables/{table(api, 'sales', 'orders')['id']}", json=change, headers=patch).raise_for_status()
    append(lake.catalog.load_table(("sales", "orders")), [ROW])
    ended = run(spec)
    assert ended.verdict["outcome"] == "ok", ended.output
    orders = table(api, "sales", "orders")
    assert (orders["extension"]["contact"], "icebergSnapshot" in orders["extension"]) == ("Ada", True)
    service = api.get("/services/databaseServices/name/iceberg").json()
    assert service.get("connection", {}) in ({}, {"config": {}}), service
    assert "a-secret-token" not in ended.everything


@pytest.mark.parametrize(
    ("engines", "linked"),
    [(None, {"trino"}), ({}, set()), ({"trino": "hive"}, set()), ({"starburst": "lake"}, {"starburst"})],
)
def test_the_same_table_in_an_engine_is_linked(
    lake: Lakehouse,
    make_spec: Callable[..., WorkflowSpec],
    run: Run,
    api: httpx.Client,
    engines: dict[str, str] | None,
    linked: set[str],
) -> None:
    lake.table("Sales", "Orders")
    lake.table("Sales", "refunds")
    for service, database, schema, name, columns in (
        ("trino", NAME, "sales", "orders", ["id", "customer", "extra"]),
        ("trino", NAME, "sales", "refunds", ["nothing", "in", "common"]),
        ("trino", "hive", "sales", "other", ["id"]),
        ("starburst", "lake", "sales", "orders", ["id", "customer"]),
    ):
        _put(api, "services/databaseServices", name=service, serviceType="Trino")
        _put(api, "databases", name=database, service=service)
        _put(api, "databaseSchemas", name=schema, database=f"{service}.{database}")
        shown = [{"name": column, "dataType": "BIGINT"} for column in columns]
        _put(api, "tables", name=name, databaseSchema=f"{service}.{database}.{schema}", columns=shown)
    options = {} if engines is None else {"engines": engines}
    ended = run(make_spec(options=options))
    assert ended.verdict["outcome"] == "ok", ended.output
    fqn = f"iceberg.{NAME}.Sales.Orders"
    graph = api.get(f"/lineage/table/name/{fqn}", params={"upstreamDepth": 1, "downstreamDepth": 1}).json()
    ends = {node["id"]: node["fullyQualifiedName"] for node in graph["nodes"]}
    assert {ends[edge["toEntity"]].partition(".")[0] for edge in graph["downstreamEdges"]} == linked
    for edge in graph["downstreamEdges"]:
        details = edge["lineageDetails"]
        assert details["source"] == "CrossDatabaseLineage"
        assert [columns["toColumn"].rpartition(".")[2] for columns in details["columnsLineage"]] == ["id", "customer"]
    assert ended.metadata.get("lineage/edges", 0) == len(linked)


@pytest.mark.fault(
    "the source: an Iceberg catalog's address leads to no catalog",
    "The run fails and says so; nothing is made there.",
)
@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("sqlite:////nonexistent/catalog.db", "iceberg: there is no Iceberg catalog in /nonexistent/catalog.db"),
        ("sqlite:///{other}", "is no Iceberg catalog"),
        ("sqlite:///{garbage}", "the Iceberg catalog cannot be read"),
    ],
)
def test_an_address_that_leads_to_no_catalog_is_refused(
    make_spec: Callable[..., WorkflowSpec], run: Run, tmp_path: Path, uri: str, sentence: str
) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "garbage.db").write_bytes(b"no database at all" * 100)
    address = uri.format(other=tmp_path / "empty.db", garbage=tmp_path / "garbage.db")
    ended = run(make_spec(connection={"uri": address}))
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", True), ended.output
    assert sentence in ended.verdict["sentence"]
    assert (tmp_path / "empty.db").stat().st_size == 0


@pytest.mark.bad_input("wrong credentials", "Iceberg (SQL)")
def test_a_catalog_in_postgresql_is_read_with_a_password_that_nobody_sees(
    make_spec: Callable[..., WorkflowSpec], run: Run, postgres: Server, api: httpx.Client, tmp_path: Path
) -> None:
    name = f"lake_{uuid.uuid4().hex[:8]}"
    execute(postgres, "postgres", f"CREATE DATABASE {name}")
    warehouse = (tmp_path / "warehouse").as_uri()
    owner = quote(password(postgres.superuser_password))
    with closing(SqlCatalog(NAME, uri=_address(postgres, name, SUPERUSER, owner), warehouse=warehouse)) as owned:
        owned.create_namespace("sales")
        owned.create_table("sales.orders", ORDERS)
    (tmp_path / "password").write_text(quote(PASSWORD, safe=""))
    (tmp_path / "wrong").write_text("Wr0ng-word")
    for file, outcome, sentence in (
        ("password", "ok", "iceberg/metadata: everything arrived."),
        ("wrong", "failed", "the source refuses the credentials at postgresql+psycopg2://127.0.0.1"),
    ):
        uri = _address(postgres, name, "reader", f"${{file:{tmp_path}/{file}}}")
        ended = run(make_spec(connection={"uri": uri}))
        assert ended.verdict["outcome"] == outcome, ended.output
        assert sentence in ended.verdict["sentence"]
        assert quote(PASSWORD, safe="") not in ended.everything
        assert "Wr0ng-word" not in ended.everything
    assert names(api) == {f"iceberg.{NAME}.sales.orders"}


def _address(server: Server, database: str, user: str, secret: str) -> str:
    return f"postgresql+psycopg2://{user}:{secret}@127.0.0.1:{server.port}/{database}"


@pytest.mark.bad_input("wrong credentials", "Iceberg (REST)")
@pytest.mark.bad_input("500s", "Iceberg (REST)")
@pytest.mark.bad_input("hangs", "Iceberg (REST)")
@pytest.mark.fault(
    "the source: an Iceberg REST catalog that refuses, fails or hangs",
    "The run fails with a sentence that tells them apart; what may pass by itself is tried again.",
)
@pytest.mark.parametrize(
    ("status", "sentence", "permanent"),
    [
        (401, "the Iceberg catalog refuses the credentials at http://127.0.0.1", True),
        (403, "the Iceberg catalog refuses the permission at http://127.0.0.1", True),
        (500, "the Iceberg catalog does not answer at http://127.0.0.1", False),
        (None, "the Iceberg catalog does not answer at http://127.0.0.1", False),
    ],
)
def test_a_rest_catalog_that_refuses_fails_or_hangs_is_told_apart(
    make_spec: Callable[..., WorkflowSpec], run: Run, status: int | None, sentence: str, permanent: bool
) -> None:
    with rest_catalog(status) as uri:
        rest = {"type": "rest", "uri": uri, "token": "env:NOBODY", "timeout": 0.5}
        ended = run(make_spec(connection=rest), {"NOBODY": "a-secret-token"})
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", permanent), ended.output
    assert sentence in ended.verdict["sentence"]
    assert "a-secret-token" not in ended.everything


@contextmanager
def rest_catalog(status: int | None) -> Iterator[str]:
    """A server that answers everything but whether it is there with a status, or with None not at all."""
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            if status is None:
                release.wait(20)
                return
            body = json.dumps({"error": {"message": "no", "type": "Error", "code": status}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _metadata_file(lake: Lakehouse, name: str) -> Path:
    return Path(lake.catalog.load_table(("sales", name)).metadata_location.removeprefix("file://"))


def _put(api: httpx.Client, collection: str, **body: Any) -> None:
    api.put(f"/{collection}", json=body).raise_for_status()
