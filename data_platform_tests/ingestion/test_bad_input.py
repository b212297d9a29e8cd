"""What a run says of any source that is not there, refuses TLS or the user, fails every request or never answers.

One sentence that names the source and what to do, permanent or not, and nothing changed in the catalog. What is the
matter with single objects is in the tests of each source.
"""

from __future__ import annotations

import socket
import ssl
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import Inventory, take
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.spec import WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.fakes import listening
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.vaults.certificates import server_certificate
from examples.demo.postgres import Server

PASSWORD = "the-S3cret/word"
REFERENCE = "env:WORD"
AT_ONCE = 3
"""Children that run at the same time."""


@dataclass(frozen=True)
class Source:
    """How a kind of source is connected to at an address, which is a URL: of a database, only its host counts."""

    connector: str
    connection: Callable[[str], dict[str, Any]]

    @property
    def service(self) -> str:
        """Its service's name in the catalog."""
        return f"the-{self.connector.casefold()}"


def host(url: str) -> str:
    return url.partition("://")[2]


def trino(url: str) -> dict[str, Any]:
    secure = {"authType": {"password": REFERENCE}} if url.startswith("https") else {}
    patience = {"request_timeout": 1, "max_attempts": 1}
    return {"hostPort": host(url), "username": "reader", "connectionArguments": patience, **secure}


def s3(url: str) -> dict[str, Any]:
    keys = {"awsAccessKeyId": "reader", "awsSecretAccessKey": REFERENCE}
    return {"awsConfig": {"awsRegion": "us-east-1", "endPointURL": url, **keys}}


def sql(url: str) -> dict[str, Any]:
    uri = f"postgresql+psycopg2://reader:${{{REFERENCE}}}@{host(url)}/lake"
    return {"name": "lake", "type": "sql", "uri": uri, "timeout": 2}


def database(**more: Any) -> Callable[[str], dict[str, Any]]:
    return lambda url: {"hostPort": host(url), "username": "reader", "authType": {"password": REFERENCE}, **more}


SOURCES: Mapping[str, Source] = {
    "Trino": Source("Trino", trino),
    "dbt": Source(
        "dbt",
        lambda url: {"serviceName": "the-dbt", "dbtConfigType": "http", "dbtManifestHttpPath": f"{url}/manifest.json"},
    ),
    "Superset": Source(
        "Superset",
        lambda url: {"hostPort": url, "connection": {"provider": "db", "username": "reader", "password": REFERENCE}},
    ),
    "S3": Source("S3", s3),
    "Iceberg (SQL)": Source("Iceberg", sql),
    "Iceberg (REST)": Source("Iceberg", lambda url: {"name": "lake", "type": "rest", "uri": url, "token": REFERENCE}),
    "Airbyte": Source("Airbyte", lambda url: {"hostPort": url, "auth": {"username": "reader", "password": REFERENCE}}),
    "Redash": Source("Redash", lambda url: {"hostPort": url, "username": "reader", "apiKey": REFERENCE}),
    "Dagster": Source("Dagster", lambda url: {"host": url, "token": REFERENCE}),
    "Postgres": Source("Postgres", database(database="postgres", connectionArguments={"connect_timeout": 2})),
    "MySQL": Source("Mysql", database(connectionArguments={"connect_timeout": 1, "read_timeout": 1})),
}
SPEAK_HTTP = [name for name in SOURCES if name not in {"Iceberg (SQL)", "Postgres", "MySQL"}]


@contextmanager
def nobody() -> Iterator[str]:
    """Nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def nowhere() -> Iterator[str]:
    """There is no such host."""
    yield "http://no-such-host.invalid:4567"


@contextmanager
def mute() -> Iterator[str]:
    """It accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@contextmanager
def failing() -> Iterator[str]:
    """It fails every request."""
    with listening(lambda _request: (500, {"message": "out of order"})) as url:
        yield url


@contextmanager
def refusing() -> Iterator[str]:
    """It knows nobody."""
    with listening(lambda _request: (401, {"message": "Unauthorized"})) as url:
        yield url


