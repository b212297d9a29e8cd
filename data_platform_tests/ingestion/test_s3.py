"""The S3 connector in a real child against moto's server and a real embedded catalog."""

from __future__ import annotations

import gzip
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.spec import MATCHES, NO_MASS_DELETION, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.lake import CUSTOMERS, SHOPS, events, manifest, orders, parquet
from examples.demo.layout import write_secret
from examples.demo.storage import Storage, let_read, put, running_storage

Run = Callable[..., Ended]
Make = Callable[..., WorkflowSpec]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """An empty S3."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_storage(tmp_path / "logs", port) as (running, program):
        program.wait_until(running.answers)
        yield running


@pytest.fixture
def make(storage: Storage, catalog: RunningServer, secrets: Path) -> Make:
    """Makes specs that read the S3 with the keys in the folder of secrets."""

    def spec(options: dict[str, Any] | None = None, **connection: Any) -> WorkflowSpec:
        keys = {"awsAccessKeyId": "s3_access_key_id", "awsSecretAccessKey": "s3_secret_access_key"}
        return WorkflowSpec(
            environment="demo",
            service="lake",
            connector="S3",
            workflows=("metadata",),
            connection={
                "awsConfig": {
                    "awsRegion": "us-east-1",
                    "endPointURL": storage.url,
                    **{field: f"file:{secrets}/{name}" for field, name in keys.items()},
                },
                **connection,
            },
            options=options or {},
            min_success_percent=50,
            catalog_url=catalog.url,
            catalog_token=f"file:{secrets}/token",
            vault_address="http://127.0.0.1:1",
            run_id=str(uuid.uuid4()),
        )

    return spec


def containers(catalog: RunningServer) -> dict[str, Any]:
    """Every container of the service by its name, without the service's."""
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        found = client.list("containers", fields=["dataModel", "parent"], service="lake")
        return {each["fullyQualifiedName"].removeprefix("lake."): each for each in found}


def let_everybody(secrets: Path) -> None:
    """Any keys will do, as long as nobody has been let read."""
    for name in ("s3_access_key_id", "s3_secret_access_key"):
        write_secret(secrets / name, "anybody")


def fill(storage: Storage, *buckets: str) -> None:
    """Put a folder of customers, which the manifest names, into each of some buckets."""
    entry = {"dataPath": "customers", "structureFormat": "csv"}
    for bucket in buckets:
        put(storage, bucket, {"openmetadata.json": manifest(entry), "customers/1.csv": CUSTOMERS})


def columns(container: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["dataType"] for column in container["dataModel"]["columns"]}


