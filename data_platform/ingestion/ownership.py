"""Owners, domain and tier that a source's definition gives, written to the catalog where nobody has said otherwise.

What a rule gives is filled in, never replaced: an entity that has owners, a domain or a tier of its own keeps them,
whoever set them. So a wrong one would stay, too: while the catalog does not know one of the names, nothing is written.

Owners and domain of a service are inherited by what lies in it, so a rule for the whole source is written to its
service alone; a tier is a tag and is written to each table, dashboard, pipeline or whatever the source is there for.
Only what the run listed is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from data_platform.errors import CatalogError, CatalogUnreachableError, EntityNotFoundError
from data_platform.ingestion.catalog import CatalogClient, Entity
from data_platform.ingestion.inventory import LEAVES
from data_platform.ingestion.spec import Ownership
from data_platform.ingestion.verdict import OWNERSHIP, Failure

_FIELDS: Final = ("owners", "domains", "tags")

Operation = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """What applying the rules came to.

    Attributes:
        changed: number of entities to which something was written.
        kept: number of entities that had what a rule would have given.
        failures: names that the catalog does not know, entities that it refused to change, or rules for nothing.
    """

    changed: int = 0
    kept: int = 0
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class References:
    """A rule's names, looked up in the catalog."""

    rule: Ownership
    owners: tuple[Entity, ...]
    domain: Entity | None


@dataclass
class Directory:
    """The catalog's teams, users, domains and tiers by name.

    Attributes:
        catalog: the catalog.
        unknown: what was asked for and is not there.
    """

    catalog: CatalogClient
    unknown: dict[str, Failure] = field(default_factory=dict[str, Failure])

    def look_up(self, rule: Ownership) -> References:
        """A rule with its names looked up; those that are not known are left out."""
        owners = [self._owner(name) for name in rule.owners]
        domain = self._known("domains", "domain", rule.domain) if rule.domain else None
        if rule.tier:
            self._known("tags", "tag", f"Tier.{rule.tier}")
        return References(rule, tuple(owner for owner in owners if owner), domain)

    def _owner(self, name: str) -> Entity | None:
        kind, separator, team = name.partition(":")
        if separator and kind == "team":
            return self._known("teams", "team", team)
        return self._known("users", "user", name.partition("@")[0].lower())

    def _known(self, collection: str, kind: str, name: str) -> Entity | None:
        try:
            return {**self.catalog.get_by_name(collection, name), "type": kind}
        except EntityNotFoundError:
            error = f"the catalog has no {kind} {name!r}: create it there, or correct the source's defs.yaml"
            self.unknown[f"{kind} {name}"] = Failure(name, OWNERSHIP, error)
            return None


def apply(
    catalog: CatalogClient,
    category: str,
    service: str,
    rules: Sequence[Ownership],
    listed: Mapping[str, Collection[str]],
) -> Written:
    """Write what the rules give to a service and to what lies in it.

    Args:
        catalog: the catalog.
        category: the service's category, a key of :data:`data_platform.ingestion.inventory.LEAVES`.
        service: the service's name.
        rules: the first rule that gives an entity something decides.
        listed: fully qualified names of what the run listed, by collection.
    """
    changed = kept = 0
    failures: list[Failure] = []
    try:
        directory = Directory(catalog)
        found = [directory.look_up(rule) for rule in rules]
        if directory.unknown:
            return Written(failures=tuple(directory.unknown.values()))
        for where, entity, matching in _entities(catalog, category, service, found, listed):
            wanted = list(_missing(entity, matching))
            refused = _write(catalog, where, entity, wanted) if wanted else None
            if refused:
                failures.append(refused)
            changed += bool(wanted and not refused)
            kept += bool(matching and not wanted)
        failures += _for_nothing(rules, listed.get(LEAVES[category], ()))
    except CatalogError as error:
        failures.append(Failure(service, OWNERSHIP, error.sentence))
    return Written(changed, kept, tuple(failures))


