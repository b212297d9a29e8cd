"""From references to values, in the process that uses them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from data_platform.errors import (
    ConfigurationError,
    MalformedReferenceError,
    SecretError,
    SecretFieldNotFoundError,
    SecretNotFoundError,
    SecretUnusableError,
)
from data_platform.secrets.references import Reference, replaced
from data_platform.secrets.vault import Vault

# Control characters, and what Python makes of bytes that are no text.
_BINARY: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NOUNS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a document",
    type(None): "null",
}


class Resolver:
    """Resolves references and remembers the values, so that logs can be kept clean of them."""

    def __init__(self, *, variable: Callable[[str], str], vault: Vault, root: Path) -> None:
        self._variable = variable
        self._vault = vault
        self._root = root
        self._known: dict[str, str] = {}
        # Whole: fields of one secret, such as a user and its password, belong together.
        self._secrets: dict[str, dict[str, Any]] = {}

    @property
    def values(self) -> frozenset[str]:
        """Every secret value that was resolved so far, and the credentials that it took."""
        return frozenset(self._known.values()) | self._vault.credentials

    def resolve(self, value: Any, *, where: str = "") -> Any:
        """``value`` with every reference inside nested dicts, lists and strings replaced by what it refers to.

        Args:
            value: strings, numbers, lists and dicts.
            where: path of ``value`` in its document, for errors.

        Raises:
            SecretError: a reference cannot be resolved; names the setting that holds it, and the reference.
        """
        if isinstance(value, dict):
            items = cast(dict[str, Any], value).items()
            return {key: self.resolve(inner, where=f"{where}.{key}" if where else key) for key, inner in items}
        if isinstance(value, list):
            inners = cast(list[Any], value)
            return [self.resolve(inner, where=f"{where}[{index}]") for index, inner in enumerate(inners)]
        if isinstance(value, str):
            return replaced(value, lambda reference: self._value(reference, where))
        return value

    def _value(self, text: str, where: str) -> str:
        if text not in self._known:
            try:
                self._known[text] = _usable(self._read(Reference.parse(text)))
            except SecretError as error:
                shown = None if isinstance(error, MalformedReferenceError) else text
                source = " = ".join(part for part in (where, shown) if part)
                raise type(error)(error.what, source=source, remedy=error.remedy) from error
        return self._known[text]

    def _read(self, reference: Reference) -> object:
        if reference.variable:
            return self._read_variable(reference)
        if reference.file:
            return self._read_file(self._root / Path(reference.file).expanduser())
        return self._read_field(cast(str, reference.path), cast(str, reference.field))

    def _read_field(self, path: str, field: str) -> object:
        if path not in self._secrets:
            self._secrets[path] = self._vault.read(path)
        secret = self._secrets[path]
        if field not in secret:
            known = ", ".join(sorted(secret)) or "none"
            raise SecretFieldNotFoundError(
                f"the secret has no field {field!r}, it has {known}", remedy="correct the reference, or store the field"
            )
        return secret[field]

    def _read_variable(self, reference: Reference) -> str:
        try:
            return self._variable(cast(str, reference.variable))
        except ConfigurationError as error:
            raise SecretNotFoundError(error.what, remedy=error.remedy) from error

    @staticmethod
    def _read_file(file: Path) -> str:
        try:
            # Bytes that are no text stay in it as surrogates; an error about them would hold the file's contents.
            return file.read_text(errors="surrogateescape").removesuffix("\n")
        except OSError as error:
            raise SecretNotFoundError(
                f"the file {file} cannot be read ({error.strerror})",
                remedy="create it, readable by the user that runs Dagster",
            ) from error


def _usable(value: object) -> str:
    """``value`` when a connection can use it."""
    if not isinstance(value, str):
        noun = _NOUNS.get(type(value), "something else")
        raise SecretUnusableError(f"the value is {noun}, not text", remedy="store it as text")
    if not value.strip():
        raise SecretUnusableError("the value is empty", remedy="store the secret there")
    if _BINARY.search(value):
        raise SecretUnusableError("the value is binary, not text", remedy="store it as text, for example PEM or base64")
    return value
