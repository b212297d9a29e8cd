"""A light client of the metadata catalog's REST API, for what needs no OpenMetadata package.

Speaks the HTTP API that OpenMetadata documents under ``/api/v1``; entities are plain dicts as the API returns
them. It repeats what may succeed later (``ingestion.retrying``) for as long as it is told to: whoever calls it knows
whether waiting makes sense.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import quote

import httpx

from data_platform.errors import (
    CatalogError,
    CatalogUnauthorizedError,
    CatalogUnreachableError,
    CatalogVersionError,
    EntityNotFoundError,
)
from data_platform.ingestion.retrying import Doubt, repeat, repeatable

Entity = dict[str, Any]

PAGE_SIZE: Final = 500
_OVERLOADED: Final = frozenset({429, 502, 503, 504})


class CatalogClient:
    """One connection to one catalog.

    Args:
        url: the API's address, for example ``http://localhost:8585/api``.
        token: a JWT that the catalog issued.
        timeout: seconds for each request.
        retry_timeout: seconds for which a request that may succeed later is repeated.
        transport: an httpx transport in place of the network's.

    Every method raises :class:`CatalogUnreachableError` when the catalog does not answer,
    :class:`CatalogUnauthorizedError` when it refuses the token and :class:`CatalogError` when it refuses the request.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = 10.0,
        retry_timeout: float = 0.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._retry_timeout = retry_timeout
        self._http = httpx.Client(
            base_url=f"{self.url}/v1/",
            auth=self._authorize,
            timeout=timeout,
            transport=transport,
        )

    def _authorize(self, request: httpx.Request) -> httpx.Request:
        """Add the token; one that no header can hold would be quoted by the error of whoever sends it."""
        if not re.fullmatch(r"[!-~]+", self._token):
            raise CatalogUnauthorizedError(
                "the catalog's token has characters that no token has, such as a line break",
                source=self.url,
                remedy="store it again without them",
            )
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def version(self) -> str:
        """The catalog's version, for example ``2.0.6``."""
        return str(self._request("GET", "system/version")["version"])

    def health(self) -> str:
        """The catalog's version once it has answered and accepted the token.

        Raises:
            CatalogError: as every method of this class.
        """
        version = self.version()
        self._request("GET", "users", params={"limit": "0"})
        return version

    def permissions(self, kind: str) -> dict[str, str]:
        """What the token's user may do with entities of a type: ``allow``, ``deny``, ``notAllow`` … by operation.

        Args:
            kind: the type, for example ``table``.

        Raises:
            EntityNotFoundError: the catalog does not know the type, or does not tell.
        """
        granted = self._request("GET", f"permissions/{kind}")["permissions"]
        return {str(each["operation"]): str(each["access"]) for each in granted}

    def token_expiry(self) -> datetime | None:
        """When the token expires, in UTC, by its own ``exp`` claim (RFC 7519, 4.1.4), or None when it never does.

        Raises:
            CatalogUnauthorizedError: the token is no JWT.
        """
        try:
            payload = self._token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            expiry = claims.get("exp")
            return datetime.fromtimestamp(expiry, UTC) if expiry else None
        except (IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise CatalogUnauthorizedError("the catalog's token is not a JWT", source=self.url) from error

    def get_by_name(self, collection: str, fqn: str, *, fields: Sequence[str] = ()) -> Entity:
        """One entity by its fully qualified name.

        Args:
            collection: the API's path of the entity's type, for example ``tables`` or ``services/databaseServices``.
            fqn: the name, quoted as OpenMetadata quotes it.
            fields: relationship fields to include.

        Raises:
            EntityNotFoundError: there is none.
        """
        params = {"fields": ",".join(fields)} if fields else None
        return self._request("GET", f"{collection}/name/{quote(fqn, safe='')}", params=params)

    def list(self, collection: str, *, fields: Sequence[str] = (), **filters: str) -> Iterator[Entity]:
        """Every entity of a type, in the catalog's order, page after page.

        Args:
            collection: the API's path of the entity's type, for example ``tables``.
            fields: relationship fields to include.
            filters: query parameters of the API, for example ``database="trino.lakehouse"``.
        """
        params = {"limit": str(PAGE_SIZE), **filters}
        if fields:
            params["fields"] = ",".join(fields)
        after: str | None = None
        while True:
            page = self._request("GET", collection, params={**params, "after": after} if after else params)
            yield from cast(list[Entity], page["data"])
            after = page["paging"].get("after")
            if not after:
                return

    def patch(
        self, collection: str, entity_id: str, operations: list[dict[str, Any]], *, version: float | None = None
    ) -> Entity:
        """Change one entity by JSON Patch (RFC 6902).

        Args:
            collection: the API's path of the entity's type.
            entity_id: the entity's UUID.
            operations: the patch.
            version: refuse the patch when the entity is no longer of this version (``If-Match``).

        Returns:
            The entity after the patch.
        """
        headers = {"Content-Type": "application/json-patch+json"}
        if version is not None:
            headers["If-Match"] = f'W/"{version}"'
        return self._request(
            "PATCH", f"{collection}/{entity_id}", content=json.dumps(operations).encode(), headers=headers
        )

    def put(self, path: str, body: dict[str, Any]) -> Entity:
        """Create or replace what is at a path.

        Args:
            path: of a collection or of a part of an entity, quoted.
            body: the request, as the API documents it.

        Returns:
            What the catalog answers.
        """
        headers = {"Content-Type": "application/json"}
        return self._request("PUT", path, content=json.dumps(body).encode(), headers=headers)

    def delete(self, collection: str, entity_id: str) -> None:
        """Delete one entity with all that lies in it, softly: it can be restored.

        Args:
            collection: the API's path of the entity's type.
            entity_id: the entity's UUID.

        Raises:
            EntityNotFoundError: there is none.
        """
        self._request("DELETE", f"{collection}/{entity_id}", params={"recursive": "true", "hardDelete": "false"})

    def upstream(self, kind: str, entity_id: str) -> list[Entity]:
        """The lineage edges that lead into one entity, with their details.

        Args:
            kind: the entity's type, for example ``table``.
            entity_id: its UUID.
        """
        depths = {"upstreamDepth": "1", "downstreamDepth": "0"}
        graph = self._request("GET", f"lineage/{kind}/{entity_id}", params=depths)
        return cast("list[Entity]", graph.get("upstreamEdges") or [])

    def delete_edge(self, from_kind: str, from_id: str, to_kind: str, to_id: str) -> None:
        """Remove one lineage edge; it cannot be restored.

        Raises:
            EntityNotFoundError: there is none.
        """
        self._request("DELETE", f"lineage/{from_kind}/{from_id}/{to_kind}/{to_id}")

    def restore(self, collection: str, entity_id: str) -> Entity:
        """Bring a deleted entity back, with all that lies in it.

        Args:
            collection: the API's path of the entity's type.
            entity_id: the entity's UUID.

        Returns:
            The entity.

        Raises:
            EntityNotFoundError: there is none.
        """
        return self.put(f"{collection}/restore", {"id": entity_id})

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = repeat(
                lambda: self._http.request(method, path, **options),
                timeout=self._retry_timeout,
                repeatable=repeatable(method, path, options.get("content")),
                doubt=_doubt,
            )
        except httpx.HTTPError as error:
            raise CatalogUnreachableError(
                f"the catalog does not answer ({type(error).__name__})",
                source=self.url,
                remedy="check that it is up and that DATA_PLATFORM_CATALOG_URL is right",
            ) from error
        if response.is_error:
            raise self._refusal(response, f"{method} {path}")
        try:
            return response.json()
        except ValueError as error:
            raise CatalogError(
                f"{method} {path} was answered with {response.headers.get('Content-Type', 'something')}, not JSON",
                source=self.url,
                remedy="check that the URL is the API's, usually ending in /api",
            ) from error

    def _refusal(self, response: httpx.Response, request: str) -> CatalogError:
        status = response.status_code
        message = _message(response)
        if status in {401, 403}:
            return CatalogUnauthorizedError(
                f"the catalog refuses the token ({status}: {message})",
                source=self.url,
                remedy="issue a new token for the ingestion bot and store it where the environment's reference points",
            )
        if status == 404:
            return EntityNotFoundError(f"the catalog has nothing at {request}", source=self.url)
        if status in _OVERLOADED:
            return CatalogUnreachableError(
                f"the catalog is overloaded or restarting ({status})", source=self.url, remedy="try again later"
            )
        return CatalogError(f"the catalog refuses {request} ({status}: {message})", source=self.url)


def _doubt(error: BaseException) -> Doubt | None:
    match error:
        case httpx.UnsupportedProtocol() | httpx.ProxyError() | httpx.LocalProtocolError():
            return None
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            return Doubt.NOT_DONE
        case httpx.TransportError():
            return Doubt.UNKNOWN
        case _:
            return None


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json().get("message", response.reason_phrase))
    except (ValueError, AttributeError):
        return response.reason_phrase


def check_versions(catalog: str, client: str, *, url: str) -> None:
    """Refuse a catalog that OpenMetadata's client of another minor version would talk to.

    Args:
        catalog: what the catalog says, for example ``2.0.6``.
        client: version of the installed openmetadata-ingestion, for example ``2.0.6.0``.
        url: the catalog's address, for the message.

    Raises:
        CatalogVersionError: major or minor version differ.
    """
    if catalog.split(".")[:2] != client.split(".")[:2]:
        raise CatalogVersionError(
            f"the catalog is version {catalog}, openmetadata-ingestion is {client}",
            source=url,
            remedy=f"install openmetadata-ingestion~={catalog} in the ingestion environment or upgrade the catalog",
        )
