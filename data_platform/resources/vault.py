"""Secrets for code that runs inside Dagster.

Workflows do not need this: their child resolves the references of its own spec. It is for assets, checks and sensors
that talk to a service themselves.
"""

from __future__ import annotations

from typing import Any, Self

import dagster as dg
from pydantic import Field

from data_platform import environment
from data_platform.environment import Environment
from data_platform.errors import ConfigurationError
from data_platform.ingestion import credentials
from data_platform.secrets import Resolver, is_reference


class VaultResource(dg.ConfigurableResource[Any]):
    """Resolves secret references; asks Vault only when a ``vault:`` reference is resolved, never before."""

    address: str = Field(description="Address of the Vault server, for example https://vault.example.org.")

    @classmethod
    def of(cls, here: Environment) -> Self:
        """The resource of an environment."""
        return cls(address=here.vault_address)

    def resolve(self, reference: str) -> str:
        """The secret that a reference means: ``vault:<mount>/<path>#<field>``, ``env:<NAME>`` or ``file:<path>``.

        Raises:
            SecretError: it cannot be resolved; each reason has an error of its own in ``data_platform.errors``.
            ConfigurationError: this is not a reference; it may be a secret, so the message does not show it.
        """
        if not is_reference(reference):
            raise ConfigurationError(
                "a value that must be a secret reference is none", remedy="write it as vault:, env: or file:"
            )
        return self.resolver().resolve(reference)

    def resolver(self) -> Resolver:
        """A resolver for many references; it knows the values that logs must not show."""
        return credentials.resolver(environment.current(), vault_address=self.address)
