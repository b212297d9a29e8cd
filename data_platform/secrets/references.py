"""What a secret reference looks like, and where one is inside a document.

A secret is written as a reference wherever a value may be one:

- ``vault:<mount>/<path>#<field>``: a field of a secret in Vault's KV engine, version 1 or 2
- ``env:NAME``: an environment variable of the process that resolves it
- ``file:<path>``: a file's text without its last line break; relative paths start at the project root

It is a whole string, or part of one as ``${vault:…}``, for example ``postgresql://reader:${env:PASSWORD}@host/shop``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, cast

from data_platform.errors import MalformedReferenceError

FORMS: Final = "vault:<mount>/<path>#<field>, env:<NAME> or file:<path>"

_REFERENCE: Final = re.compile(
    r"vault:(?P<path>[^/#\s{}]+(?:/[^/#\s{}]+)+)#(?P<field>[^#\s{}]+)"
    r"|env:(?P<variable>[A-Za-z_][A-Za-z0-9_]*)"
    r"|file:(?!//)(?P<file>[^\s{}][^{}]*)"
)
_INSIDE: Final = re.compile(r"\$\{(\s*(?:(?i:vault|env)|file):[^{}]*)(\}?)")
# ``file://`` begins a URL, which is no secret; nothing else begins like these, and not in capitals or after a space.
_BEGINNING: Final = re.compile(r"\s*(?i:vault|env):|file:(?!//)")


@dataclass(frozen=True)
class Reference:
    """One reference, taken apart; exactly one of the last three is set.

    Attributes:
        text: as it is written, without ``${}``.
        field: field of the secret in Vault.
        path: the secret's path in Vault, its mount first.
        variable: name of an environment variable.
        file: path of a file.
    """

    text: str
    field: str | None
    path: str | None
    variable: str | None
    file: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference that a text is.

        Raises:
            MalformedReferenceError: it is none; whoever wrote it may have written a secret, so it is not shown.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            scheme = text.partition(":")[0].strip().lower() if _BEGINNING.match(text) else "secret"
            raise MalformedReferenceError(f"malformed {scheme} reference", remedy=f"write it as {FORMS}")
        return cls(text, **match.groupdict())


def is_reference(value: object) -> bool:
    """Whether a value is one secret reference and nothing else."""
    return isinstance(value, str) and _REFERENCE.fullmatch(_unwrapped(value)) is not None


def contains_reference(value: object) -> bool:
    """Whether a value is or has inside a secret reference."""
    return isinstance(value, str) and any(_REFERENCE.fullmatch(text) for text in _written_in(value))


def malformed(value: object) -> bool:
    """Whether a value is meant as a reference, or has one inside that is, and cannot be read as one."""
    return isinstance(value, str) and any(not _REFERENCE.fullmatch(text) for text in _written_in(value))


def references(value: object) -> Iterator[str]:
    """Every reference inside nested dicts and lists, in order of appearance, without ``${}``."""
    if isinstance(value, dict):
        for inner in cast(dict[str, object], value).values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in cast(list[object], value):
            yield from references(inner)
    elif isinstance(value, str):
        yield from (text for text in _written_in(value) if _REFERENCE.fullmatch(text))


def variables(value: object) -> list[str]:
    """Names of the environment variables that the references inside ``value`` need."""
    return [reference.removeprefix("env:") for reference in references(value) if reference.startswith("env:")]


def replaced(text: str, value_of: Callable[[str], str]) -> str:
    """``text`` with every reference in it replaced by ``value_of`` it; not well-formed ones are handed over, too."""
    if _BEGINNING.match(text):
        return value_of(text)
    return _INSIDE.sub(lambda match: value_of(_inner(match)), text)


def _unwrapped(text: str) -> str:
    whole = _INSIDE.fullmatch(text)
    return _inner(whole) if whole else text


def _inner(match: re.Match[str]) -> str:
    """What stands between ``${`` and ``}``; what is not closed keeps its brace, with which it is no reference."""
    return match[1] if match[2] else f"{match[1]}{{"


def _written_in(text: str) -> list[str]:
    """What is meant as references in a text, well-formed or not."""
    return [text] if _BEGINNING.match(text) else [_inner(match) for match in _INSIDE.finditer(text)]
