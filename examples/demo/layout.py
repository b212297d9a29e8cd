"""Where the demo keeps its state and on which ports it listens.

Everything is under ``.demo/`` in the project root: deleting that folder is starting anew.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent.parent
STATE: Final = PROJECT_ROOT / ".demo"
SECRETS: Final = STATE / "secrets"
LOGS: Final = STATE / "logs"
LAKEHOUSE: Final = STATE / "lakehouse"
ARTIFACTS: Final = STATE / "dbt"

ORCHESTRATOR_BIN: Final = PROJECT_ROOT / ".venv" / "bin"
INGESTION_BIN: Final = PROJECT_ROOT / ".venv-ingestion" / "bin"

CATALOG_PORT: Final = 8585
CATALOG_URL: Final = f"http://127.0.0.1:{CATALOG_PORT}/api"
POSTGRES_PORT: Final = 15432
STORAGE_PORT: Final = 15900
DAGSTER_PORT: Final = 3000


class DemoError(Exception):
    """The demo cannot go on; the message is one sentence for the person who started it."""


def write_secret(file: Path, value: str) -> None:
    """Write a secret that only its owner may read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(f"{value}\n")
    draft.replace(file)


def password(file: Path) -> str:
    """The password in a file, made up the first time."""
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(24))
    return file.read_text().removesuffix("\n")
