"""A connection to Vault that stays logged in for as long as a run needs it.

A token is prolonged, or a new one asked for, when it is used in the last part of its life; nothing runs in the
background, and a process that asks for nothing keeps nothing alive.
"""

from __future__ import annotations

import ssl
import time
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from data_platform.errors import ConfigurationError, VaultRedirectError
from data_platform.secrets.failures import login_refused
from data_platform.secrets.login import Admission, Login

if TYPE_CHECKING:
    import requests

_LAST_PART: Final = 1 / 3
"""Share of a token's life in which it is renewed when used."""

_MOST_REDIRECTS: Final = 3


class Session:
    """One login to one Vault, with the settings of :class:`Vault`; its clients are hvac's, which are not typed."""

    def __init__(
        self,
        address: str,
        login: Login,
        namespace: str | None,
        certificates: str | None,
        timeout: float,
    ) -> None:
        self.address = address
        self.login = login
        self._namespace = namespace
        self._certificates = certificates
        self._timeout = timeout
        # Several sources may be looked at at the same time: one of them logs in, the others wait for it.
        self._entering = Lock()
        self._admission: Admission | None = None
        self._since = 0.0
        self._client: Any | None = None
        self._tokens: set[str] = set()

    @property
    def credentials(self) -> frozenset[str]:
        """What was sent to log in, and the tokens that came back."""
        return self.login.credentials | self._tokens

    def client(self) -> Any:
        """A client that is logged in.

        Raises:
            VaultLoginError: no credentials, or Vault refuses them.
            hvac.exceptions.VaultError, requests.exceptions.RequestException: Vault does not answer as it should.
        """
        with self._entering:
            if self._client is None or self._admission is None:
                return self._log_in()
            if self._ends_soon(self._admission):
                return self._prolonged(self._client, self._admission)
            return self._client

    def forget(self) -> None:
        """Log in anew before the next request."""
        with self._entering:
            self._client = None

    def is_accepted(self) -> bool:
        """Whether Vault still knows the token."""
        import hvac.exceptions

        try:
            self.client().auth.token.lookup_self()
        except hvac.exceptions.Forbidden:
            return False
        return True

    @cached_property
    def anonymous(self) -> Any:
        """A client that is not logged in; it may ask how Vault is."""
        return self._client_with("")

    def _client_with(self, token: str) -> Any:
        import hvac

        return hvac.Client(
            url=self.address,
            token=token,  # None would mean: look into the environment
            namespace=self._namespace,
            timeout=cast(int, self._timeout),
            session=self._connections,
        )

    @cached_property
    def _connections(self) -> requests.Session:
        return _session(self.address, self._certificates)

    def _log_in(self) -> Any:
        import hvac.exceptions

        try:
            admission = self.login.admit(self._client_with(""))
        except (hvac.exceptions.InvalidRequest, hvac.exceptions.Forbidden, hvac.exceptions.InvalidPath) as error:
            raise login_refused(error, getattr(self.login, "mount", "token")) from error
        self._tokens.add(admission.token)
        self._client = self._client_with(admission.token)
        self._entered(admission)
        return self._client

    def _entered(self, admission: Admission) -> None:
        self._admission, self._since = admission, time.monotonic()

    def _ends_soon(self, admission: Admission) -> bool:
        return admission.ttl > 0 and time.monotonic() - self._since > admission.ttl * (1 - _LAST_PART)

    def _prolonged(self, client: Any, admission: Admission) -> Any:
        import hvac.exceptions

        if admission.renewable:
            try:
                renewed = client.auth.token.renew_self()["auth"]
            except (hvac.exceptions.Forbidden, hvac.exceptions.InvalidRequest):
                pass  # it has ended, or has reached its largest age
            else:
                # Near its largest age Vault gives less and less.
                if renewed["lease_duration"] > admission.ttl * _LAST_PART:
                    self._entered(Admission(admission.token, renewed["lease_duration"], renewed["renewable"]))
                    return client
        return self._log_in() if self.login.repeatable else client


def _session(address: str, certificates: str | None) -> requests.Session:
    """A session that follows Vault's redirects to an active node, but not for long and never out of TLS."""
    import requests

    class Guarded(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> str | None:
            target = super().get_redirect_target(resp)
            if target and urlsplit(address).scheme == "https" and urlsplit(target).scheme == "http":
                resp.close()
                raise VaultRedirectError(
                    f"Vault at {address} redirects to an address without TLS", remedy="correct Vault's api_addr"
                )
            return target

    session = Guarded()
    session.max_redirects = _MOST_REDIRECTS
    session.verify = _readable(certificates) if certificates else True
    return session


def _readable(certificates: str) -> str:
    """The file, when it can be used; requests would say so only in its own words."""
    try:
        ssl.create_default_context(cafile=certificates)
    except OSError as error:
        raise ConfigurationError(
            f"the file with Vault's certificate authorities cannot be read ({error.strerror or 'it holds none'})",
            source="VAULT_CACERT",
            remedy="set it to a PEM file",
        ) from error
    return certificates
