"""What disappeared from a source is deleted from the catalog, by rules that a source which is down cannot meet.

An entity is deleted when all of this holds: the catalog held it before the run and nobody changed it since; neither
the run nor the source's own inventory has it; the source's present filters let it in, so that narrowing a filter
deletes nothing; and what it lies in was listed to the end without an error. Of each scope (a schema, a database, a
service) no more vanishes than a share of it, and never everything, unless the run is told to.

Deletions are soft: the catalog can restore them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from data_platform.errors import EntityNotFoundError
from data_platform.ingestion import names
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import Holding, Inventory, collection


@dataclass(frozen=True)
class Refusal:
    """A scope of which too much would vanish.

    Attributes:
        scope: its fully qualified name.
        vanishing: number of entities that would be deleted.
        held: number of entities that the catalog holds of it.
        first: one of those that would be deleted.
    """

    scope: str
    vanishing: int
    held: int
    first: str

    @property
    def percent(self) -> float:
        """The share that would vanish."""
        return 100.0 * self.vanishing / self.held


@dataclass(frozen=True)
class Plan:
    """What to delete.

    Attributes:
        roots: the entities to delete, each with all that lies in it.
        deleted: these and all that lies in them.
        refusals: scopes in which nothing is deleted because too much would be.
    """

    roots: tuple[Holding, ...] = ()
    deleted: tuple[Holding, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How much a run may delete.

    Attributes:
        max_share: percent of a scope.
        lifted: whether this run may delete more than that.
    """

    max_share: float
    lifted: bool = False

    def refuse(self, vanishing: int, held: int) -> bool:
        """Whether so much may not vanish."""
        return not self.lifted and (vanishing >= held or 100.0 * vanishing > self.max_share * held)


@dataclass(frozen=True)
class _Tree:
    """Entities by what they lie in."""

    children: Mapping[str, list[Holding]] = field(default_factory=dict[str, list[Holding]])

    @classmethod
    def of(cls, holdings: Iterable[Holding]) -> _Tree:
        children: defaultdict[str, list[Holding]] = defaultdict(list)
        for holding in holdings:
            children[names.parent(holding.fqn)].append(holding)
        return cls(children)

    def below(self, fqn: str) -> list[Holding]:
        """All that lies in an entity, at any depth."""
        found: list[Holding] = []
        waiting = [fqn]
        while waiting:
            inside = self.children.get(waiting.pop(), ())
            found.extend(inside)
            waiting.extend(holding.fqn for holding in inside)
        return found


def plan(
    before: Inventory,
    after: Inventory,
    *,
    exists: Callable[[Holding], bool],
    admitted: Callable[[Holding], bool],
    incomplete: Collection[str],
    limits: Limits,
) -> Plan:
    """What to delete after a run.

    Args:
        before: what the catalog held of the service before the run.
        after: what it holds after it.
        exists: whether an entity was met by the run, or is in the source by its own inventory.
        admitted: whether the present filters let an entity in.
        incomplete: fully qualified names of scopes that were not listed to the end.
        limits: how much may vanish.
    """
    tree = _Tree.of(after.holdings.values())
    candidates = {
        holding.id
        for holding in after.holdings.values()
        if _is_untouched(holding, before)
        and not exists(holding)
        and admitted(holding)
        and not names.lies_in(holding.fqn, incomplete)
    }
    gone = {key for key in candidates if all(inside.id in candidates for inside in tree.below(after.holdings[key].fqn))}
    covered = {inside.id for key in gone for inside in tree.below(after.holdings[key].fqn)}
    by_scope: defaultdict[str, list[Holding]] = defaultdict(list)
    for key in gone - covered:
        by_scope[names.parent(after.holdings[key].fqn)].append(after.holdings[key])
    roots: list[Holding] = []
    refusals: list[Refusal] = []
    for scope, vanishing in sorted(by_scope.items()):
        refusal = _refusal(scope, vanishing, tree, admitted, limits)
        if refusal is None:
            roots += sorted(vanishing, key=lambda holding: holding.fqn)
        else:
            refusals.append(refusal)
    deleted = [each for root in roots for each in (root, *tree.below(root.fqn))]
    return Plan(tuple(roots), tuple(deleted), tuple(refusals))


def carry_out(catalog: CatalogClient, roots: Iterable[Holding]) -> None:
    """Delete entities, softly and with all that lies in them.

    Raises:
        CatalogError: the catalog did not do it.
    """
    for root in roots:
        try:
            catalog.delete(collection(root.kind), root.id)
        except EntityNotFoundError:
            continue  # somebody was faster


def _is_untouched(holding: Holding, before: Inventory) -> bool:
    earlier = before.holdings.get(holding.id)
    return earlier is not None and earlier.version == holding.version


def _refusal(
    scope: str, vanishing: list[Holding], tree: _Tree, admitted: Callable[[Holding], bool], limits: Limits
) -> Refusal | None:
    held = sum(map(admitted, tree.below(scope)))
    number = sum(1 + len(tree.below(root.fqn)) for root in vanishing)
    first = min(root.fqn for root in vanishing)
    return Refusal(scope, number, held, first) if limits.refuse(number, held) else None
