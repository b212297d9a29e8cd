"""The part of the comparison that is about whose the tables are: owners, domain and tier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(tables: dict[str, Any], expected: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Every way in which a table is not whose it is, one sentence each.

    Args:
        tables: those of the catalog.
        expected: as ``examples.demo.expected_ownership`` returns it.
    """
    for name in sorted(tables.keys() & expected.keys()):
        table = tables[name]
        labels = [label.tagFQN.root for label in table.tags or []]
        found = {
            "owners": [owner.name for owner in (table.owners.root if table.owners else [])],
            "domains": [domain.name for domain in (table.domains.root if table.domains else [])],
            "tiers": [label for label in labels if label.startswith("Tier.")],
        }
        for what, wanted in expected[name].items():
            if found[what] != wanted:
                yield f"{name} has the {what} {_listed(found[what])} in the catalog, it is to have {_listed(wanted)}."


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
