"""Programs that are fetched or built once for each user, into ``$XDG_CACHE_HOME/data-platform``.

For tests only: nothing of it is part of the package or of this repository.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

_Program = TypeVar("_Program")


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


def obtained(request: pytest.FixtureRequest, obtain: Callable[[], _Program]) -> _Program:
    """What ``obtain`` returns; the test is skipped where that cannot be had.

    What is said on the way is shown at once; kept until the end of the tests it would be no use.
    """
    capturing = request.config.pluginmanager.getplugin("capturemanager")
    try:
        with capturing.global_and_fixture_disabled():
            return obtain()
    except CannotBeHadError as reason:
        pytest.skip(str(reason))


def say(text: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"── {text}\n")
    sys.stderr.flush()
