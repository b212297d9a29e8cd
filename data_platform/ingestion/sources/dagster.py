"""Dagster: jobs and assets as pipelines, with their tasks, runs and the lineage between tables.

OpenMetadata's own connector names pipelines by hashes, turns the edges between tasks around, knows no assets but as
table names to guess at, files one run as one run for each of its steps, asks for all assets once for each job, and goes
on without what it could not get. None of it can be mended from outside, so this one replaces it; it also needs no
Dagster in the ingestion environment.

- **Names** follow the paths of Dagster's pages: ``jobs/<location>/<job>`` and ``assets/<key>``. People see the job's
  name or the asset's key.
- **Tasks**: a job's ops and graphs; for an asset, the op or graph that materializes it.
- **Runs**: those of the last ``statusLookbackDays``. An asset's run is the step that was to materialize it, so that
  failures count and runs of other assets of the same job do not.
- **Lineage**: where two assets that depend on each other both say which table they are (``dagster/table_name``), an
  edge between the tables, with the pipeline of the downstream asset. A table is looked for in the database services
  that ``lineageInformation.dbServiceNames`` lists, in that order.

A code location that does not load, and a table that is not in the catalog, are reported; the rest arrives.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, cast

from metadata.generated.schema.api.data.createPipeline import CreatePipelineRequest
from metadata.generated.schema.api.lineage.addLineage import AddLineageRequest
from metadata.generated.schema.entity.data.pipeline import Pipeline, PipelineStatus, StatusType
from metadata.generated.schema.entity.data.table import Table
from metadata.generated.schema.entity.services.connections.pipeline.dagsterConnection import (
    DagsterConnection as DagsterConnectionConfig,
)
from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
from metadata.generated.schema.metadataIngestion.workflow import Source as WorkflowSource
from metadata.ingestion.api.models import Either
from metadata.ingestion.connections.connection import BaseConnection
from metadata.ingestion.models.pipeline_status import OMetaBulkPipelineStatus
from metadata.ingestion.source.pipeline.pipeline_service import PipelineServiceSource
from metadata.utils import fqn

from data_platform.ingestion.sources.dagster_api import Webserver
from data_platform.ingestion.sources.dagster_model import Asset, Broken, Job, Path, Run, Step

# Dagster's default repository of a location; its pages leave the name out.
_ONLY_REPOSITORY: Final = "__repository__"
_LONGEST_WAIT: Final = 60

_STATES: Final = {
    "SUCCESS": StatusType.Successful,
    "FAILURE": StatusType.Failed,
    "CANCELED": StatusType.Failed,
    "SKIPPED": StatusType.Skipped,
}


class DagsterConnection(BaseConnection[DagsterConnectionConfig, Webserver]):
    """OpenMetadata's wrapper of a connection; the source tests it itself."""

    def _get_client(self) -> Webserver:
        config = self.service_connection
        # OpenMetadata's default of a thousand seconds is for a webserver that will never answer.
        webserver = Webserver(
            str(config.host),
            token=config.token.get_secret_value() if config.token else None,
            timeout=min(int(config.timeout or _LONGEST_WAIT), _LONGEST_WAIT),
        )
        self._on_close(webserver.close)
        return webserver


