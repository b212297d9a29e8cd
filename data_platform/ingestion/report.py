"""A result in the words of Dagster Pipes: asset metadata and the check ``completed``.

Numbers stay numbers, so that Dagster plots them from run to run; failures are a table.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from data_platform.ingestion.run import Result
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.spec import WorkflowSpec
from data_platform.ingestion.verdict import Failure, Outcome

MOST_FAILURES: Final = 200
"""Rows of the table of failures; the count beside it is of all."""

Metadata = dict[str, Any]
Severity = Literal["WARN", "ERROR"]


def severity(result: Result) -> Severity:
    """How bad a check that did not pass is: what partly arrived is a warning."""
    return "WARN" if result.verdict.outcome is Outcome.PARTIAL else "ERROR"


def metadata(spec: WorkflowSpec, result: Result) -> Metadata:
    """Everything that is known of a run, by key, as Pipes takes it."""
    page = connectors()[spec.connector].page(spec.catalog_url, spec.service)
    return {
        "verdict": _typed("text", result.verdict.sentence),
        **_entities(result),
        **_arrivals(spec, result),
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
    return found


def _arrivals(spec: WorkflowSpec, result: Result) -> Metadata:
    traffic = result.traffic
    found: Metadata = {}
    if traffic.edges or spec.workflow == "lineage":
        found["lineage/edges"] = _typed("int", len(traffic.edges))
        found["lineage/column_edges"] = _typed("int", sum(traffic.edges.values()))
    if spec.workflow == "profiling":
        found["profiles/tables"] = _typed("int", len(traffic.profiles))
        found["profiles/columns"] = _typed("int", sum(traffic.profiles.values()))
    if spec.workflow == "usage":
        found["usage/queries"] = _typed("int", traffic.other_writes["queries"])
        found["usage/tables"] = _typed("int", traffic.other_writes["usage"])
    return found


def _quality(result: Result) -> Metadata:
    failures = result.verdict.failures
    found: Metadata = {
        "failed": _typed("int", len(failures)),
        "filtered": _typed("int", result.filtered),
        "warnings": _typed("int", result.warnings),
    }
    if failures:
        found["failures"] = _typed("table", _table(failures[:MOST_FAILURES]))
    return found


def _table(failures: tuple[Failure, ...]) -> dict[str, Any]:
    columns = ("name", "kind", "error")
    return {
        "schema": [{"name": column, "type": "string"} for column in columns],
        "records": [{column: getattr(failure, column) for column in columns} for failure in failures],
    }


def _costs(result: Result) -> Metadata:
    return {
        "requests": _typed("int", result.traffic.requests),
        "peak_memory_mib": _typed("float", round(result.peak_memory, 1)),
        "seconds": _typed("float", round(sum(result.seconds.values()), 2)),
        **{f"seconds/{name}": _typed("float", round(value, 2)) for name, value in result.seconds.items()},
        "seconds/catalog": _typed("float", round(result.traffic.seconds, 2)),
    }


def _typed(kind: str, value: Any) -> Metadata:
    return {"raw_value": value, "type": kind}
