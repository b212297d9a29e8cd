"""An Iceberg catalog behind pyiceberg: opened from a source's connection, asked for tables, its errors put in words.

Reads only. A SQL catalog's own tables are never created: an address that leads to an empty database is a refusal, not
an empty catalog. Requests to a REST catalog or a Hive metastore, and attempts to connect to a PostgreSQL, end after the
connection's ``timeout``; pyiceberg's own never do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import requests
import sqlalchemy.exc
from pyiceberg import exceptions
from pyiceberg.catalog import URI, Catalog, load_catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.table import Table
from requests.adapters import HTTPAdapter
from sqlalchemy.engine import make_url

from data_platform.environment import PROJECT_ROOT
from data_platform.errors import SourceError, SourceRefusedError, SourceUnreachableError
from data_platform.ingestion.diagnosis import distrusted, understood
from data_platform.ingestion.reachability import without_user

Name = tuple[str, ...]
"""Identifier of a namespace, or of a table with its namespace, in pyiceberg's parts."""

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds that a REST catalog or a Hive metastore has for the next byte of its answer, and a PostgreSQL to let the user
in."""

# pyiceberg's names for what OpenMetadata's awsConfig says, for Glue and for files in S3.
_AWS: Final = {
    "awsRegion": "client.region",
    "awsAccessKeyId": "client.access-key-id",
    "awsSecretAccessKey": "client.secret-access-key",
    "awsSessionToken": "client.session-token",
    "endPointURL": "s3.endpoint",
}
# What pyiceberg hands on to botocore as it is, which wants a number.
_NUMBERS: Final = frozenset({"glue.max-retries"})
TIMEOUT: Final = "data-platform.timeout"
"""The property of pyiceberg's catalogs that has the seconds for an answer."""
# Catalogs that stand in for pyiceberg's, each imported only where it is used.
_OWN: Final = {
    "rest": f"{__name__}.TimedRestCatalog",
    "hive": "data_platform.ingestion.sources.iceberg_hive.TimedHiveCatalog",
}
_PLAIN: Final = ("type", "uri", "warehouse", "credential", "token")
_SILENT: Final = (
    exceptions.ServiceUnavailableError,
    exceptions.TooManyRequestsError,
    exceptions.ServerError,
    requests.ConnectionError,
    requests.Timeout,
    TimeoutError,
)
_KEYS: Final = (exceptions.UnauthorizedError, exceptions.OAuthError, exceptions.AuthorizationExpiredError)

Item = TypeVar("Item")
Value = TypeVar("Value")


class TimedRestCatalog(RestCatalog):
    """pyiceberg's REST catalog, with requests that end."""

    def _create_session(self) -> requests.Session:
        session = super()._create_session()
        for prefix in ("https://", "http://"):
            session.mount(prefix, _Timed(float(self.properties[TIMEOUT])))
        return session


class _Timed(HTTPAdapter):
    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or self._timeout
        return super().send(request, *args, **options)  # pyright: ignore[reportUnknownMemberType]


def open_catalog(connection: Mapping[str, Any]) -> Catalog:
    """The Iceberg catalog of a connection; to be closed.

    Args:
        connection: the source's, with its secrets.

    Raises:
        SourceRefusedError: a SQL catalog's file does not exist.
        Exception: whatever pyiceberg raises; :func:`error_of` puts it in words.
    """
    return load_catalog(str(connection["name"]), **_properties(connection))


