"""Trino as tests use it: one node with an Iceberg lakehouse, a memory and a tpch catalog, with and without TLS.

Without TLS it believes whatever user a client says to be; with TLS it wants a password or a signed token. What a user
may do is in a file that can be written anew at any time. The lakehouse outlives a restart; what is in memory does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import jwt
import trino
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_platform_tests.vaults.certificates import server_certificate
from examples.demo.processes import running

LAKEHOUSE = "lakehouse"
BROKEN = "broken"
"""A Trino catalog of which nothing can be listed: its Iceberg catalog has no tables to keep anything in."""
READER = "catalog_reader"
_ADMIN = "admin"
_REFRESH = 0.2
_JVM = (
    "-Xmx1G",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "-Djdk.attach.allowAttachSelf=true",
)
# Trino leaves these tables of Iceberg's JDBC catalog to whoever owns the database.
_CATALOG_TABLES = """
    CREATE TABLE iceberg_tables (
        catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
        metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name));
    CREATE TABLE iceberg_namespace_properties (
        catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
        property_value VARCHAR(1000), PRIMARY KEY (catalog_name, namespace, property_key));
"""
_EVERYTHING = ["SELECT", "INSERT", "DELETE", "UPDATE", "OWNERSHIP", "GRANT_SELECT"]


class RealTrino:
    """A running node.

    Args:
        home: folder with its ``lib`` and ``plugin``.
        java: the program that runs it.
        folder: an empty folder for its settings and its data.

    Attributes:
        port: of HTTP.
        secure_port: of HTTPS.
        authority: the certificate that the latter's is signed with.
        password: the reader's.
    """

    def __init__(self, home: Path, java: Path, folder: Path) -> None:
        self.port, self.secure_port = _free_ports(2)
        self.password = "s3cret-of-the-reader"
        self._folder = folder
        self._signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificates = server_certificate(folder)
        self.authority = certificates.authority
        (folder / "server.both.pem").write_text(certificates.key.read_text() + certificates.certificate.read_text())
        self._configure(home)
        archive = home.parent / "classes.jsa"
        self._command = [
            java,
            *_JVM,
            "-XX:+AutoCreateSharedArchive",
            f"-XX:SharedArchiveFile={archive}",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-Dconfig={folder / 'etc' / 'config.properties'}",
            "-Dnode.environment=tests",
            f"-Dnode.data-dir={folder / 'data'}",
            "-Dnode.bind-ip=127.0.0.1",
            "-Dnode.internal-address=127.0.0.1",
            "-cp",
            f"{home / 'lib'}/*",
            "io.trino.server.TrinoServer",
        ]
        self._running = ExitStack()

    @property
    def address(self) -> str:
        """Without TLS."""
        return f"127.0.0.1:{self.port}"

    @property
    def secure_address(self) -> str:
        """With TLS."""
        return f"127.0.0.1:{self.secure_port}"

    @property
    def lakehouse(self) -> dict[str, Any]:
        """What a source's definition says of the Iceberg catalog that is its catalog :data:`LAKEHOUSE`."""
        database, warehouse = self._folder / "lakehouse.db", self._folder / "warehouse"
        return {"name": LAKEHOUSE, "type": "sql", "uri": f"sqlite:///{database}", "warehouse": warehouse.as_uri()}

    def token(self, user: str = READER) -> str:
        """A signed token."""
        now = int(time.time())
        return jwt.encode({"sub": user, "iat": now, "exp": now + 3600}, self._signer, algorithm="RS256")

    def ask(self, statement: str, user: str = _ADMIN) -> list[list[Any]]:
        """The rows of a statement's answer."""
        with (
            closing(trino.dbapi.connect(host="127.0.0.1", port=self.port, user=user)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            return cursor.execute(statement).fetchall()

    def run(self, *statements: str, user: str = _ADMIN) -> None:
        """Statements whose answers nobody needs."""
        for statement in statements:
            self.ask(statement, user)

    def empty(self) -> None:
        """Drop every schema that was made."""
        for catalog in (LAKEHOUSE, "memory"):
            for (schema,) in self.ask(f"SHOW SCHEMAS FROM {catalog}"):
                if schema not in {"default", "information_schema", "system"}:
                    self.run(f'DROP SCHEMA {catalog}."{schema}" CASCADE')

    def hiding(self, schema: str, user: str = READER) -> AbstractContextManager[None]:
        """A schema of which a user may see nothing, in any Trino catalog."""
        return self.limiting(schema, user=user)

    @contextmanager
    def limiting(self, schema: str, *privileges: str, user: str = READER) -> Iterator[None]:
        """A schema in which a user may make nothing and has only these privileges on tables, in any Trino catalog."""
        rule = {"user": user, "schema": schema}
        self._allow(schemas=[{**rule, "owner": False}], tables=[{**rule, "privileges": privileges}])
        time.sleep(2 * _REFRESH)
        try:
            yield
        finally:
            self._allow()
            time.sleep(2 * _REFRESH)

    def _allow(self, schemas: Sequence[Any] = (), tables: Sequence[Any] = ()) -> None:
        """Let users do everything but what rules say."""
        rules = {
            "catalogs": [{"allow": "all"}],
            "schemas": [*schemas, {"owner": True}],
            "tables": [*tables, {"privileges": _EVERYTHING}],
            "system_information": [{"allow": ["read", "write"]}],
            "queries": [{"allow": ["execute", "kill", "view"]}],
        }
        (self._folder / "etc" / "rules.json").write_text(json.dumps(rules))

    def start(self) -> None:
        """Start, and wait until queries work."""
        environment = {name: value for name, value in os.environ.items() if not name.endswith("JAVA_OPTIONS")}
        program = self._running.enter_context(
            running("trino", self._command, logs=self._folder / "logs", environment=environment)
        )
        program.wait_until(self._scans)

    def stop(self) -> None:
        """Stop, and wait for it."""
        self._running.close()

    def restart(self) -> None:
        """Stop and start: it forgets its queries, and what is in memory."""
        self.stop()
        self.start()

    def _scans(self) -> bool:
        """Whether a real scan comes back: the server says that it is ready seconds before."""
        try:
            return self.ask("SELECT count(*) FROM tpch.tiny.nation") == [[25]]
        except (trino.exceptions.Error, trino.exceptions.Http503Error, OSError):
            return False

    def _configure(self, home: Path) -> None:
        folder, etc = self._folder, self._folder / "etc"
        (etc / "catalog").mkdir(parents=True)
        (folder / "tmp").mkdir()
        (folder / "warehouse").mkdir()
        database = folder / "lakehouse.db"
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript(_CATALOG_TABLES)
        (folder / "passwords").write_text(f"{READER}:{_hashed(self.password)}\n")
        (folder / "token.pem").write_bytes(
            self._signer.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self._allow()
        files = {
            "config.properties": {
                "coordinator": "true",
                "node-scheduler.include-coordinator": "true",
                "discovery.uri": f"http://127.0.0.1:{self.port}",
                "http-server.http.port": self.port,
                "http-server.https.enabled": "true",
                "http-server.https.port": self.secure_port,
                "http-server.https.keystore.path": folder / "server.both.pem",
                "http-server.authentication.type": "PASSWORD,JWT",
                "http-server.authentication.allow-insecure-over-http": "true",
                "http-server.authentication.jwt.key-file": folder / "token.pem",
                "internal-communication.shared-secret": "of-the-tests",
                "http-server.log.enabled": "false",
                "plugin.dir": home / "plugin",
                "query.max-memory": "300MB",
                "query.max-memory-per-node": "200MB",
                "memory.heap-headroom-per-node": "200MB",
                "catalog.config-dir": etc / "catalog",
                "access-control.config-files": etc / "access-control.properties",
                "password-authenticator.config-files": etc / "password-authenticator.properties",
            },
            "password-authenticator.properties": {
                "password-authenticator.name": "file",
                "file.password-file": folder / "passwords",
            },
            "access-control.properties": {
                "access-control.name": "file",
                "security.config-file": etc / "rules.json",
                "security.refresh-period": f"{_REFRESH}s",
            },
            "catalog/tpch.properties": {"connector.name": "tpch", "tpch.splits-per-node": "1"},
            "catalog/memory.properties": {"connector.name": "memory"},
            f"catalog/{LAKEHOUSE}.properties": _iceberg(folder, database),
            f"catalog/{BROKEN}.properties": _iceberg(folder, folder / "nothing.db"),
        }
        for name, settings in files.items():
            (etc / name).write_text("".join(f"{key}={value}\n" for key, value in settings.items()))


@contextmanager
def running_trino(home: Path, java: Path, folder: Path) -> Iterator[RealTrino]:
    """A Trino that runs until the block is left.

    Args:
        home: folder with its ``lib`` and ``plugin``.
        java: the program that runs it.
        folder: an empty folder for its settings and its data.
    """
    server = RealTrino(home, java, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _iceberg(folder: Path, database: Path) -> dict[str, Any]:
    return {
        "connector.name": "iceberg",
        "iceberg.catalog.type": "jdbc",
        "iceberg.jdbc-catalog.catalog-name": LAKEHOUSE,
        "iceberg.jdbc-catalog.driver-class": "org.sqlite.JDBC",
        "iceberg.jdbc-catalog.connection-url": f"jdbc:sqlite:{database}",
        "iceberg.jdbc-catalog.schema-version": "V1",
        "iceberg.jdbc-catalog.default-warehouse-dir": f"file://{folder / 'warehouse'}",
        "fs.native-local.enabled": "true",
        "local.location": "/",
    }


def _hashed(password: str) -> str:
    """A password as Trino's file of passwords has it."""
    salt, rounds = os.urandom(16), 1000
    return f"{rounds}:{salt.hex()}:{hashlib.pbkdf2_hmac('sha1', password.encode(), salt, rounds).hex()}"


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [probe.getsockname()[1] for probe in probes]
