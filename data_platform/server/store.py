"""The data folder's SQLite: one writer thread, a reader per thread, named migrations.

Every change runs on the writer thread, inside a transaction that is committed before the caller gets
its answer: what was acknowledged survives ``kill -9``, and a change that fails leaves nothing behind.
Changes that queue up while one is committed share the next commit, each in a savepoint of its own.
"""

from __future__ import annotations

import queue
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from data_platform.errors import ServerError
from data_platform.server import names
from data_platform.server.migrations import MIGRATIONS
from data_platform.server.problems import ApiError, StorageFullError

T = TypeVar("T")
Connection = sqlite3.Connection

_LARGEST_GROUP = 32


class Store:
    """The tables of one data folder.

    Args:
        path: the SQLite file; its folder must exist.

    Raises:
        ServerError: the file is not a database of ours, or is from a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: list[Connection] = []
        self._local = threading.local()
        self._lock = threading.Lock()
        try:
            self._writer = self._connect()
            self._migrate()
        except sqlite3.DatabaseError as error:
            raise ServerError(
                f"cannot use {path.name}: {error}", source=str(path.parent), remedy="give another data folder"
            ) from error
        self._queue: queue.SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_loop, name="catalog-writer", daemon=True)
        self._thread.start()

    @property
    def reader(self) -> Connection:
        """This thread's connection for reading; it sees every change that was acknowledged."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            with self._lock:
                self._readers.append(connection)
        return connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction on the writer thread and return what it returns, once committed.

        Raises:
            StorageFullError: the disk is full.
            Exception: what ``work`` raised; nothing of it was stored.
        """
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future.result()

    def close(self) -> None:
        """Finish the queued changes, fold the log into the file and close."""
        self._queue.put(None)
        self._thread.join()
        with self._lock:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        self._writer.close()

    def _connect(self) -> Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.create_function("matches", 2, _matches, deterministic=True)
        connection.create_function("first_parts", 2, _first_parts, deterministic=True)
        # In WAL mode a commit is in the file system's hands when it is acknowledged, so a killed process loses nothing.
        # FULL would add an fsync to every commit, to survive a power cut as well; with NORMAL a power cut may take the
        # last commits back, never half of one. For a catalog that every run fills anew, that is the better bargain.
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY"
        )
        return connection

    def _migrate(self) -> None:
        writer = self._writer
        writer.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)")
        applied = {row["name"] for row in writer.execute("SELECT name FROM migrations")}
        unknown = applied - {name for name, _ in MIGRATIONS}
        if unknown:
            raise ServerError(
                f"{self._path.name} was written by a newer version ({', '.join(sorted(unknown))})",
                source=str(self._path.parent),
                remedy="use that version, or another data folder",
            )
        for name, script in MIGRATIONS:
            if name not in applied:
                writer.executescript(
                    f"BEGIN; {script}; INSERT INTO migrations VALUES ('{name}', {int(time.time())}); COMMIT"  # noqa: S608
                )

    def _write_loop(self) -> None:
        while (item := self._queue.get()) is not None:
            group = [item]
            stop = False
            while len(group) < _LARGEST_GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    stop = True
                    break
                group.append(following)
            self._commit_group(group)
            if stop:
                return

    def _commit_group(self, group: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        writer = self._writer
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            writer.execute("BEGIN IMMEDIATE")
            for work, future in group:
                writer.execute("SAVEPOINT work")
                try:
                    result = work(writer)
                except Exception as error:
                    failed.append((future, _translated(error)))
                    if not writer.in_transaction:
                        raise
                    writer.execute("ROLLBACK TO work")
                    writer.execute("RELEASE work")
                else:
                    writer.execute("RELEASE work")
                    done.append((future, result))
            writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - every caller of the group is told
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            reported = {id(future) for future, _ in failed}
            failed += [(future, _translated(error)) for _, future in group if id(future) not in reported]
            done = []
        for future, error in failed:
            future.set_exception(error)
        for future, result in done:
            future.set_result(result)


def _matches(pattern: str, value: str | None) -> bool:
    # As the client filters: from the start of the name, in any case.
    return value is not None and re.match(pattern, value, re.IGNORECASE) is not None


def _first_parts(fqn: str, count: int) -> str:
    return ".".join(names.split(fqn)[:count])


def _translated(error: Exception) -> Exception:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return StorageFullError("The disk of the data folder is full; nothing was stored")
    if isinstance(error, sqlite3.OperationalError) and "disk I/O" in str(error):
        return ApiError("The data folder cannot be written; nothing was stored", 503)
    return error
