"""dbt against a real catalog: what its artifacts say arrives, part by part, and what does not is named."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.spec import MATCHES, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion import shop_dbt
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.ingestion.conftest import PASSWORD, SHOP, execute
from data_platform_tests.ingestion.lossy import losing
from examples.demo.postgres import Server
from examples.demo.storage import let_read, put, running_storage

DATABASE = "shop_of_dbt"
MARTS = f"shop.{DATABASE}.marts"
SALES = f"shop.{DATABASE}.sales"


@pytest.fixture(scope="module")
def artifacts(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the artifacts of the shop's dbt project, which was built."""
    execute(postgres, "postgres", f"CREATE DATABASE {DATABASE}")
    execute(postgres, DATABASE, SHOP)
    return shop_dbt.build(tmp_path_factory.mktemp("project"), postgres, DATABASE)


@pytest.fixture(scope="module")
def with_tables(postgres: Server, artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of a catalog that has the shop's tables, a team and a dashboard, and nothing of dbt's yet."""
    folder = tmp_path_factory.mktemp("with_tables")
    (folder / "password").write_text(PASSWORD)
    with running_server(folder / "data") as catalog:
        (folder / "token").write_text(catalog.token("ingestion-bot"))
        people_make(
            catalog,
            ("teams", {"name": "accounting", "teamType": "Group"}),
            ("services/dashboardServices", {"name": "boards", "serviceType": "CustomDashboard"}),
            ("dashboards", {"name": "spending", "service": "boards"}),
        )
        assert tables_arrive(catalog, folder, postgres).verdict["outcome"] == "ok"
    return folder / "data"


def tables_arrive(catalog: RunningServer, secrets: Path, postgres: Server) -> Ended:
    connection = {
        "hostPort": f"127.0.0.1:{postgres.port}",
        "username": "reader",
        "authType": {"password": f"file:{secrets}/password"},
        "database": DATABASE,
    }
    listed = spec(catalog, secrets, connector="Postgres", service="shop", connection=connection, parts=["metadata"])
    return Child(listed, secrets / "children").end()


@pytest.fixture
def catalog(with_tables: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """A catalog of the test's own that has the shop's tables."""
    shutil.copytree(with_tables, tmp_path / "data")
    with running_server(tmp_path / "data") as server:
        (tmp_path / "token").write_text(server.token("ingestion-bot"))
        yield server


Ingest = Callable[..., Ended]


@pytest.fixture
def ingest(catalog: RunningServer, artifacts: Path, tmp_path: Path) -> Ingest:
    """Runs dbt's workflows; without a connection, on the artifacts of the shop's project."""

    def run(*parts: str, connection: dict[str, Any] | None = None, **fields: Any) -> Ended:
        found = connection or local(artifacts)
        asked = spec(catalog, tmp_path, parts=parts or ("metadata", "lineage"), connection=found, **fields)
        return Child(asked, tmp_path / "children").end()

    return run


def spec(
    catalog: RunningServer, secrets: Path, *, parts: Any, connection: dict[str, Any], **fields: Any
) -> WorkflowSpec:
    defaults: dict[str, Any] = {"service": "dbt", "connector": "dbt", "options": {"includeTags": True}}
    defaults["catalog_url"] = catalog.url
    if fields.get("connector"):
        defaults["options"] = {"schemaFilterPattern": {"excludes": ["^information_schema$"]}}
    else:
        connection = {"serviceName": "shop", **connection}
    return WorkflowSpec(
        **{**defaults, **fields},
        environment="demo",
        workflows=tuple(parts),
        connection=connection,
        catalog_token=f"file:{secrets}/token",
        vault_address="http://127.0.0.1:1",
        run_id=str(uuid.uuid4()),
    )


def local(folder: Path) -> dict[str, Any]:
    return {
        "dbtConfigType": "local",
        "dbtManifestFilePath": f"{folder}/manifest.json",
        "dbtCatalogFilePath": f"{folder}/catalog.json",
        "dbtRunResultsFilePath": f"{folder}/run_results.json",
    }


def people_make(catalog: RunningServer, *entities: tuple[str, dict[str, Any]]) -> None:
    """Put entities into the catalog as somebody with the right to does."""
    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    for collection, request in entities:
        httpx.put(f"{catalog.url}/v1/{collection}", json=request, headers=headers).raise_for_status()


def table(catalog: RunningServer, name: str) -> dict[str, Any]:
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        return client.get_by_name("tables", name, fields=["columns", "tags", "owners", "dataModel", "testSuite"])


def tags(entity: dict[str, Any]) -> set[str]:
    return {label["tagFQN"] for label in entity.get("tags", [])}


def upstream(catalog: RunningServer, collection: str, name: str) -> dict[str, dict[str, list[str]]]:
    """What an entity comes from: for each upstream entity, the columns by column."""
    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    graph = httpx.get(
        f"{catalog.url}/v1/lineage/{collection}/name/{name}?upstreamDepth=1&downstreamDepth=0", headers=headers
    ).json()
    names = {node["id"]: node["fullyQualifiedName"] for node in graph["nodes"]}
    return {
        names[edge["fromEntity"]]: {
            each["toColumn"]: each["fromColumns"]
            for each in (edge.get("lineageDetails") or {}).get("columnsLineage") or []
        }
        for edge in graph["upstreamEdges"]
    }


def test_everything_that_the_project_says_is_in_the_catalog(ingest: Ingest, catalog: RunningServer) -> None:
    ended = ingest()
    assert {name: verdict["outcome"] for name, verdict in ended.verdicts.items()} == {
        "metadata": "ok",
        "lineage": "ok",
    }, ended.output
    assert ended.materialized == ["openmetadata/dbt/metadata", "openmetadata/dbt/lineage"]

    paid = table(catalog, f"{MARTS}.paid")
    columns = {column["name"]: column for column in paid["columns"]}
    assert paid["description"] == "Orders that were paid"
    assert columns["amount"]["description"] == "What was paid"
    assert tags(paid) == {"dbtTags.finance", "Tier.Tier2"}
    assert tags(columns["amount"]) == {"dbtTags.money"}
    assert [owner["name"] for owner in paid["owners"]] == ["accounting"]
    assert paid["dataModel"]["resourceType"] == "model"
    assert "source('sales', 'orders')" in paid["dataModel"]["rawSql"]
    assert f'from "{DATABASE}"."sales"."orders"' in paid["dataModel"]["sql"]

    # What people or the database said of a source stays.
    assert table(catalog, f"{SALES}.customers")["description"] == "Who buys"
    assert table(catalog, f"{SALES}.orders")["description"] == "What was ordered"

    assert upstream(catalog, "table", f"{MARTS}.paid") == {
        f"{SALES}.orders": {
            f"{MARTS}.paid.{column}": [f"{SALES}.orders.{source}"]
            for column, source in (("id", "id"), ("customer_id", "customer_id"), ("amount", "total"))
        }
    }
    assert upstream(catalog, "table", f"{MARTS}.spending") == {
        f"{MARTS}.paid": {f"{MARTS}.spending.amount": [f"{MARTS}.paid.amount"]},
        f"{SALES}.customers": {f"{MARTS}.spending.customer": [f"{SALES}.customers.name"]},
    }
    assert upstream(catalog, "dashboard", "boards.spending") == {f"{MARTS}.spending": {}}

    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        cases = {case["name"]: case for case in client.list("dataQuality/testCases", fields=["testCaseResult"])}
    assert {name: case["testCaseResult"]["testCaseStatus"] for name, case in cases.items()} == {
        "unique_paid_id": "Success",
        "accepted_values_spending_customer__nobody": "Aborted",
        "nothing_is_given_away": "Success",
    }
    assert cases["unique_paid_id"]["entityLink"] == f"<#E::table::{MARTS}.paid::columns::id>"

    of = {name: ended.metadata_of(check) for name, check in ended.checks.items()}
    described = {key: value for key, value in of["metadata"].items() if key.startswith(("entities/", "lineage/"))}
    assert described == {
        "entities/dataModel": 5,
        "entities/tag": 2,
        "entities/testCase": 3,
        "entities/testCaseResult": 3,
    }
    assert (of["lineage"]["lineage/edges"], of["lineage"]["lineage/column_edges"]) == (4, 5)
    assert not any(key.startswith("entities/") for key in of["lineage"])


def test_what_the_manifest_describes_is_held_against_the_data_models_of_the_catalog(
    ingest: Ingest, artifacts: Path, tmp_path: Path
) -> None:
    (check,) = (check for check in ingest("metadata").all_checks if check["check_name"] == MATCHES)
    assert check["passed"], check
    assert Ended.metadata_of(check)["compared"] == 5

    # A model that the project no longer has keeps its data model in the catalog; an ephemeral one has none.
    manifest = json.loads((artifacts / "manifest.json").read_text())
    del manifest["nodes"]["model.shop.spending"]
    seed = manifest["nodes"]["seed.shop.bands"]
    manifest["nodes"]["model.shop.inlined"] = {
        **manifest["nodes"]["model.shop.paid"],
        "unique_id": "model.shop.inlined",
        "name": "inlined",
        "alias": "inlined",
        "config": {**manifest["nodes"]["model.shop.paid"]["config"], "materialized": "ephemeral"},
    }
    manifest["nodes"]["seed.shop.unbuilt"] = {
        **seed,
        "unique_id": "seed.shop.unbuilt",
        "name": "unbuilt",
        "alias": "unbuilt",
    }
    manifest["exposures"] = {}
    ended = ingest("metadata", connection=local(broken(artifacts, tmp_path / "changed", json.dumps(manifest))))
    assert [check["check_name"] for check in ended.all_checks] == ["completed", MATCHES]
    check = ended.check_named(MATCHES)
    assert (check["passed"], check["severity"]) == (False, "WARN"), ended.output
    rows = Ended.metadata_of(check)["mismatches"]["records"]
    assert {(row["name"], row["difference"]) for row in rows} == {
        (f"{MARTS}.spending", "surplus"),
        (f"{MARTS}.unbuilt", "missing"),
    }


def test_a_data_model_that_is_lost_in_silence_is_named_and_stops_what_depends_on_it(
    ingest: Ingest, catalog: RunningServer
) -> None:
    with losing(catalog.url, table(catalog, f"{MARTS}.paid")["id"]) as url:
        ended = ingest("metadata", catalog_url=url)
    check = ended.check_named(MATCHES)
    assert (check["passed"], check["severity"]) == (False, "ERROR"), ended.output
    (row,) = Ended.metadata_of(check)["mismatches"]["records"]
    assert (row["name"], row["difference"]) == (f"{MARTS}.paid", "missing")


def test_tables_that_dbt_described_match_their_database_as_before(
    ingest: Ingest, catalog: RunningServer, postgres: Server, tmp_path: Path
) -> None:
    assert ingest("metadata").verdict["outcome"] == "ok"
    (tmp_path / "password").write_text(PASSWORD)
    again = tables_arrive(catalog, tmp_path, postgres)
    assert again.verdict["outcome"] == "ok"
    assert again.check_named(MATCHES)["passed"] is True, again.output


def test_lineage_alone_writes_lineage_alone(ingest: Ingest, catalog: RunningServer) -> None:
    before = table(catalog, f"{MARTS}.paid")
    ended = ingest("lineage")
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.materialized == ["openmetadata/dbt/lineage"]
    assert "does not show" not in ended.metadata.get("notices", "")
    assert ended.metadata["lineage/edges"] == 4
    assert upstream(catalog, "table", f"{MARTS}.paid").keys() == {f"{SALES}.orders"}
    assert table(catalog, f"{MARTS}.paid") == before
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        assert list(client.list("dataQuality/testCases")) == []
        assert "dbtTags" not in {each["name"] for each in client.list("classifications")}


def test_metadata_alone_writes_no_lineage(ingest: Ingest, catalog: RunningServer) -> None:
    ended = ingest("metadata")
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.materialized == ["openmetadata/dbt/metadata"]
    assert table(catalog, f"{MARTS}.paid")["description"] == "Orders that were paid"
    assert upstream(catalog, "table", f"{MARTS}.paid") == {}
    assert upstream(catalog, "dashboard", "boards.spending") == {}


def test_what_the_catalog_does_not_have_is_listed_and_the_rest_arrives(ingest: Ingest, catalog: RunningServer) -> None:
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        gone = [
            ("tables", client.get_by_name("tables", f"{MARTS}.spending")["id"]),
            ("dashboards", client.get_by_name("dashboards", "boards.spending")["id"]),
            ("teams", client.get_by_name("teams", "accounting")["id"]),
        ]
    for collection, id_ in gone:
        httpx.delete(
            f"{catalog.url}/v1/{collection}/{id_}?hardDelete=true",
            headers={"Authorization": f"Bearer {catalog.token('admin')}"},
        ).raise_for_status()
    ended = ingest()
    metadata, lineage = ended.checks["metadata"], ended.checks["lineage"]
    assert ended.materialized == ["openmetadata/dbt/metadata", "openmetadata/dbt/lineage"]
    assert (metadata["passed"], metadata["severity"]) == (lineage["passed"], lineage["severity"]) == (False, "WARN")
    assert ended.metadata_of(metadata)["unmatched"]["records"] == [
        {"name": "accounting", "kind": "owner", "wanted": "user or team that owns paid"},
        {"name": "model.shop.spending", "kind": "model", "wanted": f"{MARTS}.spending"},
    ]
    assert ended.metadata_of(lineage)["unmatched"]["records"] == [
        {"name": "model.shop.spending", "kind": "model", "wanted": f"{MARTS}.spending"},
        {"name": "exposure.shop.board", "kind": "exposure", "wanted": "boards.spending"},
    ]
    assert ended.verdicts["lineage"]["sentence"].startswith(
        "dbt/lineage: the catalog does not have what 2 of 6 belong to"
    )
    assert table(catalog, f"{MARTS}.paid")["description"] == "Orders that were paid"
    assert upstream(catalog, "table", f"{MARTS}.paid").keys() == {f"{SALES}.orders"}


def broken(artifacts: Path, folder: Path, manifest: str) -> Path:
    """A copy of the artifacts with another manifest."""
    shutil.copytree(artifacts, folder)
    (folder / "manifest.json").write_text(manifest)
    return folder


def test_a_manifest_that_cannot_be_read_is_named_in_one_sentence(
    ingest: Ingest, artifacts: Path, tmp_path: Path
) -> None:
    manifest = json.loads((artifacts / "manifest.json").read_text())
    newer = {**manifest["metadata"], "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v99.json"}
    damaged = {**manifest, "nodes": {"model.shop.paid": {"resource_type": "model"}}}
    for name, text, sentence in (
        ("cut", (artifacts / "manifest.json").read_text()[:5000], "manifest.json is not JSON"),
        ("other", '{"name": "shop"}', "dbt: the manifest is JSON, but not a manifest of dbt's"),
        ("damaged", json.dumps(damaged), "dbt: the manifest is damaged (KeyError: 'database'): make it with"),
        (
            "newer",
            json.dumps({**manifest, "metadata": newer}),
            "dbt: the schema of the manifest is v99 (written by dbt 1.11.16), and OpenMetadata's client reads v1, v2",
        ),
    ):
        ended = ingest(connection=local(broken(artifacts, tmp_path / name, text)))
        assert ended.materialized == []
        for verdict in ended.verdicts.values():
            assert verdict["outcome"] == "failed"
            assert verdict["permanent"]
            assert sentence in verdict["sentence"]
            assert "\n" not in verdict["sentence"]


def test_run_results_of_another_dbt_are_named_and_the_rest_arrives(
    ingest: Ingest, catalog: RunningServer, artifacts: Path, tmp_path: Path
) -> None:
    folder = broken(artifacts, tmp_path / "newer", (artifacts / "manifest.json").read_text())
    results = json.loads((folder / "run_results.json").read_text())
    results["metadata"]["dbt_schema_version"] = "https://schemas.getdbt.com/dbt/run-results/v99.json"
    (folder / "run_results.json").write_text(json.dumps(results))
    ended = ingest(connection=local(folder))
    assert {verdict["outcome"] for verdict in ended.verdicts.values()} == {"partial"}, ended.verdicts
    (row,) = ended.metadata_of(ended.checks["metadata"])["failures"]["records"]
    assert row["name"] == "run_results.json"
    assert row["error"].startswith("the schema of the run results is v99 (written by dbt ")
    assert table(catalog, f"{MARTS}.paid")["description"] == "Orders that were paid"
    assert upstream(catalog, "table", f"{MARTS}.paid").keys() == {f"{SALES}.orders"}


@pytest.mark.bad_input("hard names", "dbt")
@pytest.mark.bad_input("1,500 columns", "dbt")
@pytest.mark.bad_input("view that does not compile", "dbt")
def test_hard_names_wide_models_and_sql_that_nobody_can_parse_arrive(
    ingest: Ingest, catalog: RunningServer, artifacts: Path, tmp_path: Path
) -> None:
    wide = [f"column_{number}" for number in range(1500)]
    models = {
        "Größe.v2 it's": (["id"], "select id from {orders}"),
        "wide": (wide, "select id as column_7, total as column_1499 from {orders}"),
        "nonsense": (["id"], "selec id, form ({orders} where"),
    }
    manifest = json.loads((artifacts / "manifest.json").read_text())
    like = manifest["nodes"]["model.shop.paid"]
    for number, (name, (columns, sql)) in enumerate(models.items()):
        shown = [{"name": column, "dataType": "INT"} for column in columns]
        people_make(catalog, ("tables", {"name": name, "databaseSchema": MARTS, "columns": shown}))
        manifest["nodes"][f"model.shop.m{number}"] = {
            **like,
            "unique_id": f"model.shop.m{number}",
            "name": f"m{number}",
            "alias": name,
            "description": f"About {name}",
            "columns": {column: {**like["columns"]["id"], "name": column} for column in columns},
            "compiled_code": sql.format(orders=f'"{DATABASE}"."sales"."orders"'),
        }
    ended = ingest(connection=local(broken(artifacts, tmp_path / "hard", json.dumps(manifest))))
    assert {name: verdict["outcome"] for name, verdict in ended.verdicts.items()} == {
        "metadata": "ok",
        "lineage": "ok",
    }, ended.verdicts
    fqns = {name: f'{MARTS}."{name}"' if "." in name else f"{MARTS}.{name}" for name in models}
    for name, fqn in fqns.items():
        assert table(catalog, fqn)["description"] == f"About {name}"
        assert upstream(catalog, "table", quote(fqn)).keys() == {f"{SALES}.orders"}
    assert len(upstream(catalog, "table", fqns["wide"])[f"{SALES}.orders"]) == 2
    described = [column["description"] for column in table(catalog, fqns["wide"])["columns"]]
    assert described == ["Number of the order"] * len(wide)


@pytest.mark.bad_input("empty scope", "dbt")
def test_a_project_without_models_is_said_to_have_nothing_of_a_table(
    ingest: Ingest, artifacts: Path, tmp_path: Path
) -> None:
    manifest = json.loads((artifacts / "manifest.json").read_text()) | {"nodes": {}, "sources": {}, "exposures": {}}
    ended = ingest("metadata", connection=local(broken(artifacts, tmp_path / "empty", json.dumps(manifest))))
    assert ended.verdict["outcome"] == "partial", ended.verdict
    assert ended.verdict["sentence"] == "dbt: the source has nothing that belongs to a table."


def test_a_service_that_the_catalog_does_not_have_is_named(ingest: Ingest, artifacts: Path) -> None:
    ended = ingest("metadata", connection={**local(artifacts), "serviceName": "warehouse"})
    assert ended.verdict["permanent"]
    assert ended.verdict["sentence"].startswith(
        "dbt: the catalog has no database service 'warehouse', whose tables the models are: correct the connection's"
    )


@pytest.fixture
def web(artifacts: Path) -> Iterator[str]:
    """A web server that has the artifacts."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=artifacts)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_artifacts_arrive_over_http_and_one_that_is_missing_is_named(
    ingest: Ingest, catalog: RunningServer, web: str
) -> None:
    ended = ingest(
        connection={
            "dbtConfigType": "http",
            "dbtManifestHttpPath": f"{web}/manifest.json",
            "dbtCatalogHttpPath": f"{web}/catalog.json",
            "dbtRunResultsHttpPath": f"{web}/results.json",
        }
    )
    check = ended.checks["metadata"]
    assert (check["passed"], check["severity"]) == (False, "WARN"), ended.output
    (failure,) = ended.metadata_of(check)["failures"]["records"]
    assert f"{web}/results.json" in failure["error"]
    assert table(catalog, f"{MARTS}.paid")["description"] == "Orders that were paid"
    assert upstream(catalog, "table", f"{MARTS}.paid").keys() == {f"{SALES}.orders"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.bad_input("half-broken object", "dbt")
def test_artifacts_arrive_from_a_bucket_and_a_broken_project_costs_no_other(
    ingest: Ingest, catalog: RunningServer, artifacts: Path, tmp_path: Path
) -> None:
    names = ("manifest.json", "catalog.json", "run_results.json")
    files = {f"shop/{name}": (artifacts / name).read_bytes() for name in names}
    files |= {"broken/manifest.json": b'{"metadata": {', "broken/catalog.json": b"{}"}
    with running_storage(tmp_path / "logs", free_port()) as (storage, program):
        program.wait_until(storage.answers)
        put(storage, "artifacts", files)
        let_read(storage, tmp_path)
        ended = ingest(
            connection={
                "dbtConfigType": "s3",
                "dbtSecurityConfig": {
                    "awsRegion": "us-east-1",
                    "endPointURL": storage.url,
                    "awsAccessKeyId": f"file:{tmp_path}/s3_access_key_id",
                    "awsSecretAccessKey": f"file:{tmp_path}/s3_secret_access_key",
                },
                "dbtPrefixConfig": {"dbtBucketName": "artifacts"},
            }
        )
    for check in ended.checks.values():
        assert (check["passed"], check["severity"]) == (False, "WARN"), ended.output
        (failure,) = ended.metadata_of(check)["failures"]["records"]
        assert failure["kind"] == "artifacts"
        assert failure["error"].startswith("broken/manifest.json is not JSON")
    assert table(catalog, f"{MARTS}.paid")["description"] == "Orders that were paid"
    assert upstream(catalog, "table", f"{MARTS}.paid").keys() == {f"{SALES}.orders"}


@pytest.mark.parametrize(
    ("connection", "sentence", "permanent"),
    [
        ({"dbtManifestHttpPath": "http://127.0.0.1:1/manifest.json"}, "http://127.0.0.1:1/manifest.json", False),
        ({"dbtManifestHttpPath": "{web}/nowhere.json"}, "{web}/nowhere.json", True),
    ],
    ids=["nobody answers", "there is none"],
)
def test_a_manifest_that_cannot_be_fetched_is_named_and_only_retried_where_that_may_help(
    ingest: Ingest, web: str, connection: dict[str, str], sentence: str, permanent: bool
) -> None:
    found = {name: value.format(web=web) for name, value in connection.items()}
    ended = ingest("metadata", connection={"dbtConfigType": "http", **found})
    assert ended.verdict["outcome"] == "failed"
    assert sentence.format(web=web) in ended.verdict["sentence"]
    assert ended.verdict["permanent"] is permanent
