"""A result in the words of Dagster Pipes: asset metadata and the check ``completed``.

Numbers stay numbers, so that Dagster plots them from run to run; failures are a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from data_platform.ingestion.run import Result
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.verdict import Outcome

MOST_ROWS: Final = 200
"""Rows of a table, for example of failures; the count beside it is of all."""

Metadata = dict[str, Any]
Severity = Literal["WARN", "ERROR"]


def severity(result: Result) -> Severity:
    """How bad a check that did not pass is: what partly arrived is a warning."""
    return "WARN" if result.verdict.outcome is Outcome.PARTIAL else "ERROR"


def metadata(spec: WorkflowSpec, result: Result) -> Metadata:
    """Everything that is known of what one workflow did, by key, as Pipes takes it."""
    page = connectors()[spec.connector].page(spec.catalog_url, spec.service)
    return {
        "verdict": _typed("text", result.verdict.sentence),
        **_entities(result),
        **_arrivals(result),
        **_quality(result),
        **_costs(result),
        **({"catalog": _typed("url", page)} if page else {}),
    }


def _entities(result: Result) -> Metadata:
    found: Metadata = {f"entities/{kind}": _typed("int", count) for kind, count in sorted(result.entities.items())}
    if result.difference is not None:
        change = result.difference
        for name in ("created", "updated", "unchanged", "deleted"):
            found[name] = _typed("int", getattr(change, name))
    if result.ownership is not None:
        found["ownership/written"] = _typed("int", result.ownership.changed)
        found["ownership/kept"] = _typed("int", result.ownership.kept)
    return found


def _arrivals(result: Result) -> Metadata:
    account = result.account
    found: Metadata = {}
    if account.edges or result.workflow is Workflow.LINEAGE:
        found["lineage/edges"] = _typed("int", len(account.edges))
        found["lineage/column_edges"] = _typed("int", sum(account.edges.values()))
    if result.workflow is Workflow.PROFILING:
        found["profiles/tables"] = _typed("int", len(account.profiles))
        found["profiles/columns"] = _typed("int", sum(account.profiles.values()))
    if result.workflow is Workflow.USAGE:
        found["usage/queries"] = _typed("int", account.other_writes["queries"])
        found["usage/tables"] = _typed("int", account.other_writes["usage"])
    return found


def _quality(result: Result) -> Metadata:
    failures = result.verdict.failures
    found: Metadata = {
        "failed": _typed("int", len(failures)),
        "filtered": _typed("int", result.filtered),
        "warnings": _typed("int", result.warnings),
    }
    if result.notices:
        found["notices"] = _typed("text", " ".join(result.notices))
    if failures:
        found["failures"] = _table(("name", "kind", "error"), failures)
    if result.unmatched:
        found["unmatched"] = _table(("name", "kind", "wanted"), result.unmatched)
        found["unmatched/number"] = _typed("int", len(result.unmatched))
    return found


def _table(columns: tuple[str, ...], rows: Sequence[object]) -> Metadata:
    records = [{column: getattr(row, column) for column in columns} for row in rows[:MOST_ROWS]]
    return _typed("table", {"schema": [{"name": column, "type": "string"} for column in columns], "records": records})


def _costs(result: Result) -> Metadata:
    stages = sum(value for name, value in result.seconds.items() if name != "catalog")
    return {
        "requests": _typed("int", result.requests),
        "peak_memory_mib": _typed("float", round(result.peak_memory, 1)),
        "seconds": _typed("float", round(stages, 2)),
        **{f"seconds/{name}": _typed("float", round(value, 2)) for name, value in result.seconds.items()},
    }


def _typed(kind: str, value: Any) -> Metadata:
    return {"raw_value": value, "type": kind}
