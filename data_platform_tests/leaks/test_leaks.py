"""Marked secrets go through runs that succeed, fail and crash, and are nowhere afterwards, or meanwhile.

The runs are real: Dagster's multiprocess executor, the launcher, children in the ingestion environment, a PostgreSQL,
a catalog and a Vault that is entered by AppRole.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import httpx
import psutil
import pytest
from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, decode_param

from data_platform_tests.catalogs import free_port, issued, running_catalog
from data_platform_tests.leaks.location import SPECS
from data_platform_tests.leaks.search import Place, watching
from data_platform_tests.vaults.fake import FakeVault, running_vault
from examples.demo.postgres import Server, running_postgres
from examples.demo.processes import Program

ROOT = Path(__file__).parents[2]
# What people set themselves, and would see in their own process list.
OWN_VARIABLES = {"VAULT_SECRET_ID": "vault's secret id", "LEAK_TEST_OPTION": "an option"}

PLACES = [
    "temporary files",
    "command lines",
    "variables of processes",
    "what children are told",
    "Dagster's storage: events, run configuration, asset metadata, errors",
    "compute logs",
    "output of the run",
    "the catalog's database",
    "the catalog's log",
]


def mark(what: str) -> str:
    return f"Leak{uuid4().hex}{what}"


@dataclass
class World:
    """Everything that the runs touch.

    Attributes:
        folder: where all of it is.
        marks: what must be nowhere.
        values: the secrets that the marks are in; some characters that are spelled otherwise in URLs and JSON.
    """

    folder: Path
    vault: FakeVault
    postgres: Server
    catalog: Program
    catalog_url: str
    marks: dict[str, str]
    values: dict[str, str]
    places: dict[str, Place] = field(default_factory=lambda: defaultdict(Place))

    def known(self) -> list[str]:
        """What must be nowhere, Vault's tokens so far included."""
        return [*self.marks.values(), *self.vault.tokens]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A PostgreSQL, a catalog and a Vault with marked secrets."""
    folder = tmp_path_factory.mktemp("leaks")
    marks = {what: mark(what) for what in ("password", "wrong", "user", "option", "unparsable", "killed")}
    values = {what: f"{marks[what]}/@:'\"%" for what in marks} | {"user": marks["user"].lower()}
    marks["user"] = values["user"]
    with (
        running_vault() as vault,
        running_postgres(folder / "postgres", free_port()) as postgres,
        running_catalog(folder) as (catalog, url),
    ):
        statement = f"CREATE ROLE {values['user']} LOGIN PASSWORD %s IN ROLE pg_read_all_data"
        with closing(postgres.connect("postgres")) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(statement, (values["password"],))
            cursor.execute("CREATE TABLE orders (id integer PRIMARY KEY)")
        token = issued(folder / "catalog")
        marks["token"] = token.rpartition(".")[2]
        for service in ("refused", "unparsable"):
            # So that there is something to file their runs under: what failed is shown in the catalog.
            in_catalog(url, folder, "PUT", "", {"name": service, "serviceType": "Postgres"})
        for what in ("password", "wrong", "unparsable", "killed"):
            vault.write(f"secret-data/leaks/{what}", {"password": values[what]})
        vault.write("secret-data/dagster/openmetadata", {"jwt_token": token})
        (folder / "user").write_text(values["user"] + "\n")
        yield World(folder, vault, postgres, catalog, url, marks, values)


def in_catalog(
    url: str, folder: Path, method: str, path: str, body: dict[str, Any] | None = None, of: str = "databaseServices"
) -> dict[str, Any]:
    """Ask the catalog, or tell it, something of its services."""
    answer = httpx.request(
        method,
        f"{url}/v1/services/{of}{path}",
        json=body,
        headers={"Authorization": f"Bearer {issued(folder / 'catalog')}"},
        timeout=30,
    )
    return answer.raise_for_status().json()


def spec(world: World, service: str, secret: str, **connection: str) -> dict[str, Any]:
    """A metadata workflow of the database, with a reference of each kind."""
    return {
        "environment": "qa",
        "service": service,
        "connector": "Postgres",
        "workflows": ["metadata"],
        "connection": {
            "hostPort": f"127.0.0.1:{world.postgres.port}",
            "username": f"file:{world.folder / 'user'}",
            "authType": {"password": f"vault:secret-data/leaks/{secret}#password"},
            "database": "postgres",
            "connectionOptions": {"application_name": "catalog ${env:LEAK_TEST_OPTION}"},
            **connection,
        },
        "options": {"schemaFilterPattern": {"includes": ["^public$"]}},
        "catalog_url": world.catalog_url,
        "catalog_token": "vault:secret-data/dagster/openmetadata#jwt_token",
        "vault_address": world.vault.address,
        "store_service_connection": False,
    }


@pytest.fixture(scope="module")
def runs(world: World) -> dict[str, str]:
    """What became of each workflow: an empty string when it succeeded, its error otherwise."""
    home, temporary = world.folder / "dagster", world.folder / "tmp"
    for folder in (home, temporary):
        folder.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    specs = [
        spec(world, "succeeds", "password"),
        spec(world, "refused", "wrong"),
        spec(world, "unparsable", "unparsable", hostPort="127.0.0.1:${env:LEAK_TEST_OPTION}"),
        spec(world, "killed", "killed"),
    ]
    (world.folder / "specs.json").write_text(json.dumps(specs))
    ids = world.vault.app_role()
    world.marks["vault's secret id"] = ids.secret_id
    variables = {
        "DAGSTER_HOME": str(home),
        "TMPDIR": str(temporary),
        SPECS: str(world.folder / "specs.json"),
        "VAULT_AUTH_METHOD": "approle",
        "VAULT_ROLE_ID": ids.role_id,
        "VAULT_SECRET_ID": ids.secret_id,
        "LEAK_TEST_OPTION": world.values["option"],
    }
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs()  # makes the tables, which several processes would try to
    output = world.folder / "output"
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "data_platform_tests.leaks.location"]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, "-j", "everything"], env={**os.environ, **variables}, stdout=file, stderr=file, cwd=ROOT
        )
        try:
            root = psutil.Process(process.pid)
            with watching(root, temporary, world.known, OWN_VARIABLES, world.places):
                kill_when_it_has_its_secrets(world.vault, root)
                process.wait(240)
        finally:
            process.kill()
            process.wait()
    return outcomes(home)


def kill_when_it_has_its_secrets(vault: FakeVault, root: psutil.Process) -> None:
    """The process that resolved the marked secret ends as if the machine had run out of memory."""
    deadline = time.monotonic() + 180
    while "secret-data/data/leaks/killed" not in vault.requests:
        assert root.is_running() and root.status() != psutil.STATUS_ZOMBIE
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for process in root.children(recursive=True):
        if "data_platform.ingestion.child" in process.cmdline() and is_of(process, "killed"):
            process.send_signal(signal.SIGKILL)


def is_of(process: psutil.Process, service: str) -> bool:
    context = decode_param(process.environ()[DAGSTER_PIPES_CONTEXT_ENV_VAR])
    return context["data"]["extras"]["spec"]["service"] == service


def outcomes(home: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        for entry in instance.all_logs(run.run_id):
            event = entry.dagster_event
            if event and event.step_key and event.event_type is dg.DagsterEventType.STEP_SUCCESS:
                found[event.step_key.split("__")[1]] = ""
            if event and event.step_key and event.event_type is dg.DagsterEventType.STEP_FAILURE:
                found[event.step_key.split("__")[1]] = str(event.step_failure_data.error_display_string)
    return found


@pytest.fixture(scope="module")
def searched(world: World, runs: dict[str, str]) -> dict[str, Place]:
    """Every place, after the runs."""
    marks = world.known()
    home = world.folder / "dagster"
    logs = list(home.rglob("compute_logs/*"))
    kept = [file for file in home.rglob("*") if file.is_file() and file not in logs]
    world.places[PLACES[4]].search_files(marks, kept)
    world.places["compute logs"].search_files(marks, logs)
    world.places["output of the run"].search_files(marks, [world.folder / "output"])
    world.places["temporary files"].search_files(marks, (world.folder / "tmp").rglob("*"))
    database = [file for file in (world.folder / "catalog").rglob("*") if file.is_file() and "key" not in file.name]
    world.places["the catalog's database"].search_files(marks, database)
    world.places["the catalog's log"].search_files(marks, [world.catalog.log])
    return world.places


def test_the_runs_took_every_path(runs: dict[str, str]) -> None:
    assert runs.keys() == {"succeeds", "refused", "unparsable", "killed"}
    assert runs["succeeds"] == ""
    assert "refused: " in runs["refused"]
    assert runs["unparsable"]
    assert "SIGKILL" in runs["killed"]


def test_the_secrets_were_used(world: World, runs: dict[str, str]) -> None:
    asked = set(world.vault.requests)
    assert {f"secret-data/data/leaks/{what}" for what in ("password", "wrong", "unparsable", "killed")} < asked
    assert len(world.vault.tokens) == 4


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_in(searched: dict[str, Place], place: str) -> None:
    assert searched[place].searched > 0
    assert searched[place].found == set()


def test_the_service_in_the_catalog_has_no_connection(world: World, runs: dict[str, str]) -> None:
    service = in_catalog(world.catalog_url, world.folder, "GET", "/name/succeeds")
    assert service.get("connection") in (None, {})


@pytest.mark.parametrize("service", ["refused", "unparsable"])
def test_the_catalog_shows_why_a_run_failed(world: World, runs: dict[str, str], service: str) -> None:
    pipeline = in_catalog(
        world.catalog_url,
        world.folder,
        "GET",
        f"/name/{service}.metadata?fields=pipelineStatuses",
        of="ingestionPipelines",
    )
    (step,) = pipeline["pipelineStatuses"]["status"]
    assert step["failures"][0]["error"].startswith(f"{service}: ")


def test_the_search_finds_a_secret_however_it_is_written(tmp_path: Path) -> None:
    secret = mark("control")
    for number, text in enumerate((secret, f"x={secret};", b64encode(f"ab{secret}c".encode()).decode())):
        place = Place()
        file = tmp_path / str(number)
        file.write_text(text)
        place.search_files([secret], [file])
        assert place.found == {(secret, str(file))}
