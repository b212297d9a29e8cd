"""Containers and pipelines in the catalog, held against what lies in S3 and what Dagster has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def container_differences(client: Any, expected: dict[str, Any]) -> Iterator[str]:
    """Every way in which the catalog's containers are not the files in S3, one sentence each.

    Args:
        client: OpenMetadata's own.
        expected: as ``raw_files.expected`` returns it.
    """
    from metadata.generated.schema.entity.data.container import Container

    listed = client.list_all_entities(Container, fields=["dataModel"], params={"service": expected["service"]})
    found = {each.fullyQualifiedName.root.removeprefix(f"{expected['service']}."): each for each in listed}
    wanted: dict[str, dict[str, Any]] = expected["containers"]
    yield from _names("container", found, wanted, "in S3")
    for name in sorted(wanted.keys() & found.keys()):
        if not wanted[name]:
            continue
        container, model = found[name], found[name].dataModel
        columns = {column.name.root: column.dataType.value for column in model.columns} if model else {}
        for column in sorted(wanted[name]["columns"].keys() | columns.keys()):
            says, has = columns.get(column, "missing"), wanted[name]["columns"].get(column, "nothing")
            if says != has:
                yield f"{name}.{column} is {says} in the catalog, {has} in the file."
        for what, says, has in (
            ("partitioned", bool(model and model.isPartitioned), wanted[name]["partitioned"]),
            ("format", [each.value for each in container.fileFormats or []], [wanted[name]["format"]]),
            ("number of objects", container.numberOfObjects, wanted[name]["objects"]),
        ):
            if says != has:
                yield f"{name} has {what} {says} in the catalog, {has} in S3."


def pipeline_differences(client: Any, expected: dict[str, Any]) -> Iterator[str]:
    """Every way in which the catalog's pipelines are not Dagster's jobs and assets, one sentence each.

    Args:
        client: OpenMetadata's own.
        expected: as ``pipelines.expected`` returns it.
    """
    from metadata.generated.schema.entity.data.pipeline import Pipeline

    listed = client.list_all_entities(Pipeline, fields=["tasks"], params={"service": expected["service"]})
    found = {each.name.root: each for each in listed}
    wanted: dict[str, dict[str, list[str]]] = expected["pipelines"]
    yield from _names("pipeline", found, wanted, "in Dagster")
    for name in sorted(wanted.keys() & found.keys()):
        tasks = {task.name: sorted(task.downstreamTasks or []) for task in found[name].tasks or []}
        for task in sorted(tasks.keys() | wanted[name].keys()):
            if task not in tasks:
                yield f"The task {task} of {name} is missing in the catalog."
            elif task not in wanted[name]:
                yield f"The task {task} of {name} is in the catalog but not in Dagster."
            elif tasks[task] != wanted[name][task]:
                says, has = tasks[task], wanted[name][task]
                yield f"The task {task} of {name} comes before {says} in the catalog, before {has} in Dagster."
    run = expected["run"]
    if run["pipeline"] in found:
        statuses = client.list_pipeline_statuses(
            found[run["pipeline"]].fullyQualifiedName.root, start_ts=0, end_ts=2**53
        )
        if run["id"] not in [each.executionId for each in statuses]:
            yield f"The run {run['id']} of {run['pipeline']} is missing in the catalog."


def lineage_differences(client: Any, expected: dict[str, Any]) -> Iterator[str]:
    """Every edge between tables that Dagster's assets make and the catalog does not have with the asset as pipeline.

    Args:
        client: OpenMetadata's own.
        expected: as ``pipelines.expected`` returns it.
    """
    from metadata.generated.schema.entity.data.table import Table

    for name, edges in expected["lineage"].items():
        graph = client.get_lineage_by_name(Table, edges["to"], up_depth=1, down_depth=0) or {}
        nodes = {node["id"]: node["fullyQualifiedName"] for node in graph.get("nodes") or []}
        found = {
            nodes[edge["fromEntity"]]: edge["lineageDetails"].get("pipeline", {}).get("name")
            for edge in graph.get("upstreamEdges") or []
        }
        for table in edges["from"]:
            if found.get(table) != name:
                yield f"The lineage from {table} to {edges['to']} by {name} is missing in the catalog."


def _names(kind: str, found: Iterable[str], wanted: Iterable[str], where: str) -> Iterator[str]:
    for name in sorted(set(wanted) - set(found)):
        yield f"The {kind} {name} is missing in the catalog."
    for name in sorted(set(found) - set(wanted)):
        yield f"The {kind} {name} is in the catalog but not {where}."


def summary(expected: dict[str, Any]) -> str:
    """What was compared, in numbers."""
    containers = expected["storage"]["containers"]
    columns = sum(len(each.get("columns", {})) for each in containers.values())
    text = f"{len(containers)} containers with {columns} columns"
    if "dagster" in expected:
        pipelines = expected["dagster"]["pipelines"]
        edges = sum(len(each["from"]) for each in expected["dagster"]["lineage"].values())
        text += f", {len(pipelines)} pipelines with {sum(map(len, pipelines.values()))} tasks and {edges} edges"
    return text
