"""One workflow of a service at a time on one machine.

Dagster's pools queue the steps of a source, but not with certainty: two runs that are the first to use a pool can
both get in, and a step that was killed gives its place back before its child is gone. So a child also holds a lock
of the operating system's, which ends with the last process that has it, however that process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from data_platform.errors import WorkflowTimeoutError

_POLL: Final = 0.2
_SAY: Final = 5.0


@contextmanager
def turn(catalog_url: str, service: str, timeout: float, say: Callable[[str], None]) -> Generator[int]:
    """Wait until no other process writes a service to a catalog.

    Args:
        catalog_url: the catalog.
        service: the service's name in it.
        timeout: seconds to wait at most.
        say: told every few seconds that this waits.

    Yields:
        A file descriptor; a child process that inherits it keeps the turn for as long as it lives.

    Raises:
        WorkflowTimeoutError: the turn did not come in time.
    """
    descriptor = os.open(_file(catalog_url, service), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(descriptor, service, timeout, say)
        yield descriptor
    finally:
        os.close(descriptor)


def _file(catalog_url: str, service: str) -> Path:
    folder = Path(tempfile.gettempdir()) / f"data-platform-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = hashlib.sha256(f"{catalog_url} {service}".encode()).hexdigest()[:16]
    return folder / f"{service}-{name}.lock"


def _wait(descriptor: int, service: str, timeout: float, say: Callable[[str], None]) -> None:
    started = said = time.monotonic()
    while not _taken(descriptor):
        now = time.monotonic()
        if now - started > timeout:
            raise WorkflowTimeoutError(
                f"another workflow of this source was still running after {timeout:g} seconds",
                source=service,
                remedy="look for its run and end it, or raise 'timeout' in the source's defs.yaml",
            )
        if now - said > _SAY:
            say(f"{service}: waiting for another workflow of this source to end ({now - started:.0f} s)")
            said = now
        time.sleep(_POLL)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
