"""The table of bad input in ``docs/reliability.md``: the test that proves what happens, by fault and source.

A cell is a mark on a test, ``@pytest.mark.bad_input("wrong host", "Trino", "dbt")``, or with ``"all"`` a whole row.
What has no test has its reason here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCES: Final = (
    "Trino",
    "dbt",
    "Superset",
    "S3",
    "Iceberg (SQL)",
    "Iceberg (REST)",
    "Airbyte",
    "Redash",
    "Dagster",
    "Postgres",
    "MySQL",
)
FAULTS: Final = (
    "wrong host",
    "wrong port",
    "wrong credentials",
    "TLS refused",
    "500s",
    "hangs",
    "half-broken object",
    "hard names",
    "empty scope",
    "1,500 columns",
    "view that does not compile",
)
ALL: Final = "all"

_NO_HTTP: Final = "It does not speak HTTP."
_NO_COLUMNS: Final = "What arrives of it has no columns."
_NO_VIEWS: Final = "Nothing like a view arrives of it."
WITHOUT: Final = {
    ("500s", "Iceberg (SQL)"): _NO_HTTP,
    ("500s", "Postgres"): _NO_HTTP,
    ("500s", "MySQL"): _NO_HTTP,
    ("1,500 columns", "Airbyte"): _NO_COLUMNS,
    ("1,500 columns", "Redash"): _NO_COLUMNS,
    ("1,500 columns", "Dagster"): _NO_COLUMNS,
    ("view that does not compile", "S3"): _NO_VIEWS,
    ("view that does not compile", "Iceberg (SQL)"): _NO_VIEWS,
    ("view that does not compile", "Iceberg (REST)"): _NO_VIEWS,
    ("view that does not compile", "Airbyte"): _NO_VIEWS,
    ("view that does not compile", "Dagster"): _NO_VIEWS,
    ("view that does not compile", "Postgres"): "PostgreSQL does not let go of what a view needs.",
}
"""Why a cell has no test."""

_INTRODUCTION: Final = """\
## Bad input, source by source

Each ✓ leads to the test: where a source cannot be read at all, one sentence says which and what to do, and nothing in
the catalog is changed; where one object of it cannot be read, that one is named and the others arrive. MariaDB's tables
are tested with the 1,017 columns that they hold at most.

A source that speaks HTTP and accepts a connection without a word is given up within seconds. Else a silent one has the
time that its connection gives it: `connectionArguments` of Trino (`request_timeout`), PostgreSQL (`connect_timeout`, a
minute unless said) and MySQL (`connect_timeout`, `read_timeout`), `timeout` of Iceberg and Dagster. dbt's artifacts
have 30 seconds, Superset and S3 60, Airbyte and Redash 300 for the next byte; S3 is asked five times. Whatever it waits
for, the source's own `timeout` ends the run.
"""


@dataclass(frozen=True)
class Proof:
    """A test, by its file below the project's root, and how many sources it is for."""

    file: str
    test: str
    breadth: int


def proofs(tests: Path) -> dict[tuple[str, str], Proof]:
    """The test of each cell, by fault and source; of several, the one that is for the fewest sources.

    Args:
        tests: folder of the tests.

    Raises:
        ValueError: a mark names what is no fault or no source.
    """
    found: dict[tuple[str, str], Proof] = {}
    for file in sorted(tests.rglob("test_*.py")):
        for name, fault, sources in _marks(file):
            proof = Proof(file.relative_to(tests.parent).as_posix(), name, len(sources))
            for source in sources:
                if fault not in FAULTS or source not in SOURCES:
                    raise ValueError(f"{file.name}: the mark of {name} names {fault!r} of {source!r}")
                cell = fault, source
                if cell not in found or proof.breadth < found[cell].breadth:
                    found[cell] = proof
    return found


def section(tests: Path) -> str:
    """The table, with the reasons of the cells that have no test."""
    proved = proofs(tests)
    reasons = list(
        dict.fromkeys(WITHOUT[fault, source] for fault in FAULTS for source in SOURCES if (fault, source) in WITHOUT)
    )
    lines = [_INTRODUCTION, f"| | {' | '.join(SOURCES)} |", f"|---{'|---' * len(SOURCES)}|"]
    for fault in FAULTS:
        cells = [_cell(proved.get((fault, source)), WITHOUT.get((fault, source)), reasons) for source in SOURCES]
        lines.append(f"| {fault} | {' | '.join(cells)} |")
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, start=1)]
    return "\n".join([*lines, "", *notes, ""])


def _cell(proof: Proof | None, reason: str | None, reasons: list[str]) -> str:
    if proof:
        return f"[✓](../{proof.file} '{proof.test.removeprefix('test_').replace('_', ' ')}')"
    return f"({reasons.index(reason) + 1})" if reason else ""


def _marks(file: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.bad_input":
                    fault, *sources = [str(ast.literal_eval(argument)) for argument in mark.args]
                    yield node.name, fault, SOURCES if sources == [ALL] else tuple(sources)
