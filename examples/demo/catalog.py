"""The embedded catalog, run from the ingestion environment as anybody would run it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from examples.demo.layout import CATALOG_PORT, CATALOG_URL, INGESTION_BIN, SECRETS, STATE, DemoError, write_secret
from examples.demo.processes import Program, require_free, running

_DATA = STATE / "catalog"


@contextmanager
def running_catalog() -> Iterator[Program]:
    """Run the catalog until the block ends; :func:`wait_for` tells when it can be used.

    Raises:
        DemoError: its port is taken.
    """
    require_free(CATALOG_PORT, "the demo's catalog")
    command = [INGESTION_BIN / "data-platform", "server", "start", "--port", str(CATALOG_PORT), "--data", _DATA]
    with running("catalog", command, logs=STATE / "logs") as program:
        yield program


def wait_for(catalog: Program) -> None:
    """Wait until the catalog answers, and leave the ingestion bot's token where ingestion looks for it.

    Raises:
        DemoError: it does not start.
    """
    catalog.wait_until(_answers)
    issued = subprocess.run(
        [INGESTION_BIN / "data-platform", "server", "token", "--data", _DATA, "--as", "ingestion-bot"],
        capture_output=True,
        text=True,
        check=False,
    )
    if issued.returncode != 0:
        raise DemoError(f"the catalog issues no token: {issued.stderr.strip()}")
    write_secret(SECRETS / "catalog_token", issued.stdout.strip())


def _answers() -> bool:
    try:
        return httpx.get(f"{CATALOG_URL}/v1/system/version", timeout=2).is_success
    except httpx.TransportError:
        return False
