"""How often a workflow runs: the names that a source's ``schedules`` may use.

A cadence is a tag on assets, a job that selects by that tag alone, a schedule that starts the job, and a freshness
policy. To add one, add it here and give it a schedule in ``data_platform/defs/schedules.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

import dagster as dg

from data_platform.ingestion.spec import Workflow

_LATE: Final = timedelta(hours=2)

TIMEZONE: Final = "Etc/UTC"


class Cadence(StrEnum):
    """The names."""

    DAILY = "daily"
    CRITICAL = "critical"
    QUARTER_HOURLY = "quarter_hourly"

    @property
    def tag(self) -> str:
        """Key of the tag, without a value, that puts an asset on this cadence: ``tag:"schedule/daily"`` selects it."""
        return f"schedule/{self.value}"

    @property
    def cron(self) -> str:
        """When it starts, in :data:`TIMEZONE`."""
        return _TIMES[self].cron

    @property
    def period(self) -> timedelta:
        """Time from one start to the next."""
        return _TIMES[self].period

    @property
    def only(self) -> Workflow | None:
        """The workflow that it is made for, where it is not for all."""
        return _TIMES[self].only


@dataclass(frozen=True)
class _Times:
    cron: str
    period: timedelta
    only: Workflow | None = None


_TIMES: Final = {
    Cadence.DAILY: _Times("0 2 * * *", timedelta(days=1)),
    Cadence.CRITICAL: _Times("0 */4 * * *", timedelta(hours=4)),
    Cadence.QUARTER_HOURLY: _Times("*/15 * * * *", timedelta(minutes=15), only=Workflow.QUERY_LOG),
}


def freshness(cadences: Sequence[Cadence]) -> dg.FreshnessPolicy | None:
    """Late is a warning, a run that was missed altogether is a failure."""
    period = min((cadence.period for cadence in cadences), default=None)
    if period is None:
        return None
    return dg.FreshnessPolicy.time_window(warn_window=period + _LATE, fail_window=2 * period + _LATE)
