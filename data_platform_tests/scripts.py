"""Runs what changes a library for good in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run_script(script: str, *arguments: str) -> str:
    """What a script prints, without the white space around it."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
