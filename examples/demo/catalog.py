"""The embedded catalog, run from the ingestion environment as anybody would run it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from examples.demo.layout import CATALOG_PORT, CATALOG_URL, INGESTION_BIN, SECRETS, STATE, DemoError, write_secret
from examples.demo.people import introduce
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
    """Wait until the catalog answers, leave the ingestion bot's token where ingestion looks for it, and put in what
    people would have.

    Raises:
        DemoError: it does not start.
    """
    catalog.wait_until(_answers)
    write_secret(SECRETS / "catalog_token", _token("ingestion-bot"))
    introduce(CATALOG_URL, _token("admin"))


def _token(user: str) -> str:
    issued = subprocess.run(
        [INGESTION_BIN / "data-platform", "server", "token", "--data", _DATA, "--as", user],
        capture_output=True,
        text=True,
        check=False,
    )
    if issued.returncode != 0:
        raise DemoError(f"the catalog issues no token: {issued.stderr.strip()}")
    return issued.stdout.strip()


def _answers() -> bool:
    try:
        return httpx.get(f"{CATALOG_URL}/v1/system/version", timeout=2).is_success
    except httpx.TransportError:
        return False
