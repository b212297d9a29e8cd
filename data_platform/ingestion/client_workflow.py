"""A workflow of OpenMetadata's client: imported, made, and executed so that it can be stopped.

What the client costs more than it must, and does otherwise than it says, is removed on the way (``overhead``,
``reflection``, ``shims``). Says nothing of how a workflow ended; that is ``ended`` and ``verdict``.
"""

from __future__ import annotations

from data_platform.errors import WorkflowInterruptedError
from data_platform.ingestion import config, dbt, interruption, overhead, reflection, shims, sources
from data_platform.ingestion.diagnosis import diagnose
from data_platform.ingestion.line import CatalogGone, Line
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Traffic


def load(spec: WorkflowSpec, traffic: Traffic) -> config.Create:
    """Import OpenMetadata's client and remove from it what stands in the way; returns what makes its workflow."""
    overhead.leave_cloud_secrets_out()
    with overhead.no_garbage_collection():
        create = config.workflow_factory(spec)
    overhead.cache_version_header()
    if lists(spec) and config.category(spec) == "database":
        overhead.name_tables_without_a_search()
    shims.leave_status_to_us()
    shims.trust_the_named_authority()
    if (spec.connector, spec.kind) == ("Trino", Workflow.PROFILING):
        shims.sum_fractions_in_trino()
    shims.spaces_in_passwords()
    shims.sum_exactly()
    Line(spec.catalog_url, spec.catalog_retry_timeout, traffic).install()
    sources.install()
    return create


def create_workflow(create: config.Create, settings: config.Config, spec: WorkflowSpec) -> config.ClientWorkflow:
    """OpenMetadata's workflow of a configuration, ready to run.

    Raises:
        DataPlatformError: it cannot be made; says why.
    """
    try:
        with overhead.no_garbage_collection():  # it imports the connector
            workflow = create(settings)
    except Exception as error:
        raise diagnose(error, spec) from error
    overhead.freeze_imports()
    shims.send_tables_before_foreign_keys(workflow.source)
    shims.name_schemas_that_have_no_name(workflow.source)
    shims.report_unreadable_routines(workflow.source)
    if lists(spec):
        reflection.constraints_by_schema()
    return workflow


def execute(workflow: config.ClientWorkflow, spec: WorkflowSpec) -> None:
    """Run OpenMetadata's workflow to its end.

    Raises:
        DataPlatformError: it broke off; says why.
    """
    _stop_cleanly(workflow, spec)
    try:
        workflow.execute()
    except Exception as error:
        raise diagnose(error, spec) from error
    if interruption.was_told():
        raise _interrupted(spec)


def _stop_cleanly(workflow: config.ClientWorkflow, spec: WorkflowSpec) -> None:
    """Let a signal end the workflow as a failure that is flushed and reported to the catalog.

    An exception would be taken for one table's failure, and ``SystemExit`` would be persisted as success; only
    around the inner loop does an exception mean what it says.
    """
    inner = workflow.execute_internal

    def execute_internal() -> None:
        try:
            inner()
        except CatalogGone as gone:
            raise gone.error from gone
        except (KeyboardInterrupt, SystemExit) as error:
            raise _interrupted(spec) from error
        if interruption.was_told():
            raise _interrupted(spec)

    workflow.execute_internal = execute_internal


def _interrupted(spec: WorkflowSpec) -> WorkflowInterruptedError:
    return WorkflowInterruptedError("the workflow was told to stop", source=spec.name)


def lists(spec: WorkflowSpec) -> bool:
    """Whether a run lists what a source has; dbt describes what other sources have."""
    return spec.kind is Workflow.METADATA and spec.connector != dbt.CONNECTOR
