"""The metadata catalog for code that runs inside Dagster.

Light: HTTP, and no OpenMetadata package. The token is a reference that is resolved when the first request needs it,
so that definitions load and steps start whether Vault answers or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Self

import dagster as dg
from pydantic import Field, PrivateAttr

from data_platform import environment
from data_platform.environment import Environment
from data_platform.ingestion.catalog import CatalogClient, Entity
from data_platform.resources.vault import VaultResource


class OpenMetadataResource(dg.ConfigurableResource[Any]):
    """The catalog's REST API, as one environment's ingestion bot sees it.

    Methods raise what :class:`CatalogClient` raises, and ``SecretError`` when the token cannot be had.
    """

    url: str = Field(description="The catalog's API, for example http://localhost:8585/api.")
    token: str = Field(
        description="Reference to the token, for example vault:secret-data/dagster/openmetadata#jwt_token."
    )
    vault: VaultResource

    _client: CatalogClient | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, here: Environment, vault: VaultResource) -> Self:
        """The resource of an environment."""
        return cls(url=here.catalog_url, token=here.catalog_token, vault=vault)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's
        """Give the connection back; Dagster calls this when the step has ended."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def get_by_name(self, collection: str, fqn: str, *, fields: Sequence[str] = ()) -> Entity:
        """One entity by its fully qualified name; see :meth:`CatalogClient.get_by_name`."""
        return self._catalog().get_by_name(collection, fqn, fields=fields)

    def list(self, collection: str, *, fields: Sequence[str] = (), **filters: str) -> Iterator[Entity]:
        """Every entity of a type, page after page; see :meth:`CatalogClient.list`."""
        return self._catalog().list(collection, fields=fields, **filters)

    def patch(
        self, collection: str, entity_id: str, operations: Sequence[dict[str, Any]], *, version: float | None = None
    ) -> Entity:
        """Change one entity by JSON Patch, only at ``version`` if given; see :meth:`CatalogClient.patch`."""
        return self._catalog().patch(collection, entity_id, [*operations], version=version)

    def health(self) -> str:
        """The catalog's version once it has answered and accepted the token."""
        return self._catalog().health()

    def version(self) -> str:
        """The catalog's version, for example ``2.0.6``."""
        return self._catalog().version()

    def token_expiry(self) -> datetime | None:
        """When the token expires, in UTC, or None when it never does; asks nobody but whoever keeps the token."""
        return self._catalog().token_expiry()

    def _catalog(self) -> CatalogClient:
        if self._client is None:
            environment.current().require_encryption("DATA_PLATFORM_CATALOG_URL", self.url)
            self._client = CatalogClient(self.url, self.vault.resolve(self.token))
        return self._client
