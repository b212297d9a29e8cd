"""The rules that hold between an asset and its owners, domains, data products and certification.

They are OpenMetadata's system rules: ``entityRulesSettings`` turns each of them off by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import certification, documents, teams
from data_platform.server.entity_types import ENTITY_TYPES, entity_type
from data_platform.server.problems import BadRequestError
from data_platform.server.settings import ONE_DOMAIN, OWNERSHIP, PRODUCT_DOMAIN, SEMANTICS, setting

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.store import Connection

_ANY_DOMAINS = frozenset({"user", "team", "persona", "bot", "type"})


def is_enabled(connection: Connection, name: str) -> bool:
    """Whether the rule of that name holds."""
    rules = setting(connection, "entityRulesSettings").get("entitySemantics", [])
    return any(rule["name"] == name and rule.get("enabled", True) for rule in rules)


def _refuse(connection: Connection, name: str) -> None:
    if is_enabled(connection, name):
        text = next(rule["description"] for rule in SEMANTICS if rule["name"] == name)
        raise BadRequestError(
            f"Rule [{name}] validation failed: Entity does not satisfy the rule. Rule context: {text}"
        )


def check(connection: Connection, row: EntityType, document: Json, original: Json | None) -> None:
    """Refuse, or put right, what a document about to be stored says of owners, domains, products and certification.

    Raises:
        BadRequestError: naming the rule that it breaks.
    """
    kind = row.name
    before = original or {}
    owners, domains = document.get("owners", []), document.get("domains", [])
    if owners and owners != before.get("owners", []):
        teams.check_owners(connection, owners)
        if len(owners) > 1 and any(owner["type"] == "team" for owner in owners):
            _refuse(connection, OWNERSHIP)
    if domains != before.get("domains", []) and len(domains) > 1 and kind not in _ANY_DOMAINS:
        _refuse(connection, ONE_DOMAIN)
    certification.check(connection, document, original)
    products = document.get("dataProducts", [])
    if not products or kind in ("domain", "dataProduct"):
        return
    changed = products != before.get("dataProducts", [])
    if not changed and domains == before.get("domains", []):
        return
    apart = _of_another_domain(connection, kind, document)
    if apart and changed:
        _refuse(connection, PRODUCT_DOMAIN)
    elif apart and is_enabled(connection, PRODUCT_DOMAIN):
        # Who moves an asset to another domain takes it out of the products of the domain it leaves.
        document["dataProducts"] = [held for held in products if held["id"] not in apart]


def _of_another_domain(connection: Connection, kind: str, document: Json) -> set[str]:
    own = {held["id"] for held in _domains(connection, kind, document)}
    apart: set[str] = set()
    for held in document["dataProducts"]:
        product = documents.need_id(connection, ENTITY_TYPES["dataProduct"], held["id"], "all")
        if not own & {domain["id"] for domain in product.get("domains", [])}:
            apart.add(held["id"])
    return apart


def _domains(connection: Connection, kind: str, document: Json) -> list[Json]:
    """The domains of an asset, its own or the nearest above it."""
    while not document.get("domains"):
        above = documents.parent_of(entity_type(kind), document)
        held = documents.find_id(connection, entity_type(above["type"]), above["id"], "all") if above else None
        if above is None or held is None:
            return []
        kind, document = above["type"], held
    return document["domains"]
