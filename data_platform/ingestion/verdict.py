"""What a run may claim: ok, partial or failed, and why.

Pure. The workflow's own word is not among the inputs; what it reported as failed, what the wire lost and what the
catalog holds are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self, cast

from data_platform.errors import (
    CatalogUnreachableError,
    DataPlatformError,
    RecordsRefusedError,
    SourceEmptyError,
    SourceRefusedError,
    WorkflowFailedError,
)
from data_platform.ingestion import names
from data_platform.ingestion.diagnosis import diagnose_source, shorten
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Loss

MISSING: Final = "missing"
"""Kind of a failure that nobody reported."""

DELETION: Final = "deletion"
"""Kind of a failure to delete what disappeared from the source."""

ARTIFACTS: Final = "artifacts"
"""Kind of a failure to read the files that a source consists of."""

OWNERSHIP: Final = "ownership"
"""Kind of a failure to write owners, domain or tier to what has arrived."""

# Names under which OpenMetadata's sink files a failed bulk request; the wire's account has its rows one by one.
_BUFFERS: Final = frozenset({"Entity Buffer", "Entity  Buffer", "Query Buffer"})
# What was read already brings no lineage and no usage again; metadata and profiles come with every run.
_ALWAYS_BRING_SOMETHING: Final = frozenset({Workflow.METADATA, Workflow.PROFILING})


class Outcome(StrEnum):
    """How a workflow ended."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """One thing that a workflow did not manage.

    Attributes:
        name: the entity, query or step.
        kind: where it was lost: a collection of the catalog, or the name of the workflow's step.
        error: why, in one line.
    """

    name: str
    kind: str
    error: str

    @classmethod
    def of(cls, kind: str, failure: Any) -> Self:
        """The same from what OpenMetadata's client calls a ``StackTraceError``."""
        return cls(str(failure.name), kind, shorten(str(failure.error)))


@dataclass(frozen=True)
class Unmatched:
    """Something in the source that belongs to something which the catalog does not have.

    Attributes:
        name: what the source calls it, for example ``model.shop.orders``.
        kind: what it is, for example ``model``.
        wanted: what the catalog would have to have.
    """

    name: str
    kind: str
    wanted: str


