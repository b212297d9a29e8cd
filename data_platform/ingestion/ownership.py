"""Owners, domain and tier that a source's definition gives, written to the catalog where nobody has said otherwise.

What a rule gives is filled in, never replaced: an entity that has owners, a domain or a tier of its own keeps them,
whoever set them. Owners and domain of a service are inherited by what lies in it, so a rule for the whole source is
written to its service alone; a tier is a tag and is written to each table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import BaseModel, ConfigDict

from data_platform.errors import ConfigurationError, EntityNotFoundError
from data_platform.ingestion.catalog import CatalogClient, Entity

_FIELDS: Final = ("owners", "domains", "tags")

Operation = dict[str, Any]


class Ownership(BaseModel):
    """A rule.

    Attributes:
        tables: regular expression on ``database.schema.table`` that the rule is for; without it, the whole source.
        owners: ``team:<name>`` or a user's name or e-mail address, as the catalog knows them.
        domain: fully qualified name of a domain.
        tier: a tag of the classification Tier, for example ``Tier1``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: str | None = None
    owners: tuple[str, ...] = ()
    domain: str | None = None
    tier: str | None = None


@dataclass(frozen=True)
class Written:
    """What applying the rules came to.

    Attributes:
        changed: number of entities to which something was written.
        kept: number of entities that had what a rule would have given.
    """

    changed: int = 0
    kept: int = 0


@dataclass(frozen=True)
class References:
    """A rule's names, looked up in the catalog."""

    rule: Ownership
    owners: tuple[Entity, ...]
    domain: Entity | None


def apply(catalog: CatalogClient, collection: str, service: str, rules: Sequence[Ownership]) -> Written:
    """Write what the rules give to a service and its tables.

    Args:
        catalog: the catalog.
        collection: the service's collection, for example ``services/databaseServices``.
        service: the service's name.
        rules: the first rule that gives an entity something decides.

    Raises:
        ConfigurationError: the catalog does not know an owner, a domain or a tier.
    """
    found = [_look_up(catalog, service, rule) for rule in rules]
    changed = kept = 0
    for where, entity, matching in _entities(catalog, collection, service, found):
        wanted = list(_missing(entity, matching))
        if wanted:
            catalog.patch(where, entity["id"], wanted, version=entity["version"])
            changed += 1
        elif matching:
            kept += 1
    return Written(changed, kept)


def _entities(
    catalog: CatalogClient, collection: str, service: str, rules: list[References]
) -> Iterator[tuple[str, Entity, list[References]]]:
    """Every entity that rules are for, with its collection and these rules."""
    whole = [one for one in rules if one.rule.tables is None]
    if whole:
        holder = catalog.get_by_name(collection, service, fields=_FIELDS)
        yield collection, holder, [_without_tier(one) for one in whole]
    if collection != "services/databaseServices":
        return
    narrow = [one for one in rules if one.rule.tables is not None or one.rule.tier is not None]
    for database in catalog.list("databases", service=service) if narrow else ():
        for table in catalog.list("tables", database=database["fullyQualifiedName"], fields=_FIELDS):
            matching = [_of_table(one) for one in narrow if _matches(one.rule, table)]
            yield "tables", table, matching


def _matches(rule: Ownership, table: Entity) -> bool:
    path = str(table["fullyQualifiedName"]).partition(".")[2]
    return rule.tables is None or re.fullmatch(rule.tables, path) is not None


def _without_tier(found: References) -> References:
    return References(found.rule.model_copy(update={"tier": None}), found.owners, found.domain)


def _of_table(found: References) -> References:
    """A rule for the whole source gives its tables a tier; owners and domain they inherit."""
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


def _look_up(catalog: CatalogClient, service: str, rule: Ownership) -> References:
    owners = tuple(_owner(catalog, service, name) for name in rule.owners)
    domain = _known(catalog, service, "domains", "domain", rule.domain) if rule.domain else None
    if rule.tier:
        _known(catalog, service, "tags", "tag", f"Tier.{rule.tier}")
    return References(rule, owners, domain)


def _owner(catalog: CatalogClient, service: str, name: str) -> Entity:
    kind, separator, team = name.partition(":")
    if separator and kind == "team":
        return _known(catalog, service, "teams", "team", team)
    return _known(catalog, service, "users", "user", name.partition("@")[0].lower())


def _known(catalog: CatalogClient, service: str, collection: str, kind: str, name: str) -> Entity:
    try:
        return {**catalog.get_by_name(collection, name), "type": kind}
    except EntityNotFoundError as error:
        raise ConfigurationError(
            f"the catalog has no {kind} {name!r}",
            source=service,
            remedy="create it in the catalog, or correct the source's defs.yaml",
        ) from error
