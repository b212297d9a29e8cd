"""The command line, where Dagster is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("data-platform")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == "data-platform, version 0.1.0\n"


def test_the_server_says_which_environment_it_needs() -> None:
    ended = run("server", "token", "--data", "/nowhere")
    assert ended.returncode == 1
    assert "the embedded server needs the ingestion environment" in ended.stderr
    assert "make setup" in ended.stderr
    assert "Traceback" not in ended.stderr