@dataclass(frozen=True)
class Verdict:
    """The last word on a workflow.

    Attributes:
        outcome: ok, partial or failed.
        sentence: for the person who reads it.
        permanent: whether a retry is pointless.
        failures: what did not arrive.
    """

    outcome: Outcome
    sentence: str
    permanent: bool = False
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What is known once a workflow has ended.

    Attributes:
        arrived: number of entities, edges and profiles that the catalog took.
        losses: what it did not take.
        reported: what the workflow's steps reported as failed.
        listed: names that the run wrote, by collection.
        held_before: number of leaves (tables, dashboards, …) that the catalog held before the run.
        missing: fully qualified names of what the source has and the catalog does not, whatever anybody reported.
        leaves: the collection that the source is there for, or None when the workflow lists nothing.
        matched: number of things in the source that belong to what the catalog has, or None when it is not asked for.
        unmatched: those that belong to what it has not.
    """

    arrived: int
    losses: tuple[Loss, ...] = ()
    reported: tuple[Failure, ...] = ()
    listed: Mapping[str, frozenset[str]] | None = None
    held_before: int = 0
    missing: tuple[str, ...] = ()
    leaves: str | None = None
    matched: int | None = None
    unmatched: tuple[Unmatched, ...] = ()


def of_error(error: DataPlatformError) -> Verdict:
    """The verdict on a workflow that an error ended."""
    return Verdict(Outcome.FAILED, error.sentence, error.permanent)


def judge(spec: WorkflowSpec, workflow: Workflow, evidence: Evidence) -> Verdict:
    """The verdict on one of a spec's workflows, when OpenMetadata's run came to its end."""
    name = f"{spec.service}/{workflow}"
    failures = tuple(_failures(evidence))
    lost = tuple(failure for failure in failures if failure.kind != OWNERSHIP)
    percent = 100.0 * evidence.arrived / max(evidence.arrived + _lost(workflow, lost), 1)
    if lost and (percent < spec.min_success_percent or not evidence.arrived):
        return _failed(_why(spec, workflow, evidence, lost, percent), failures)
    suspicion = _missing(spec, workflow, evidence)
    if suspicion is not None:
        return _failed(suspicion, failures)
    if lost:
        return Verdict(Outcome.PARTIAL, _partly(name, workflow, evidence, lost), failures=failures)
    if failures:
        sentence = f"{name}: owners, domain and tier were not written as asked: {failures[0].error.rstrip('.')}."
        return Verdict(Outcome.PARTIAL, sentence, failures=failures)
    if evidence.unmatched:
        return Verdict(Outcome.PARTIAL, _without_a_match(name, evidence))
    if _lists_nothing(evidence):
        return Verdict(Outcome.PARTIAL, f"{spec.service}: the source lists no {evidence.leaves}.")
    if evidence.matched == 0:
        return Verdict(Outcome.PARTIAL, f"{spec.service}: the source has nothing that belongs to a table.")
    if not evidence.arrived and workflow in _ALWAYS_BRING_SOMETHING:
        return Verdict(Outcome.PARTIAL, f"{name}: nothing arrived, for nothing matched in the catalog.")
    return Verdict(Outcome.OK, f"{name}: everything arrived.")


def with_failed_deletions(verdict: Verdict, spec: WorkflowSpec, failed: Sequence[Failure]) -> Verdict:
    """The verdict on a run that did not fail, and whose deletions the catalog did not all carry out."""
    if not failed:
        return verdict
    sentence = f"{spec.name}: what disappeared from the source could not be deleted from the catalog: {failed[0].error}"
    return Verdict(Outcome.PARTIAL, sentence, failures=(*verdict.failures, *failed))


def _failed(error: DataPlatformError, failures: tuple[Failure, ...]) -> Verdict:
    return Verdict(Outcome.FAILED, error.sentence, error.permanent, failures)


def _failures(evidence: Evidence) -> Iterable[Failure]:
    """Everything that failed, once: a loss on the wire for whose reason a step reported a failure is that one."""
    reported = [failure for failure in evidence.reported if failure.name not in _BUFFERS]
    yield from reported
    untold = [failure.error for failure in reported]
    for loss in evidence.losses:
        reason = loss.error.partition(" ")[2]
        told = next((error for error in untold if reason and reason in error), None)
        if told is None:
            yield Failure(loss.name, loss.kind, loss.error)
        else:
            untold.remove(told)
    known = {folder for failure in (*reported, *evidence.losses) for folder in _told_of(failure.name, evidence)}
    scopes = [failure.name for failure in reported]
    for name in evidence.missing:
        _, *path = names.split(name)
        if known.isdisjoint({name, path[-1], "/".join(path)}) and not names.lies_in(name, scopes):
            yield Failure(name, MISSING, "the source has it and the catalog does not, and nobody reported why")


def _told_of(name: str, evidence: Evidence) -> Iterable[str]:
    """What failed; a container is a folder, and what is told of a file in it is told of it."""
    yield name
    while evidence.leaves == "containers" and (name := name.rpartition("/")[0]):
        yield name


def _lost(workflow: Workflow, failures: tuple[Failure, ...]) -> int:
    """Number of things that did not arrive; a table's profile of which several columns failed is one.

    How many records a file would have had is not known, so it cannot be held against those that arrived.
    """
    records = [failure for failure in failures if failure.kind != ARTIFACTS]
    if workflow is Workflow.PROFILING:
        return len({(failure.kind, failure.name) for failure in records})
    return len(records)


def _why(
    spec: WorkflowSpec, workflow: Workflow, evidence: Evidence, failures: tuple[Failure, ...], percent: float
) -> DataPlatformError:
    first = failures[0]
    lost = _lost(workflow, failures)
    total = evidence.arrived + lost
    transient = [loss for loss in evidence.losses if loss.transient]
    if 2 * len(transient) > len(failures):
        return CatalogUnreachableError(
            f"the catalog stopped answering and {len(transient)} of {total} writes of {spec.service}/{workflow}"
            " were lost",
            source=spec.catalog_url,
            remedy="check that it is up; the next run repairs",
        )
    source = diagnose_source(first.error, spec)
    if source is not None and (not evidence.arrived or _lists_nothing(evidence)):
        return source
    if first.kind == ARTIFACTS and not evidence.arrived:
        return SourceRefusedError(first.error, source=spec.service)
    refused = not transient and len(evidence.losses) == len(failures)
    kind = RecordsRefusedError if refused else WorkflowFailedError
    return kind(
        f"{lost} of {total} records of {workflow} were lost,"
        f" {percent:.0f} % arrived and {spec.min_success_percent:g} % are asked for;"
        f" the first: {first.name}: {first.error}",
        source=spec.service,
        remedy="look at the failures of the check 'completed'",
    )


def _without_a_match(name: str, evidence: Evidence) -> str:
    first, total = evidence.unmatched[0], len(evidence.unmatched) + (evidence.matched or 0)
    return (
        f"{name}: the catalog does not have what {len(evidence.unmatched)} of {total} belong to;"
        f" the first: {first.name} ({first.wanted})."
    )


def _partly(name: str, workflow: Workflow, evidence: Evidence, failures: tuple[Failure, ...]) -> str:
    total = evidence.arrived + _lost(workflow, failures)
    return f"{name}: {evidence.arrived} of {total} records arrived; the first that did not: {failures[0].name}."


def _missing(spec: WorkflowSpec, workflow: Workflow, evidence: Evidence) -> DataPlatformError | None:
    """What a run that met no error still cannot explain."""
    if evidence.unmatched and not evidence.matched:
        return SourceRefusedError(
            f"the catalog has none of the {len(evidence.unmatched)} tables that the source describes; the first:"
            f" {evidence.unmatched[0].wanted}",
            source=spec.service,
            remedy="correct the connection's serviceName, or bring the tables' metadata into the catalog first",
        )
    if workflow is not Workflow.METADATA:
        return None
    unknown = list(_unknown_scopes(spec, evidence))
    if unknown:
        return SourceRefusedError(
            f"the source has no {unknown[0]}",
            source=spec.service,
            remedy="correct the filter in its defs.yaml, or grant the user access",
        )
    if _lists_nothing(evidence) and evidence.held_before and not spec.allow_deletions:
        return SourceEmptyError(
            f"the source lists no {evidence.leaves} any more, the catalog has {evidence.held_before}",
            source=spec.service,
            remedy="check that the right source is up and that the user may still read it; nothing was deleted",
        )
    return None


def _lists_nothing(evidence: Evidence) -> bool:
    return evidence.leaves is not None and not (evidence.listed or {}).get(evidence.leaves)


def _unknown_scopes(spec: WorkflowSpec, evidence: Evidence) -> Iterable[str]:
    """Databases and schemas that a filter includes by name, and that the source did not list."""
    listed = evidence.listed or {}
    for option, collection, word in (
        ("databaseFilterPattern", "databases", "database"),
        ("schemaFilterPattern", "databaseSchemas", "schema"),
    ):
        pattern: Any = spec.options.get(option) or spec.connection.get(option) or {}
        fqns = listed.get(collection, frozenset[str]())
        called = fqns | {names.split(fqn)[-1] for fqn in fqns}
        for include in cast(list[str], pattern.get("includes") or []):
            if not any(re.match(include, name, re.IGNORECASE) for name in called):
                yield f"{word} {include.strip('^$')!r}"
