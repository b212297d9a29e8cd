"""The resources of the current environment, and how its runs are executed."""

import dagster as dg

from data_platform import environment
from data_platform.components.metadata_source import LAUNCHER
from data_platform.resources.launcher import WorkflowLauncher
from data_platform.resources.openmetadata import OpenMetadataResource
from data_platform.resources.vault import VaultResource

# Each step is a process of its own, forked from one that has imported what loading these definitions imports:
# Dagster loads every component library that is installed, and dbt's takes seconds.
PRELOADED = (
    "data_platform.definitions",
    "data_platform.resources.launcher",
    "data_platform.resources.openmetadata",
    "jsonschema",
    "dagster_dbt",
)
EXECUTOR = dg.multiprocess_executor.configured(
    {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": list(PRELOADED)}}}
)


def launcher() -> WorkflowLauncher:
    """Workflows run beside their step, or in pods where there is an image for them."""
    image = environment.ingestion_image()
    if image is None:
        return WorkflowLauncher()
    from data_platform.resources.pods import PodLauncher

    return PodLauncher(image=image, service_account=environment.ingestion_service_account())


@dg.definitions
def resources() -> dg.Definitions:
    """One set for the environment that this process runs in."""
    here = environment.current()
    vault = VaultResource.of(here)
    return dg.Definitions(
        resources={
            LAUNCHER: launcher(),
            "openmetadata": OpenMetadataResource.of(here, vault),
            "vault": vault,
        },
        executor=EXECUTOR,
    )
