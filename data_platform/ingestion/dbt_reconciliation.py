"""Holds the catalog against dbt's manifests: which tables are described, and which are described no more.

dbt describes tables of other sources, so nothing is deleted here, and what counts of a table is that it carries a data
model. The manifests are the files that the run was given, but read here, not by the client: it drops what it cannot
match. Tables are told apart by their names whatever the case, as the client does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from data_platform.ingestion import matching, names
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.dbt_artifacts import Described
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.inventory import Holding, Inventory
from data_platform.ingestion.matching import Difference, Match
from data_platform.ingestion.reconciliation import Reconciled
from data_platform.ingestion.source_inventory import Key, Listed, SourceInventory


def reconcile(described: Described, source: Any, catalog: CatalogClient) -> Reconciled:
    """Compare what a run's manifests describe with the data models that the catalog has.

    Args:
        described: what they describe.
        source: OpenMetadata's ``DbtSource``; only its configuration is used.
        catalog: the catalog, after the run.
    """
    service, options = str(source.config.serviceName), source.source_config
    if not described.projects:
        return Reconciled(None, "No manifest could be read.")
    if options.searchAcrossDatabases or options.catalogMapping:
        return Reconciled(Match(0, unjudged=(service,)))  # which table is meant is up to the client's search
    filters = Filters(options, service)
    found = {str(table["fullyQualifiedName"]): table for table in _tables(described, service, catalog)}
    whatever_case = {name.lower(): name for name in found}
    listed: dict[Key, Listed] = {}
    for path in described.tables:
        if filters.admits("table", path):
            name = names.join(service, *path)
            known = name if name in found else whatever_case.get(name.lower(), name)
            listed["table", known] = Listed("table", path)
    match = matching.match((listed, listed), _data_models(described, listed, found), filters)
    absent = len(set(match.names(Difference.MISSING)) - found.keys())
    return Reconciled(Match(match.compared, match.mismatches, excused=absent))


def _tables(described: Described, service: str, catalog: CatalogClient) -> Iterator[dict[str, Any]]:
    wanted = {database.lower() for database, *_ in described.tables}
    for database in catalog.list("databases", service=service):
        if str(database["name"]).lower() in wanted:
            yield from catalog.list("tables", fields=["dataModel"], database=database["fullyQualifiedName"])


def _data_models(described: Described, listed: SourceInventory, found: Mapping[str, dict[str, Any]]) -> Inventory:
    """Tables that carry a data model of these projects, or of another that describes one of the same tables."""
    of_dbt = (
        table
        for name, table in found.items()
        if (model := cast(dict[str, Any], table.get("dataModel") or {})).get("modelType") == "DBT"
        and (model.get("dbtSourceProject") in described.projects or ("table", name) in listed)
    )
    return Inventory(
        {each["id"]: Holding("table", each["fullyQualifiedName"], each["id"], each["version"]) for each in of_dbt}
    )
