"""One source of metadata as a Dagster component: from its YAML to the assets that fill the catalog.

Every workflow of a source is one asset, ``openmetadata/<service>/<workflow>``, whose body starts the workflow in a
process of its own through ``WorkflowLauncher``. Loading a definition imports nothing of OpenMetadata's, asks no network
and resolves no secret.

A source that has no connection in the current environment is still listed, as a bare asset that cannot be
materialized: dependencies on it stay visible, and no job can select it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, cast

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BaseModel, Field, ValidationError

from data_platform import environment
from data_platform.components.cadence import Cadence
from data_platform.components.checks import check_specs
from data_platform.components.definition import check_definition, merged, refusal
from data_platform.components.description import describe, describe_unconnected
from data_platform.components.frame import violations_of, with_clear_errors
from data_platform.components.scaffold import MetadataSourceScaffolder
from data_platform.components.templates import LITERAL
from data_platform.ingestion.schemas import Connector, connectors
from data_platform.ingestion.schemas.check import Path as FieldPath
from data_platform.ingestion.spec import DEFAULT_MIN_SUCCESS, DEFAULT_TIMEOUT, Workflow, WorkflowSpec

if TYPE_CHECKING:
    from data_platform.resources.launcher import WorkflowLauncher

KEY_PREFIX: Final = "openmetadata"
LAUNCHER: Final = "workflow_launcher"
"""Key of the resource that runs workflows."""

_RETRY_DELAY: Final = 30.0
_LATE: Final = timedelta(hours=2)

WorkflowEvent = dg.MaterializeResult[Any] | dg.AssetCheckResult


def asset_key(service: str, workflow: Workflow) -> dg.AssetKey:
    """Key of the asset of one workflow of a source."""
    return dg.AssetKey([KEY_PREFIX, service, workflow.value])


@dg.scaffold_with(MetadataSourceScaffolder)
class MetadataSource(dg.Component, dg.Model, dg.Resolvable):
    """A source whose metadata the catalog shows: its connection in each environment and its workflows."""

    service: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z][A-Za-z0-9_]*$",
            description="The service's name in the catalog, the assets' group and the second part of their keys.",
        ),
    ]
    connector: Annotated[str, Field(description="OpenMetadata's connector type, for example Trino, or one of ours.")]
    environments: Annotated[
        dict[str, dict[str, Any]],
        LITERAL,
        Field(description="The connection's fields that differ, by environment; what is missing is not connected."),
    ]
    workflows: Annotated[
        dict[Workflow, dict[str, Any]],
        LITERAL,
        Field(description="OpenMetadata's options for each workflow that the source has."),
    ]
    connection: Annotated[
        dict[str, Any],
        LITERAL,
        Field(description="The connection's fields that are the same in every environment, secrets as references."),
    ] = {}
    after: Annotated[
        list[str], Field(description="Services whose metadata must be in the catalog before this source's.")
    ] = []
    schedules: Annotated[
        dict[Workflow, list[Cadence]], Field(description="How often each workflow runs; daily unless said.")
    ] = {}
    owners: Annotated[list[str], Field(description="Owners of the assets: team:<name> or an e-mail address.")] = [
        "team:data-platform"
    ]
    retries: Annotated[int, Field(description="How often a failure that may pass is tried again.")] = 2
    min_success_percent: Annotated[
        float, Field(description="Share of a workflow's records below which it has failed.")
    ] = DEFAULT_MIN_SUCCESS
    timeout: Annotated[float, Field(description="Seconds after which a workflow is ended.")] = DEFAULT_TIMEOUT
    translation: Annotated[
        TranslationFn[Workflow] | None,
        TranslationFnResolver[Workflow](template_vars_for_translation_fn=lambda workflow: {"workflow": workflow.value}),
        Field(description="Changes to the assets' attributes; {{ workflow }} and {{ spec }} are available."),
    ] = None

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The model of the YAML; Dagster asks for it."""
        return _model(cls)

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The source of a YAML file.

        Raises:
            ConfigurationError: an attribute is of the wrong type.
        """
        try:
            return super().load(attributes, context)
        except ValidationError as error:
            raise refusal(violations_of(error), _Locator(context)) from None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The source's assets in the current environment.

        Raises:
            ConfigurationError: the definition cannot work.
        """
        locate = _Locator(context)
        check_definition(
            connector=self.connector,
            connection=self.connection,
            environments=self.environments,
            workflows=self.workflows,
            schedules=self.schedules,
            after=self.after,
            sources=self._others(context),
            numbers={
                "retries": self.retries,
                "min_success_percent": self.min_success_percent,
                "timeout": self.timeout,
            },
            locate=locate,
        )
        if self._connection() is None:
            return dg.Definitions(assets=[self._placeholder(workflow, locate(())) for workflow in self.workflows])
        return dg.Definitions(assets=[self._asset(workflow) for workflow in self.workflows])

    def get_asset_spec(self, workflow: Workflow) -> dg.AssetSpec:
        """The asset of one workflow; to change it in YAML use ``translation``, in Python override this."""
        spec = dg.AssetSpec(
            asset_key(self.service, workflow),
            deps=self._upstream(workflow),
            description=describe(self._connector, self.service, workflow, self._connection() or {}),
            metadata=self._links(),
            group_name=self.service,
            owners=self.owners,
            tags={cadence.tag: "" for cadence in self._cadences(workflow)},
            kinds={KEY_PREFIX, self.connector.casefold()},
            freshness_policy=self._freshness(workflow),
        )
        return self.translation(spec, workflow) if self.translation else spec

    def get_check_specs(self, workflow: Workflow) -> Sequence[dg.AssetCheckSpec]:
        """The checks of one workflow's asset."""
        return check_specs(self.get_asset_spec(workflow).key, workflow)

    def execute(
        self, context: dg.AssetExecutionContext, workflow: Workflow, launcher: "WorkflowLauncher"
    ) -> Iterator[WorkflowEvent]:
        """Run one workflow; the body of its asset.

        Raises:
            dagster.Failure: the workflow failed; says why, and whether Dagster may retry.
        """
        yield from launcher.run(context=context, spec=self.workflow_spec(workflow, run_id=context.run.run_id))

    def workflow_spec(self, workflow: Workflow, *, run_id: str) -> WorkflowSpec:
        """What the workflow is to do in the current environment, secrets as references."""
        here = environment.current()
        return WorkflowSpec(
            environment=here.name,
            service=self.service,
            connector=self.connector,
            workflow=workflow,
            connection=merged(self.connection, self.environments[here.name]),
            options=self.workflows[workflow],
            catalog_url=here.catalog_url,
            catalog_token=here.catalog_token,
            vault_address=here.vault_address,
            min_success_percent=self.min_success_percent,
            timeout=self.timeout,
            run_id=run_id,
        )

    def _others(self, context: dg.ComponentLoadContext) -> set[str]:
        """Services of the project's other sources that have metadata to come after."""
        sources = context.component_tree.get_all_components(MetadataSource)
        return {source.service for source in sources if Workflow.METADATA in source.workflows} - {self.service}

    @cached_property
    def _connector(self) -> Connector:
        return connectors()[self.connector]

    def _connection(self) -> dict[str, Any] | None:
        """The connection in the current environment, or None when there is none."""
        own = self.environments.get(environment.current().name)
        return None if own is None else merged(self.connection, own)

    def _asset(self, workflow: Workflow) -> dg.AssetsDefinition:
        spec = self.get_asset_spec(workflow)

        @dg.multi_asset(
            name=f"{KEY_PREFIX}__{self.service}__{workflow.value}",
            specs=[spec],
            check_specs=self.get_check_specs(workflow),
            required_resource_keys={LAUNCHER},
            pool=f"{KEY_PREFIX}/{self.service}",
            retry_policy=dg.RetryPolicy(
                max_retries=self.retries,
                delay=_RETRY_DELAY,
                backoff=dg.Backoff.EXPONENTIAL,
                jitter=dg.Jitter.PLUS_MINUS,
            ),
        )
        def run_workflow(context: dg.AssetExecutionContext) -> Iterator[WorkflowEvent]:
            yield from self.execute(context, workflow, getattr(context.resources, LAUNCHER))

        return run_workflow

    def _placeholder(self, workflow: Workflow, file: str) -> dg.AssetSpec:
        here = environment.current().name
        text = describe_unconnected(self._connector, self.service, workflow, here, file)
        spec = self.get_asset_spec(workflow)
        return spec.replace_attributes(description=text, freshness_policy=None)  # pyright: ignore[reportUnknownMemberType]

    def _upstream(self, workflow: Workflow) -> list[dg.AssetKey]:
        """Metadata comes before all else of a source, and after that of the sources it builds on."""
        if workflow is not Workflow.METADATA and Workflow.METADATA in self.workflows:
            return [asset_key(self.service, Workflow.METADATA)]
        return [asset_key(service, Workflow.METADATA) for service in self.after]

    def _cadences(self, workflow: Workflow) -> list[Cadence]:
        return self.schedules.get(workflow, [Cadence.DAILY])

    def _freshness(self, workflow: Workflow) -> dg.FreshnessPolicy | None:
        """One missed run is a warning, two are a failure."""
        period = min((cadence.period for cadence in self._cadences(workflow)), default=None)
        if period is None:
            return None
        return dg.FreshnessPolicy.time_window(warn_window=period + _LATE, fail_window=2 * period + _LATE)

    def _links(self) -> Mapping[str, dg.MetadataValue[Any]]:
        """Where people look at what the asset fills."""
        if self._connector.service_collection is None:
            return {}
        site = environment.current().catalog_url.removesuffix("/api")
        return {"catalog": dg.MetadataValue.url(f"{site}/service/{self._connector.service_collection}/{self.service}")}


@cache
def _model(component: type[MetadataSource]) -> type[BaseModel]:
    return with_clear_errors(component.model())


class _Locator:
    """Where a path of a definition is written: ``data_platform/defs/sources/trino/defs.yaml:12``."""

    def __init__(self, context: dg.ComponentLoadContext) -> None:
        self._context = context

    def __call__(self, path: FieldPath) -> str:
        tree = cast(Any, getattr(cast(Any, self._context).component_decl, "source_tree", None))
        if tree is None:
            return self._relative(self._context.path)
        position, _ = tree.source_position_tree.lookup_closest_and_path(("attributes", *path), None)
        file = self._relative(Path(position.filename))
        return f"{file}:{position.start.line}" if path else file

    def _relative(self, path: Path) -> str:
        root = self._context.project_root
        return str(path.relative_to(root) if path.is_relative_to(root) else path)
