"""A copy of the project that tests may write into, and ``dg`` to run in it as people do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_platform.environment import PROJECT_ROOT

DG = Path(sys.executable).with_name("dg")


class Copy:
    """A copy of the project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = root / "data_platform" / "defs" / "sources"

    def dg(self, *arguments: str, environment: str = "dev", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``dg`` in the copy."""
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "DAGSTER_HOME": str(self.root / ".dagster"),
            "DAGSTER_ENVIRONMENT": environment,
            "PYTHONPATH": str(self.root),
            "VIRTUAL_ENV": sys.prefix,
            **variables,
        }
        return subprocess.run(
            [DG, *arguments],
            cwd=self.root,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def listed(self, environment: str = "dev") -> dict[str, Any]:
        """What ``dg list defs --json`` prints."""
        done = self.dg("list", "defs", "--json", environment=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the project."""
    (tmp_path / ".dagster").mkdir()
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__", "server")
    shutil.copytree(PROJECT_ROOT / "data_platform", tmp_path / "data_platform", ignore=ignored)
    return Copy(tmp_path)


@pytest.fixture
def bare_copy(copy: Copy) -> Copy:
    """A copy without sources and schedules."""
    shutil.rmtree(copy.sources)
    copy.sources.mkdir()
    (copy.root / "data_platform" / "defs" / "schedules.py").unlink()
    return copy
