"""One source of metadata as a Dagster component: from its YAML to the assets that fill the catalog.

Every workflow of a source is one asset, ``openmetadata/<service>/<workflow>``, whose body starts the workflow in a
process of its own through ``WorkflowLauncher``. Workflows that OpenMetadata does in one run, as for dbt, are the assets
of one op, which starts one process for those of them that are selected. Loading a definition imports nothing of
OpenMetadata's, asks no network and resolves no secret.

A source that has no connection in the current environment is still listed, as a bare asset that cannot be
materialized: dependencies on it stay visible, and no job can select it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BaseModel, Field, ValidationError

from data_platform import environment
from data_platform.components.cadence import Cadence, freshness
from data_platform.components.checks import check_specs
from data_platform.components.dbt_models import DbtModels
from data_platform.components.definition import check_definition, merged, refusal
from data_platform.components.deletion import RUN_CONFIG, DeletionLimit, allows_deletions, deletes
from data_platform.components.description import describe, describe_unconnected
from data_platform.components.frame import violations_of, with_clear_errors
from data_platform.components.locator import Locator
from data_platform.components.ownership import GIVES, rules
from data_platform.components.query_history import READ_QUERIES
from data_platform.components.scaffold import MetadataSourceScaffolder
from data_platform.components.templates import LITERAL
from data_platform.ingestion.schemas import Connector, connectors
from data_platform.ingestion.spec import (
    DEFAULT_MIN_SUCCESS,
    DEFAULT_TIMEOUT,
    DESCRIBED,
    Deletion,
    Ownership,
    Workflow,
    WorkflowSpec,
)

if TYPE_CHECKING:
    from data_platform.resources.launcher import WorkflowLauncher

KEY_PREFIX: Final = "openmetadata"
LAUNCHER: Final = "workflow_launcher"
"""Key of the resource that runs workflows."""

_OWNERS: Final = ["team:data-platform"]
_RETRY_DELAY: Final = 30.0

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
        Field(description="OpenMetadata's options for each workflow that the source has; of `tests` tests by table."),
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
    owners: Annotated[
        list[str] | None,
        Field(
            description="Who owns the source: team:<name> or an e-mail address. They own the assets, and in the catalog"
            " what nobody owns there; team:data-platform owns the assets unless said."
        ),
    ] = None
    domain: Annotated[str | None, Field(description="The catalog's domain that the source belongs to.")] = None
    tier: Annotated[str | None, Field(description="The tier of what is in the source, for example Tier1.")] = None
    ownership: Annotated[
        list[dict[str, Any]],
        LITERAL,
        Field(
            description="Owners, domain and tier of some tables: rules with `tables`, a regular expression on"
            " database.schema.table. The first that gives something decides, and before what is for the whole source."
        ),
    ] = []
    retries: Annotated[int, Field(description="How often a failure that may pass is tried again.")] = 2
    min_success_percent: Annotated[
        float, Field(description="Share of a workflow's records below which it has failed.")
    ] = DEFAULT_MIN_SUCCESS
    deletion: Annotated[
        DeletionLimit,
        Field(description="How much of what disappeared from the source one run deletes from the catalog."),
    ] = DeletionLimit()
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
            raise refusal(violations_of(error), Locator(context)) from None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The source's assets in the current environment.

        Raises:
            ConfigurationError: the definition cannot work.
        """
        locate = Locator(context)
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
                "deletion": {"max_share": self.deletion.max_share},
                "timeout": self.timeout,
            },
            ownership={name: given for name in (*GIVES, "ownership") if (given := getattr(self, name))},
            locate=locate,
        )
        made = self._made_tables(context)
        if self._connection() is None:
            return dg.Definitions(assets=[self._placeholder(workflow, locate(())) for workflow in self.workflows])
        return dg.Definitions(assets=[self._assets(workflows, made) for workflows in self._runs()])

    def get_asset_spec(self, workflow: Workflow) -> dg.AssetSpec:
        """The asset of one workflow; to change it in YAML use ``translation``, in Python override this."""
        spec = dg.AssetSpec(
            asset_key(self.service, workflow),
            deps=self._upstream(workflow),
            description=describe(
                self._connector, self.service, workflow, self._connection() or {}, self.workflows[workflow]
            ),
            metadata=self._links(),
            group_name=self.service,
            owners=self.owners or _OWNERS,
            tags={cadence.tag: "" for cadence in self._cadences(workflow)},
            kinds={KEY_PREFIX, self.connector.casefold()},
            freshness_policy=freshness(self._cadences(workflow)),
        )
        return self.translation(spec, workflow) if self.translation else spec

    def get_check_specs(self, workflow: Workflow) -> Sequence[dg.AssetCheckSpec]:
        """The checks of one workflow's asset."""
        key = self.get_asset_spec(workflow).key
        return check_specs(key, self._connector, workflow, self.workflows[workflow])

    def execute(
        self, context: dg.AssetExecutionContext, workflows: Sequence[Workflow], launcher: "WorkflowLauncher"
    ) -> Iterator[WorkflowEvent]:
        """Run the workflows whose assets are selected; the body of their op.

        Args:
            context: of the step.
            workflows: workflows that OpenMetadata does in one run.
            launcher: what runs them.

        Raises:
            dagster.Failure: a workflow failed; says why, and whether Dagster may retry.
        """
        keys = {workflow: self.get_asset_spec(workflow).key for workflow in workflows}
        asked = {workflow: key for workflow, key in keys.items() if key in context.selected_asset_keys}
        if not asked:
            raise dg.Failure("A check is made when its asset is materialized: select the asset.", allow_retries=False)
        spec = self.workflow_spec(*asked, run_id=context.run.run_id, allow_deletions=allows_deletions(context))
        yield from launcher.run(context=context, spec=spec, assets=asked)

    def workflow_spec(self, *workflows: Workflow, run_id: str, allow_deletions: bool = False) -> WorkflowSpec:
        """What one run is to do in the current environment, secrets as references."""
        here = environment.current()
        options: dict[str, Any] = {}
        for workflow in self._together(workflows[0]):
            # Also of what is not asked for: what is asked for does not depend on what else is selected.
            options = merged(options, self.workflows[workflow])
        return WorkflowSpec(
            environment=here.name,
            service=self.service,
            connector=self.connector,
            workflows=workflows,
            connection=merged(self.connection, self.environments[here.name]),
            options=options,
            catalog_url=here.catalog_url,
            catalog_token=here.catalog_token,
            vault_address=here.vault_address,
            store_service_connection=here.store_service_connection,
            min_success_percent=self.min_success_percent,
            deletion=Deletion(max_share=self.deletion.max_share),
            allow_deletions=allow_deletions,
            timeout=self.timeout,
            run_id=run_id,
            run_url=f"{here.dagster_url}/runs/{run_id}",
            schedules={workflow: cron for workflow in workflows if (cron := self._cron(workflow))},
            ownership=self._ownership() if Workflow.METADATA in workflows else (),
        )

    def _others(self, context: dg.ComponentLoadContext) -> set[str]:
        """Services of the project's other sources that have metadata to come after."""
        sources = context.component_tree.get_all_components(MetadataSource)
        return {source.service for source in sources if Workflow.METADATA in source.workflows} - {self.service}

    def _ownership(self) -> tuple[Ownership, ...]:
        """What is written to the catalog's service and what lies in it; dbt has no service."""
        if self._connector.service_collection is None:
            return ()
        return rules(self.ownership, owners=self.owners, domain=self.domain, tier=self.tier)

    @cached_property
    def _connector(self) -> Connector:
        return connectors()[self.connector]

    def _connection(self) -> dict[str, Any] | None:
        """The connection in the current environment, or None when there is none."""
        own = self.environments.get(environment.current().name)
        return None if own is None else merged(self.connection, own)

    def _made_tables(self, context: dg.ComponentLoadContext) -> list[dg.AssetKey]:
        """Assets of this project that make the source's tables here."""
        makers = context.component_tree.get_all_components(DbtModels)
        return [key for maker in makers if maker.service == self.service for key in maker.model_keys()]

    def _runs(self) -> list[list[Workflow]]:
        """This source's workflows, those together that OpenMetadata does in one run."""
        own = [[workflow for workflow in run if workflow in self.workflows] for run in self._connector.runs]
        return [run for run in own if run]

    def _together(self, workflow: Workflow) -> list[Workflow]:
        return next(run for run in self._runs() if workflow in run)

    def _pool(self, workflow: Workflow) -> str:
        """Runs that write to the same service's entities wait for each other; what the source forgets cannot wait."""
        if workflow is Workflow.QUERY_LOG:
            return f"{KEY_PREFIX}/{self.service}/{workflow}"
        return f"{KEY_PREFIX}/{(self._connection() or {}).get(DESCRIBED, self.service)}"

    def _assets(self, workflows: Sequence[Workflow], made: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
        specs = [self.get_asset_spec(workflow) for workflow in workflows]
        if Workflow.METADATA in workflows:
            # What is in the catalog is what was there when the source was listed.
            specs = [spec.merge_attributes(deps=made) for spec in specs]  # pyright: ignore[reportUnknownMemberType]

        @dg.multi_asset(
            name=f"{KEY_PREFIX}__{self.service}__{'_and_'.join(workflows)}",
            specs=specs,
            check_specs=[check for workflow in workflows for check in self.get_check_specs(workflow)],
            can_subset=len(workflows) > 1,
            config_schema=RUN_CONFIG if deletes(self._connector, workflows) else None,
            required_resource_keys={LAUNCHER},
            pool=self._pool(workflows[0]),
            retry_policy=dg.RetryPolicy(
                max_retries=self.retries,
                delay=_RETRY_DELAY,
                backoff=dg.Backoff.EXPONENTIAL,
                jitter=dg.Jitter.PLUS_MINUS,
            ),
        )
        def run_workflow(context: dg.AssetExecutionContext) -> Iterator[WorkflowEvent]:
            yield from self.execute(context, workflows, getattr(context.resources, LAUNCHER))

        return run_workflow

    def _placeholder(self, workflow: Workflow, file: str) -> dg.AssetSpec:
        here = environment.current().name
        text = describe_unconnected(self._connector, self.service, workflow, here, file)
        spec = self.get_asset_spec(workflow)
        return spec.replace_attributes(description=text, freshness_policy=None)  # pyright: ignore[reportUnknownMemberType]

    def _upstream(self, workflow: Workflow) -> list[dg.AssetKey]:
        """Metadata comes before the other runs of a source, and after that of the sources it builds on."""
        if workflow is Workflow.QUERY_LOG:
            return []
        if Workflow.METADATA in self.workflows and Workflow.METADATA not in self._together(workflow):
            first = {Workflow.METADATA, *([Workflow.QUERY_LOG] if workflow in READ_QUERIES else [])}
            return [asset_key(self.service, each) for each in self.workflows if each in first]
        return [asset_key(service, Workflow.METADATA) for service in self.after]

    def _cadences(self, workflow: Workflow) -> list[Cadence]:
        return self.schedules.get(workflow, [Cadence.DAILY])

    def _cron(self, workflow: Workflow) -> str | None:
        """When a workflow runs by itself: of several cadences the one that comes most often."""
        first = min(self._cadences(workflow), key=lambda cadence: cadence.period, default=None)
        return first.cron if first else None

    def _links(self) -> Mapping[str, dg.MetadataValue[Any]]:
        """Where people look at what the asset fills."""
        page = self._connector.page(environment.current().catalog_url, self.service)
        return {"catalog": dg.MetadataValue.url(page)} if page else {}


@cache
def _model(component: type[MetadataSource]) -> type[BaseModel]:
    return with_clear_errors(component.model())
