"""A limit on the minutes that profiling a source takes: what is not reached comes first the next time.

Where the next run begins is nobody's to remember: the catalog knows when each table was last profiled, so the tables
are taken in that order, those that never were before all others. A table that has been begun is finished; what ends a
workflow that hangs is the source's ``timeout``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.schemas import MINUTES
from data_platform.ingestion.spec import Workflow, WorkflowSpec

_LONGEST: Final = 200


class Budget:
    """The minutes of one run.

    Args:
        minutes: how many there are.
        source: OpenMetadata's profiler source, which lists the tables.
        last: when each table was profiled last, in milliseconds since 1970, by fully qualified name.
    """

    def __init__(self, minutes: float, source: Any, last: dict[str, int]) -> None:
        self._minutes = minutes
        self._last = last
        self._listed = source._iter
        self._unreached: list[str] = []
        source._iter = self._in_order

    @property
    def figures(self) -> dict[str, int]:
        """Number of tables that were not reached, by its key in the asset's metadata."""
        return {"tables_not_reached": len(self._unreached)}

    @property
    def notices(self) -> tuple[str, ...]:
        """The tables that were not reached, in a sentence."""
        if not self._unreached:
            return ()
        return (
            f"{len(self._unreached)} tables were not reached within {self._minutes:g} minutes ({MINUTES}) and come"
            f" first in the next run: {_some(self._unreached)}.",
        )

    def _in_order(self, *_: Any, **__: Any) -> Iterator[Any]:
        records = sorted(self._listed(), key=self._when)
        end = time.monotonic() + 60 * self._minutes
        for number, record in enumerate(records):
            if number and record.right and time.monotonic() > end:
                self._unreached.append(_name(record))
            else:
                yield record

    def _when(self, record: Any) -> int:
        return self._last.get(_name(record), 0) if record.right else 0


def of(spec: WorkflowSpec, source: Any, catalog: CatalogClient) -> Budget | None:
    """The budget of a run, or None when it has none; to be called before the source lists anything.

    Args:
        spec: what the run is to do.
        source: OpenMetadata's profiler source.
        catalog: a client of the catalog.
    """
    minutes: float | None = spec.options.get(MINUTES)
    if spec.kind is not Workflow.PROFILING or minutes is None:
        return None
    return Budget(minutes, source, dict(_profiled(catalog, spec.service)))


def _profiled(catalog: CatalogClient, service: str) -> Iterator[tuple[str, int]]:
    for database in catalog.list("databases", service=service):
        for table in catalog.list("tables", fields=["profile"], database=database["fullyQualifiedName"]):
            if profile := table.get("profile"):
                yield table["fullyQualifiedName"], int(profile["timestamp"])


def _name(record: Any) -> str:
    return str(record.right.entity.fullyQualifiedName.root)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _LONGEST
    return ", ".join(names[:_LONGEST]) + (f" and {more} more" if more > 0 else "")
