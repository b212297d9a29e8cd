"""Trino's server with the plugins that the tests use, fetched once from Maven into the user's cache.

Maven itself fetches, so that the machine's own settings say from where.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from data_platform_tests.integration import jdk
from data_platform_tests.integration.cache import CannotBeHadError, cached, say

VERSION = "476"
PLUGINS = ("iceberg", "memory", "password-authenticators", "tpch")
_LEAST_JAVA = 24
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
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
    if shutil.which("mvn") is None:
        raise CannotBeHadError("fetching Trino needs Maven, which is not installed")
    started = time.monotonic()
    say(f"fetching Trino {VERSION} into {home.parent} (820 MB, this once)")
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        folder = Path(scratch)
        _copy(folder, f"io.trino:trino-server:{VERSION}:tar.gz")
        _copy(folder, _SQLITE)
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


def _copy(folder: Path, artifact: str) -> None:
    """An artifact into a folder; what Maven keeps beside goes with the folder."""
    options = [f"-Dartifact={artifact}", f"-DoutputDirectory={folder}", f"-Dmaven.repo.local={folder / 'repository'}"]
    ended = subprocess.run(
        ["mvn", "--batch-mode", "--quiet", _COPY, *options], cwd=folder, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        last = [line for line in ended.stdout.splitlines() if line.startswith("[ERROR]")][:1]
        raise CannotBeHadError(f"Maven could not fetch {artifact}: {' '.join(last)}")