@contextmanager
def distrusted() -> Iterator[str]:
    """Nobody that the machine knows vouches for its certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        files = server_certificate(Path(folder))
        tls.load_cert_chain(files.certificate, files.key)
    with listening(lambda _request: (200, {}), tls) as url:
        yield url


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A catalog that has the service of every source, with one thing in each."""
    with running_server(tmp_path_factory.mktemp("bad_input") / "catalog") as server:
        headers = {"Authorization": f"Bearer {server.token('admin')}"}
        with httpx.Client(base_url=f"{server.url}/v1/", headers=headers) as people:
            for source in SOURCES.values():
                for collection, body in kept(source):
                    people.put(collection, json=body).raise_for_status()
        yield server


def kept(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the catalog has of a source, as requests that make it."""
    service, category = source.service, connectors()[source.connector].category
    kind = {"dbt": "Postgres", "Iceberg": "CustomDatabase"}.get(source.connector, source.connector)
    yield f"services/{category}Services", {"name": service, "serviceType": kind}
    if category != "database":
        yield (
            {"dashboard": "dashboards", "pipeline": "pipelines", "storage": "containers"}[category],
            {
                "name": "kept",
                "service": service,
            },
        )
        return
    columns = [{"name": "id", "dataType": "INT"}]
    yield "databases", {"name": "kept", "service": service}
    yield "databaseSchemas", {"name": "kept", "database": f"{service}.kept"}
    yield "tables", {"name": "kept", "databaseSchema": f"{service}.kept.kept", "columns": columns}


class Runs:
    """The catalog's sources, run where they cannot be read.

    Args:
        catalog: the catalog.
        folder: for what the runs leave.

    Attributes:
        before: what the catalog held before any of them, by service.
    """

    def __init__(self, catalog: RunningServer, folder: Path) -> None:
        self._catalog, self._folder = catalog, folder
        self._ended: dict[str, dict[str, Ended]] = {}
        self.before = {source.service: self.held(source) for source in SOURCES.values()}
        (folder / "token").write_text(catalog.token("ingestion-bot"))

    def all(self, fault: Callable[[], AbstractContextManager[str]], sources: Collection[str]) -> dict[str, Ended]:
        """How the runs of some sources ended at the same fault, a few at a time; each fault is run once."""
        if fault.__name__ not in self._ended:
            with fault() as url, ThreadPoolExecutor(AT_ONCE) as pool:
                ended = pool.map(lambda name: self.run(SOURCES[name], SOURCES[name].connection(url)), sources)
                self._ended[fault.__name__] = dict(zip(sources, ended, strict=True))
        return self._ended[fault.__name__]

    def run(self, source: Source, connection: dict[str, Any], **fields: Any) -> Ended:
        """One run, to its end."""
        spec = WorkflowSpec(
            environment="demo",
            service=source.service,
            connector=source.connector,
            workflows=("metadata",),
            connection=connection,
            catalog_url=self._catalog.url,
            catalog_token=f"file:{self._folder}/token",
            vault_address="http://127.0.0.1:1",
            run_id=str(uuid.uuid4()),
            **fields,
        )
        return Child(spec, self._folder / "children", {"WORD": PASSWORD}).end()

    def held(self, source: Source) -> Inventory:
        """What the catalog holds of a source."""
        with CatalogClient(self._catalog.url, self._catalog.token("admin")) as client:
            return take(client, connectors()[source.connector].category, source.service)


@pytest.fixture(scope="module")
def runs(catalog: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(catalog, tmp_path_factory.mktemp("runs"))


def assert_told(runs: Runs, source: Source, ended: Ended, *words: str, permanent: bool) -> None:
    """A run failed with one sentence, whose words are some of these, and left the catalog as it was."""
    verdict = ended.verdict
    sentence = verdict["sentence"]
    assert (verdict["outcome"], verdict["permanent"]) == ("failed", permanent), ended.output
    assert sentence.startswith(f"{source.service}: ")
    assert "\n" not in sentence
    assert any(word in sentence for word in words), sentence
    assert ": " in sentence.partition(": ")[2], f"it does not say what to do: {sentence}"
    assert PASSWORD.partition("/")[0] not in ended.everything
    assert ended.materialized == []
    assert runs.held(source) == runs.before[source.service]


@pytest.mark.bad_input("wrong host", "all")
@pytest.mark.parametrize("name", SOURCES)
def test_a_host_that_does_not_exist(runs: Runs, name: str) -> None:
    ended = runs.all(nowhere, SOURCES)[name]
    assert_told(runs, SOURCES[name], ended, "does not answer at", permanent=False)


@pytest.mark.bad_input("wrong port", "all")
@pytest.mark.parametrize("name", SOURCES)
def test_a_port_that_nobody_listens_on(runs: Runs, name: str) -> None:
    ended = runs.all(nobody, SOURCES)[name]
    assert_told(runs, SOURCES[name], ended, "(Connection refused)", permanent=False)


@pytest.mark.bad_input("hangs", "all")
@pytest.mark.parametrize("name", SOURCES)
def test_a_server_that_never_says_a_word(runs: Runs, name: str) -> None:
    ended = runs.all(mute, SOURCES)[name]
    assert_told(runs, SOURCES[name], ended, "does not answer at", permanent=False)


def test_a_postgresql_that_never_says_a_word_is_waited_for_no_longer_than_the_run_may_take(runs: Runs) -> None:
    source = SOURCES["Postgres"]
    with mute() as url:
        connection = {**source.connection(url), "connectionArguments": {}}
        ended = runs.run(source, connection, timeout=2)
    assert_told(runs, source, ended, "does not answer at", permanent=False)


@pytest.mark.bad_input("500s", "Trino", "dbt", "Superset", "S3", "Iceberg (REST)", "Airbyte", "Redash", "Dagster")
@pytest.mark.parametrize("name", SPEAK_HTTP)
def test_a_server_that_fails_every_request(runs: Runs, name: str) -> None:
    ended = runs.all(failing, SPEAK_HTTP)[name]
    assert_told(runs, SOURCES[name], ended, "fails", "does not answer", permanent=False)


@pytest.mark.bad_input(
    "TLS refused", "Trino", "dbt", "Superset", "S3", "Iceberg (REST)", "Airbyte", "Redash", "Dagster"
)
@pytest.mark.parametrize("name", SPEAK_HTTP)
def test_a_certificate_that_nobody_vouches_for(runs: Runs, name: str) -> None:
    ended = runs.all(distrusted, SPEAK_HTTP)[name]
    assert_told(runs, SOURCES[name], ended, "the source's certificate is not trusted", permanent=True)


@pytest.mark.bad_input("TLS refused", "Iceberg (SQL)", "Postgres")
@pytest.mark.parametrize(
    ("name", "secure"),
    [
        ("Postgres", lambda connection: {**connection, "sslMode": "require"}),
        ("Iceberg (SQL)", lambda connection: {**connection, "uri": f"{connection['uri']}?sslmode=require"}),
    ],
    ids=["Postgres", "Iceberg (SQL)"],
)
def test_a_database_that_does_not_speak_tls(
    runs: Runs, postgres: Server, name: str, secure: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    source = SOURCES[name]
    ended = runs.run(source, secure(source.connection(f"http://127.0.0.1:{postgres.port}")))
    assert_told(runs, source, ended, "the source does not speak TLS", permanent=True)


@pytest.mark.bad_input("wrong credentials", "dbt", "Dagster")
@pytest.mark.parametrize("name", ["dbt", "Dagster"])
def test_a_server_that_knows_nobody(runs: Runs, name: str) -> None:
    ended = runs.all(refusing, ["dbt", "Dagster"])[name]
    assert_told(runs, SOURCES[name], ended, "refuses the credentials", "refuses the token", permanent=True)
