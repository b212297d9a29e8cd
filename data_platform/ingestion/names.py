"""Fully qualified names: parts with dots between them, quoted where a part has a dot of its own.

The rule is that of OpenMetadata's ``fqn.quote_name``. No part has a double quote, for the client writes
``__reserved__quote__`` for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, cast

_PART: Final = re.compile(r'"[^"]*"|[^.]+')


def join(*parts: str) -> str:
    """The fully qualified name of parts, from the service down."""
    return ".".join(_quoted(part) for part in parts)


def split(fqn: str) -> tuple[str, ...]:
    """The parts of a fully qualified name, without quotes."""
    return tuple(part.strip('"') for part in _PART.findall(fqn))


def parent(fqn: str) -> str:
    """The name of what contains an entity; empty for a service."""
    return ".".join(_PART.findall(fqn)[:-1])


def child(fqn: str, name: str) -> str:
    """The fully qualified name of what lies in an entity."""
    return f"{fqn}.{_quoted(name)}"


def escaped(name: str) -> str:
    """A name of the source's as the client writes it to the catalog, for example ``a__reserved__colon__b``."""
    from metadata.ingestion.models import custom_basemodel_validation

    return cast(str, cast(Any, custom_basemodel_validation).replace_separators(name))


def original(name: str) -> str:
    """The source's name of what the client wrote to the catalog under an escaped one."""
    from metadata.ingestion.models import custom_basemodel_validation

    return cast(str, cast(Any, custom_basemodel_validation).revert_separators(name))


def lies_in(fqn: str, scopes: Iterable[str]) -> bool:
    """Whether an entity is one of those named, or lies in one of them."""
    return any(fqn == scope or fqn.startswith(f"{scope}.") for scope in scopes)


def _quoted(part: str) -> str:
    return f'"{part}"' if "." in part else part
