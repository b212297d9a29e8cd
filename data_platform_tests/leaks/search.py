"""Looking for marked secrets wherever something may have been left."""

from __future__ import annotations

import json
import sqlite3
import threading
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from dagster_pipes import decode_param

_PERIOD = 0.05


@dataclass
class Place:
    """Somewhere that was searched.

    Attributes:
        searched: bytes that were looked at.
        found: which marks were there, and where.
    """

    searched: int = 0
    found: set[tuple[str, str]] = field(default_factory=set)

    def search(self, marks: Collection[str], data: bytes, where: str) -> None:
        """Look into some bytes."""
        self.searched += len(data)
        self.found |= {(mark, where) for mark in marks if any(form in data for form in _forms(mark))}

    def search_files(self, marks: Collection[str], files: Iterable[Path]) -> None:
        """Look into files; those that vanish meanwhile are left out."""
        for file in files:
            with suppress(OSError):
                self.search(marks, file.read_bytes(), str(file))
                if file.suffix in {".db", ".sqlite"}:
                    # A value may be cut in two by the pages of the file.
                    self.search(marks, _dumped(file), str(file))


def _forms(mark: str) -> Iterator[bytes]:
    """As it is, and in base64 wherever it stands in what was encoded."""
    yield mark.encode()
    for shift in range(3):
        encoded = b64encode(b"x" * shift + mark.encode())
        yield encoded[4 if shift else 0 : -4]


def _dumped(file: Path) -> bytes:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return "\n".join(database.iterdump()).encode(errors="replace")


@contextmanager
def watching(
    root: psutil.Process,
    temporary: Path,
    marks: Callable[[], Collection[str]],
    own_variables: Collection[str],
    places: dict[str, Place],
) -> Iterator[None]:
    """Search again and again, while a process and what it starts are running.

    Args:
        root: the process.
        temporary: folder of temporary files.
        marks: what to look for, as it is known by then.
        own_variables: variables in which people put secrets themselves.
        places: where to note what was found.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_PERIOD):
            known = marks()
            files = [file for file in temporary.rglob("*") if file.is_file()]
            places["temporary files"].search_files(known, files)
            with suppress(psutil.Error):
                for process in (root, *root.children(recursive=True)):
                    with suppress(psutil.Error):
                        _search_process(process, known, own_variables, places)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _search_process(
    process: psutil.Process, marks: Collection[str], own_variables: Collection[str], places: dict[str, Place]
) -> None:
    command = "\0".join(process.cmdline())
    places["command lines"].search(marks, command.encode(), command)
    for name, value in process.environ().items():
        if name in own_variables:
            continue
        places["variables of processes"].search(marks, value.encode(), f"{name} of {command}")
        if name.startswith("DAGSTER_PIPES_"):
            sent = json.dumps(decode_param(value))
            places["what children are told"].search(marks, sent.encode(), f"{name} of {command}")
