"""Whether lineage and usage can read what a source's query log keeps, decided when definitions load.

The connection's ``queryHistoryTable`` is where they read in each environment, and where the workflow ``query_log``
writes. Without that workflow the platform keeps the table itself and nothing is asked of it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from data_platform.ingestion.schemas import Connector
from data_platform.ingestion.schemas.check import Violation
from data_platform.ingestion.spec import HISTORY, Workflow
from data_platform.secrets import contains_reference

READ_QUERIES: Final = frozenset({Workflow.LINEAGE, Workflow.USAGE})
"""Workflows that read what was asked of a source."""

_TABLE: Final = re.compile(r"\w+\.\w+\.\w+", re.ASCII)
_OF_TRINO: Final = "system."
_EXAMPLE: Final = "name one in an Iceberg catalog, for example lakehouse.openmetadata.query_history"


def history_problems(
    connector: Connector,
    connection: Mapping[str, Any],
    environments: Mapping[str, Mapping[str, Any]],
    workflows: Mapping[Workflow, Mapping[str, Any]],
) -> Iterator[Violation]:
    """A query log that has no table of its own to keep, or that forgets what is to be read from it.

    Args:
        connector: the source's.
        connection: the connection's fields that are the same everywhere.
        environments: the fields that differ, by environment.
        workflows: the options of each workflow.
    """
    if Workflow.QUERY_LOG not in workflows or Workflow.QUERY_LOG not in connector.workflows:
        return
    if HISTORY in connection:
        yield from _table_problems(("connection", HISTORY), connection[HISTORY])
    for environment, own in environments.items():
        if HISTORY in own or HISTORY not in connection:
            yield from _table_problems(("environments", environment, HISTORY), own.get(HISTORY))
    yield from _retention_problems(connector, workflows)


def _table_problems(path: tuple[str, ...], table: Any) -> Iterator[Violation]:
    if table is None:
        yield Violation(path, "is missing, and the workflow query_log keeps it", _EXAMPLE)
    elif contains_reference(table) or not _TABLE.fullmatch(str(table)):
        yield Violation(path, "must be catalog.schema.table, which the workflow query_log keeps", _EXAMPLE)
    elif str(table).startswith(_OF_TRINO):
        yield Violation(path, "is Trino's own, and the workflow query_log cannot write to it", _EXAMPLE)


def _retention_problems(connector: Connector, workflows: Mapping[Workflow, Mapping[str, Any]]) -> Iterator[Violation]:
    def days(workflow: Workflow, option: str) -> Any:
        default = connector.options_schema(workflow)["properties"][option]["default"]
        return workflows[workflow].get(option, default)

    kept = days(Workflow.QUERY_LOG, "retentionDays")
    for workflow in sorted(READ_QUERIES & workflows.keys()):
        read = days(workflow, "queryLogDuration")
        if isinstance(kept, int) and isinstance(read, int) and kept <= read:
            yield Violation(
                ("workflows", Workflow.QUERY_LOG.value, "retentionDays"),
                f"is {kept}, and {workflow} reads {read} days",
                "keep queries for longer than they are read, so that it is known where they end",
            )
