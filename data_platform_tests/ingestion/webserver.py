"""A real Dagster webserver of small code locations, also with a daemon, from Dagster's own environment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from examples.demo.layout import ORCHESTRATOR_BIN
from examples.demo.processes import running

LOCATION = Path(__file__).with_name("shop_location.py")

_LAUNCH = """
mutation Launch($selector: JobOrPipelineSelector!) {
  launchPipelineExecution(executionParams: {selector: $selector, runConfigData: {}}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@contextmanager
def running_webserver(home: Path, *locations: Path) -> Iterator[str]:
    """Run a webserver until the block ends; yields its address.

    Args:
        home: its DAGSTER_HOME.
        locations: files of code locations.
    """
    files = [part for file in locations for part in ("-f", str(file))]
    port = free_port()
    command = [ORCHESTRATOR_BIN / "dagster-webserver", *files, "-h", "127.0.0.1", "-p", str(port)]
    with _answering(command, port, home, environment(home)) as address:
        yield address


@contextmanager
def running_dev(home: Path, workspace: Path, settings: str, variables: Mapping[str, str]) -> Iterator[str]:
    """Run ``dagster dev``, a webserver and a daemon, until the block ends; yields the webserver's address.

    Args:
        home: its DAGSTER_HOME.
        workspace: the file that names its code locations.
        settings: of the instance.
        variables: of the environment of all of it.
    """
    port = free_port()
    command = [ORCHESTRATOR_BIN / "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    with _answering(command, port, home, {**environment(home, settings), **variables}) as address:
        yield address


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _answering(command: Sequence[str | Path], port: int, home: Path, variables: Mapping[str, str]) -> Iterator[str]:
    address = f"http://127.0.0.1:{port}"
    with running("dagster", command, logs=home / "logs", environment=variables) as program:
        try:
            program.wait_until(lambda: answers(address))
            yield address
        finally:
            # With all that it started: it waits for its code servers for longer than it is waited for.
            with suppress(ProcessLookupError):
                os.killpg(program.process.pid, signal.SIGKILL)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/server_info", timeout=2).is_success
    except httpx.TransportError:
        return False


# Runs start at once: without this they wait for a daemon to start them.
_SETTINGS = """
telemetry: {enabled: false}
run_coordinator: {module: dagster.core.run_coordinator, class: DefaultRunCoordinator}
"""


def environment(home: Path, settings: str = _SETTINGS) -> dict[str, str]:
    """Variables of a process that works on the instance in ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(settings)
    return {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def run_both_jobs(home: Path) -> None:
    """One run of each of the location's jobs, started from Python."""
    command = [ORCHESTRATOR_BIN / "python", "-W", "ignore", LOCATION]
    subprocess.run(command, env=environment(home), check=True, capture_output=True, timeout=60)


def materialize(address: str, *keys: list[str]) -> str:
    """Materialize assets as the UI does, and wait for the run's end; returns its id."""
    run = launch(address, LOCATION.name, "__ASSET_JOB", assetSelection=[{"path": key} for key in keys])
    wait_for(address, run)
    return run


def launch(address: str, location: str, job: str, **selection: Any) -> str:
    """Launch a job as the UI does; returns the run's id."""
    selector = {
        "jobName": job,
        "repositoryName": "__repository__",
        "repositoryLocationName": location,
        **selection,
    }
    return ask(address, _LAUNCH, {"selector": selector})["launchPipelineExecution"]["run"]["runId"]


def wait_for(address: str, run: str, seconds: float = 60) -> str:
    """Wait for a run's end; returns its status."""
    question = f'query {{ runOrError(runId: "{run}") {{ ... on Run {{ status }} }} }}'
    deadline = time.monotonic() + seconds
    while (status := ask(address, question)["runOrError"]["status"]) not in {"SUCCESS", "FAILURE"}:
        assert time.monotonic() < deadline, f"the run does not end: {status}"
        time.sleep(0.2)
    return status


def ask(address: str, query: str, variables: dict[str, Any] | None = None) -> Any:
    """The data that a GraphQL query is answered with."""
    answer = httpx.post(f"{address}/graphql", json={"query": query, "variables": variables or {}}, timeout=30).json()
    assert "errors" not in answer, answer
    return answer["data"]
