"""Fully qualified names: quoting, joining, splitting, and which names are refused.

A part that holds a dot is wrapped in double quotes, as OpenMetadata's ``FullyQualifiedName`` does; a
part never holds a double quote itself, clients send an escape of their own for that.
"""

from __future__ import annotations

from data_platform.server.problems import BadRequestError

LONGEST_NAME = 256


def quote(part: str) -> str:
    """``part`` as it stands inside a fully qualified name.

    Raises:
        BadRequestError: a double quote that is not the pair around the whole part.
    """
    if '"' not in part:
        return f'"{part}"' if "." in part else part
    bare = part[1:-1] if len(part) > 1 and part[0] == part[-1] == '"' else part
    if '"' in bare:
        raise BadRequestError(f"Invalid name {part}")
    return f'"{bare}"' if "." in bare else bare


def join(parent: str | None, name: str) -> str:
    """The name of a child: the parent's fully qualified name and the child's quoted name."""
    return f"{parent}.{quote(name)}" if parent else quote(name)


def split(fqn: str) -> list[str]:
    """The parts of a name, quotes kept: ``svc."my.db".public`` → ``['svc', '"my.db"', 'public']``."""
    parts: list[str] = []
    start, quoted = 0, False
    for position, character in enumerate(fqn):
        if character == '"':
            quoted = not quoted
        elif character == "." and not quoted:
            parts.append(fqn[start:position])
            start = position + 1
    parts.append(fqn[start:])
    return parts


def unquote(part: str) -> str:
    """A part without the quotes around it."""
    return part[1:-1] if len(part) > 1 and part[0] == part[-1] == '"' else part


def check(name: str) -> str:
    """``name`` itself, if an entity may have it.

    Raises:
        BadRequestError: empty, too long, or with a separator that OpenMetadata reserves.
    """
    if not name.strip():
        raise BadRequestError("[query param name must not be empty]")
    if len(name) > LONGEST_NAME:
        raise BadRequestError(f"[query param name size must be between 1 and {LONGEST_NAME}]")
    if "::" in name or "\n" in name or "\r" in name:
        raise BadRequestError(f'[query param name must match "^((?!::).)*$"]: {name[:80]!r}')
    return name


def below(fqn: str) -> tuple[str, str]:
    """The half-open range of names under ``fqn``, for an indexed range scan."""
    return f"{fqn}.", f"{fqn}/"
