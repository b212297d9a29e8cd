"""What a source's definition and a run's launchpad say about deleting what disappeared from the source."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, cast

import dagster as dg
from pydantic import Field

from data_platform.ingestion.schemas import Connector
from data_platform.ingestion.spec import DEFAULT_MAX_SHARE, Workflow

_ALLOW: Final = "allow_deletions"

RUN_CONFIG: Final[Mapping[str, dg.Field]] = {
    _ALLOW: dg.Field(
        bool,
        default_value=False,
        description="Delete in this run whatever disappeared from the source, however much it is. It counts once: not"
        " when the run is executed again, nor when its step is tried again.",
    )
}
"""The run config of assets with which entities are deleted."""


class DeletionLimit(dg.Model, dg.Resolvable):
    """How much one run deletes at most."""

    max_share: Annotated[
        float, Field(description="Percent of the tables (or others of a kind) in a schema, a database, a service.")
    ] = DEFAULT_MAX_SHARE


def deletes(connector: Connector, workflows: Sequence[Workflow]) -> bool:
    """Whether entities are deleted with one of the workflows: dbt describes what belongs to other sources."""
    return Workflow.METADATA in workflows and connector.service_collection is not None


def allows_deletions(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was launched with the limit lifted, which counts once.

    Dagster copies a run's config when it executes it again, and tries a step again with the same: whoever looked at the
    source did so before the first time.
    """
    config = cast(Mapping[str, Any], context.op_execution_context.op_config or {})  # pyright: ignore[reportUnknownMemberType]
    if not config.get(_ALLOW, False):
        return False
    is_first = not (context.run.parent_run_id or context.run.get_parent_run_id() or context.retry_number)
    if not is_first:
        context.log.warning(f"{_ALLOW} counted for the first attempt only: launch a new run to lift the limit again.")
    return is_first