class DagsterSource(PipelineServiceSource):
    """The connector; OpenMetadata makes one for each workflow."""

    @classmethod
    def create(cls, config_dict: Any, metadata: Any, pipeline_name: str | None = None) -> DagsterSource:
        """What OpenMetadata calls."""
        del pipeline_name
        return cls(WorkflowSource.model_validate(config_dict), metadata)

    def test_connection(self) -> None:
        """Whether a Dagster answers.

        Raises:
            SourceError: none does.
        """
        self._webserver.service = str(self.config.serviceName)
        self._webserver.version()

    def get_pipelines_list(self) -> list[Any]:
        """Every job and every asset that something here materializes."""
        for each in self._definitions:
            if isinstance(each, Broken):
                self.status.failed(StackTraceError(name=each.name, error=_broken(each), stackTrace=None))
        return [each for each in self._definitions if isinstance(each, Job) or (isinstance(each, Asset) and each.node)]

    def get_pipeline_name(self, pipeline_details: Job | Asset) -> str:
        """What ``pipelineFilterPattern`` is matched with: a job's name or an asset's key."""
        return _shown(pipeline_details)

    def yield_pipeline(self, pipeline_details: Job | Asset) -> Iterator[Either[CreatePipelineRequest]]:
        """The pipeline of a job or an asset."""
        request = CreatePipelineRequest.model_validate(
            {
                "name": _name(pipeline_details),
                "displayName": _shown(pipeline_details),
                "description": pipeline_details.description or None,
                "tasks": list(self._tasks(pipeline_details)),
                "service": self._service,
                "sourceUrl": self._url(pipeline_details),
                "scheduleInterval": pipeline_details.cron if isinstance(pipeline_details, Job) else None,
            }
        )
        yield Either(left=None, right=request)
        self.register_record(pipeline_request=request)

    def yield_pipeline_status(self, pipeline_details: Job | Asset) -> Iterator[Either[Any]]:
        """The pipeline's latest runs, in one request."""
        runs = [_status_of(pipeline_details, run, steps) for run, steps in self._runs_of(pipeline_details)]
        if runs:
            name = self._fqn(pipeline_details)
            yield Either(left=None, right=OMetaBulkPipelineStatus(pipeline_fqn=name, pipeline_statuses=runs))

    def yield_pipeline_lineage_details(self, pipeline_details: Job | Asset) -> Iterator[Either[AddLineageRequest]]:
        """Edges from the tables of the assets upstream to the asset's own."""
        if not isinstance(pipeline_details, Asset) or (target := self._table(pipeline_details)) is None:
            return
        pipeline: Any = self.metadata.get_by_name(entity=Pipeline, fqn=self._fqn(pipeline_details))
        for key in pipeline_details.upstream:
            source = self._table(upstream) if (upstream := self._assets.get(key)) else None
            if pipeline is not None and source is not None and source.id != target.id:
                edge = {
                    "fromEntity": {"id": str(source.id.root), "type": "table"},
                    "toEntity": {"id": str(target.id.root), "type": "table"},
                    "lineageDetails": {
                        "pipeline": {"id": str(pipeline.id.root), "type": "pipeline"},
                        "source": "PipelineLineage",
                    },
                }
                yield Either(left=None, right=AddLineageRequest.model_validate({"edge": edge}))

    @property
    def _webserver(self) -> Webserver:
        return cast(Webserver, self.connection_obj)

    @property
    def _service(self) -> str:
        return str(cast(Any, self.context.get()).pipeline_service)

    @cached_property
    def _definitions(self) -> list[Job | Asset | Broken]:
        return list(self._webserver.definitions())

    @cached_property
    def _assets(self) -> dict[Path, Asset]:
        """Assets by key; the location that materializes one knows more of it than those that only depend on it."""
        assets = [each for each in self._definitions if isinstance(each, Asset)]
        return {asset.key: asset for asset in sorted(assets, key=lambda asset: asset.node is not None)}

    @cached_property
    def _runs(self) -> list[Run]:
        days = self.source_config.statusLookbackDays
        return list(self._webserver.runs(datetime.now(UTC) - timedelta(days=1 if days is None else days)))

    def _tasks(self, each: Job | Asset) -> Iterator[dict[str, Any]]:
        if isinstance(each, Asset):
            yield {"name": each.node, "displayName": each.node, "taskType": "asset", "sourceUrl": self._url(each)}
            return
        for node in each.nodes:
            yield {
                "name": node.name,
                "displayName": node.name,
                "description": node.description or None,
                "downstreamTasks": [other.name for other in each.nodes if node.name in other.upstream],
                "taskType": "op",
                "sourceUrl": f"{self._url(each)}/{node.name}",
            }

    def _runs_of(self, each: Job | Asset) -> Iterator[tuple[Run, list[Step]]]:
        """The runs that were to execute a pipeline, each with the steps that were the pipeline's."""
        for run in self._runs:
            if run.origin not in (None, (each.location, each.repository)):
                continue
            if isinstance(each, Job):
                if run.job == each.name:
                    nodes = {node.name for node in each.nodes}
                    yield run, [step for step in run.steps if step.node in nodes]
            elif (run.assets is None and run.job in each.jobs) or (run.assets is not None and each.key in run.assets):
                steps = [step for step in run.steps if step.node == each.node]
                if steps:
                    yield run, steps

    def _table(self, asset: Asset) -> Any | None:
        """The catalog's table that an asset is; None when it names none, or one that the catalog does not have."""
        if asset.table is None:
            return None
        *above, name = fqn.split(asset.table)
        schema, database = (above[-1] if above else None), (above[-2] if len(above) > 1 else None)
        services = self.get_db_service_names()
        for service in services:
            found = fqn.build(
                self.metadata,
                entity_type=Table,
                service_name=service,
                database_name=database,
                schema_name=schema,
                table_name=name,
                # A full name needs no search, and a search would find a table of the same name elsewhere.
                skip_es_search=database is not None,
            )
            table: Any = self.metadata.get_by_name(entity=Table, fqn=str(found)) if found else None
            if table is not None:
                return table
        if services:
            missing = f"is table {asset.table}, which the catalog does not have in {', '.join(services)}"
            self.status.warning("/".join(asset.key), missing)
        return None

    def _fqn(self, each: Job | Asset) -> str:
        return str(
            fqn.build(
                self.metadata,
                entity_type=Pipeline,
                service_name=self._service,
                pipeline_name=_name(each),
            )
        )

    def _url(self, each: Job | Asset) -> str:
        """The page of Dagster's UI."""
        if isinstance(each, Asset):
            return f"{self._webserver.host}/assets/{'/'.join(each.key)}"
        only = each.repository == _ONLY_REPOSITORY
        place = each.location if only else f"{each.repository}@{each.location}"
        return f"{self._webserver.host}/locations/{place}/jobs/{each.name}"


