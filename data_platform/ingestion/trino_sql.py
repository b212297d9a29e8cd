"""What the parts for Trino have in common: how its SQL writes names, and how its refusals are told apart."""

from __future__ import annotations

from typing import Any


def quoted(*name: str) -> str:
    """A name of several parts as Trino's SQL has it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def refusal(error: BaseException) -> str | None:
    """Trino's name for why it refuses a statement, for example ``TABLE_NOT_FOUND``; None of any other error.

    Args:
        error: the driver's, or SQLAlchemy's around it.
    """
    cause: Any = getattr(error, "orig", None) or error
    name: Any = getattr(cause, "error_name", None)
    return name if isinstance(name, str) else None
