"""Programs that are fetched or built once for each user, into ``$XDG_CACHE_HOME/data-platform``.

For tests only: nothing of it is part of the package or of this repository.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotBeHadError(Exception):
    """A program cannot be fetched or built here; says why in a sentence."""


@contextmanager
def cached(name: str) -> Iterator[Path]:
    """A program's folder; one process at a time is in the block, the others wait for it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "data-platform" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def say(text: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"── {text}\n")
    sys.stderr.flush()
