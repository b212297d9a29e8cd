"""How a process lets itself into Vault: one class for each auth method, all used alike.

Credentials are read when they are needed and not before. They are secrets, too: :attr:`Login.credentials` is what
logs must not show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from data_platform.errors import IncompatibleEnvironmentError, VaultLoginError

Read = Callable[[], str | None]
"""Reads one credential where it is kept; None when it is not there."""


@dataclass(frozen=True)
class Admission:
    """What a login gave.

    Attributes:
        token: Vault's token.
        ttl: seconds until it ends, 0 when it never does.
        renewable: whether Vault can prolong it.
    """

    token: str
    ttl: float
    renewable: bool


class Login(Protocol):
    """An auth method with its settings."""

    @property
    def repeatable(self) -> bool:
        """Whether a new token can be had when the old one has ended."""
        ...

    @property
    def credentials(self) -> frozenset[str]:
        """What is sent to log in, as far as it is there."""
        ...

    def admit(self, client: Any) -> Admission:
        """Log in.

        Args:
            client: an ``hvac.Client`` without a token.

        Raises:
            VaultLoginError: there are no credentials.
            hvac.exceptions.VaultError: Vault refuses them, or does not answer.
        """
        ...


@dataclass(frozen=True)
class Token:
    """A token that somebody else got."""

    token: Read

    repeatable = False

    @property
    def credentials(self) -> frozenset[str]:
        """See :class:`Login`."""
        return _there(self.token)

    def admit(self, client: Any) -> Admission:
        """See :class:`Login`; how long the token lives is asked of Vault, which may not say."""
        import hvac.exceptions

        token = _needed(self.token, "there is no token for Vault", "set VAULT_TOKEN or run 'vault login'")
        client.token = token
        try:
            known = client.auth.token.lookup_self()["data"]
        except (hvac.exceptions.Forbidden, hvac.exceptions.InvalidRequest):
            # It has ended, or it may not look at itself: the first secret will tell.
            return Admission(token, ttl=0, renewable=False)
        return Admission(token, ttl=known["ttl"], renewable=bool(known["renewable"]))


@dataclass(frozen=True)
class AppRole:
    """Vault's AppRole method: an id that may be known and one that may not."""

    role_id: Read
    secret_id: Read
    mount: str = "approle"

    repeatable = True

    @property
    def credentials(self) -> frozenset[str]:
        """See :class:`Login`."""
        return _there(self.secret_id)

    def admit(self, client: Any) -> Admission:
        """See :class:`Login`."""
        role_id = _needed(self.role_id, "there is no role id for Vault's AppRole", "set VAULT_ROLE_ID")
        secret_id = _needed(
            self.secret_id, "there is no secret id for Vault's AppRole", "set VAULT_SECRET_ID or VAULT_SECRET_ID_FILE"
        )
        return _admission(client.auth.approle.login(role_id, secret_id, use_token=False, mount_point=self.mount))


@dataclass(frozen=True)
class Jwt:
    """Vault's JWT and Kubernetes methods, which ask for the same: a signed token of somebody that Vault trusts."""

    role: str
    jwt: Read
    mount: str

    repeatable = True

    @property
    def credentials(self) -> frozenset[str]:
        """See :class:`Login`."""
        return _there(self.jwt)

    def admit(self, client: Any) -> Admission:
        """See :class:`Login`."""
        jwt = _needed(
            self.jwt,
            f"there is no token to log in to Vault at auth/{self.mount} with",
            "run in a pod with a service account, set VAULT_JWT_FILE, or choose another VAULT_AUTH_METHOD",
        )
        return _admission(client.auth.jwt.jwt_login(self.role, jwt, use_token=False, path=self.mount))


@dataclass(frozen=True)
class Aws:
    """Vault's AWS method by IAM: a signed request that only the holder of a role can make."""

    role: str
    mount: str = "aws"

    repeatable = True
    credentials: frozenset[str] = frozenset()

    def admit(self, client: Any) -> Admission:
        """See :class:`Login`; the machine's or pod's own AWS credentials are used.

        Raises:
            IncompatibleEnvironmentError: AWS's library is not installed here.
        """
        try:
            session: Any = import_module("botocore.session").get_session()
        except ImportError as error:
            raise IncompatibleEnvironmentError(
                "logging in to Vault with AWS needs botocore",
                source="VAULT_AUTH_METHOD",
                remedy="install botocore, or choose another method",
            ) from error
        found = session.get_credentials()
        if found is None:
            raise VaultLoginError(
                "there are no AWS credentials to log in to Vault with",
                remedy="give the machine or pod an IAM role, or choose another VAULT_AUTH_METHOD",
            )
        keys = found.get_frozen_credentials()
        answer = client.auth.aws.iam_login(
            keys.access_key,
            keys.secret_key,
            keys.token,
            role=self.role,
            use_token=False,
            region=session.get_config_variable("region") or "us-east-1",
            mount_point=self.mount,
        )
        return _admission(answer)


def _admission(answer: Any) -> Admission:
    admitted = answer["auth"]
    return Admission(admitted["client_token"], admitted["lease_duration"], admitted["renewable"])


def _needed(read: Read, what: str, remedy: str) -> str:
    value = read()
    if not value:
        raise VaultLoginError(what, remedy=remedy)
    return value


def _there(read: Read) -> frozenset[str]:
    value = read()
    return frozenset({value}) if value else frozenset()
