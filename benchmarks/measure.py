"""Two sides of a comparison, run in turn so that the machine's moods fall on both."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """What one process cost.

    Attributes:
        seconds: wall time.
        peak: largest resident size, in MiB.
    """

    seconds: float
    peak: float


def cost_of(process: subprocess.Popen[bytes], started: float) -> Cost:
    """Wait for a process.

    Raises:
        RuntimeError: it failed.
    """
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with exit code {process.returncode}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def command(
    arguments: Sequence[str | Path], *, log: Path, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> Cost:
    """The cost of a command; what it prints goes to a log."""
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(variables or {})},
        )
        return cost_of(process, started)


def in_turn(theirs: Callable[[int], T], ours: Callable[[int], T], rounds: int) -> tuple[list[T], list[T]]:
    """Both sides ``rounds`` times; who begins changes from round to round."""
    results: tuple[list[T], list[T]] = ([], [])
    for number in range(rounds):
        sides = [(0, theirs), (1, ours)]
        for side, run in sides if number % 2 == 0 else reversed(sides):
            results[side].append(run(number))
    return results


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Median of theirs ÷ median of ours."""
    return statistics.median(theirs) / statistics.median(ours)


def parts(values: Sequence[float], unit: str) -> str:
    """Median and spread: ``12.4 s (12.1 to 12.9)``."""
    return f"{statistics.median(values):.2f} {unit} ({min(values):.2f} to {max(values):.2f})"
