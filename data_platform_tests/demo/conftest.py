"""The demo's database and S3 and, made from them by a real ingestion, a filled catalog."""

from __future__ import annotations

import importlib
import json
import shutil
import socket
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_platform.ingestion.spec import Ownership, Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child
from examples.demo import lakehouse, raw_files
from examples.demo.compare import EXPECTED, Catalog
from examples.demo.fill import fill
from examples.demo.layout import PROJECT_ROOT
from examples.demo.models import build
from examples.demo.people import introduce
from examples.demo.postgres import DATABASE, READER, Server, running_postgres
from examples.demo.storage import REGION, Storage, let_read, put, running_storage


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="package")
def database(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo's PostgreSQL, filled, with dbt's models built."""
    with running_postgres(tmp_path_factory.mktemp("demo"), free_port()) as server:
        fill(server)
        build(server, artifacts)
        yield server


@pytest.fixture(scope="package")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of dbt's artifacts, filled once the database is."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="package")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for secrets."""
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="package")
def storage(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """The demo's S3, filled."""
    with running_storage(tmp_path_factory.mktemp("storage"), free_port()) as (server, program):
        program.wait_until(server.answers)
        for bucket, files in raw_files.files().items():
            put(server, bucket, files)
        let_read(server, secrets)
        yield server


@pytest.fixture(scope="package")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the demo's lakehouse, filled."""
    folder = tmp_path_factory.mktemp("lakehouse")
    lakehouse.fill(folder)
    return folder


@pytest.fixture(scope="package")
def client() -> None:
    """OpenMetadata's client, imported before a server runs in this process, whose threads import parts of it.

    It warns about itself, and warnings are errors here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("metadata.ingestion.ometa.ometa_api")


@pytest.fixture(scope="package")
def filled_catalog(
    database: Server,
    artifacts: Path,
    storage: Storage,
    tables: Path,
    secrets: Path,
    client: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Data folder of a catalog that the demo's workflows filled, configured as the demo configures them."""
    folder = tmp_path_factory.mktemp("catalog")
    keys = {"awsAccessKeyId": "s3_access_key_id", "awsSecretAccessKey": "s3_secret_access_key"}
    references = {field: f"file:{secrets}/{name}" for field, name in keys.items()}
    connections = {
        "iceberg": lakehouse.connection(tables),
        "s3": {"awsConfig": {"awsRegion": REGION, "endPointURL": storage.url, **references}},
        "postgres": {
            "hostPort": f"127.0.0.1:{database.port}",
            "database": DATABASE,
            "username": READER,
            "authType": {"password": f"file:{database.reader_password}"},
        },
        "dbt": {
            "serviceName": "postgres",
            "dbtConfigType": "local",
            "dbtManifestFilePath": f"{artifacts}/manifest.json",
            "dbtCatalogFilePath": f"{artifacts}/catalog.json",
            "dbtRunResultsFilePath": f"{artifacts}/run_results.json",
        },
    }
    with running_server(folder / "data") as catalog:
        (folder / "token").write_text(catalog.token())
        introduce(catalog.url, catalog.token("admin"))
        for service, workflows, options in _runs():
            rules = _ownership() if (service, *workflows) == ("postgres", Workflow.METADATA) else ()
            spec = WorkflowSpec(
                environment="demo",
                service=service,
                connector={"iceberg": "Iceberg", "postgres": "Postgres", "s3": "S3"}.get(service, service),
                workflows=workflows,
                connection=connections[service],
                options=options,
                catalog_url=catalog.url,
                catalog_token=f"file:{folder / 'token'}",
                vault_address="http://127.0.0.1:1",
                run_id=str(uuid.uuid4()),
                ownership=rules,
            )
            ended = Child(spec, folder / "children").end(timeout=240)
            assert {each["outcome"] for each in ended.verdicts.values()} == {"ok"}, ended.output
    return folder / "data"


def _runs() -> Iterator[tuple[str, tuple[Workflow, ...], dict[str, Any]]]:
    """What the demo runs, in its order: the service, the workflows that are one run, and their options."""
    configured = {service: _configured_workflows(service) for service in ("postgres", "dbt")}
    for workflow, options in configured["postgres"].items():
        yield "postgres", (Workflow(workflow),), options
    together = {name: value for options in configured["dbt"].values() for name, value in options.items()}
    yield "dbt", tuple(map(Workflow, configured["dbt"])), together
    for service in ("s3", "iceberg"):
        for workflow, options in _configured_workflows(service).items():
            yield service, (Workflow(workflow),), options


def _configured_workflows(service: str) -> dict[str, dict[str, Any]]:
    return _attributes(service)["workflows"]


def _ownership() -> tuple[Ownership, ...]:
    source = _attributes("postgres")
    whole = Ownership(owners=source["owners"], domain=source["domain"])
    return (*map(Ownership.model_validate, source["ownership"]), whole)


def _attributes(service: str) -> dict[str, Any]:
    import yaml

    definition = PROJECT_ROOT / "data_platform" / "defs" / "sources" / service / "defs.yaml"
    return yaml.safe_load(definition.read_text())["attributes"]


@pytest.fixture
def server(filled_catalog: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """A server on a copy of the filled catalog, to be spoilt."""
    data = tmp_path / "catalog"
    shutil.copytree(filled_catalog, data)
    with running_server(data) as running:
        yield running


@pytest.fixture
def catalog(server: RunningServer) -> Catalog:
    """What the comparison reads."""
    return Catalog(server.url, server.token(), "postgres", DATABASE)


@pytest.fixture
def expected() -> dict[str, Any]:
    """The committed expectations."""
    return json.loads(EXPECTED.read_text())
