"""Children that begin where OpenMetadata's client is imported already, which takes each of them seconds.

A fork server imports it once; every child is forked from there and then is what the launcher would have started: a
process of its own in a session of its own, with the environment and the output that it is given.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from data_platform.ingestion.spec import LIFELINE

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["data_platform_tests.ingestion.preloaded"])


class Forked:
    """A child, with what is needed of ``subprocess.Popen``.

    Args:
        variables: its environment but for the lifeline.
        output: where its stdout and stderr go.
        lifeline: the child ends when the other end is closed.
    """

    def __init__(self, variables: Mapping[str, str], output: Path, lifeline: Connection) -> None:
        arguments = (dict(variables), str(output), lifeline)
        self._process = _CONTEXT.Process(target=_become, args=arguments, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("child", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """As the launcher does."""
        os.kill(self.pid, number)


def _become(variables: dict[str, str], output: str, lifeline: Connection) -> None:
    from data_platform.ingestion import child

    os.setsid()
    written = os.open(output, os.O_WRONLY)
    os.dup2(written, sys.stdout.fileno())
    os.dup2(written, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(variables, **{LIFELINE: str(lifeline.fileno())})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    child.main()
