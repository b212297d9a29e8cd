"""What Maven fetches; Maven itself, so that the machine's own settings say from where."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from data_platform_tests.integration.cache import CannotBeHadError

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


def fetch(goal: str, what: str, folder: Path, into: Path, *options: str) -> None:
    """Run a goal of Maven's dependency plugin; what Maven keeps beside goes with the folder.

    Args:
        goal: ``copy`` or ``copy-dependencies``.
        what: what it is to fetch, for the person who reads why it could not.
        folder: where Maven works.
        into: where the artifacts go.
        options: of the goal.

    Raises:
        CannotBeHadError: there is no Maven, or it cannot fetch.
    """
    if shutil.which("mvn") is None:
        raise CannotBeHadError(f"fetching {what} needs Maven, which is not installed")
    places = [f"-DoutputDirectory={into}", f"-Dmaven.repo.local={folder / 'repository'}"]
    command = ["mvn", "--batch-mode", "--quiet", f"{_PLUGIN}:{goal}", *places, *options]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        last = [line for line in ended.stdout.splitlines() if line.startswith("[ERROR]")][:1]
        raise CannotBeHadError(f"Maven could not fetch {what}: {' '.join(last)}")