def _properties(connection: Mapping[str, Any]) -> dict[str, Any]:
    aws = cast(dict[str, str], connection.get("awsConfig") or {})
    more = cast(dict[str, Any], connection.get("properties") or {})
    timeout = float(connection.get("timeout", DEFAULT_TIMEOUT))
    properties = {
        **{name: connection[name] for name in _PLAIN if connection.get(name)},
        **{_AWS[name]: value for name, value in aws.items()},
        **{name: value if name in _NUMBERS else _text(value) for name, value in more.items()},
    }
    if own := _OWN.get(properties["type"]):
        del properties["type"]
        properties |= {TIMEOUT: str(timeout), "py-catalog-impl": own}
    if properties.get("type") == "sql":
        properties[URI] = _of_sql(str(properties[URI]), timeout)
        properties["init_catalog_tables"] = "false"
    return properties


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_sql(uri: str, timeout: float) -> str:
    """A SQL catalog's address, in which a relative file of SQLite's starts at the project root.

    Args:
        uri: as the connection has it.
        timeout: seconds for a PostgreSQL to let the user in, unless the address says so itself.

    Raises:
        SourceRefusedError: the file does not exist; SQLite would make it.
    """
    url = make_url(uri)
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        whole = url.update_query_dict({"connect_timeout": str(ceil(timeout))})
        return whole.render_as_string(hide_password=False)
    if url.get_backend_name() != "sqlite" or not url.database:
        return uri
    file = PROJECT_ROOT / url.database
    if not Path(file).is_file():
        raise SourceRefusedError(
            f"there is no Iceberg catalog in {file}: no such file", remedy="correct uri in its defs.yaml"
        )
    return url.set(database=str(file)).render_as_string(hide_password=False)


def namespaces(catalog: Catalog, above: Name = ()) -> Iterator[Name]:
    """Every namespace below another one, at any depth."""
    for namespace in sorted(catalog.list_namespaces(above)):
        # Some catalogs answer with names below the one that was asked for, and others with whole ones.
        whole = namespace if namespace[: len(above)] == above else (*above, *namespace)
        yield whole
        yield from namespaces(catalog, whole)


def table_names(catalog: Catalog, namespace: Name) -> list[str]:
    """Names of the Iceberg tables of one namespace."""
    return sorted(identifier[-1] for identifier in catalog.list_tables(namespace))


def shown(namespace: Name) -> str:
    """The name of a namespace in one piece."""
    return ".".join(namespace)


def load(catalog: Catalog, namespace: Name, table: str) -> Table:
    """One table, with the present state of its metadata."""
    return catalog.load_table((*namespace, table))


def in_parallel(
    work: Callable[[Item], Value], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Value | Exception]]:
    """Items in their order, each with what became of it; at most twice ``workers`` of them are under way or waiting.

    Args:
        work: what is to be done with each.
        items: what it is done with.
        workers: how many at the same time.
    """
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="iceberg") as pool:
        waiting: deque[tuple[Item, Future[Value]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) >= 2 * workers:
                yield _ended(*waiting.popleft())
        while waiting:
            yield _ended(*waiting.popleft())


def _ended(item: Item, future: Future[Value]) -> tuple[Item, Value | Exception]:
    error = future.exception()
    if isinstance(error, Exception):
        return item, error
    return item, future.result()


def error_of(error: Exception, service: str, uri: str | None) -> SourceError:
    """The error of ours that says what one of pyiceberg's means.

    Args:
        error: what it raised.
        service: the source's name.
        uri: the Iceberg catalog's address, if it has one.
    """
    if isinstance(error, SourceError):
        return type(error)(error.what, source=service, remedy=error.remedy)
    where = f" at {without_user(uri)}" if uri else ""
    detail = first_line(error)
    if isinstance(error, requests.exceptions.SSLError) and (refused := distrusted(detail, service, where)):
        return refused
    if isinstance(error, _SILENT):
        return SourceUnreachableError(
            f"the Iceberg catalog does not answer{where} ({detail})",
            source=service,
            remedy="check that it is up and that the address in its defs.yaml is right",
        )
    if isinstance(error, _KEYS):
        return SourceRefusedError(
            f"the Iceberg catalog refuses the credentials{where} ({detail})",
            source=service,
            remedy="check what the secret references of its defs.yaml point at",
        )
    if isinstance(error, exceptions.ForbiddenError):
        return SourceRefusedError(
            f"the Iceberg catalog refuses the permission{where} ({detail})",
            source=service,
            remedy="grant the user what its page in docs/sources lists",
        )
    if isinstance(error, sqlalchemy.exc.ProgrammingError | sqlalchemy.exc.OperationalError) and "iceberg_" in detail:
        return SourceRefusedError(
            f"the database{where} is no Iceberg catalog ({detail})",
            source=service,
            remedy="correct uri in its defs.yaml",
        )
    return understood(detail, service, where) or SourceRefusedError(
        f"the Iceberg catalog cannot be read{where} ({detail})",
        source=service,
        remedy="check the connection in its defs.yaml",
    )


def first_line(error: Exception) -> str:
    """An error in one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
