"""The resources of the current environment, and how its runs are executed."""

import dagster as dg

from data_platform import environment
from data_platform.components.metadata_source import LAUNCHER
from data_platform.resources.launcher import WorkflowLauncher
from data_platform.resources.openmetadata import OpenMetadataResource
from data_platform.resources.vault import VaultResource

# Each step is a process of its own; forking it from one that has imported Dagster already saves seconds per step.
EXECUTOR = dg.multiprocess_executor.configured(
    {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": ["data_platform.definitions"]}}}
)


@dg.definitions
def resources() -> dg.Definitions:
    """One set for the environment that this process runs in."""
    here = environment.current()
    vault = VaultResource.of(here)
    return dg.Definitions(
        resources={
            LAUNCHER: WorkflowLauncher(),
            "openmetadata": OpenMetadataResource.of(here, vault),
            "vault": vault,
        },
        executor=EXECUTOR,
    )
