"""Trino's types as Trino shows them, read to the innermost field."""

from __future__ import annotations

from typing import Any

import pytest

from data_platform.ingestion.sources.trino_types import TrinoType, parse


def outline(each: TrinoType) -> Any:
    """A type as nested tuples of names."""
    return (each.name, {name: outline(inner) for name, inner in each.inside}) if each.inside else each.name


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("bigint", "bigint"),
        ("decimal(12,2)", "decimal"),
        ("timestamp(6) with time zone", "timestamp with time zone"),
        ("interval day to second", "interval"),
        ("array(array(varchar(3)))", ("array", {"element": ("array", {"element": "varchar"})})),
        ("map(varchar, bigint)", ("map", {"key": "varchar", "value": "bigint"})),
        ("row(bigint, varchar)", ("row", {"field1": "bigint", "field2": "varchar"})),
        ("row(date date, time time(3) with time zone)", ("row", {"date": "date", "time": "time with time zone"})),
        ("row(timestamp(3) with time zone)", ("row", {"field1": "timestamp with time zone"})),
        ('row("a, b" integer, "q""x" real)', ("row", {"a, b": "integer", 'q"x': "real"})),
        ("row(Two Words real, Opt.s row(k real))", ("row", {"Two Words": "real", "Opt.s": ("row", {"k": "real"})})),
    ],
)
def test_a_type_is_read_to_the_innermost_field(shown: str, expected: Any) -> None:
    known = parse(shown)
    assert known is not None
    assert outline(known) == expected
    assert known.shown == shown


@pytest.mark.parametrize(("shown", "numbers"), [("decimal(12,2)", (12, 2)), ("varchar(7)", (7,)), ("varchar", ())])
def test_lengths_and_scales_are_numbers(shown: str, numbers: tuple[int, ...]) -> None:
    known = parse(shown)
    assert known is not None
    assert known.numbers == numbers


@pytest.mark.parametrize("shown", ["", "somethingelse", "array(somethingelse)", "row(a somethingelse)", "map(varchar)"])
def test_what_is_not_known_is_not_guessed(shown: str) -> None:
    assert parse(shown) is None
