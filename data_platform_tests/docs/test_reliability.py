"""The page on faults is made of the tests that prove it."""

from __future__ import annotations

import pytest

from docs.bad_input import FAULTS, SOURCES, WITHOUT, proofs
from docs.generate import FOLDER
from docs.reliability import TESTS, WHERE, faults, page


def test_the_page_is_what_the_generator_writes() -> None:
    assert (FOLDER / "reliability.md").read_text() == page(), "run '.venv/bin/python -m docs.generate'"


@pytest.mark.parametrize("where", WHERE)
def test_every_part_of_the_page_has_rows(where: str) -> None:
    assert any(fault.where == where for fault in faults())


def test_no_fault_is_told_twice() -> None:
    told = [(fault.where, fault.what) for fault in faults()]
    assert len(told) == len(set(told))


def test_every_fault_of_every_source_has_a_test_or_a_reason_for_none() -> None:
    proved = proofs(TESTS).keys()
    assert {(fault, source) for fault in FAULTS for source in SOURCES} - WITHOUT.keys() == proved
