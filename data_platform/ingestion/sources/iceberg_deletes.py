"""Which rows of an Iceberg snapshot its delete files take away, as far as metadata tells, and which deletes do nothing.

A deletion vector, or the only file of position deletes that names a data file, takes away as many rows as it has
positions; so their number is known without reading them. Two such files may name the same rows, position deletes of
several data files say of none how many rows they take, and what equality deletes hit nobody knows: then the rows that
are left are at most so many. A delete file is an orphan when no data file is left that it could apply to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from data_platform.ingestion.sources.iceberg_manifests import EQUALITY_DELETES, File

_EVERYWHERE: Final = (-1, "")


@dataclass
class _Wide:
    """Delete files for a whole partition: the sequence numbers below which each applies, and the data that it met.

    Attributes:
        limits: one for each file; it applies to data of a lower sequence number.
        lowest: least sequence number of the data files that are there; none has been met with None.
    """

    limits: list[int] = field(default_factory=list[int])
    lowest: int | None = None

    def meet(self, sequence: int) -> bool:
        """Take note of a data file; returns whether rows of it may be deleted."""
        self.lowest = sequence if self.lowest is None else min(self.lowest, sequence)
        return any(sequence < limit for limit in self.limits)

    @property
    def orphans(self) -> int:
        """Number of them that apply to nothing."""
        return sum(self.lowest is None or self.lowest >= limit for limit in self.limits)


@dataclass
class _Narrow:
    """Delete files for one data file: sequence number and number of rows of each."""

    files: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    applied: int = 0


class Deletes:
    """The delete files of one snapshot, to which its data files are shown one after another.

    Args:
        files: the delete files. They are held; data files are not.

    Attributes:
        number: of delete files.
        rows: deleted rows of the data files seen so far, at the least.
        is_exact: whether not one more row is deleted.
        any_apply: whether rows of the data files seen so far may be deleted.
    """

    def __init__(self, files: Iterable[File]) -> None:
        self.number = self.rows = 0
        self.is_exact, self.any_apply = True, False
        self._narrow: defaultdict[str, _Narrow] = defaultdict(_Narrow)
        self._wide: defaultdict[tuple[int, str], _Wide] = defaultdict(_Wide)
        for file in files:
            self.number += 1
            is_equality = file.content == EQUALITY_DELETES
            if file.target is not None and not is_equality:
                self._narrow[file.target].files.append((file.sequence, file.records))
            else:
                # Position deletes apply to data of their own commit, too.
                limit = file.sequence if is_equality else file.sequence + 1
                self._wide[_EVERYWHERE if file.is_global else file.partition].limits.append(limit)

    def meet(self, file: File) -> None:
        """Show it a data file."""
        if not self.number:
            return
        narrow = self._narrow.get(file.path)
        applying = [rows for sequence, rows in narrow.files if file.sequence <= sequence] if narrow else []
        if narrow and applying:
            narrow.applied = len(applying)
            self.rows += min(max(applying), file.records)
            self.any_apply = True
            self.is_exact &= len(applying) == 1
        for key in (file.partition, _EVERYWHERE):
            wide = self._wide.get(key)
            if wide is not None and wide.meet(file.sequence):
                self.any_apply, self.is_exact = True, False

    @property
    def orphans(self) -> int:
        """Number of delete files that apply to none of the data files seen."""
        narrow = sum(len(each.files) - each.applied for each in self._narrow.values())
        return narrow + sum(wide.orphans for wide in self._wide.values())
