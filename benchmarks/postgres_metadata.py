"""The metadata of 300 tables and 50 views: ``metadata ingest -c`` ÷ our child, the first time and again."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.measure import Cost, in_turn, parts, ratio
from benchmarks.stage import Stage, stage
from data_platform.ingestion.spec import Workflow

ROUNDS: Final = 3

_TABLES: Final = "\n".join(
    f"CREATE TABLE t{number} (id integer PRIMARY KEY, parent integer{reference}, name varchar(80), at timestamptz,"
    f" amount numeric(12, 2), note text); COMMENT ON TABLE t{number} IS 'Number {number}';"
    for number in range(300)
    for reference in [f" REFERENCES t{number - 1}" if number % 10 else ""]
)
_VIEWS: Final = "\n".join(
    f"CREATE VIEW v{number} AS SELECT a.id, a.name, b.amount FROM t{number} a JOIN t{number + 100} b USING (id);"
    for number in range(50)
)
_OPTIONS: Final[dict[str, Any]] = {
    "schemaFilterPattern": {"excludes": ["^information_schema$"]},
    # Off in ours always, so off in theirs as well: deleting is not what is compared.
    "markDeletedTables": False,
    "markDeletedStoredProcedures": False,
    "markDeletedSchemas": False,
    "markDeletedDatabases": False,
}


def run(folder: Path) -> None:
    """Print the ratios."""
    with stage(folder, _TABLES + _VIEWS) as servers:
        shares = Shares([], [])
        for run_name, goal, prepare in (("first run", 1.7, False), ("rerun", 2.5, True)):
            theirs, ours = _compare(servers, prepare, shares)
            times = [cost.seconds for cost in theirs], [cost.seconds for cost in ours]
            peaks = [cost.peak for cost in theirs], [cost.peak for cost in ours]
            print(f"postgres metadata, {run_name}: {ratio(*times):.2f} x (goal {goal})")
            print(f"  metadata ingest -c: {parts(times[0], 's')}, peak {parts(peaks[0], 'MiB')}")
            print(f"  our child:          {parts(times[1], 's')}, peak {parts(peaks[1], 'MiB')}")
        print(f"  the catalog's share of our wall time: {100 * median(shares.catalog):.0f} % (goal at most 20 %)")
        print(f"  checks and reconciliation: {100 * median(shares.reconciliation):.1f} % of it (goal below 10 %)")


class Shares(NamedTuple):
    """Parts of our wall time, one number a run."""

    catalog: list[float]
    reconciliation: list[float]


def _compare(servers: Stage, prepare: bool, shares: Shares) -> tuple[list[Cost], list[Cost]]:
    """Each side on services of its own; with ``prepare`` they are in the catalog already, twice written."""

    def theirs(number: int) -> Cost:
        service = f"theirs_{prepare}_{number}"
        for _ in range(2 * prepare):
            servers.theirs(service, Workflow.METADATA, _OPTIONS)
        return servers.theirs(service, Workflow.METADATA, _OPTIONS)

    def ours(number: int) -> Cost:
        service = f"ours_{prepare}_{number}"
        for _ in range(2 * prepare):
            servers.ours(service, Workflow.METADATA, _OPTIONS)
        cost, ended = servers.ours(service, Workflow.METADATA, _OPTIONS)
        spent = ended.metadata["seconds/inventory"] + ended.metadata["seconds/deletion"]
        shares.catalog.append(ended.metadata["seconds/catalog"] / cost.seconds)
        shares.reconciliation.append(spent / cost.seconds)
        return cost

    return in_turn(theirs, ours, ROUNDS)
