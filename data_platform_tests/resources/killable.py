"""A code location with one workflow, to be run in a process of its own and killed there."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from data_platform.ingestion.spec import COMPLETED, Workflow, WorkflowSpec
from data_platform.resources.launcher import WorkflowLauncher

KEY = dg.AssetKey(["openmetadata", "shop", "metadata"])


@dg.asset(
    key=KEY,
    check_specs=[dg.AssetCheckSpec(COMPLETED, asset=KEY)],
    pool="openmetadata/shop",
    retry_policy=dg.RetryPolicy(max_retries=1),
)
def shop(context: dg.AssetExecutionContext, launcher: WorkflowLauncher) -> Iterator[Any]:
    """Runs whatever child the test made."""
    spec = WorkflowSpec(
        environment="dev",
        service="shop",
        connector="Postgres",
        workflows=(Workflow.METADATA,),
        connection={},
        catalog_url="http://127.0.0.1:1/api",
        catalog_token="env:CATALOG_TOKEN",
        vault_address="http://127.0.0.1:1",
        run_id=context.run.run_id,
    )
    yield from launcher.run(context=context, spec=spec, assets={Workflow.METADATA: KEY})


defs = dg.Definitions(
    assets=[shop],
    jobs=[dg.define_asset_job("everything", selection=[shop])],
    resources={"launcher": WorkflowLauncher()},
    executor=dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}}),
)
