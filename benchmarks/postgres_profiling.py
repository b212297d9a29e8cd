"""The profiles of 30 tables of 1,000 rows: ``metadata profile -c`` ÷ our child."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from benchmarks.measure import in_turn, parts, ratio
from benchmarks.stage import stage
from data_platform.ingestion.spec import Workflow

ROUNDS: Final = 3

_TABLES: Final = "\n".join(
    f"CREATE TABLE p{number} AS SELECT n AS id, 'name ' || n AS name, now() + n * interval '1 minute' AS at,"
    f" (n * 1.5)::numeric(12, 2) AS amount, n % 7 = 0 AS flag FROM generate_series(1, 1000) n;"
    for number in range(30)
)
_METADATA: Final[dict[str, Any]] = {"schemaFilterPattern": {"excludes": ["^information_schema$"]}}


def run(folder: Path) -> None:
    """Print the ratio."""
    with stage(folder, _TABLES + "ANALYZE;") as servers:
        servers.ours("profiled", Workflow.METADATA, _METADATA)
        theirs, ours = in_turn(
            lambda _: servers.theirs("profiled", Workflow.PROFILING, {}),
            lambda _: servers.ours("profiled", Workflow.PROFILING, {})[0],
            ROUNDS,
        )
    times = [cost.seconds for cost in theirs], [cost.seconds for cost in ours]
    peaks = [cost.peak for cost in theirs], [cost.peak for cost in ours]
    print(f"postgres profiling: {ratio(*times):.2f} x (goal 6)")
    print(f"  metadata profile -c: {parts(times[0], 's')}, peak {parts(peaks[0], 'MiB')}")
    print(f"  our child:           {parts(times[1], 's')}, peak {parts(peaks[1], 'MiB')}")
