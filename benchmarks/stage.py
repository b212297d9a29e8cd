"""The stage of the benchmarks of ingestion: one PostgreSQL, one embedded catalog, and both ways to run a workflow."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.measure import Cost, command, cost_of
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform_tests.ingestion.child import Child, Ended
from examples.demo.layout import INGESTION_BIN, password
from examples.demo.postgres import Server, running_postgres
from examples.demo.processes import answers, running

DATABASE: Final = "benchmark"
_PROCESSORS: Final = {Workflow.PROFILING: {"processor": {"type": "orm-profiler", "config": {}}}}
_TYPES: Final = {Workflow.METADATA: "DatabaseMetadata", Workflow.PROFILING: "Profiler"}


@dataclass(frozen=True)
class Stage:
    """Running servers, and a folder for what is written."""

    folder: Path
    postgres: Server
    catalog_url: str
    token: Path

    def theirs(self, service: str, workflow: Workflow, options: dict[str, Any]) -> Cost:
        """OpenMetadata's own command line, untouched."""
        kind = {Workflow.METADATA: "ingest", Workflow.PROFILING: "profile"}[workflow]
        config = self.folder / f"{uuid.uuid4()}.yaml"
        source = {
            "type": "postgres",
            "serviceName": service,
            "serviceConnection": {"config": {"type": "Postgres", **self._connection(password(self._password))}},
            "sourceConfig": {"config": {"type": _TYPES[workflow], **options}},
        }
        server = {
            "hostPort": self.catalog_url,
            "authProvider": "openmetadata",
            "securityConfig": {"jwtToken": self.token.read_text().strip()},
        }
        config.write_text(
            yaml.safe_dump(
                {
                    "source": source,
                    **_PROCESSORS.get(workflow, {}),
                    "sink": {"type": "metadata-rest", "config": {}},
                    "workflowConfig": {"loggerLevel": "INFO", "openMetadataServerConfig": server},
                }
            )
        )
        return command([INGESTION_BIN / "metadata", kind, "-c", config], log=self.folder / "theirs.log")

    def ours(self, service: str, workflow: Workflow, options: dict[str, Any]) -> tuple[Cost, Ended]:
        """Our child process.

        Raises:
            RuntimeError: something did not arrive.
        """
        spec = WorkflowSpec(
            environment="demo",
            service=service,
            connector="Postgres",
            workflows=(workflow,),
            connection=self._connection(f"file:{self._password}"),
            options=options,
            catalog_url=self.catalog_url,
            catalog_token=f"file:{self.token}",
            vault_address="http://127.0.0.1:1",
            run_id=str(uuid.uuid4()),
        )
        started = time.monotonic()
        child = Child(spec, self.folder / "children", python=INGESTION_BIN / "python")
        assert isinstance(child.process, subprocess.Popen)
        cost = cost_of(child.process, started)
        ended = child.end()
        if ended.verdict["outcome"] != "ok":
            raise RuntimeError(ended.verdict["sentence"])
        return cost, ended

    @property
    def _password(self) -> Path:
        return self.postgres.superuser_password

    def _connection(self, secret: str) -> dict[str, Any]:
        return {
            "hostPort": f"127.0.0.1:{self.postgres.port}",
            "username": "postgres",
            "authType": {"password": secret},
            "database": DATABASE,
        }


@contextmanager
def stage(folder: Path, statements: str) -> Iterator[Stage]:
    """Start the servers, and fill the database by SQL."""
    postgres_port, catalog_port = _free_ports(2)
    data = folder / "catalog"
    program = INGESTION_BIN / "data-platform"
    start: list[str | Path] = [program, "server", "start", "--port", str(catalog_port), "--data", data]
    with (
        running_postgres(folder, postgres_port) as postgres,
        running("catalog", start, logs=folder / "logs") as catalog,
    ):
        catalog.wait_until(lambda: answers(catalog_port))
        _execute(postgres, "postgres", f"CREATE DATABASE {DATABASE}")
        _execute(postgres, DATABASE, statements)
        token = folder / "token"
        issued = subprocess.run(
            [program, "server", "token", "--data", data], capture_output=True, text=True, check=True
        )
        token.write_text(issued.stdout)
        yield Stage(folder, postgres, f"http://127.0.0.1:{catalog_port}/api", token)


def _execute(server: Server, database: str, statements: str) -> None:
    with closing(server.connect(database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statements)


def _free_ports(number: int) -> list[int]:
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
