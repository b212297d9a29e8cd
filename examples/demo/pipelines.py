"""What the catalog must show of Dagster after the demo, taken from the definitions and the instance themselves.

The connector reads a webserver over GraphQL; nothing of that is used here, so that an error of one does not hide in the
other. Imported where Dagster is, written to a file for the comparison, which runs beside OpenMetadata's client.
"""

from __future__ import annotations

from typing import Any, Final

import dagster as dg
from dagster import DagsterInstance, RunsFilter

from data_platform.definitions import defs
from examples.demo.job import NAME
from examples.demo.materialize import TAGS

SERVICE: Final = "dagster"
_LOCATION: Final = "data_platform"
# The service of the database that the assets' tables are in.
_TABLES: Final = "postgres"


def expected() -> dict[str, Any]:
    """Every pipeline by its name with its tasks and what comes after each, the demo's last run, and the tables between
    which there is lineage by the asset that makes the second of them."""
    definitions = defs()
    jobs = [job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")]
    graph = definitions.resolve_asset_graph()
    with DagsterInstance.get() as instance:
        (run,) = instance.get_runs(RunsFilter(tags=TAGS), limit=1)
    return {
        "service": SERVICE,
        "pipelines": {
            **{f"jobs/{_LOCATION}/{job.name}": _tasks(job) for job in jobs},
            **{
                f"assets/{key.to_user_string()}": {graph.assets_def_for_key(key).node_def.name: []}
                for key in graph.materializable_asset_keys
            },
        },
        "run": {"pipeline": f"jobs/{_LOCATION}/{NAME}", "id": run.run_id},
        "lineage": {
            f"assets/{key.to_user_string()}": {
                "from": sorted(filter(None, (_table(graph.get(parent)) for parent in graph.get(key).parent_keys))),
                "to": table,
            }
            for key in sorted(graph.materializable_asset_keys)
            if (table := _table(graph.get(key)))
        },
    }


def _table(asset: Any) -> str | None:
    """The table that an asset says it is, as the catalog names it."""
    name = asset.metadata.get("dagster/table_name")
    return f"{_TABLES}.{getattr(name, 'value', name)}" if name else None


def _tasks(job: dg.JobDefinition) -> dict[str, list[str]]:
    """The nodes at the top of a job, each with those that take one of its outputs."""
    structure = job.graph.dependency_structure
    downstream: dict[str, set[str]] = {node.name: set() for node in job.nodes}
    for node in job.nodes:
        for outputs in structure.input_to_upstream_outputs_for_node(node.name).values():
            for output in outputs:
                downstream[output.node_name].add(node.name)
    return {name: sorted(names) for name, names in downstream.items()}
