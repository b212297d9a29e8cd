"""Whose the tables must be in the catalog: what the source's definition says; owners and tier of dbt's are dbt's.

Read from the definition with nothing of this project's, so that an error of its reading cannot hide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

import yaml

from examples.demo.layout import PROJECT_ROOT

DEFINITION: Final = PROJECT_ROOT / "data_platform" / "defs" / "sources" / "postgres" / "defs.yaml"


def expected(database: str, tables: Iterable[str], models: Collection[str]) -> dict[str, dict[str, list[str]]]:
    """Domain of every table, and owners and tiers of those that are not dbt's.

    Args:
        database: the database's name.
        tables: names of the tables, without the database.
        models: those of them that dbt makes.
    """
    source: dict[str, Any] = yaml.safe_load(DEFINITION.read_text())["attributes"]
    found: dict[str, dict[str, list[str]]] = {}
    for table in tables:
        given = {"owners": source["owners"], "domain": source["domain"], "tier": None}
        for rule in reversed(source["ownership"]):
            if re.fullmatch(rule["tables"], f"{database}.{table}"):
                given |= rule
        found[table] = {"domains": [given["domain"]]}
        if table not in models:
            owners = [owner.removeprefix("team:") for owner in given["owners"]]
            found[table] |= {"owners": owners, "tiers": [f"Tier.{given['tier']}"] if given["tier"] else []}
    return found
