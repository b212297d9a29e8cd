"""A code location whose workflows are the specs in a file; they hold references and no secret."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from data_platform.ingestion.spec import COMPLETED, Workflow, WorkflowSpec
from data_platform.resources.launcher import WorkflowLauncher

SPECS = "LEAK_TEST_SPECS"


def workflow(fields: dict[str, Any]) -> dg.AssetsDefinition:
    """The asset of one spec."""
    key = dg.AssetKey(["openmetadata", fields["service"], "metadata"])

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec(COMPLETED, asset=key)])
    def run(context: dg.AssetExecutionContext, launcher: WorkflowLauncher) -> Iterator[Any]:
        spec = WorkflowSpec(**fields, run_id=context.run.run_id)
        yield from launcher.run(context=context, spec=spec, assets={Workflow.METADATA: key})

    return run


@dg.definitions
def defs() -> dg.Definitions:
    """The workflows of the file that the variable names."""
    workflows = [workflow(fields) for fields in json.loads(Path(os.environ[SPECS]).read_text())]
    return dg.Definitions(
        assets=workflows,
        jobs=[dg.define_asset_job("everything", selection=workflows)],
        resources={"launcher": WorkflowLauncher()},
        executor=dg.multiprocess_executor.configured({"max_concurrent": 2}),
    )
