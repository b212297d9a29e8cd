"""An embedded catalog in a process of its own, which can be killed and started again on the same data and port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from data_platform.server.serve import listening_socket
from data_platform.server.tokens import issue_token


class CatalogProcess:
    """A catalog that ``data-platform server start`` serves.

    Args:
        data: its data folder.
    """

    def __init__(self, data: Path) -> None:
        with listening_socket("127.0.0.1", 0) as taken:
            self._port = taken.getsockname()[1]
        self._data = data
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """The address that clients are given; it ends in ``/api``."""
        return f"http://127.0.0.1:{self._port}/api"

    def token(self) -> str:
        """A token of its ingestion bot."""
        return issue_token(self._data, "ingestion-bot")

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = "import sys; from data_platform.cli import main; sys.exit(main())"
        arguments = ["server", "start", "--port", str(self._port), "--data", str(self._data)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert self._process.stderr is not None
        assert "catalog ready" in self._process.stderr.readline()

    def kill(self) -> None:
        """End it as SIGKILL does; nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def catalog_process(data: Path) -> Generator[CatalogProcess]:
    """A catalog that runs when the block begins and is gone when it ends."""
    catalog = CatalogProcess(data)
    catalog.start()
    try:
        yield catalog
    finally:
        catalog.kill()
