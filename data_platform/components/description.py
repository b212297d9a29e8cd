"""What a source's assets say about themselves: what each fills in the catalog, and where it reads."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from data_platform.ingestion.reachability import shown_address
from data_platform.ingestion.schemas import Connector
from data_platform.ingestion.spec import HISTORY, Workflow

_METADATA: Final[Mapping[str, str]] = {
    "api": "API collections and endpoints",
    "dashboard": "Dashboards, their charts and data models",
    "database": "Databases, schemas, tables, views and stored procedures",
    "messaging": "Topics and their schemas",
    "mlmodel": "Machine learning models and their features",
    "pipeline": "Pipelines, their tasks, runs and lineage",
    "search": "Search indexes and their fields",
    "storage": "Buckets, containers and their structure",
}
_DATABASE: Final[Mapping[Workflow, str]] = {
    Workflow.USAGE: "How often tables are queried, by whom and with what, from query logs,",
    Workflow.PROFILING: "Profiles of tables and columns (row counts, nulls, ranges, distributions)",
    Workflow.TESTS: "Results of data-quality tests of tables and columns",
}
_LINEAGE_FROM: Final[Mapping[str, str]] = {
    "processQueryLineage": "query logs",
    "processViewLineage": "view definitions",
}
_DBT: Final[Mapping[Workflow, str]] = {
    Workflow.METADATA: "Descriptions, tags and tests of the models",
    Workflow.LINEAGE: "Lineage between the models and their columns,",
}


def describe(
    connector: Connector,
    service: str,
    workflow: Workflow,
    connection: Mapping[str, Any],
    options: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """One sentence: what the workflow fills, from where, and under which service of the catalog."""
    address = shown_address(connection)
    source = f"{connector.name} at `{address}`" if address else connector.name
    if workflow is Workflow.QUERY_LOG:
        kept = f"its table `{connection[HISTORY]}`" if HISTORY in connection else "a table of its own"
        return f"What was asked of {source}, kept in {kept} for lineage and usage."
    target = f"the catalog's service `{service}`" if connector.service_collection else "the catalog's tables"
    return f"{_contents(connector, workflow, options)} of {source}, in {target}."


def describe_unconnected(connector: Connector, service: str, workflow: Workflow, environment: str, file: str) -> str:
    """The same for a source that the current environment has no connection to, with how to connect it."""
    sentence = describe(connector, service, workflow, {})
    return f"{sentence} Not connected in {environment}: add `environments.{environment}` to {file} to run it here."


def _contents(connector: Connector, workflow: Workflow, options: Mapping[str, Any]) -> str:
    if connector.service_collection is None:
        return _DBT[workflow]
    if workflow is Workflow.LINEAGE:
        read = [text for option, text in _LINEAGE_FROM.items() if options.get(option, True)]
        return f"Lineage between tables and columns, from {' and '.join(read) or 'nothing'},"
    return _METADATA[connector.category] if workflow is Workflow.METADATA else _DATABASE[workflow]