def _name(each: Job | Asset) -> str:
    if isinstance(each, Asset):
        return f"assets/{_shown(each)}"
    parts = (
        [each.location, each.name]
        if each.repository == _ONLY_REPOSITORY
        else [each.location, each.repository, each.name]
    )
    return "/".join(["jobs", *parts])


def _shown(each: Job | Asset) -> str:
    return "/".join(each.key) if isinstance(each, Asset) else each.name


def _broken(location: Broken) -> str:
    return f"the code location {location.name} does not load, so its jobs and assets are missing: {location.error}"


def _status_of(each: Job | Asset, run: Run, steps: list[Step]) -> PipelineStatus:
    """One run of a pipeline. A job's ended as the run did; an asset's as its own step did."""
    by_node: dict[str, list[Step]] = {}
    for step in steps:
        by_node.setdefault(step.node, []).append(step)
    tasks = [_task_status(node, parts, run) for node, parts in by_node.items()]
    whole = _STATES.get(run.status, StatusType.Pending)
    return PipelineStatus.model_validate(
        {
            "executionId": run.id,
            # What tells runs apart, so it is what never changes; when something ran is told by the tasks.
            "timestamp": run.created,
            "endTime": run.end if isinstance(each, Job) else tasks[0]["endTime"],
            "executionStatus": whole if isinstance(each, Job) else tasks[0]["executionStatus"],
            "taskStatus": tasks,
        }
    )


def _task_status(node: str, steps: list[Step], run: Run) -> dict[str, Any]:
    """A task is an op's one step, or a graph's many."""
    # A step of a run that was killed says for ever that it is in progress.
    unfinished = StatusType.Failed if run.is_over else StatusType.Pending
    states = {_STATES.get(step.status, unfinished) for step in steps}
    worst_first = (StatusType.Failed, StatusType.Pending, StatusType.Successful, StatusType.Skipped)
    ends = [step.end for step in steps]
    return {
        "name": node,
        "executionStatus": next(state for state in worst_first if state in states),
        "startTime": min((step.start for step in steps if step.start), default=None),
        "endTime": max(end for end in ends if end) if all(ends) else None,
    }
