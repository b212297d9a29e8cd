"""Reads secrets from Vault's KV engine, whichever version a mount has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from data_platform.errors import SecretNotFoundError, SecretRefusedError, VaultLoginError
from data_platform.secrets.failures import explained, may_pass
from data_platform.secrets.login import Login
from data_platform.secrets.session import Session

_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.2
"""Seconds before the second attempt; each pause is about twice as long as the one before."""

_SHOWN: Final = 10

_Answer = TypeVar("_Answer")


class Vault:
    """One Vault, read by one login.

    Args:
        address: for example ``https://vault.example.org``.
        login: how to get in; nothing is asked before the first secret.
        namespace: Vault Enterprise namespace.
        certificates: path of a CA bundle, or None for the system's.
        timeout: seconds for each request.
    """

    def __init__(
        self,
        address: str,
        login: Login,
        *,
        namespace: str | None = None,
        certificates: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._session = Session(address, login, namespace, certificates, timeout)

    @property
    def credentials(self) -> frozenset[str]:
        """What it took to log in: secrets, too."""
        return self._session.credentials

    def read(self, path: str) -> dict[str, Any]:
        """All fields of one secret, as they are stored.

        Args:
            path: of the secret, its mount first, for example ``secret-data/dagster/trino``.

        Raises:
            VaultUnreachableError: Vault does not answer; sealed and standby nodes have errors of their own.
            VaultLoginError: Vault does not let this process in.
            SecretError: permission refused, no such secret, or Vault cannot be trusted.
            ConfigurationError: Vault cannot be asked with these settings.
        """
        import hvac.exceptions

        try:
            return self._patiently(lambda: _read(self._session.client(), path))
        except hvac.exceptions.Forbidden as error:
            if self._patiently(self._session.is_accepted):
                raise _refused() from error
            if not self._session.login.repeatable:
                raise VaultLoginError(
                    "Vault does not accept the token, it may have ended", remedy="set VAULT_TOKEN to a new one"
                ) from error
        self._session.forget()
        try:
            return self._patiently(lambda: _read(self._session.client(), path))
        except hvac.exceptions.Forbidden as error:
            raise _refused() from error

    def _patiently(self, request: Callable[[], _Answer]) -> _Answer:
        """What a request gives, asked again for what may pass; a refusal is left to who asked."""
        import hvac.exceptions
        import requests.exceptions
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

        attempts = Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=_FIRST_PAUSE) + wait_random(0, _FIRST_PAUSE),
            retry=retry_if_exception(may_pass),
            reraise=True,
        )
        try:
            return attempts(request)
        except hvac.exceptions.Forbidden:
            raise
        except (hvac.exceptions.VaultError, requests.exceptions.RequestException) as error:
            raise explained(error, self._session.anonymous) from error


def _refused() -> SecretRefusedError:
    return SecretRefusedError(
        "Vault's policies do not let this token read the secret",
        remedy="allow it to read the path, or correct the path: Vault refuses mounts that do not exist, too",
    )


def _read(client: Any, path: str) -> dict[str, Any]:
    """All fields of a secret; hvac is not typed, so nothing here is."""
    import hvac.exceptions

    # The preflight endpoint that Vault's own CLI asks where a path's mount ends, and of which version it is.
    mounted: dict[str, Any] = client.adapter.get(f"/v1/sys/internal/ui/mounts/{path}")["data"]
    mount = mounted["path"].rstrip("/")
    within = path.removeprefix(f"{mount}/")
    options: dict[str, str] = mounted.get("options") or {}
    versioned = options.get("version") == "2"
    try:
        if versioned:
            answer = client.secrets.kv.v2.read_secret_version(within, mount_point=mount, raise_on_deleted_version=True)
            return answer["data"]["data"]
        return client.secrets.kv.v1.read_secret(within, mount_point=mount)["data"]
    except hvac.exceptions.InvalidPath as error:
        engine = client.secrets.kv.v2 if versioned else client.secrets.kv.v1
        held = _held(engine, mount, within)
        if held:
            raise SecretNotFoundError(
                f"Vault has a folder at this path, with {', '.join(held[:_SHOWN])}",
                remedy="point at one of its secrets",
            ) from error
        raise SecretNotFoundError("Vault has no secret at this path", remedy=f"write it to {path}") from error


def _held(engine: Any, mount: str, path: str) -> list[str]:
    """What a folder holds; nothing when it is none, or the policy does not let this token look."""
    import hvac.exceptions

    try:
        return sorted(engine.list_secrets(path, mount_point=mount)["data"]["keys"])
    except (hvac.exceptions.InvalidPath, hvac.exceptions.Forbidden):
        return []
