"""The text of ``docs/reliability.md``: what happens when something fails, and the test that proves it.

Each row is a mark on a test, ``@pytest.mark.fault("the catalog: is away for a minute", "what happens")``. The tests
are read, not imported: they need two Python environments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from docs import bad_input

TESTS: Final = Path(__file__).parent.parent / "data_platform_tests"
WHERE: Final = ("the source", "the catalog", "the token", "the run", "this machine")
"""What may be at fault, in the order of the page."""

_INTRODUCTION: Final = """\
# When something fails

A green run means that the catalog is true; everything else says so, in one sentence, with what to do. Every row is
proved by the test that it names, against the embedded catalog with injected faults or killed for good, a real
PostgreSQL, S3 or Trino, and real Dagster runs. `make test` and, for Trino, `make test-integration` run them all.
"""


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes:
        where: what is at fault, one of :data:`WHERE`.
        what: what is wrong with it.
        outcome: what happens.
        test: the test's name.
        file: where the test is, below the project's root.
    """

    where: str
    what: str
    outcome: str
    test: str
    file: str


def faults() -> list[Fault]:
    """Every marked test, in the order of the page.

    Raises:
        ValueError: a mark that is not written as the module says.
    """
    found = [fault for file in sorted(TESTS.rglob("test_*.py")) for fault in _marked(file)]
    return sorted(found, key=lambda fault: (WHERE.index(fault.where), fault.what, fault.test))


def page() -> str:
    """The whole text."""
    parts = [_INTRODUCTION]
    for where in WHERE:
        parts.append(f"## {where.capitalize()}\n")
        parts.append("| fault | what happens | proved by |")
        parts.append("|---|---|---|")
        for fault in faults():
            if fault.where == where:
                name = fault.test.removeprefix("test_").replace("_", " ")
                parts.append(f"| {fault.what} | {fault.outcome} | [{name}](../{fault.file}) |")
        parts.append("")
    parts.append(bad_input.section(TESTS))
    return "\n".join(parts)


def _marked(file: Path) -> Iterator[Fault]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    yield _fault(mark, node.name, file)


def _fault(mark: ast.Call, test: str, file: Path) -> Fault:
    values = [argument.value for argument in mark.args if isinstance(argument, ast.Constant)]
    if len(values) != 2 or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{file.name}: the mark of {test} takes two strings: what is at fault, and what happens")
    where, colon, what = str(values[0]).partition(": ")
    if not colon or where not in WHERE:
        raise ValueError(f"{file.name}: the mark of {test} names nothing of {', '.join(WHERE)} as at fault")
    return Fault(where, what, str(values[1]), test, file.relative_to(TESTS.parent).as_posix())
