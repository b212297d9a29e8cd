"""What it means that Vault did not give a secret: one error for each reason, with what to do about it."""

from __future__ import annotations

import re
from typing import Any, Final

from data_platform.errors import (
    ConfigurationError,
    DataPlatformError,
    SecretError,
    VaultCertificateError,
    VaultLoginError,
    VaultRedirectError,
    VaultSealedError,
    VaultStandbyError,
    VaultUnreachableError,
)

_VERIFICATION: Final = re.compile(r"certificate verify failed: (.+?)(?: \(_ssl|$)")


def may_pass(error: BaseException) -> bool:
    """Whether asking again within seconds may help; a sealed Vault waits for a person."""
    import hvac.exceptions
    import requests.exceptions

    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.TooManyRedirects):
        return False
    return isinstance(
        error,
        requests.exceptions.ConnectionError
        | requests.exceptions.Timeout
        | hvac.exceptions.RateLimitExceeded
        | hvac.exceptions.InternalServerError
        | hvac.exceptions.BadGateway
        # 412 and 473: a node that has not caught up with the active one yet
        | hvac.exceptions.UnexpectedError,
    )


def explained(error: Exception, client: Any) -> DataPlatformError:
    """What an error of a request to Vault means.

    Args:
        error: of hvac or requests.
        client: an ``hvac.Client``; it asks Vault how it is when the error does not tell.
    """
    import hvac.exceptions
    import requests.exceptions

    if isinstance(error, requests.exceptions.SSLError):
        return _certificate(error, client)
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return VaultRedirectError(
            f"Vault at {client.url} redirects in circles", remedy="set VAULT_ADDR to the address that Vault itself has"
        )
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema
    ):
        return ConfigurationError(
            "is no address that Vault could have",
            source="VAULT_ADDR",
            remedy="set it to one such as https://vault.example.org:8200",
        )
    if isinstance(error, requests.exceptions.RequestException):
        return _silent(client, type(error).__name__)
    if isinstance(error, hvac.exceptions.VaultDown | hvac.exceptions.VaultNotInitialized) or may_pass(error):
        return _unwell(client) or _silent(client, type(error).__name__)
    return SecretError(
        f"Vault at {client.url} refuses the request ({_said(error)})",
        remedy="check the reference and Vault's configuration",
    )


def login_refused(error: Exception, mount: str) -> VaultLoginError:
    """What it means that Vault refuses a login."""
    return VaultLoginError(
        f"Vault refuses the login at auth/{mount} ({_said(error)})",
        remedy="check VAULT_AUTH_ROLE and the credentials, and that the method is enabled there",
    )


def _said(error: Exception) -> str:
    """Vault's own first words, which never hold a value."""
    errors: list[str] = getattr(error, "errors", None) or []
    return " ".join(errors[0].split()) if errors else type(error).__name__


def _certificate(error: Exception, client: Any) -> VaultCertificateError:
    reason = _VERIFICATION.search(str(error))
    return VaultCertificateError(
        f"the certificate of Vault at {client.url} cannot be verified"
        f" ({reason[1] if reason else 'no TLS connection could be made'})",
        remedy="set VAULT_CACERT to a file with the authority that signed it, and renew what has expired",
    )


def _silent(client: Any, how: str) -> VaultUnreachableError:
    return VaultUnreachableError(
        f"Vault at {client.url} does not answer ({how})", remedy="check VAULT_ADDR and that Vault is up"
    )


def _unwell(client: Any) -> VaultUnreachableError | None:
    """How Vault says that it is, when that is why it refuses; None when it thinks that it is well."""
    import requests.exceptions

    try:
        answer: Any = client.sys.read_health_status(method="GET")
        # hvac gives the document of a 200 and the response of anything else.
        health: dict[str, Any] = answer.json() if hasattr(answer, "json") else answer
    except requests.exceptions.RequestException:
        return None
    if not health.get("initialized", True):
        return VaultSealedError(f"Vault at {client.url} is not initialized", remedy="run 'vault operator init' there")
    if health.get("sealed"):
        return VaultSealedError(f"Vault at {client.url} is sealed", remedy="run 'vault operator unseal' there")
    if health.get("standby"):
        return VaultStandbyError(
            f"Vault at {client.url} is a standby node and finds no active one",
            remedy="wait until a node has taken over, or set VAULT_ADDR to the active one",
        )
    return None
