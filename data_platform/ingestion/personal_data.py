"""Columns with personal data: those that the catalog has tagged as PII, and no value of which a profile may show.

Counts and averages of such a column are profiled as of any other; its smallest and its largest value, its quartiles,
its histogram and its most frequent values are values of somebody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

Path = tuple[str, ...]

_PII: Final = "PII."
_HARMLESS: Final = "PII.None"
_SHOW_VALUES: Final = (
    "min",
    "max",
    "median",
    "firstQuartile",
    "thirdQuartile",
    "histogram",
    "cardinalityDistribution",
)


def columns(table: Any) -> Iterator[Path]:
    """Names, from the top, of the columns that are tagged as PII, or lie in something that is.

    Args:
        table: OpenMetadata's table, with its columns and tags.
    """

    def within(found: Sequence[Any], above: Path, is_personal: bool) -> Iterator[Path]:
        for column in found:
            path = (*above, str(column.name.root))
            personal = is_personal or _is_personal(column.tags)
            if personal:
                yield path
            yield from within(column.children or (), path, personal)

    return within(table.columns, (), _is_personal(table.tags))


def keep_out_of_profiles(processor: Any) -> None:
    """Let no value of such a column leave the profiler.

    Args:
        processor: OpenMetadata's ``ProfilerProcessor``.
    """
    inner = processor._run

    def _run(record: Any) -> Any:
        profiled = inner(record)
        if profiled is not None and profiled.right is not None:
            _silence(profiled.right, {path[-1] for path in columns(record.entity) if len(path) == 1})
        return profiled

    processor._run = _run


def _silence(profiled: Any, personal: set[str]) -> None:
    for column in profiled.profile.columnProfile or ():
        if str(column.name) in personal:
            for field in _SHOW_VALUES:
                setattr(column, field, None)


def _is_personal(tags: Sequence[Any] | None) -> bool:
    found = (str(tag.tagFQN.root) for tag in tags or ())
    return any(name.startswith(_PII) and name != _HARMLESS for name in found)
