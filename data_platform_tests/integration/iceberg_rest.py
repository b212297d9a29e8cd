"""Apache's own REST catalog, which Iceberg's tests use: its classes from Maven, once, into the user's cache.

It keeps its names in SQLite and has no authentication. It listens on every address of the machine: for tests only.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from data_platform_tests.integration import jdk, maven
from data_platform_tests.integration.cache import cached, say
from examples.demo.processes import running

VERSION = "1.9.1"
_ARTIFACTS = (
    f"org.apache.iceberg:iceberg-open-api:{VERSION}:test-fixtures",
    f"org.apache.iceberg:iceberg-core:{VERSION}:",
    f"org.apache.iceberg:iceberg-core:{VERSION}:tests",
    "org.eclipse.jetty:jetty-servlet:11.0.25:",
    "org.eclipse.jetty:jetty-server:11.0.25:",
    "org.xerial:sqlite-jdbc:3.50.3.0:",
    "org.apache.hadoop:hadoop-client-api:3.4.1:",
    "org.apache.hadoop:hadoop-client-runtime:3.4.1:",
    "org.slf4j:slf4j-simple:2.0.17:",
)


class RestCatalog:
    """A REST catalog with a warehouse of its own.

    Args:
        classes: folder of its jars.
        java: the program that runs it.
        folder: an empty folder for its data.

    Attributes:
        uri: its address.
    """

    def __init__(self, classes: Path, java: Path, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}"
        self._command = [java, "-Xmx256m", "-cp", f"{classes}/*", "org.apache.iceberg.rest.RESTCatalogServer"]
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith("JAVA_OPTIONS")},
            "CATALOG_REST_PORT": str(port),
            "CATALOG_URI": f"jdbc:sqlite:{folder / 'names.db'}",
            "CATALOG_WAREHOUSE": (folder / "warehouse").as_uri(),
        }
        self._running = ExitStack()

    def start(self) -> None:
        """Start, and wait until it answers."""
        program = self._running.enter_context(
            running("iceberg-rest", self._command, logs=self._folder / "logs", environment=self._environment)
        )
        program.wait_until(self._answers)

    def stop(self) -> None:
        """Stop, and wait for it."""
        self._running.close()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.uri}/v1/config", timeout=2).is_success
        except httpx.TransportError:
            return False


@contextmanager
def running_rest_catalog(classes: Path, java: Path, folder: Path) -> Iterator[RestCatalog]:
    """A REST catalog that runs until the block is left.

    Args:
        classes: folder of its jars.
        java: the program that runs it.
        folder: an empty folder for its data.
    """
    server = RestCatalog(classes, java, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def rest_java() -> Path:
    """The program ``java`` of a JDK that it runs on: Hadoop's classes want what later ones do not have any more.

    Raises:
        CannotBeHadError: there is none.
    """
    return jdk.java("Iceberg's REST catalog", 11, 23)


def rest_classes() -> Path:
    """Folder of its jars; the first call on a machine fetches 80 MB.

    Raises:
        CannotBeHadError: there is no Maven, or it cannot fetch.
    """
    with cached(f"iceberg-rest-{VERSION}") as cache:
        jars = cache / "jars"
        if not jars.is_dir():
            _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    say(f"fetching Iceberg's REST catalog {VERSION} into {jars.parent} (80 MB, this once)")
    with tempfile.TemporaryDirectory(dir=jars.parent) as scratch:
        folder = Path(scratch)
        (folder / "pom.xml").write_text(_project())
        maven.fetch("copy-dependencies", "Iceberg's REST catalog", folder, folder / "jars")
        (folder / "jars").rename(jars)


def _project() -> str:
    """A Maven project that needs the server and nothing else."""
    fields = ("groupId", "artifactId", "version", "classifier")
    dependencies = (
        "".join(
            f"<{field}>{value}</{field}>" for field, value in zip(fields, artifact.split(":"), strict=True) if value
        )
        for artifact in _ARTIFACTS
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>tests</groupId><artifactId>iceberg-rest</artifactId><version>1</version><dependencies>"
        + "".join(f"<dependency>{each}</dependency>" for each in dependencies)
        + "</dependencies></project>"
    )
