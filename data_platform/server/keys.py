"""The data folder's keys: an RSA pair that signs tokens, a Fernet key that seals connections.

Made on first use, readable by the owner alone. Losing them means new tokens and lost connections.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from data_platform.errors import ServerError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class Keys:
    """The keys of one data folder.

    Raises:
        ServerError: the folder cannot be made or written.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / "keys"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ServerError(
                f"cannot use the data folder: {error.strerror}",
                source=str(data),
                remedy="give a folder that can be written",
            ) from error

    @cached_property
    def private_pem(self) -> bytes:
        """The signing key, PKCS#8 in PEM."""

        def make() -> bytes:
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric import rsa

            return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )

        return self._kept("token-signing.pem", make)

    @cached_property
    def public_pem(self) -> bytes:
        """The verifying key, in PEM."""
        from cryptography.hazmat.primitives import serialization

        private = serialization.load_pem_private_key(self.private_pem, password=None)
        return private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @cached_property
    def seal(self) -> Fernet:
        """What encrypts service connections at rest."""
        from cryptography.fernet import Fernet

        return Fernet(self._kept("connections.key", Fernet.generate_key))

    def _kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self._folder / name
        if not path.exists():
            fresh = self._folder / f".{name}.{os.getpid()}"
            fresh.touch(mode=0o600)
            fresh.write_bytes(make())
            # A link fails where another process was first: both then read the same key.
            try:
                path.hardlink_to(fresh)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_bytes()
