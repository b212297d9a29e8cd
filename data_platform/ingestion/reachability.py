"""Whether something answers where a source's metadata is read, found out cheaply and without credentials.

A port that accepts a connection, a web server that answers anything but "down", a file that is there. Whether the
source lets the user in, only its connector can tell.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from data_platform.environment import PROJECT_ROOT
from data_platform.errors import SourceRefusedError, SourceUnreachableError
from data_platform.secrets import contains_reference

TIMEOUT: Final = 2.0
"""Seconds for one attempt."""

# The fields by which connectors say where they read, the most telling first.
_ADDRESSES: Final = (
    "hostPort",
    "host",
    "uri",
    "endpointURL",
    "dbtCloudUrl",
    "dbtManifestFilePath",
    "dbtManifestHttpPath",
    "bucketNames",
    "warehouse",
    "awsConfig.endPointURL",
    "awsConfig.awsRegion",
)
# Those of them that lead somewhere; what a bucket is called does not.
_NETWORK: Final = ("hostPort", "host", "uri", "endpointURL", "dbtCloudUrl", "dbtManifestHttpPath")
_AWS_ENDPOINT: Final = "awsConfig.endPointURL"
_AWS_REGION: Final = "awsConfig.awsRegion"
_FILE: Final = "dbtManifestFilePath"
_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "thrift": 9083, "redis": 6379}
_HOST_AND_PORT: Final = re.compile(r"(?P<host>\[[^\]]+\]|[^:/\s]+):(?P<port>\d+)")
_DOWN: Final = frozenset({502, 503, 504})


def shown_address(connection: Mapping[str, Any]) -> str | None:
    """Where a connection reads, for people, or None when it does not say or says it by a secret reference."""
    for field in _ADDRESSES:
        value = _field(connection, field)
        if isinstance(value, list):
            value = ", ".join(str(item) for item in cast(list[Any], value))
        if isinstance(value, str) and value and not contains_reference(value):
            return without_user(value)
    return None


def reach(service: str, connection: Mapping[str, Any]) -> str:
    """Ask whether anything answers at a connection's address.

    Args:
        service: the source, for messages.
        connection: the connection with its secrets.

    Returns:
        What was found, for example ``db:5432 accepts connections``.

    Raises:
        SourceUnreachableError: nothing answers.
        SourceRefusedError: a file that the connection names does not exist, or its address is none.
    """
    file = _field(connection, _FILE)
    if isinstance(file, str):
        return _there(service, file)
    problems: list[str] = []
    for address in _addresses(connection):
        try:
            return _answers(address)
        except (ValueError, httpx.InvalidURL):  # what they say may quote a password
            raise SourceRefusedError(
                f"{without_user(address)} is no address", source=service, remedy="correct it in its defs.yaml"
            ) from None
        except (OSError, httpx.HTTPError) as error:
            problems.append(f"at {without_user(address)} ({_why(error)})")
    if not problems:
        return "the connection names no address to ask"
    raise SourceUnreachableError(
        f"the source does not answer {', '.join(problems)}",
        source=service,
        remedy="check that it is up and that the address in its defs.yaml is right",
    )


def _addresses(connection: Mapping[str, Any]) -> Iterator[str]:
    """Addresses of which one has to answer: those of a cluster are separated by commas."""
    for field in _NETWORK:
        value = _field(connection, field)
        if isinstance(value, str) and value:
            # A database's password may hold a slash or a comma, which end no host.
            bare = value if value.startswith(("http://", "https://")) else without_user(value)
            yield from (part.strip() for part in bare.split(",") if part.strip())
            return
    endpoint, region = _field(connection, _AWS_ENDPOINT), _field(connection, _AWS_REGION)
    if isinstance(endpoint, str) and endpoint:
        yield endpoint
    elif isinstance(region, str) and "bucketNames" in connection:
        yield f"https://s3.{region}.amazonaws.com"


def _answers(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme in {"http", "https"}:
        return _web(address)
    match = _HOST_AND_PORT.match(address)
    host = match["host"].strip("[]") if match else parts.hostname
    port = int(match["port"]) if match else parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    if host is None or port is None:
        return f"{address} names no port to ask"
    if getproxies() and not proxy_bypass(host):
        return f"{host}:{port} is reached through a proxy, and was not asked"
    with socket.create_connection((host, port), timeout=TIMEOUT):
        return f"{host}:{port} accepts connections"


def _web(url: str) -> str:
    """Whatever a web server answers, it is there; so is one whose certificate only the source's own options trust."""
    try:
        status = httpx.head(url, timeout=TIMEOUT).status_code
    except httpx.ConnectError as error:
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return f"{url} answers"
        raise
    if status in _DOWN:
        raise OSError(f"{status}")
    return f"{url} answers"


def _there(service: str, file: str) -> str:
    path = PROJECT_ROOT / file
    if not path.is_file():
        raise SourceRefusedError(
            f"there is no file {path}", source=service, remedy="let dbt write its artifacts there, or correct the path"
        )
    return f"{path} is there"


def without_user(address: str) -> str:
    """An address without the user and the password that a URL may hold."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else address


def _field(connection: Mapping[str, Any], path: str) -> Any:
    value: Any = connection
    for name in path.split("."):
        value = cast(dict[str, Any], value).get(name) if isinstance(value, dict) else None
    return value


def _why(error: Exception) -> str:
    reasons = (cause.strerror for cause in _causes(error) if isinstance(cause, OSError))
    return next((str(reason) for reason in reasons if reason), str(error) or type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
