"""A result in the words of Dagster Pipes: asset metadata and asset checks.

Numbers stay numbers, so that Dagster plots them from run to run; failures are a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from data_platform.ingestion.data_tests import Tested
from data_platform.ingestion.deletion import Plan
from data_platform.ingestion.health import Finding
from data_platform.ingestion.inventory import Holding
from data_platform.ingestion.matching import Difference
from data_platform.ingestion.reconciliation import Reconciled
from data_platform.ingestion.run import Result
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.spec import COMPLETED, DELETIONS, MATCHES, NO_MASS_DELETION, Workflow, WorkflowSpec
from data_platform.ingestion.verdict import Outcome

MOST_ROWS: Final = 200
"""Rows of a table, for example of failures; the count beside it is of all."""

_HEALTH: Final = (
    "name",
    "rows",
    "is_exact",
    "size_mib",
    "files",
    "small_file_percent",
    "partitions",
    "snapshots",
    "oldest_snapshot",
    "last_commit",
    "delete_files",
    "orphan_delete_percent",
    "columns_without_statistics",
)

_KINDS: Final[dict[type, str]] = {bool: "bool", int: "int", float: "float"}

Metadata = dict[str, Any]
Severity = Literal["WARN", "ERROR"]


@dataclass(frozen=True)
class Check:
    """What became of one asset check."""

    name: str
    passed: bool
    severity: Severity
    metadata: Metadata


def checks(spec: WorkflowSpec, result: Result, metadata: Metadata) -> Iterator[Check]:
    """The checks of one workflow's asset.

    Args:
        spec: what was asked for.
        result: what became of it.
        metadata: the asset's.
    """
    partly = result.verdict.outcome is Outcome.PARTIAL
    yield Check(COMPLETED, result.verdict.outcome is Outcome.OK, "WARN" if partly else "ERROR", metadata)
    for one in result.tested:
        yield _data_test(spec, one)
    if result.health:
        yield from map(_health_check, result.health.judged())
    reconciled = result.reconciled
    if reconciled is None:
        return
    if reconciled.match or reconciled.unknown:
        yield _matches(spec, reconciled)
    if result.verdict.outcome is not Outcome.FAILED and connectors()[spec.connector].service_collection:
        yield _no_mass_deletion(spec, reconciled.plan)


def _matches(spec: WorkflowSpec, reconciled: Reconciled) -> Check:
    match = reconciled.match
    if match is None:
        sentence = f"It is not known whether the catalog matches the source. {reconciled.unknown}"
        return Check(MATCHES, False, "ERROR", {"verdict": _typed("text", sentence)})
    found: Metadata = {"verdict": _typed("text", match.sentence), "compared": _typed("int", match.compared)}
    for difference in Difference:
        found[difference] = _typed("int", match.count(difference))
    if match.unjudged:
        found["unjudged"] = _typed("json", list(match.unjudged))
    if match.mismatches:
        found["mismatches"] = _table(("scope", "name", "kind", "difference", "detail"), match.mismatches)
    if match.hidden:
        found["hidden"] = _typed("json", list(match.hidden))
    tolerable = 100 - match.untrue_percent >= spec.min_success_percent
    return Check(MATCHES, not (match.mismatches or match.hidden), "WARN" if tolerable else "ERROR", found)


def _no_mass_deletion(spec: WorkflowSpec, plan: Plan) -> Check:
    found: Metadata = {
        "verdict": _typed("text", " ".join(_on_deletions(spec, plan))),
        "deleted": _typed("int", len(plan.deleted)),
    }
    if plan.refusals:
        found["refused"] = _table(("scope", "kind", "vanishing", "held", "percent", "first"), plan.refusals)
    if plan.withheld:
        found["withheld"] = _table(("scope", "number", "first", "why"), plan.withheld)
    return Check(NO_MASS_DELETION, not (plan.refusals or plan.withheld), "ERROR" if plan.refusals else "WARN", found)


def _on_deletions(spec: WorkflowSpec, plan: Plan) -> Iterator[str]:
    if plan.refusals:
        scopes, share = len({refusal.scope for refusal in plan.refusals}), f"{spec.deletion.max_share:g} %"
        yield (
            f"In {scopes} scopes nothing was deleted, for more than {share} of it would have been:"
            " look whether the source is whole; if it is, materialize the asset once with allow_deletions: true."
        )
    if plan.withheld:
        first = plan.withheld[0]
        number = sum(each.number for each in plan.withheld)
        yield f"{number} entities that seem to have disappeared were left alone: of {first.scope} {first.why}."
    if plan.deleted or not (plan.refusals or plan.withheld):
        yield f"{len(plan.deleted)} entities that disappeared from the source were deleted."


def _health_check(finding: Finding) -> Check:
    found: Metadata = {"verdict": _typed("text", finding.sentence), "tables": _typed("int", len(finding.beyond))}
    if finding.beyond:
        found["beyond"] = _table(_HEALTH, finding.beyond)
    return Check(finding.check, not finding.beyond, "WARN", found)


def _data_test(spec: WorkflowSpec, one: Tested) -> Check:
    """A test that could not run is an error, however bad it would be if the data did not pass."""
    warns = one.passed is False and one.test.severity == "warn"
    found: Metadata = {
        "result": _typed("text", one.message),
        "definition": _typed("text", one.test.definition),
        "of": _typed("text", one.test.subject),
        "parameters": _typed("json", one.test.parameters),
        **{f"measured/{name}": _measured(value) for name, value in one.values.items()},
    }
    for name, rows in (("rows/passed", one.passed_rows), ("rows/failed", one.failed_rows)):
        if rows is not None:
            found[name] = _typed("int", rows)
    if one.case is not None:
        site = spec.catalog_url.removesuffix("/api")
        found["catalog"] = _typed("url", f"{site}/test-case/{quote(one.case)}")
    return Check(one.test.check, one.passed is True, "WARN" if warns else "ERROR", found)


def _measured(value: str) -> Metadata:
    try:
        return _typed("float", float(value))
    except ValueError:
        return _typed("text", value)


def all_failures(result: Result) -> str | None:
    """Every failure as a line of JSON, or None when a table has room for them."""
    failures = result.verdict.failures
    return "".join(f"{json.dumps(asdict(each))}\n" for each in failures) if len(failures) > MOST_ROWS else None


def file(path: Path) -> Metadata:
    """The asset metadata that says where all failures are listed."""
    return {"failures/all": _typed("path", str(path))}


def metadata(spec: WorkflowSpec, result: Result) -> Metadata:
    """Everything that is known of what one workflow did, by key, as Pipes takes it."""
    page = connectors()[spec.connector].page(spec.catalog_url, spec.service)
    return {
        "verdict": _typed("text", result.verdict.sentence),
        **_entities(result),
        **_arrivals(result),
        **_quality(result),
        **_deletions(result),
        **_health(result),
        **{name: _typed("int", value) for name, value in result.figures.items()},
        **_costs(result),
        **({"catalog": _typed("url", page)} if page else {}),
    }


def _entities(result: Result) -> Metadata:
    found: Metadata = {f"entities/{kind}": _typed("int", count) for kind, count in sorted(result.entities.items())}
    if result.changed is not None:
        change = result.changed
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
    if result.workflow is Workflow.TESTS:
        for name, ended in (("passed", True), ("failed", False), ("not_run", None)):
            found[f"tests/{name}"] = _typed("int", sum(one.passed is ended for one in result.tested))
    return found


def _deletions(result: Result) -> Metadata:
    """What was deleted, whole: it is what can be restored."""
    deleted = result.reconciled.plan.deleted if result.reconciled else ()
    if not deleted:
        return {}
    return {DELETIONS: _typed("json", listed(deleted)), "deletions/table": _table(("kind", "fqn"), deleted)}


def listed(deleted: Iterable[Holding]) -> list[dict[str, str]]:
    """Entities as :data:`DELETIONS` lists them."""
    return [{"kind": one.kind, "name": one.fqn, "id": one.id} for one in deleted]


def _health(result: Result) -> Metadata:
    if result.health is None:
        return {}
    found = {
        f"health/{name}": _typed("int" if isinstance(value, int) else "float", value)
        for name, value in result.health.figures().items()
    }
    tables = result.health.tables
    return {**found, **({"health/tables": _table(_HEALTH, tables)} if tables else {})}


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
    records = [{column: _cell(getattr(row, column)) for column in columns} for row in rows[:MOST_ROWS]]
    kinds = {column: _KINDS.get(type(value), "string") for record in records[:1] for column, value in record.items()}
    return _typed(
        "table", {"schema": [{"name": column, "type": kinds[column]} for column in columns], "records": records}
    )


def _cell(value: Any) -> str | int | float:
    match value:
        case None:
            return ""
        case float():
            return round(value, 1)
        case int():
            return value
        case datetime():
            return value.isoformat(timespec="seconds")
        case _:
            return str(value)


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
