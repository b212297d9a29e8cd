"""The asset: it runs the script in the ingestion environment, and what the script reports is its materialization."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from data_platform import environment
from data_platform.resources.openmetadata import OpenMetadataResource
from data_platform.resources.scripts import ScriptLauncher
from data_platform.resources.vault import VaultResource

SCRIPT = Path(__file__).with_name("undescribed_tables.py")


@dg.asset(kinds={"openmetadata"}, owners=["team:data-platform"])
def undescribed_tables(context: dg.AssetExecutionContext, scripts: ScriptLauncher) -> Iterator[Any]:
    """Tables that nobody has described; needs OpenMetadata's own client, and runs where that is."""
    yield from scripts.run(context=context, script=SCRIPT)


@dg.asset(kinds={"openmetadata"}, owners=["team:data-platform"])
def table_count(openmetadata: OpenMetadataResource) -> dg.MaterializeResult[Any]:
    """How many tables the catalog has; the light resource is enough."""
    return dg.MaterializeResult(metadata={"tables": sum(1 for _ in openmetadata.list("tables"))})


@dg.definitions
def definitions() -> dg.Definitions:
    """Both assets with the resources of the current environment."""
    here = environment.current()
    return dg.Definitions(
        assets=[undescribed_tables, table_count],
        resources={
            "scripts": ScriptLauncher(),
            "openmetadata": OpenMetadataResource.of(here, VaultResource.of(here)),
        },
    )
