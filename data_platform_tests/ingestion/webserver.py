"""A real Dagster webserver of small code locations, from Dagster's own environment."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    files = [part for file in locations for part in ("-f", str(file))]
    command = [ORCHESTRATOR_BIN / "dagster-webserver", *files, "-h", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    with running("dagster-webserver", command, logs=home / "logs", environment=environment(home)) as program:
        program.wait_until(lambda: answers(address))
        yield address


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


def environment(home: Path) -> dict[str, str]:
    """Variables of a process that works on the instance in ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_SETTINGS)
    return {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def run_both_jobs(home: Path) -> None:
    """One run of each of the location's jobs, started from Python."""
    command = [ORCHESTRATOR_BIN / "python", "-W", "ignore", LOCATION]
    subprocess.run(command, env=environment(home), check=True, capture_output=True, timeout=60)


def materialize(address: str, *keys: list[str]) -> str:
    """Materialize assets as the UI does, and wait for the run's end; returns its id."""
    selector: dict[str, Any] = {
        "jobName": "__ASSET_JOB",
        "repositoryName": "__repository__",
        "repositoryLocationName": LOCATION.name,
        "assetSelection": [{"path": key} for key in keys],
    }
    launched = ask(address, _LAUNCH, {"selector": selector})["launchPipelineExecution"]
    run: str = launched["run"]["runId"]
    question = f'query {{ runOrError(runId: "{run}") {{ ... on Run {{ status }} }} }}'
    deadline = time.monotonic() + 60
    while ask(address, question)["runOrError"]["status"] not in {"SUCCESS", "FAILURE"}:
        assert time.monotonic() < deadline, "the run does not end"
        time.sleep(0.2)
    return run


def ask(address: str, query: str, variables: dict[str, Any] | None = None) -> Any:
    """The data that a GraphQL query is answered with."""
    answer = httpx.post(f"{address}/graphql", json={"query": query, "variables": variables or {}}, timeout=30).json()
    assert "errors" not in answer, answer
    return answer["data"]