def _write(catalog: CatalogClient, where: str, entity: Entity, wanted: list[Operation]) -> Failure | None:
    """Change one entity, unless it has changed meanwhile; what the catalog refuses is that entity's failure alone."""
    try:
        catalog.patch(where, entity["id"], wanted, version=entity["version"])
    except CatalogUnreachableError:
        raise
    except CatalogError as error:
        return Failure(str(entity["fullyQualifiedName"]), OWNERSHIP, error.sentence)
    return None


def _entities(
    catalog: CatalogClient,
    category: str,
    service: str,
    rules: list[References],
    listed: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, Entity, list[References]]]:
    """Every entity that rules are for, with its collection and these rules."""
    whole = [one for one in rules if one.rule.tables is None and (one.owners or one.domain)]
    if whole:
        collection = f"services/{category}Services"
        yield (
            collection,
            catalog.get_by_name(collection, service, fields=_FIELDS),
            [_without_tier(one) for one in whole],
        )
    narrow = [one for one in rules if one.rule.tables is not None or one.rule.tier is not None]
    names = listed.get(LEAVES[category], ())
    for leaf in _leaves(catalog, category, service) if narrow and names else ():
        if leaf["fullyQualifiedName"] in names:
            yield (
                LEAVES[category],
                leaf,
                [_of_leaf(one) for one in narrow if _matches(one.rule, leaf["fullyQualifiedName"])],
            )


def _leaves(catalog: CatalogClient, category: str, service: str) -> Iterator[Entity]:
    if category != "database":
        yield from catalog.list(LEAVES[category], service=service, fields=_FIELDS)
        return
    for database in catalog.list("databases", service=service):
        yield from catalog.list("tables", database=database["fullyQualifiedName"], fields=_FIELDS)


def _matches(rule: Ownership, name: str) -> bool:
    path = name.partition(".")[2]
    return rule.tables is None or re.fullmatch(rule.tables, path) is not None


def _for_nothing(rules: Sequence[Ownership], names: Collection[str]) -> Iterator[Failure]:
    """Rules for tables of which none was listed; where nothing at all was, that is not for the rules to say."""
    for rule in rules if names else ():
        if not any(_matches(rule, name) for name in names):
            error = f"no table matches {rule.tables!r}, which is held against database.schema.table: correct the rule"
            yield Failure(str(rule.tables), OWNERSHIP, error)


def _without_tier(found: References) -> References:
    return References(found.rule.model_copy(update={"tier": None}), found.owners, found.domain)


def _of_leaf(found: References) -> References:
    """A rule for the whole source gives what lies in it a tier; owners and domain it inherits."""
    return found if found.rule.tables is not None else References(found.rule, (), None)


def _missing(entity: Entity, rules: Iterable[References]) -> Iterator[Operation]:
    """The JSON Patch operations that fill in what an entity has not."""
    has_owners, has_domain = _own(entity, "owners"), _own(entity, "domains")
    has_tier = any(str(tag["tagFQN"]).startswith("Tier.") for tag in cast(list[Entity], entity.get("tags") or []))
    for found in rules:
        if found.owners and not has_owners:
            has_owners = True
            yield {"op": "add", "path": "/owners", "value": [_reference(owner) for owner in found.owners]}
        if found.domain and not has_domain:
            has_domain = True
            yield {"op": "add", "path": "/domains", "value": [_reference(found.domain)]}
        if found.rule.tier and not has_tier:
            has_tier = True
            label = {"tagFQN": f"Tier.{found.rule.tier}", "source": "Classification", "labelType": "Automated"}
            tags = [*cast(list[Entity], entity.get("tags") or []), {**label, "state": "Confirmed"}]
            yield {"op": "add", "path": "/tags", "value": tags}


def _own(entity: Entity, field: str) -> bool:
    """Whether an entity has something of its own, not what it inherits."""
    return any(not one.get("inherited") for one in cast(list[Entity], entity.get(field) or []))


def _reference(entity: Entity) -> Entity:
    return {"id": entity["id"], "type": entity["type"]}
