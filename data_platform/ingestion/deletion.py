"""What disappeared from a source is deleted from the catalog, by rules that a source which is down cannot meet.

An entity is deleted when all of this holds: the catalog held it before the run and nobody changed it since; neither
the run nor the source's own inventory has it; the source's present filters let it in, so that narrowing a filter
deletes nothing; and there is no doubt about what it lies in. Of what a scope (a schema, a database, a service) held of
a kind before the run no more vanishes than a share, and never everything, unless the run is told to.

Deletions are soft: the catalog can restore them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from data_platform.errors import CatalogError, CatalogUnreachableError, EntityNotFoundError
from data_platform.ingestion import names
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.inventory import Holding, Inventory, collection


@dataclass(frozen=True)
class Refusal:
    """A scope of which too much would vanish.

    Attributes:
        scope: its fully qualified name.
        kind: the type of entity of which too much would.
        vanishing: number of those that would be deleted.
        held: number of those that the catalog held of it before the run.
        first: one of those that would be deleted.
    """

    scope: str
    kind: str
    vanishing: int
    held: int
    first: str

    @property
    def percent(self) -> float:
        """The share that would vanish."""
        return 100.0 * self.vanishing / self.held


@dataclass(frozen=True)
class Withheld:
    """A scope of which nobody can say what disappeared.

    Attributes:
        scope: its fully qualified name.
        why: the doubt.
        number: number of entities in it that seem to have disappeared.
        first: one of them.
    """

    scope: str
    why: str
    number: int
    first: str


@dataclass(frozen=True)
class Plan:
    """What to delete.

    Attributes:
        roots: the entities to delete, each with all that lies in it.
        deleted: these and all that lies in them, what lies in something after it.
        refusals: scopes in which nothing is deleted because too much would be.
        withheld: scopes in which nothing is deleted because of a doubt.
    """

    roots: tuple[Holding, ...] = ()
    deleted: tuple[Holding, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    def only(self, roots: Collection[Holding]) -> Plan:
        """The same when of its roots only these are deleted."""
        kept = {root.id for root in roots}
        inside = [f"{root.fqn}." for root in roots]
        deleted = (one for one in self.deleted if one.id in kept or any(map(one.fqn.startswith, inside)))
        return replace(self, roots=tuple(roots), deleted=tuple(deleted))


@dataclass(frozen=True)
class Limits:
    """How much a run may delete.

    Attributes:
        max_share: percent of what a scope held of a kind.
        lifted: whether this run may delete more than that.
        witnessed: whether it is known that an entity is gone, and not only out of the user's sight. Where it is not,
            what lies in it does not go with it: a source may hide a schema from a user who may not read it any more.
    """

    max_share: float
    lifted: bool = False
    witnessed: Callable[[Holding], bool] = lambda _: True

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

    def whole(self, roots: Iterable[Holding]) -> Iterator[Holding]:
        """Entities and all that lies in them."""
        for root in roots:
            yield root
            yield from self.below(root.fqn)


def plan(
    before: Inventory,
    after: Inventory,
    *,
    exists: Callable[[Holding], bool],
    admitted: Callable[[Holding], bool],
    doubts: Mapping[str, str],
    limits: Limits,
) -> Plan:
    """What to delete after a run.

    Args:
        before: what the catalog held of the service before the run.
        after: what it holds after it.
        exists: whether an entity was met by the run, or is in the source by its own inventory.
        admitted: whether the present filters let an entity in.
        doubts: why what seems to have disappeared may be there, by the fully qualified name of the scope it lies in.
        limits: how much may vanish.
    """
    tree = _Tree.of(after.holdings.values())
    vanished = [
        holding
        for holding in after.holdings.values()
        if _is_untouched(holding, before) and not exists(holding) and admitted(holding)
    ]
    candidates = {holding.id for holding in vanished if not names.lies_in(holding.fqn, doubts)}
    gone = {key for key in candidates if all(inside.id in candidates for inside in tree.below(after.holdings[key].fqn))}
    covered = {inside.id for key in gone for inside in tree.below(after.holdings[key].fqn)}
    by_scope: defaultdict[str, list[Holding]] = defaultdict(list)
    for key in gone - covered:
        by_scope[names.parent(after.holdings[key].fqn)].append(after.holdings[key])
    held = _Tree.of(holding for holding in before.holdings.values() if admitted(holding))
    roots: list[Holding] = []
    refusals: list[Refusal] = []
    for scope, vanishing in sorted(by_scope.items()):
        refused = list(_refused(scope, vanishing, tree, held, limits))
        refusals += refused
        if not refused:
            roots += sorted(vanishing, key=lambda holding: holding.fqn)
    return Plan(tuple(roots), tuple(tree.whole(roots)), tuple(refusals), tuple(_withheld(vanished, doubts)))


def carry_out(catalog: CatalogClient, plan: Plan) -> tuple[Plan, list[tuple[Holding, CatalogError]]]:
    """Delete what a plan says, softly and with all that lies in it.

    Returns:
        The plan as far as the catalog carried it out, and the entities that it did not delete with its reasons. A
        catalog that is gone is asked no more.
    """
    done: list[Holding] = []
    failed: list[tuple[Holding, CatalogError]] = []
    for root in plan.roots:
        try:
            catalog.delete(collection(root.kind), root.id)
        except EntityNotFoundError:
            done.append(root)  # the answer to an earlier try was lost, or somebody was faster
        except CatalogError as error:
            failed.append((root, error))
            if isinstance(error, CatalogUnreachableError):
                break
        else:
            done.append(root)
    return plan.only(done), failed


def _is_untouched(holding: Holding, before: Inventory) -> bool:
    earlier = before.holdings.get(holding.id)
    return earlier is not None and earlier.version == holding.version


def _refused(scope: str, roots: list[Holding], tree: _Tree, held: _Tree, limits: Limits) -> Iterator[Refusal]:
    """The limits that deleting roots of a scope would break: its own, and those of what goes with all in it unseen."""
    yield from _too_much(scope, list(tree.whole(roots)), held, limits)
    for root in roots:
        if (inside := tree.below(root.fqn)) and not limits.witnessed(root):
            yield from _too_much(root.fqn, inside, held, limits)


def _too_much(scope: str, vanishing: list[Holding], held: _Tree, limits: Limits) -> Iterator[Refusal]:
    there = Counter(holding.kind for holding in held.below(scope))
    for kind, number in sorted(Counter(holding.kind for holding in vanishing).items()):
        if limits.refuse(number, there[kind]):
            first = min(holding.fqn for holding in vanishing if holding.kind == kind)
            yield Refusal(scope, kind, number, there[kind], first)


def _withheld(vanished: list[Holding], doubts: Mapping[str, str]) -> Iterator[Withheld]:
    for scope, why in sorted(doubts.items()):
        inside = sorted(holding.fqn for holding in vanished if names.lies_in(holding.fqn, [scope]))
        if inside:
            yield Withheld(scope, why, len(inside), inside[0])
