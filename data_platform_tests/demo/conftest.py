"""The demo's database and, made from it by a real ingestion, a filled catalog."""

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
from examples.demo.compare import EXPECTED, Catalog
from examples.demo.fill import fill
from examples.demo.layout import PROJECT_ROOT
from examples.demo.postgres import DATABASE, READER, Server, running_postgres


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
def client() -> None:
    """OpenMetadata's client, imported before a server runs in this process, whose threads import parts of it.

    It warns about itself, and warnings are errors here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("metadata.ingestion.ometa.ometa_api")


@pytest.fixture(scope="package")
def filled_catalog(database: Server, client: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of a catalog that the demo's three workflows filled, configured as the demo configures them."""
    folder = tmp_path_factory.mktemp("catalog")
    with running_server(folder / "data") as catalog:
        (folder / "token").write_text(catalog.token())
        for workflow, options in _configured_workflows().items():
            spec = WorkflowSpec(
                environment="demo",
                service="postgres",
                connector="Postgres",
                workflow=Workflow(workflow),
                connection={
                    "hostPort": f"127.0.0.1:{database.port}",
                    "database": DATABASE,
                    "username": READER,
                    "authType": {"password": f"file:{database.reader_password}"},
                },
                options=options,
                catalog_url=catalog.url,
                catalog_token=f"file:{folder / 'token'}",
                vault_address="http://127.0.0.1:1",
                run_id=str(uuid.uuid4()),
            )
            ended = Child(spec, folder / "children").end(timeout=240)
            assert ended.verdict["outcome"] == "ok", ended.output
    return folder / "data"


def _configured_workflows() -> dict[str, dict[str, Any]]:
    import yaml

    definition = PROJECT_ROOT / "data_platform" / "defs" / "sources" / "postgres" / "defs.yaml"
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
