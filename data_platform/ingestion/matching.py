"""Whether the catalog holds what the source has: two inventories of the source against one of the catalog.

Pure. A source is not still while it is read: what came or went between its two inventories is left to the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from data_platform.ingestion import names
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.inventory import Holding, Inventory
from data_platform.ingestion.source_inventory import Key, Listed, SourceInventory


class Difference(StrEnum):
    """How an entity of the catalog differs from the source's."""

    MISSING = "missing"
    SURPLUS = "surplus"
    COLUMNS = "columns"


@dataclass(frozen=True)
class Mismatch:
    """One entity that is not the same on both sides.

    Attributes:
        scope: fully qualified name of what it lies in.
        name: its own.
        kind: its type.
        difference: what is wrong.
        detail: the columns that differ; empty when the entity itself is on one side only.
    """

    scope: str
    name: str
    kind: str
    difference: Difference
    detail: str = ""


@dataclass(frozen=True)
class Match:
    """What a comparison came to.

    Attributes:
        compared: number of entities that either side has.
        mismatches: those that differ, by scope.
        unjudged: fully qualified names of scopes in which the source may have more than it says.
        excused: how many of those that are missing are nobody's loss here, for another source was to bring them.
        hidden: fully qualified names of entities that the source has, and no longer shows to the user that reads it.
    """

    compared: int
    mismatches: tuple[Mismatch, ...] = ()
    unjudged: tuple[str, ...] = ()
    excused: int = 0
    hidden: tuple[str, ...] = ()

    def count(self, difference: Difference) -> int:
        """Number of mismatches of one kind."""
        return len(self.names(difference))

    def names(self, difference: Difference) -> tuple[str, ...]:
        """Fully qualified names of the entities with mismatches of one kind."""
        return tuple(mismatch.name for mismatch in self.mismatches if mismatch.difference is difference)

    @property
    def untrue_percent(self) -> float:
        """Share of entities that the catalog lacks or shows with other columns, but for those that are excused."""
        untrue = len(self.mismatches) - self.count(Difference.SURPLUS) - self.excused
        return 100.0 * untrue / max(self.compared, 1)

    @property
    def sentence(self) -> str:
        """The comparison in a sentence, and in another what the source keeps from the user."""
        if not self.hidden:
            return self._compared
        text = f"{len(self.hidden)} entities are in the source, which no longer shows them to the user, and stay"
        return f"{self._compared} {text}; the first: {self.hidden[0]}."

    @property
    def _compared(self) -> str:
        if not self.mismatches:
            unjudged = f" What else lies in {len(self.unjudged)} of them is not judged." if self.unjudged else ""
            return f"The catalog holds the {self.compared} entities that the source has.{unjudged}"
        counts = ", ".join(f"{number} {each}" for each in Difference if (number := self.count(each)))
        first = self.mismatches[0]
        return f"{len(self.mismatches)} of {self.compared} entities differ ({counts}); the first: {first.name}."

    def without(self, deleted: Iterable[Holding]) -> Match:
        """The same once the catalog no longer holds what was too many."""
        gone = {(holding.kind, holding.fqn) for holding in deleted}
        left = [each for each in self.mismatches if (each.kind, each.name) not in gone]
        return replace(self, compared=self.compared - len(self.mismatches) + len(left), mismatches=tuple(left))


def match(source: tuple[SourceInventory, SourceInventory], catalog: Inventory, filters: Filters) -> Match:
    """Compare a source with the catalog.

    Args:
        source: what the source had before the run and after it, as far as its filters let it in.
        catalog: what the catalog holds of the service after the run.
        filters: the source's filters; what the catalog holds beyond them is none of this run's business.
    """
    held = {(holding.kind, holding.fqn): holding for holding in catalog.holdings.values()}
    before, after = source
    unjudged = {fqn for listed in source for (_, fqn), each in listed.items() if each.is_open}
    admitted = {
        key
        for key, holding in held.items()
        if admits(filters, holding) and (key in before or key in after or not names.lies_in(holding.fqn, unjudged))
    }
    found = [
        *(_mismatch(key, Difference.MISSING) for key in (before.keys() & after.keys()) - held.keys()),
        *(_mismatch(key, Difference.SURPLUS) for key in admitted - before.keys() - after.keys()),
        *_columns(before, after, held),
    ]
    found.sort(key=lambda each: (each.scope, each.difference, each.kind, each.name))
    hidden = tuple(sorted(fqn for (_, fqn), each in after.items() if each.is_hidden))
    return Match(len(admitted | (before.keys() & after.keys())), tuple(found), tuple(sorted(unjudged)), hidden=hidden)


def admits(filters: Filters, holding: Holding) -> bool:
    """Whether the present filters are for an entity that the catalog holds."""
    _, *path = map(names.original, names.split(holding.fqn))
    return filters.admits(holding.kind, path, is_view=holding.is_view, shown=holding.shown)


def _columns(before: SourceInventory, after: SourceInventory, held: dict[Key, Holding]) -> Iterator[Mismatch]:
    for key in before.keys() & after.keys() & held.keys():
        if held[key].columns not in (before[key].columns, after[key].columns):
            detail = _column_differences(after[key], held[key])
            if detail:
                yield _mismatch(key, Difference.COLUMNS, detail)


def _column_differences(listed: Listed, holding: Holding) -> str:
    if listed.columns is None:
        return ""
    missing, surplus = sorted(listed.columns - holding.columns), sorted(holding.columns - listed.columns)
    parts = (("missing", missing), ("surplus", surplus))
    return "; ".join(f"{word}: {', '.join(columns)}" for word, columns in parts if columns)


def _mismatch(key: Key, difference: Difference, detail: str = "") -> Mismatch:
    kind, fqn = key
    return Mismatch(names.parent(fqn), fqn, kind, difference, detail)