def test_files_of_every_format_arrive_with_their_columns_and_types_and_a_second_run_changes_nothing(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    entries = [
        {"dataPath": "customers", "structureFormat": "csv"},
        {"dataPath": "shops", "structureFormat": "json"},
        {"dataPath": "events", "structureFormat": "avro"},
        {
            "dataPath": "orders",
            "structureFormat": "parquet",
            "isPartitioned": True,
            "partitionColumns": [{"name": "day", "dataType": "DATE"}],
        },
    ]
    put(
        storage,
        "raw",
        {
            "openmetadata.json": manifest(*entries),
            "customers/1.csv": CUSTOMERS,
            "shops/1.json": SHOPS,
            "events/1.avro": events(),
            "orders/day=2026-01-01/1.parquet": orders(),
            "orders/day=2026-01-02/1.parquet": orders(),
            "orders/_SUCCESS": b"",
        },
    )
    # A bucket without a manifest has structure where the source's options say so.
    put(storage, "landing", {"deep/orders/year=2026/shop=north/1.parquet": orders(), "notes.txt": b"nothing"})
    default = {"containerName": "landing", "dataPath": "**/*.parquet", "autoPartitionDetection": True}
    let_read(storage, secrets)

    ended = run(make({"defaultManifest": json.dumps({"entries": [default]})}))

    assert ended.verdict["outcome"] == "ok", ended.output
    found = containers(catalog)
    assert set(found) == {
        "raw",
        "raw.customers",
        "raw.shops",
        "raw.events",
        "raw.orders",
        "landing",
        "landing.deep/orders",
    }
    assert ended.metadata["entities/container"] == 7
    assert ended.check_named(MATCHES)["passed"], ended.output
    assert Ended.metadata_of(ended.check_named(MATCHES))["compared"] == 6  # landing/deep/orders is a pattern's
    assert columns(found["raw.customers"]) == {"id": "INT", "name": "STRING", "balance": "FLOAT"}
    assert columns(found["raw.shops"]) == {"name": "STRING", "open": "BOOLEAN", "tills": "INT"}
    assert columns(found["raw.events"]) == {"id": "LONG", "kind": "STRING", "score": "DOUBLE"}
    of_orders = {"id": "INT", "customer": "INT", "total": "FLOAT", "at": "DATETIME", "tags": "ARRAY"}
    assert columns(found["raw.orders"]) == {"day": "DATE", **of_orders}
    assert columns(found["landing.deep/orders"]) == {"year": "INT", "shop": "VARCHAR", **of_orders}
    partitioned = {name for name, each in found.items() if each.get("dataModel", {}).get("isPartitioned")}
    assert partitioned == {"raw.orders", "landing.deep/orders"}
    assert found["raw.orders"]["parent"]["name"] == "raw"
    assert found["raw.orders"]["fileFormats"] == ["parquet"]
    assert (found["raw.orders"]["numberOfObjects"], found["raw.orders"]["size"]) == (2, 2 * len(orders()))
    assert found["raw.orders"]["fullPath"] == "s3://raw/orders"
    # CloudWatch knows nothing of this bucket, and nothing is not zero.
    assert "numberOfObjects" not in found["raw"]

    again = run(make({"defaultManifest": json.dumps({"entries": [default]})}))
    assert (again.metadata["created"], again.metadata["updated"], again.metadata["unchanged"]) == (0, 0, 7)


def test_packed_files_and_files_of_other_endings_arrive_as_what_they_are(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    tabs = CUSTOMERS.replace(b",", b"\t")
    files = {
        "packed": ("csv", "1.csv.gz", gzip.compress(CUSTOMERS), ["csv"]),
        "packed_csv": ("csv.gz", "1.csv.gz", gzip.compress(CUSTOMERS), ["csv", "gz"]),
        "packed_json": ("json.gz", "1.json.gz", gzip.compress(SHOPS), ["json", "gz"]),
        "lines": ("jsonl", "1.jsonl", SHOPS, ["json"]),
        "tabs": ("tsv", "1.tsv", tabs, ["tsv"]),
        "short": ("pq", "1.pq", orders(), ["parquet"]),
        "snappy": ("parquet.snappy", "1.parquet.snappy", orders(), ["parquet"]),
    }
    entries = [{"dataPath": path, "structureFormat": kind} for path, (kind, *_) in files.items()]
    bodies = {f"{path}/{name}": body for path, (_, name, body, _) in files.items()}
    put(storage, "raw", {"openmetadata.json": manifest(*entries), **bodies})
    let_read(storage, secrets)

    ended = run(make(bucketNames=["raw"]))

    assert ended.verdict["outcome"] == "ok", ended.metadata["failures"]
    found = {each["name"]: each for each in containers(catalog).values()}
    assert found.keys() == {"raw", *files}
    assert set(columns(found["packed"])) == set(columns(found["packed_csv"])) == {"id", "name", "balance"}
    assert set(columns(found["tabs"])) == {"id", "name", "balance"}
    assert set(columns(found["lines"])) == set(columns(found["packed_json"])) == {"name", "open", "tills"}
    assert columns(found["short"]) == columns(found["snappy"])
    assert {name: found[name]["fileFormats"] for name in files} == {
        name: formats for name, (*_, formats) in files.items()
    }


@pytest.mark.bad_input("hard names", "S3")
@pytest.mark.bad_input("empty scope", "S3")
@pytest.mark.bad_input("1,500 columns", "S3")
def test_hard_names_wide_files_and_an_empty_bucket_arrive(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    wide = [f"column_{number}" for number in range(1500)]
    header = 'id,"with.dot","it\'s",größe,UPPER\n1,2,3,4,5\n'.encode()
    files = {
        "sales.v2/it's/Größe": ("csv", header),
        "UPPER": ("csv", (",".join(wide) + "\n" + ",".join("1" for _ in wide) + "\n").encode()),
        "wide": ("parquet", parquet(**{name: [1] for name in wide})),
    }
    entries = [{"dataPath": path, "structureFormat": kind} for path, (kind, _) in files.items()]
    bodies = {f"{path}/1.{kind}": body for path, (kind, body) in files.items()}
    put(storage, "raw.v2", {"openmetadata.json": manifest(*entries), **bodies})
    put(storage, "nothing", {})
    let_everybody(secrets)

    ended = run(make())

    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"], ended.check_named(MATCHES)
    found = {each["name"]: each for each in containers(catalog).values()}
    assert found.keys() == {"raw.v2", "nothing", *files}
    assert set(columns(found["sales.v2/it's/Größe"])) == {"id", "with.dot", "it's", "größe", "UPPER"}
    assert set(columns(found["UPPER"])) == set(columns(found["wide"])) == set(wide)


@pytest.mark.bad_input("half-broken object", "S3")
@pytest.mark.fault(
    "the source: can be read in part (files that are corrupt)",
    "What can be read arrives; the check `completed` warns and names the rest.",
)
def test_corrupt_files_are_named_and_the_rest_arrives_also_that_of_the_same_prefix(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    formats = {"parquet": "orders", "avro": "events", "json": "shops"}
    entries = [{"dataPath": path, "structureFormat": kind} for kind, path in formats.items()]
    put(
        storage,
        "raw",
        {
            "openmetadata.json": manifest(*entries, {"dataPath": "gone", "structureFormat": "csv"}),
            "orders/1.parquet": orders(),
            "events/1.avro": b"no Avro",
            "shops/1.json": b'[{"name": "North"',
        },
    )
    time.sleep(1.1)  # S3 knows when a file was written to the second, and the newest is the sample
    with storage.client() as client:
        client.put_object(Bucket="raw", Key="orders/2.parquet", Body=orders()[:-20])
    let_read(storage, secrets)

    ended = run(make(options={}, bucketNames=["raw"]))

    assert ended.verdict["outcome"] == "failed", ended.verdict  # fewer than half arrived
    failures = {row["name"]: row["error"] for row in ended.metadata["failures"]["records"]}
    assert set(failures) == {"raw/orders/2.parquet", "raw/events/1.avro", "raw/shops/1.json", "raw/gone"}
    assert failures["raw/orders/2.parquet"].startswith("cannot be read as parquet: ")
    assert failures["raw/events/1.avro"].startswith("cannot be read as avro: ")
    assert failures["raw/gone"] == "the manifest lists this path, and it has no csv file"
    assert set(containers(catalog)) == {"raw", "raw.orders"}
    assert "customer" in columns(containers(catalog)["raw.orders"])
    check = ended.check_named(MATCHES)
    assert not check["passed"]
    rows = Ended.metadata_of(check)["mismatches"]["records"]
    assert {(row["name"], row["difference"]) for row in rows} == {
        ("lake.raw.events", "missing"),
        ("lake.raw.shops", "missing"),
    }


@pytest.mark.fault(
    "the source: can be read in part (a bucket that is refused)",
    "What can be read arrives; the check `completed` warns and names the bucket.",
)
def test_a_bucket_that_is_refused_is_named_once_and_the_others_arrive(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    fill(storage, "closed", "open")
    let_read(storage, secrets, denied="closed")

    ended = run(make(bucketNames=["closed", "open"]))

    assert ended.verdict["outcome"] == "partial", ended.verdict
    assert (ended.check["passed"], ended.check["severity"]) == (False, "WARN")
    (row,) = ended.metadata["failures"]["records"]
    assert row["name"] == "closed"
    assert row["error"] == f"S3 refuses to let bucket closed be read at {storage.url} (AccessDenied)"
    assert "open.customers" in containers(catalog)


def test_the_catalog_is_held_against_what_the_manifests_name_and_patterns_are_left_to_the_connector(
    run: Run, make: Make, storage: Storage, secrets: Path
) -> None:
    entries = [
        {"dataPath": "customers", "structureFormat": "csv"},
        {"dataPath": "shops/", "structureFormat": "json"},
        {"dataPath": "logo.png"},
    ]
    files = {"customers/1.csv": CUSTOMERS, "shops/1.json": SHOPS, "logo.png": b"PNG", "logo.png.old": b"PNG"}
    put(storage, "raw", {"openmetadata.json": manifest(*entries), **files})
    pattern = {"dataPath": "**/*.parquet"}
    nested = {"dataPath": "by_year", "structureFormat": "parquet", "depth": 1}
    literal = {"dataPath": "events", "structureFormat": "avro"}
    put(
        storage,
        "landing",
        {
            "openmetadata.json": manifest(pattern, nested, literal),
            "orders/1.parquet": orders(),
            "by_year/2026/1.parquet": orders(),
            "events/1.avro": events(),
        },
    )
    put(storage, "shut", {"openmetadata.json": manifest(*entries), **files})
    let_read(storage, secrets)

    ended = run(make({"containerFilterPattern": {"excludes": ["^shut$", "^shops"]}}))

    assert ended.verdict["outcome"] == "ok", ended.output
    check = ended.check_named(MATCHES)
    found = Ended.metadata_of(check)
    assert check["passed"], found
    # The two buckets, customers, logo.png and events; not what a pattern and a depth made of landing.
    assert found["compared"] == 5
    assert found["unjudged"] == ["lake.landing"]
    assert ended.metadata["entities/container"] > found["compared"]

    # With buckets that are named, patterns are for what lies in them.
    named = run(make({"containerFilterPattern": {"includes": ["^customers$"]}}, bucketNames=["raw"]))
    assert named.check_named(MATCHES)["passed"]
    assert Ended.metadata_of(named.check_named(MATCHES))["compared"] == 2
    assert named.metadata["deleted"] == 0


def test_a_bucket_that_vanished_is_deleted_once_a_run_is_told_that_it_may_go(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    let_everybody(secrets)
    fill(storage, "kept", "old")
    run(make())
    with storage.client() as client:
        for key in ("openmetadata.json", "customers/1.csv"):
            client.delete_object(Bucket="old", Key=key)
        client.delete_bucket(Bucket="old")

    ended = run(make())
    assert set(containers(catalog)) == {"kept", "kept.customers", "old", "old.customers"}
    assert not ended.check_named(NO_MASS_DELETION)["passed"]
    check = ended.check_named(MATCHES)
    assert (check["passed"], check["severity"]) == (False, "WARN")
    rows = Ended.metadata_of(check)["mismatches"]["records"]
    assert {(row["name"], row["difference"]) for row in rows} == {
        ("lake.old", "surplus"),
        ("lake.old.customers", "surplus"),
    }

    ended = run(make().model_copy(update={"allow_deletions": True}))
    assert set(containers(catalog)) == {"kept", "kept.customers"}
    assert ended.metadata["deleted"] == 2
    assert ended.check_named(MATCHES)["passed"]


@pytest.mark.fault(
    "the source: refuses what it allowed before (a bucket)",
    "Nothing is deleted; what lies in the bucket is not judged, and the check `completed` names it.",
)
def test_a_bucket_that_is_refused_from_now_on_loses_nothing_in_the_catalog(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    let_everybody(secrets)
    fill(storage, "closed", "open")
    run(make())
    held = set(containers(catalog))
    let_read(storage, secrets, denied="closed")

    ended = run(make().model_copy(update={"allow_deletions": True}))

    assert set(containers(catalog)) == held == {"closed", "closed.customers", "open", "open.customers"}
    assert ended.verdict["outcome"] == "partial"
    assert ended.metadata["deleted"] == 0
    found = Ended.metadata_of(ended.check_named(MATCHES))
    assert (found["compared"], found["unjudged"]) == (3, ["lake.closed"])


@pytest.mark.fault(
    "the source: says nonsense of what it has (a manifest that is none)",
    "Nothing is deleted, and the check `catalog_matches_source` says which manifest is wrong.",
)
def test_a_manifest_that_is_none_is_named_and_what_it_named_before_stays(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    let_everybody(secrets)
    fill(storage, "raw")
    run(make())
    with storage.client() as client:
        client.put_object(Bucket="raw", Key="openmetadata.json", Body=b'{"entries": [')
    ended = run(make().model_copy(update={"allow_deletions": True}))
    assert set(containers(catalog)) == {"raw", "raw.customers"}
    check = ended.check_named(MATCHES)
    assert not check["passed"]
    assert "lake: raw/openmetadata.json is no manifest (" in Ended.metadata_of(check)["verdict"]
    deletions = ended.check_named(NO_MASS_DELETION)
    assert (deletions["passed"], deletions["severity"]) == (False, "WARN")
    left_alone = "1 entities that seem to have disappeared were left alone: of lake nobody knows what the source has"
    assert Ended.metadata_of(deletions)["verdict"].startswith(f"{left_alone} (lake: raw/openmetadata.json is no")


def test_a_source_of_which_every_bucket_is_refused_fails_for_good(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    put(storage, "closed", {"customers/1.csv": CUSTOMERS})
    let_read(storage, secrets, denied="closed")
    ended = run(make(bucketNames=["closed"]))
    assert ended.verdict["outcome"] == "failed"
    assert ended.verdict["permanent"]
    assert ended.verdict["sentence"] == (
        f"lake: S3 refuses to let bucket closed be read at {storage.url} (AccessDenied):"
        " grant the user s3:ListBucket and s3:GetObject."
    )
    assert containers(catalog) == {}


@pytest.mark.bad_input("wrong credentials", "S3")
@pytest.mark.bad_input("wrong port", "S3")
def test_wrong_keys_and_a_silent_s3_are_told_apart(
    run: Run, make: Make, storage: Storage, catalog: RunningServer, secrets: Path
) -> None:
    let_read(storage, secrets)
    (secrets / "s3_secret_access_key").write_text("not the key")
    ended = run(make())
    assert ended.verdict["sentence"].startswith(f"lake: S3 refuses the credentials at {storage.url} (SignatureDoes")
    assert ended.verdict["permanent"]
    silent = make()
    silent.connection["awsConfig"]["endPointURL"] = "http://127.0.0.1:1"
    ended = run(silent)
    assert ended.verdict["sentence"].startswith("lake: the source does not answer at http://127.0.0.1:1 (")
    assert not ended.verdict["permanent"]
