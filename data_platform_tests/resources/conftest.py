"""A stand-in for the ingestion environment's interpreter, whose child does what a test says."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

_PROLOGUE = """\
#!{python}
import os, signal, sys, time
from pathlib import Path
from dagster_pipes import open_dagster_pipes
from data_platform import __version__
from data_platform.ingestion import lifeline
from data_platform.ingestion.spec import LIFELINE, PROTOCOL

folder = Path({folder!r})
(folder / str(os.getpid())).touch()
lifeline.hold(int(os.environ[LIFELINE]))
with open_dagster_pipes() as pipes:
    def hello(version=__version__):
        pipes.report_custom_message(dict(protocol=PROTOCOL, version=version))
    def check(passed, **metadata):
        pipes.report_asset_check(check_name="completed", passed=passed, severity="ERROR", metadata=metadata)
    def verdict(outcome, sentence="", permanent=False):
        own = dict(workflow="metadata", outcome=outcome, sentence=sentence, permanent=permanent)
        pipes.report_custom_message(dict(verdicts=[own]))
"""


class StandIn:
    """Where the children of a test leave a file named by their pid."""

    def __init__(self, folder: Path) -> None:
        self._pids = folder / "pids"
        self._pids.mkdir()
        self._interpreter = folder / "python"

    def write(self, body: str) -> Path:
        """Make the interpreter; ``body`` may use ``hello``, ``check``, ``verdict`` and ``pipes``."""
        prologue = _PROLOGUE.format(python=sys.executable, folder=str(self._pids))
        self._interpreter.write_text(prologue + textwrap.indent(textwrap.dedent(body), "    "))
        self._interpreter.chmod(0o700)
        return self._interpreter

    @property
    def started(self) -> list[int]:
        """Pids of all children so far."""
        return [int(file.name) for file in self._pids.iterdir()]

    @property
    def alive(self) -> list[int]:
        """Pids of the children that still run."""
        return [pid for pid in self.started if Path(f"/proc/{pid}").exists() and _state(pid) != "Z"]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], StandIn]:
    """Makes the launcher start a child with the given body."""
    stand_in = StandIn(tmp_path)

    def make(body: str) -> StandIn:
        monkeypatch.setenv("DATA_PLATFORM_INGESTION_PYTHON", str(stand_in.write(body)))
        return stand_in

    return make
