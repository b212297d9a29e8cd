"""Trino's types, from the words in which Trino shows them to what they consist of.

Pure. Trino shows the names of a row's fields without quotes, so where a name ends and its type begins is told by the
longest rest that is a type. The names of types are those of Trino's documentation, "Data types".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_NUMBERS: Final = r"(?:\(\s*(?P<numbers>\d+(?:\s*,\s*\d+)?)\s*\))?"
_INTERVAL: Final = r"(?P<interval>interval (?:year to month|day to second))"
_SIMPLE: Final = re.compile(rf"(?P<name>[a-z][a-z0-9]*){_NUMBERS}(?P<zone> with time zone)?|{_INTERVAL}", re.IGNORECASE)
_NAMES: Final = frozenset(
    {
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double",
        "decimal",
        "varchar",
        "char",
        "varbinary",
        "json",
        "date",
        "time",
        "timestamp",
        "uuid",
        "ipaddress",
        "hyperloglog",
        "p4hyperloglog",
        "setdigest",
        "tdigest",
        "geometry",
        "sphericalgeography",
        "bingtile",
        "kdbtree",
        "color",
        "jsonpath",
        "unknown",
    }
)
_NESTED: Final = re.compile(r"(?P<name>array|map|row)\((?P<inside>.*)\)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class TrinoType:
    """A type.

    Attributes:
        name: in lower case and without parameters, for example ``timestamp with time zone``.
        shown: all of it, as Trino shows it.
        numbers: length, or precision and scale.
        inside: the types that it consists of: an array's ``element``, a map's ``key`` and ``value``, a row's fields.
    """

    name: str
    shown: str
    numbers: tuple[int, ...] = ()
    inside: tuple[tuple[str, TrinoType], ...] = ()


def parse(shown: str) -> TrinoType | None:
    """The type that Trino shows so, or None when it is of another kind than this module knows."""
    shown = shown.strip()
    nested = _NESTED.fullmatch(shown)
    if nested is None:
        return _simple(shown)
    name = nested["name"].lower()
    parts = list(_split(nested["inside"], ","))
    if name == "row":
        inside = _fields(parts)
    else:
        labels = ("element",) if name == "array" else ("key", "value")
        inside = tuple(zip(labels, map(parse, parts), strict=False)) if len(parts) == len(labels) else ()
    known = tuple((label, each) for label, each in inside if each is not None)
    return TrinoType(name, shown, inside=known) if known and len(known) == len(inside) else None


def _simple(shown: str) -> TrinoType | None:
    match = _SIMPLE.fullmatch(shown)
    if match is None:
        return None
    if match["interval"]:
        return TrinoType("interval", shown)
    name = match["name"].lower()
    if name not in _NAMES:
        return None
    numbers = tuple(map(int, (match["numbers"] or "").split(","))) if match["numbers"] else ()
    return TrinoType(f"{name} with time zone" if match["zone"] else name, shown, numbers)


def _fields(parts: list[str]) -> tuple[tuple[str, TrinoType | None], ...]:
    """The fields of a row; one without a name gets that by which Trino's documentation counts it."""
    fields = [_field(part.strip()) for part in parts]
    return tuple((name or f"field{number}", each) for number, (name, each) in enumerate(fields, start=1))


def _field(text: str) -> tuple[str, TrinoType | None]:
    words = list(_split(text, " "))
    for start in range(len(words)):
        each = parse(" ".join(words[start:]))
        if each is not None:
            return _unquoted(" ".join(words[:start])), each
    return text, None


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts of a text between separators that stand neither in parentheses nor in quotes."""
    depth, quoted, start = 0, False, 0
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == separator and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]
