"""Airbyte: the connections of every workspace.

By the same API that the connection is for: the public one with the credentials of an application or where
``apiVersion`` says so, else the configuration API of a self-hosted installation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx

from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed

_TIMEOUT: Final = 60.0
_PAGE: Final = 100
_CONFIGURATION: Final = "api/v1"
_PUBLIC: Final = "api/public/v1"

Documents = Iterator[dict[str, Any]]


def listing(source: Any, filters: Filters) -> Iterator[Listed]:  # noqa: ARG001 - every connector's has both
    """Every connection that the credentials show."""
    settings: Any = source.service_connection
    application: Any = settings.auth if hasattr(settings.auth, "clientId") else None
    version = settings.apiVersion or _CONFIGURATION
    if application and version == _CONFIGURATION:
        version = _PUBLIC
    host = str(settings.hostPort).rstrip("/")
    with httpx.Client(timeout=_TIMEOUT) as client:
        if application:
            client.headers["Authorization"] = f"Bearer {_token(client, host, application)}"
        elif settings.auth:
            client.auth = httpx.BasicAuth(settings.auth.username, settings.auth.password.get_secret_value())
        client.base_url = f"{host}/{version}/"
        connections = _public(client) if "public" in version or application else _configured(client)
        for connection in connections:
            yield Listed("pipeline", (connection["connectionId"],), shown=connection.get("name"))


def _token(client: httpx.Client, host: str, application: Any) -> str:
    secret = application.clientSecret.get_secret_value()
    body = {"client_id": application.clientId, "client_secret": secret}
    return client.post(f"{host}/v1/applications/token", json=body).raise_for_status().json()["access_token"]


def _configured(client: httpx.Client) -> Documents:
    for workspace in client.post("workspaces/list").raise_for_status().json()["workspaces"]:
        asked = {"workspaceId": workspace["workspaceId"]}
        yield from client.post("connections/list", json=asked).raise_for_status().json()["connections"]


def _public(client: httpx.Client) -> Documents:
    for workspace in _pages(client, "workspaces", {}):
        yield from _pages(client, "connections", {"workspaceIds": workspace["workspaceId"]})


def _pages(client: httpx.Client, path: str, asked: dict[str, str]) -> Documents:
    offset = 0
    while True:
        page = client.get(path, params={**asked, "limit": _PAGE, "offset": offset}).raise_for_status().json()
        yield from page["data"]
        if not page.get("next"):
            return
        offset += _PAGE
