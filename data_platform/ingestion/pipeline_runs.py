"""Runs, for the people who live in OpenMetadata: a pipeline for each workflow's asset, with its schedule and its runs.

What OpenMetadata's client would report of itself is not sent (``shims.leave_status_to_us``): its success is not ours.
A run is filed as running before it starts and once more with our verdict. A process that is killed in between leaves a
run that never ends; the next run of the same asset ends it. Nothing here is a reason for a run to fail.

With a run of metadata goes the word of the source's definition (``listing``) while the catalog holds nothing that
another definition brought. A run that is killed has filed none when it was the first of its definition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

from data_platform.errors import CatalogError, EntityNotFoundError
from data_platform.ingestion import dbt, listing
from data_platform.ingestion.catalog import CatalogClient, Entity
from data_platform.ingestion.config import announced, category, pipeline, pipeline_name
from data_platform.ingestion.run import Result
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.verdict import Outcome

COLLECTION: Final = "services/ingestionPipelines"
LISTING: Final = "listing"
"""Key of a run's metadata: the definition of the source that alone has brought what the catalog holds."""

LOOK_BACK: Final = 30 * 24 * 60 * 60
"""Seconds; earlier runs are looked for among those that started since."""

_MOST_FAILURES: Final = 20
_STATES: Final = {Outcome.OK: "success", Outcome.PARTIAL: "partialSuccess", Outcome.FAILED: "failed"}
_TYPES: Final = {Workflow.PROFILING: "profiler", Workflow.TESTS: "TestSuite"}


class PipelineRuns:
    """The runs of one spec's workflows in the catalog.

    Args:
        catalog: the catalog.
        spec: what is run.
        tell: told, in a sentence, what could not be filed.
    """

    def __init__(self, catalog: CatalogClient, spec: WorkflowSpec, tell: Callable[[str], None]) -> None:
        self._catalog = catalog
        self._spec = spec
        self._tell = tell
        self._started = _now()
        # The catalog has no kind of pipeline for what does not write to it.
        self._left = spec.kind is Workflow.QUERY_LOG
        self._word = listing.word(spec)
        self._listing: str | None = None
        self._begun = False

    @property
    def settled(self) -> bool:
        """Whether the catalog is known to hold nothing that another definition of the source brought."""
        return self._listing == self._word

    def leave(self) -> None:
        """File nothing: this catalog does not answer, refuses the token, or is not of our version."""
        self._left = True

    def begin(self) -> None:
        """File every workflow as running, and end those runs that were killed.

        The first run of a source makes its service in the catalog; until then there is nothing to file a run under.
        """
        for workflow in () if self._left else self._spec.workflows:
            try:
                if self._announce(workflow):
                    earlier = self._earlier(workflow)
                    self._end_the_dead(workflow, earlier)
                    if workflow is Workflow.METADATA:
                        self._listing = _listing(earlier)
                        self._listing = self._listing if self.settled else None
                    self._begun = True
                    self._file(workflow, {"pipelineState": "running"})
            except CatalogError as error:
                self._tell(f"the catalog does not show {pipeline(self._spec, workflow)} as running: {error.sentence}")

    def end(self, results: Sequence[Result]) -> None:
        """File our verdict on every workflow."""
        for result in () if self._left else results:
            try:
                if self._announce(result.workflow):
                    if result.workflow is Workflow.METADATA and not self._begun:
                        self._listing = _listing(self._earlier(result.workflow))
                    if result.reconciled and result.reconciled.settled:
                        self._listing = self._word
                    state = {"pipelineState": _STATES[result.verdict.outcome], "status": [_summary(result)]}
                    self._file(result.workflow, {**state, "endDate": _now()})
            except CatalogError as error:
                name = pipeline(self._spec, result.workflow)
                self._tell(f"the catalog does not show how {name} ended: {error.sentence}")

    def _announce(self, workflow: Workflow) -> bool:
        """Make the pipeline of a workflow or bring it up to date; False when its service is not there yet."""
        spec = self._spec
        try:
            service = self._catalog.get_by_name(f"services/{category(spec)}Services", spec.target)
        except EntityNotFoundError:
            return False
        kind = "dbt" if spec.connector == dbt.CONNECTOR else _TYPES.get(workflow, workflow.value)
        self._catalog.put(
            COLLECTION,
            {
                "name": pipeline_name(spec, workflow),
                "displayName": f"{spec.service}/{workflow}",
                "description": _description(spec, workflow),
                "service": {"id": service["id"], "type": f"{category(spec)}Service"},
                "pipelineType": kind,
                "sourceConfig": {"config": announced(spec, workflow)},
                "airflowConfig": {"scheduleInterval": spec.schedules.get(workflow), "pipelineTimezone": "UTC"},
            },
        )
        return True

    def _earlier(self, workflow: Workflow) -> list[Entity]:
        since, until = self._started - LOOK_BACK * 1000, self._started + LOOK_BACK * 1000  # clocks differ
        path = f"{COLLECTION}/{quote(pipeline(self._spec, workflow), safe='')}/pipelineStatus"
        return list(self._catalog.list(path, startTs=str(since), endTs=str(until)))

    def _end_the_dead(self, workflow: Workflow, runs: list[Entity]) -> None:
        """End runs that say they are running: a source's workflows take turns, so nothing but this one is."""
        for run in runs:
            if run.get("pipelineState") == "running" and run.get("runId") != self._spec.run_id:
                ended = max(self._started, int(run["timestamp"]))
                self._put(workflow, {**run, "pipelineState": "failed", "endDate": ended})

    def _file(self, workflow: Workflow, state: dict[str, Any]) -> None:
        link = {"dagsterRun": self._spec.run_url} if self._spec.run_url else {}
        word = {LISTING: self._listing} if workflow is Workflow.METADATA and self._listing else {}
        times = {"startDate": self._started, "timestamp": self._started}
        self._put(workflow, {"runId": self._spec.run_id, **times, "metadata": {**link, **word}, **state})

    def _put(self, workflow: Workflow, status: dict[str, Any]) -> None:
        self._catalog.put(f"{COLLECTION}/{quote(pipeline(self._spec, workflow), safe='')}/pipelineStatus", status)


def _listing(runs: Sequence[Entity]) -> str | None:
    """What the newest run filed of its definition."""
    newest = max(runs, key=lambda run: int(run["timestamp"]), default=None)
    metadata: Entity = (newest or {}).get("metadata") or {}
    return metadata.get(LISTING)


def _description(spec: WorkflowSpec, workflow: Workflow) -> str:
    text = f"Run by Dagster as the asset `openmetadata/{spec.service}/{workflow}`"
    site = spec.run_url.partition("/runs/")[0] if spec.run_url else None
    return f"{text}: [its runs]({site}/assets/openmetadata/{spec.service}/{workflow})." if site else f"{text}."


def _summary(result: Result) -> dict[str, Any]:
    """A run's counts, as the catalog shows them for a step of a pipeline."""
    failures = result.verdict.failures
    shown = [{"name": failure.name, "error": failure.error} for failure in failures[:_MOST_FAILURES]]
    if result.verdict.outcome is Outcome.FAILED:
        shown.insert(0, {"name": "verdict", "error": result.verdict.sentence})
    return {
        "name": "data_platform",
        "records": result.account.arrived,
        "updated_records": result.changed.updated if result.changed else 0,
        "warnings": result.warnings,
        "errors": max(len(failures), int(result.verdict.outcome is Outcome.FAILED)),
        "filtered": result.filtered,
        "failures": shown,
    }


def _now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)
