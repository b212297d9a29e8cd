"""Dagster's webserver on this code location: a source of the demo, as it is of itself everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from examples.demo.layout import DAGSTER_PORT, LOGS, ORCHESTRATOR_BIN, PROJECT_ROOT
from examples.demo.processes import Program, require_free, running

URL = f"http://127.0.0.1:{DAGSTER_PORT}"
_WORKSPACE = PROJECT_ROOT / "workspace.yaml"
_ADDRESS = ["--host", "127.0.0.1", "--port", str(DAGSTER_PORT)]


@contextmanager
def running_webserver() -> Iterator[Program]:
    """Run the webserver alone until the block ends; :func:`wait_for` tells when it can be used.

    Raises:
        DemoError: its port is taken.
    """
    require_free(DAGSTER_PORT, "Dagster's webserver")
    command = [ORCHESTRATOR_BIN / "dagster-webserver", "--workspace", _WORKSPACE, *_ADDRESS]
    with running("dagster", command, logs=LOGS) as program:
        yield program


@contextmanager
def running_dagster() -> Iterator[Program]:
    """The same with the daemon that starts schedules and runs.

    Raises:
        DemoError: its port is taken.
    """
    require_free(DAGSTER_PORT, "Dagster's UI")
    command = [ORCHESTRATOR_BIN / "dagster", "dev", "--workspace", _WORKSPACE, *_ADDRESS]
    with running("dagster", command, logs=LOGS) as program:
        yield program


def wait_for(dagster: Program) -> None:
    """Wait until it answers.

    Raises:
        DemoError: it does not start.
    """
    dagster.wait_until(_answers)


def _answers() -> bool:
    try:
        return httpx.get(f"{URL}/server_info", timeout=2).is_success
    except httpx.TransportError:
        return False
