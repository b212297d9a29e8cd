"""The page on faults is made of the tests that prove it."""

from __future__ import annotations

import pytest

from docs.generate import FOLDER
from docs.reliability import WHERE, faults, page


def test_the_page_is_what_the_generator_writes() -> None:
    assert (FOLDER / "reliability.md").read_text() == page(), "run '.venv/bin/python -m docs.generate'"


@pytest.mark.parametrize("where", WHERE)
def test_every_part_of_the_page_has_rows(where: str) -> None:
    assert any(fault.where == where for fault in faults())


def test_no_fault_is_told_twice() -> None:
    told = [(fault.where, fault.what) for fault in faults()]
    assert len(told) == len(set(told))
