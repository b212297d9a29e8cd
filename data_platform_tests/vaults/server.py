"""What a test can do with a Vault, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLE = "data-platform"


@dataclass(frozen=True)
class Ids:
    """What AppRole logs in with."""

    role_id: str
    secret_id: str


class VaultServer(ABC):
    """A Vault with a KV engine of version 2 at ``secret-data`` and ``team/kv``, and one of version 1 at ``old``.

    Attributes:
        address: where it listens, without TLS.
        secure_address: where it listens with TLS.
        authority: file of the authority that signed its certificate.
        short: seconds of the shortest life of a token that tests can rely on.
    """

    address: str
    secure_address: str
    authority: Path
    short: float

    @abstractmethod
    def write(self, path: str, fields: Mapping[str, Any]) -> None:
        """Store a secret; the path's mount comes first."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete the latest version of a secret."""

    @abstractmethod
    def token(self, *paths: str, ttl: float = 3600, renewable: bool = False) -> str:
        """A token that may read secrets; without paths all of them."""

    @abstractmethod
    def app_role(self, *paths: str, ttl: float = 3600, longest: float = 3600) -> Ids:
        """Ids of a role that may read secrets, whose tokens can be prolonged to ``longest`` seconds."""

    @abstractmethod
    def signed(self, method: str, *paths: str) -> str:
        """Enable ``kubernetes`` or ``jwt`` with :data:`ROLE`; returns the signed token that it accepts."""

    @abstractmethod
    def seal(self) -> None:
        """Seal it."""

    @abstractmethod
    def stand_by(self) -> None:
        """Make it a standby node without an active one."""

    @abstractmethod
    def recover(self) -> None:
        """Unsealed and active again."""
