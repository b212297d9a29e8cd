"""Trino's server with the plugins that the tests use, fetched once from Maven into the user's cache."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from data_platform_tests.integration import jdk, maven
from data_platform_tests.integration.cache import cached, say

VERSION = "476"
PLUGINS = ("iceberg", "memory", "password-authenticators", "tpch")
_LEAST_JAVA = 24
# Drives the tables of Iceberg's JDBC catalog, which Trino leaves to a database of one's own.
_SQLITE = "org.xerial:sqlite-jdbc:3.50.3.0"


def trino_home() -> Path:
    """Folder with Trino's ``lib`` and ``plugin``; the first call on a machine fetches 820 MB and keeps 300.

    Raises:
        CannotBeHadError: there is no Maven, or it cannot fetch.
    """
    with cached(f"trino-{VERSION}") as cache:
        home = cache / "server"
        if not home.is_dir():
            _fetch(home)
    return home


def java() -> Path:
    """The program ``java`` of a JDK that Trino runs on.

    Raises:
        CannotBeHadError: there is none.
    """
    return jdk.java(f"Trino {VERSION}", _LEAST_JAVA)


def _fetch(home: Path) -> None:
    started = time.monotonic()
    say(f"fetching Trino {VERSION} into {home.parent} (820 MB, this once)")
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        folder = Path(scratch)
        for artifact in (f"io.trino:trino-server:{VERSION}:tar.gz", _SQLITE):
            maven.fetch("copy", artifact, folder, folder, f"-Dartifact={artifact}")
        unpacked, kept = folder / "all", folder / "kept"
        unpacked.mkdir()
        # All of it: what several plugins have is there once, and the others link to it.
        (archive,) = folder.glob("*.tar.gz")
        subprocess.run(["tar", "xzf", archive, "-C", unpacked, "--strip-components=1"], check=True)
        (kept / "plugin").mkdir(parents=True)
        (unpacked / "lib").rename(kept / "lib")
        for plugin in PLUGINS:
            (unpacked / "plugin" / plugin).rename(kept / "plugin" / plugin)
        (driver,) = folder.glob("sqlite-jdbc-*.jar")
        driver.rename(kept / "plugin" / "iceberg" / driver.name)
        kept.rename(home)
    say(f"fetched Trino in {time.monotonic() - started:.0f} seconds")
