"""The demo's dbt project, built without Dagster: what is expected of the catalog is taken from its artifacts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from examples.demo.layout import PROJECT_ROOT, DemoError, password
from examples.demo.postgres import Server

PROJECT: Final = PROJECT_ROOT / "examples" / "demo" / "dbt"


def build(server: Server, artifacts: Path) -> None:
    """Build the models in the filled database.

    Args:
        server: where the database is.
        artifacts: folder for manifest, catalog and run results, in the places where Dagster's assets leave them.

    Raises:
        DemoError: dbt failed; quotes what it said.
    """
    artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        built, documented = Path(folder) / "build", Path(folder) / "docs"
        _dbt(server, built, "build")
        _dbt(server, documented, "docs", "generate")
        for file in (documented / "manifest.json", documented / "catalog.json", built / "run_results.json"):
            shutil.copy(file, artifacts)


def _dbt(server: Server, target: Path, *command: str) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--no-use-colors", *command, "--target-path", target],
        cwd=PROJECT,
        env={
            **os.environ,
            "NYCFLIGHTS_PORT": str(server.port),
            "DBT_ENV_SECRET_PASSWORD": password(server.builder_password),
            "DBT_LOG_PATH": str(target),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(f"dbt {' '.join(command)} failed:\n{done.stdout.strip()}")
