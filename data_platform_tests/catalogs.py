"""An embedded catalog in a process of its own, for tests where Dagster is and OpenMetadata is not."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from examples.demo.processes import Program, running

INGESTION = Path(__file__).parents[1] / ".venv-ingestion" / "bin"


@contextmanager
def running_catalog(folder: Path, *options: str | Path) -> Iterator[tuple[Program, str]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    start = ["server", "start", "--port", str(port), "--data", folder / "catalog"]
    command = [INGESTION / "data-platform", *start, *options]
    with running("catalog", command, logs=folder / "logs") as program:
        program.wait_until(lambda: answers(url))
        yield program, url


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/system/version", timeout=2).is_success
    except httpx.TransportError:
        return False


def issued(data: Path, user: str = "ingestion-bot") -> str:
    command = [INGESTION / "data-platform", "server", "token", "--data", data, "--as", user]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
