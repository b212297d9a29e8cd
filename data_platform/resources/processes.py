"""A child process of the ingestion environment that never outlives the step that started it.

It gets the variables that it needs and no others, is ended on termination and on a timeout, and ends itself when the
step is killed (``ingestion.lifeline``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from data_platform import environment
from data_platform.errors import IncompatibleEnvironmentError
from data_platform.ingestion.spec import LIFELINE

GRACE: Final = 8.0
"""Seconds between SIGTERM and SIGKILL."""


def interpreter() -> Path:
    """The ingestion environment's interpreter.

    Raises:
        IncompatibleEnvironmentError: there is none.
    """
    python = environment.ingestion_python()
    if not python.exists():
        raise IncompatibleEnvironmentError(
            "the ingestion environment's interpreter does not exist",
            source=str(python),
            remedy="run 'make setup', or set DATA_PLATFORM_INGESTION_PYTHON",
        )
    return python


@contextmanager
def child(
    python: Path, arguments: Sequence[str], variables: Mapping[str, str], descriptors: Sequence[int] = ()
) -> Generator[subprocess.Popen[bytes]]:
    """A child process; however the block is left, it and what it started are gone afterwards.

    Args:
        python: the interpreter.
        arguments: what it is to run.
        variables: its environment, but for the lifeline.
        descriptors: open files that it inherits.

    Raises:
        IncompatibleEnvironmentError: the interpreter cannot be run.
    """
    lifeline, held = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [str(python), "-I", *arguments],
            env={**variables, LIFELINE: str(lifeline)},
            stdin=subprocess.DEVNULL,
            pass_fds=(lifeline, *descriptors),
            start_new_session=True,
        )
    except OSError as error:
        os.close(held)
        raise IncompatibleEnvironmentError(
            f"the ingestion environment's interpreter cannot be run ({error.strerror})",
            source=str(python),
            remedy="run 'make setup', or set DATA_PLATFORM_INGESTION_PYTHON",
        ) from error
    finally:
        os.close(lifeline)
    try:
        yield process
    finally:
        end(process)
        os.close(held)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a child to stop, then end its whole process group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def how_it_ended(process: subprocess.Popen[bytes]) -> str:
    """In words, for example ``signal SIGKILL`` or ``code 3``."""
    code = process.returncode
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
