"""The state of the tables of a lakehouse: what of it is kept up and what is left to grow, as figures and as checks.

Pure. The figures come from the connector that profiled the tables, the limits from the source's options. A check fails
with the list of the tables beyond its limit, and never fails the run: nothing is lost, somebody has work to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

CONNECTORS: Final = frozenset({"Iceberg"})
"""Connectors whose profiles tell the state of their tables."""

_MIB: Final = 2**20


class HealthCheck(StrEnum):
    """The checks that the profiles of such a source have."""

    SMALL_FILES = "small_files"
    SNAPSHOTS = "snapshots"
    ORPHAN_DELETES = "orphan_deletes"
    FRESHNESS = "table_freshness"


@dataclass(frozen=True)
class Limits:
    """What is healthy.

    Attributes:
        small_file_mib: size below which a data file is small.
        min_files: number of data files from which on small ones matter.
        max_small_file_percent: share of a table's data files that may be small.
        max_snapshots: number of snapshots that a table may keep.
        max_snapshot_age_days: age that its oldest snapshot may have.
        max_orphan_delete_percent: share of its delete files that may apply to nothing.
        max_commit_age_hours: time within which something must have been committed to it; None for any.
    """

    small_file_mib: float = 16.0
    min_files: int = 10
    max_small_file_percent: float = 50.0
    max_snapshots: int = 1000
    max_snapshot_age_days: float = 30.0
    max_orphan_delete_percent: float = 20.0
    max_commit_age_hours: float | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Those of a source's options, which are called the same in camel case."""
        names = {_camel(each.name): each.name for each in fields(cls)}
        return cls(**{names[name]: value for name, value in options.items()})

    @property
    def small(self) -> int:
        """Bytes below which a data file is small."""
        return int(self.small_file_mib * _MIB)


@dataclass(frozen=True)
class TableHealth:
    """The state of one table.

    Attributes:
        name: fully qualified.
        rows: number of rows, of which there are not more.
        is_exact: whether there are not fewer.
        size: of its data files, in bytes.
        files: number of data files.
        small_files: number of those that are small.
        partitions: number of partitions with data.
        snapshots: number of snapshots that it keeps.
        oldest_snapshot: when the oldest of them was committed.
        last_commit: when the newest of them was.
        delete_files: number of files that delete rows.
        orphan_deletes: number of those that apply to nothing.
        columns_without_statistics: number of columns of whose values its files say nothing.
    """

    name: str
    rows: int
    is_exact: bool
    size: int
    files: int
    small_files: int
    partitions: int
    snapshots: int
    oldest_snapshot: datetime | None
    last_commit: datetime | None
    delete_files: int
    orphan_deletes: int
    columns_without_statistics: int

    @property
    def small_file_percent(self) -> float:
        """Share of its data files that are small."""
        return 100.0 * self.small_files / self.files if self.files else 0.0

    @property
    def orphan_delete_percent(self) -> float:
        """Share of its delete files that apply to nothing."""
        return 100.0 * self.orphan_deletes / self.delete_files if self.delete_files else 0.0

    @property
    def size_mib(self) -> float:
        """Size of its data files."""
        return self.size / _MIB


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: which.
        sentence: what there is to say.
        beyond: the tables beyond the limit.
    """

    check: HealthCheck
    sentence: str
    beyond: tuple[TableHealth, ...]


@dataclass(frozen=True)
class Health:
    """The state of a source's tables.

    Attributes:
        tables: those that were profiled.
        limits: what is healthy.
        now: when they were looked at.
    """

    tables: Sequence[TableHealth]
    limits: Limits
    now: datetime

    def figures(self) -> Mapping[str, int | float]:
        """The state of all tables in numbers, by name."""
        files = sum(each.files for each in self.tables)
        deletes = sum(each.delete_files for each in self.tables)
        oldest = min((each.oldest_snapshot for each in self.tables if each.oldest_snapshot), default=None)
        last = max((each.last_commit for each in self.tables if each.last_commit), default=None)
        return {
            "rows": sum(each.rows for each in self.tables),
            "files": files,
            "size_mib": round(sum(each.size_mib for each in self.tables), 2),
            "small_file_percent": _percent(sum(each.small_files for each in self.tables), files),
            "snapshots": sum(each.snapshots for each in self.tables),
            "delete_files": deletes,
            "orphan_delete_percent": _percent(sum(each.orphan_deletes for each in self.tables), deletes),
            "tables_with_estimated_rows": sum(not each.is_exact for each in self.tables),
            "columns_without_statistics": sum(each.columns_without_statistics for each in self.tables),
            **({"oldest_snapshot_days": self._ago(oldest, timedelta(days=1))} if oldest else {}),
            **({"last_commit_hours": self._ago(last, timedelta(hours=1))} if last else {}),
        }

    def judged(self) -> Iterator[Finding]:
        """What each check found."""
        limits = self.limits
        yield self._finding(
            HealthCheck.SMALL_FILES,
            lambda each: each.files >= limits.min_files and each.small_file_percent > limits.max_small_file_percent,
            f"have more than {limits.max_small_file_percent:g} % data files below {limits.small_file_mib:g} MiB:"
            " compact them",
        )
        oldest = self.now - timedelta(days=limits.max_snapshot_age_days)
        yield self._finding(
            HealthCheck.SNAPSHOTS,
            lambda each: (
                each.snapshots > limits.max_snapshots
                or (each.snapshots > 1 and each.oldest_snapshot is not None and each.oldest_snapshot < oldest)
            ),
            f"keep more than {limits.max_snapshots} snapshots, or some from more than"
            f" {limits.max_snapshot_age_days:g} days ago: expire them",
        )
        yield self._finding(
            HealthCheck.ORPHAN_DELETES,
            lambda each: each.orphan_delete_percent > limits.max_orphan_delete_percent,
            f"have more than {limits.max_orphan_delete_percent:g} % delete files that apply to nothing: rewrite them",
        )
        hours = limits.max_commit_age_hours
        late = self.now - timedelta(hours=hours) if hours is not None else None
        yield self._finding(
            HealthCheck.FRESHNESS,
            lambda each: late is not None and (each.last_commit is None or each.last_commit < late),
            f"had no commit for {hours:g} hours" if hours is not None else "are too old; no limit is set",
        )

    def _finding(self, check: HealthCheck, is_beyond: Callable[[TableHealth], bool], what: str) -> Finding:
        beyond = tuple(each for each in self.tables if is_beyond(each))
        return Finding(check, f"{len(beyond)} of {len(self.tables)} tables {what}.", beyond)

    def _ago(self, moment: datetime, unit: timedelta) -> float:
        return round((self.now - moment) / unit, 2)


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


def _percent(part: int, whole: int) -> float:
    return round(100.0 * part / whole, 1) if whole else 0.0


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
