"""Secret references: what they look like, and how the process that needs them resolves them.

A secret is written as a reference wherever a value may be one:

- ``vault:<mount>/<path>#<field>``: a field of a secret in Vault's KV engine, version 1 or 2
- ``env:NAME``: an environment variable of the process that resolves it
- ``file:<path>``: a file's text without its last line break; relative paths start at the project root

A reference is a whole string. Nothing here keeps a value longer than the :class:`Resolver` lives, and no
error holds one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from data_platform.errors import ConfigurationError, SecretError, VaultUnreachableError

if TYPE_CHECKING:
    import hvac

_REFERENCE: Final = re.compile(
    r"vault:(?P<mount>[^/#\s]+)/(?P<path>[^#\s]+)#(?P<field>[^#\s]+)"
    r"|env:(?P<variable>[A-Za-z_][A-Za-z0-9_]*)"
    r"|file:(?!//)(?P<file>\S.*)"
)


def is_reference(value: object) -> bool:
    """Whether a value is a secret reference."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def references(value: object) -> Iterator[str]:
    """Every reference inside nested dicts and lists, in order of appearance."""
    if isinstance(value, dict):
        for inner in cast(dict[str, object], value).values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in cast(list[object], value):
            yield from references(inner)
    elif isinstance(value, str) and is_reference(value):
        yield value


def variables(value: object) -> list[str]:
    """Names of the environment variables that the references inside ``value`` need."""
    return [reference.removeprefix("env:") for reference in references(value) if reference.startswith("env:")]


@dataclass(frozen=True)
class Vault:
    """Reads single fields from Vault's KV engine, by token.

    Attributes:
        address: for example ``https://vault.example.org``.
        token: returns the token when it is needed, or None when there is none.
        namespace: Vault Enterprise namespace.
        certificates: path of a CA bundle, or None for the system's.
        timeout: seconds for each request.
    """

    address: str
    token: Callable[[], str | None]
    namespace: str | None = None
    certificates: str | None = None
    timeout: float = 10.0

    def read(self, mount: str, path: str, field: str) -> str:
        """One field of one secret.

        Raises:
            VaultUnreachableError: Vault does not answer, or is sealed.
            SecretError: no token, permission refused, no such secret or field.
        """
        reference = f"vault:{mount}/{path}#{field}"
        secret = self._secret(reference, mount, path)
        if field not in secret:
            known = ", ".join(sorted(secret)) or "none"
            raise SecretError(f"the secret has no field {field!r}, it has {known}", source=reference)
        return str(secret[field])

    def _secret(self, reference: str, mount: str, path: str) -> dict[str, Any]:
        import hvac.exceptions
        import requests.exceptions

        try:
            client = self._client(reference)
            return self._read_kv(client, mount, path)
        except hvac.exceptions.InvalidPath as error:
            raise SecretError(
                "Vault has no secret at this path", source=reference, remedy=f"write it to {mount}/{path}"
            ) from error
        except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized) as error:
            raise SecretError(
                "Vault refuses the token this secret", source=reference, remedy="renew the token or extend its policy"
            ) from error
        except (hvac.exceptions.VaultDown, hvac.exceptions.VaultNotInitialized) as error:
            raise VaultUnreachableError(
                f"Vault at {self.address} is sealed or not initialized", source=reference, remedy="unseal it"
            ) from error
        except (hvac.exceptions.VaultError, requests.exceptions.RequestException) as error:
            raise VaultUnreachableError(
                f"Vault at {self.address} does not answer ({type(error).__name__})",
                source=reference,
                remedy="check VAULT_ADDR and that Vault is up",
            ) from error

    def _client(self, reference: str) -> hvac.Client:
        import hvac

        token = self.token()
        if not token:
            raise SecretError(
                "there is no token for Vault", source=reference, remedy="set VAULT_TOKEN or run 'vault login'"
            )
        verify: bool | str = self.certificates or True
        return hvac.Client(
            url=self.address, token=token, namespace=self.namespace, verify=verify, timeout=cast(int, self.timeout)
        )

    @staticmethod
    def _read_kv(client: Any, mount: str, path: str) -> dict[str, Any]:
        """All fields of a secret, whichever version its mount has; hvac is not typed, so nothing here is."""
        # The preflight endpoint that Vault's own CLI asks for the version of a mount.
        mounted = client.adapter.get(f"/v1/sys/internal/ui/mounts/{mount}")["data"]
        if (mounted.get("options") or {"version": "1"})["version"] == "2":
            answer = client.secrets.kv.v2.read_secret_version(
                path=path, mount_point=mount, raise_on_deleted_version=True
            )
            return answer["data"]["data"]
        return client.secrets.kv.v1.read_secret(path=path, mount_point=mount)["data"]


class Resolver:
    """Resolves references and remembers the values, so that logs can be kept clean of them."""

    def __init__(self, *, variable: Callable[[str], str], vault: Vault, root: Path) -> None:
        self._variable = variable
        self._vault = vault
        self._root = root
        self._known: dict[str, str] = {}

    @property
    def values(self) -> frozenset[str]:
        """Every secret value that was resolved so far."""
        return frozenset(self._known.values())

    def resolve(self, value: Any, *, where: str = "") -> Any:
        """``value`` with every reference inside nested dicts and lists replaced by what it refers to.

        Args:
            value: strings, numbers, lists and dicts.
            where: path of ``value`` in its document, for errors.

        Raises:
            SecretError: a reference cannot be resolved; names the reference and the setting that holds it.
        """
        if isinstance(value, dict):
            items = cast(dict[str, Any], value).items()
            return {key: self.resolve(inner, where=f"{where}.{key}" if where else key) for key, inner in items}
        if isinstance(value, list):
            inners = cast(list[Any], value)
            return [self.resolve(inner, where=f"{where}[{index}]") for index, inner in enumerate(inners)]
        if isinstance(value, str) and is_reference(value):
            return self._value(value, where)
        return value

    def _value(self, reference: str, where: str) -> str:
        if reference not in self._known:
            try:
                self._known[reference] = self._read(reference)
            except SecretError as error:
                error.add_note(f"needed for {where}")
                raise
        return self._known[reference]

    def _read(self, reference: str) -> str:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise SecretError(f"not a secret reference: {reference!r}")
        if name := match["variable"]:
            return self._read_variable(reference, name)
        if file := match["file"]:
            return self._read_file(reference, self._root / Path(file).expanduser())
        return self._vault.read(match["mount"], match["path"], match["field"])

    def _read_variable(self, reference: str, name: str) -> str:
        try:
            return self._variable(name)
        except ConfigurationError as error:
            raise SecretError(error.what, source=reference, remedy=error.remedy) from error

    @staticmethod
    def _read_file(reference: str, file: Path) -> str:
        try:
            return file.read_text().removesuffix("\n")
        except OSError as error:
            raise SecretError(
                f"the file {file} cannot be read ({error.strerror})",
                source=reference,
                remedy="create it, readable by the user that runs Dagster",
            ) from error
