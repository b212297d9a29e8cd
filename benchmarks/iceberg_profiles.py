"""Profiles of Iceberg tables: a full scan with pyiceberg and pyarrow ÷ our reading of manifests, in seconds."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.iceberg_tables import FILES, MANY, MANY_FILES, ROWS
from benchmarks.measure import in_turn, parts, ratio

ROUNDS: Final = 5

_ROOT: Final = Path(__file__).parent.parent
_PYTHON: Final = _ROOT / ".venv-ingestion" / "bin" / "python"


def run(folder: Path) -> None:
    """Print the ratios."""
    _worker("make", folder)
    scans, profiles = in_turn(
        lambda _: _measured("scan", folder, "ten_million"),
        lambda _: _measured("profile", folder, "ten_million"),
        ROUNDS,
    )
    assert {each["rows"] for each in scans + profiles} == {ROWS["ten_million"]}
    times = [each["seconds"] for each in scans], [each["seconds"] for each in profiles]
    print(f"iceberg profiles of 10 million rows in {FILES} files: {ratio(*times):.0f} x (goal 100)")
    print(f"  full scan: {parts(times[0], 's')}, peak {statistics.median(each['peak'] for each in scans):.0f} MiB")
    print(
        f"  manifests: {_milliseconds(times[1])}, peak {statistics.median(each['peak'] for each in profiles):.0f} MiB"
    )
    ten, one = in_turn(
        lambda _: _measured("profile", folder, "ten_million"), lambda _: _measured("profile", folder, "million"), ROUNDS
    )
    rows = [each["seconds"] for each in ten], [each["seconds"] for each in one]
    print(f"iceberg profiles of 10 times the rows in as many files: {ratio(*rows):.2f} x (goal at most 1.2)")
    print(
        f"  {ROWS['ten_million']:,} rows: {_milliseconds(rows[0])}; {ROWS['million']:,} rows: {_milliseconds(rows[1])}"
    )
    many = _measured("profile", folder, MANY)
    print(
        f"iceberg profile of {MANY_FILES:,} data files in one manifest: {many['seconds']:.1f} s,"
        f" peak {many['peak']:.0f} MiB, {many['grown']:.0f} MiB of it for the table"
    )


def _measured(verb: str, folder: Path, table: str) -> dict[str, float]:
    return json.loads(_worker(verb, folder, table))


def _worker(*arguments: str | Path) -> str:
    command = [_PYTHON, "-m", "benchmarks.iceberg_tables", *arguments]
    return subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _milliseconds(seconds: list[float]) -> str:
    return parts([each * 1000 for each in seconds], "ms")
