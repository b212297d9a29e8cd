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

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child
from examples.demo import raw_files
from examples.demo.compare import EXPECTED, Catalog
from examples.demo.fill import fill
from examples.demo.layout import PROJECT_ROOT
from examples.demo.postgres import DATABASE, READER, Server, running_postgres
from examples.demo.storage import REGION, Storage, let_read, put, running_storage


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="package")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo's PostgreSQL, filled."""
    with running_postgres(tmp_path_factory.mktemp("demo"), free_port()) as server:
        fill(server)
        yield server


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
def client() -> None:
    """OpenMetadata's client, imported before a server runs in this process, whose threads import parts of it.

    It warns about itself, and warnings are errors here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("metadata.ingestion.ometa.ometa_api")


@pytest.fixture(scope="package")
def filled_catalog(
    database: Server, storage: Storage, secrets: Path, client: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Data folder of a catalog that the demo's workflows filled, configured as the demo configures them."""
    folder = tmp_path_factory.mktemp("catalog")
    with running_server(folder / "data") as catalog:
        (folder / "token").write_text(catalog.token())

        def run(service: str, connector: str, connection: dict[str, Any]) -> None:
            for workflow, options in _configured_workflows(service).items():
                spec = WorkflowSpec(
                    environment="demo",
                    service=service,
                    connector=connector,
                    workflow=Workflow(workflow),
                    connection=connection,
                    options=options,
                    catalog_url=catalog.url,
                    catalog_token=f"file:{folder / 'token'}",
                    vault_address="http://127.0.0.1:1",
                    run_id=str(uuid.uuid4()),
                )
                ended = Child(spec, folder / "children").end(timeout=240)
                assert ended.verdict["outcome"] == "ok", ended.output

        run(
            "postgres",
            "Postgres",
            {
                "hostPort": f"127.0.0.1:{database.port}",
                "database": DATABASE,
                "username": READER,
                "authType": {"password": f"file:{database.reader_password}"},
            },
        )
        keys = {"awsAccessKeyId": "s3_access_key_id", "awsSecretAccessKey": "s3_secret_access_key"}
        references = {field: f"file:{secrets}/{name}" for field, name in keys.items()}
        run("s3", "S3", {"awsConfig": {"awsRegion": REGION, "endPointURL": storage.url, **references}})
    return folder / "data"


def _configured_workflows(service: str) -> dict[str, dict[str, Any]]:
    import yaml

    definition = PROJECT_ROOT / "data_platform" / "defs" / "sources" / service / "defs.yaml"
    return yaml.safe_load(definition.read_text())["attributes"]["workflows"]


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
