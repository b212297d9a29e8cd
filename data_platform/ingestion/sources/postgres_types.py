"""PostgreSQL's types as the catalog's: what a domain, a composite type, an array or a range consists of.

Pure. Types are told apart as ``pg_type`` does it (PostgreSQL's documentation, "pg_type"), and each keeps the name by
which ``format_type`` shows it. What a name of a base type is to the catalog, OpenMetadata's own table says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

COMPOSITE: Final = "c"
DOMAIN: Final = "d"
ENUM: Final = "e"
ARRAY: Final = "array"
"""A form of ours: to ``pg_type`` an array is a base type."""

_FORMS: Final = {ARRAY: "ARRAY", COMPOSITE: "STRUCT", ENUM: "ENUM"}

_NUMBERS: Final = re.compile(r"\((\d+)(?:,(-?\d+))?\)")
_WITH_LENGTH: Final = frozenset({"CHAR", "VARCHAR"})
# Extensions' and other base types that OpenMetadata's table has no word for.
_NAMES: Final = {
    "bit varying": "BIT",
    "citext": "TEXT",
    "daterange": "DATETIMERANGE",
    "hstore": "MAP",
    "name": "VARCHAR",
    "tstzrange": "DATETIMERANGE",
    "tsrange": "DATETIMERANGE",
}


@dataclass(frozen=True)
class PostgresType:
    """A type.

    Attributes:
        shown: its name with its length or precision, as PostgreSQL shows it.
        form: one of the above, or another of ``pg_type.typtype``.
        inside: what it consists of: an array's ``element``, a domain's ``base``, a composite type's fields.
    """

    shown: str
    form: str
    inside: tuple[tuple[str, PostgresType], ...] = ()


def described(each: PostgresType, known: Callable[[str], str]) -> dict[str, Any]:
    """The fields of the catalog's column that a type gives.

    Args:
        each: the type.
        known: OpenMetadata's word for the name of a base type.
    """
    if each.form == DOMAIN:
        return {**described(each.inside[0][1], known), "dataTypeDisplay": each.shown}
    fields: dict[str, Any] = {"dataType": _kind(each, known), "dataTypeDisplay": each.shown}
    numbers = [int(number) for match in _NUMBERS.finditer(each.shown) for number in match.groups() if number]
    if fields["dataType"] in _WITH_LENGTH:
        # The catalog wants a length of each; the client's own word for none is 1.
        fields["dataLength"] = numbers[0] if numbers else 1
    elif fields["dataType"] == "NUMERIC" and numbers:
        fields["precision"], fields["scale"] = (*numbers, 0)[:2]
    if each.form == ARRAY:
        element = described(each.inside[0][1], known)
        fields["arrayDataType"], fields["children"] = element["dataType"], element.get("children")
    elif each.form == COMPOSITE:
        fields["children"] = [{"name": name, **described(inner, known)} for name, inner in each.inside]
    return fields


def _kind(each: PostgresType, known: Callable[[str], str]) -> str:
    if each.form in _FORMS:
        return _FORMS[each.form]
    name = _NUMBERS.sub("", each.shown)
    # What an extension brings is shown with its schema where that is not on the search path.
    return _NAMES.get(name.rpartition(".")[2]) or known(name)
