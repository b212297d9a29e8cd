"""What containers and pipelines are made of: columns and tasks, which people describe one by one, and their edges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from data_platform_tests.server.conftest import Api

COLUMNS = [
    {"name": "id", "dataType": "INT"},
    {"name": "address", "dataType": "STRUCT", "children": [{"name": "post.code", "dataType": "STRING"}]},
]


@pytest.fixture
def container(bot: Api, unique: str) -> dict[str, Any]:
    """The request of a container with columns, which has been sent once."""
    bot.ok("POST", "/services/storageServices", {"name": unique, "serviceType": "S3"})
    bot.ok("POST", "/containers", {"name": "raw.files", "service": unique})
    parent = bot.ok("GET", f'/containers/name/{unique}."raw.files"')
    request = {
        "name": "customers",
        "service": unique,
        "parent": {"id": parent["id"], "type": "container"},
        "dataModel": {"isPartitioned": False, "columns": COLUMNS},
    }
    bot.ok("PUT", "/containers", request)
    return request


@pytest.fixture
def pipeline(bot: Api, unique: str) -> dict[str, Any]:
    """The request of a pipeline with tasks, which has been sent once."""
    bot.ok("POST", "/services/pipelineServices", {"name": unique, "serviceType": "Dagster"})
    tasks = [{"name": "extract", "downstreamTasks": ["load.it"]}, {"name": "load.it", "downstreamTasks": []}]
    request = {"name": "jobs/nightly", "service": unique, "tasks": tasks}
    bot.ok("PUT", "/pipelines", request)
    return request


def test_columns_of_a_container_have_names_below_it_and_positions(
    bot: Api, unique: str, container: dict[str, Any]
) -> None:
    name = f'{unique}."raw.files".customers'
    first, second = bot.ok("GET", f"/containers/name/{name}?fields=dataModel")["dataModel"]["columns"]
    assert (first["fullyQualifiedName"], first["ordinalPosition"], first["tags"]) == (f"{name}.id", 1, [])
    assert second["children"][0]["fullyQualifiedName"] == f'{name}.address."post.code"'


def test_a_column_of_a_container_needs_no_length(bot: Api, container: dict[str, Any]) -> None:
    container["dataModel"]["columns"] = [{"name": "origin", "dataType": "VARCHAR"}]
    assert bot.ok("PUT", "/containers", container)["dataModel"]["columns"][0]["dataType"] == "VARCHAR"


def test_a_repeated_column_of_a_container_is_400(bot: Api, container: dict[str, Any]) -> None:
    container["dataModel"]["columns"] = [COLUMNS[0], COLUMNS[0]]
    bot.refused(400, "PUT", "/containers", container)


def test_a_bot_keeps_what_people_wrote_on_the_columns_of_a_container(
    bot: Api, admin: Api, unique: str, container: dict[str, Any]
) -> None:
    path = f'/containers/name/{unique}."raw.files".customers'
    operations = [{"op": "add", "path": "/dataModel/columns/0/description", "value": "Who buys"}]
    patched = admin.ok("PATCH", path, operations)
    container["dataModel"]["columns"] = [{**COLUMNS[0], "description": "id"}, COLUMNS[1]]
    again = bot.ok("PUT", "/containers", container)
    assert again["dataModel"]["columns"][0]["description"] == "Who buys"
    assert again["version"] == patched["version"]


def test_losing_a_column_is_a_major_version_of_a_container_and_gaining_one_a_minor(
    bot: Api, container: dict[str, Any]
) -> None:
    model = container["dataModel"]
    model["columns"] = [*COLUMNS, {"name": "since", "dataType": "DATE"}]
    grown = bot.ok("PUT", "/containers", container)
    assert grown["version"] == 0.2
    assert [each["name"] for each in grown["changeDescription"]["fieldsAdded"]] == ["dataModel.columns"]
    model["columns"] = COLUMNS[:1]
    shrunk = bot.ok("PUT", "/containers", container)
    assert shrunk["version"] == 1.2
    model["isPartitioned"] = True
    partitioned = bot.ok("PUT", "/containers", container)
    (change,) = partitioned["changeDescription"]["fieldsUpdated"]
    assert (change["name"], partitioned["version"]) == ("dataModel.isPartitioned", 1.3)


def test_tasks_of_a_pipeline_have_names_below_it_and_keep_what_people_wrote(
    bot: Api, admin: Api, unique: str, pipeline: dict[str, Any]
) -> None:
    path = f"/pipelines/name/{unique}.jobs%2Fnightly"
    read = bot.ok("GET", f"{path}?fields=tasks")
    assert [task["fullyQualifiedName"] for task in read["tasks"]] == [
        f"{unique}.jobs/nightly.extract",
        f'{unique}.jobs/nightly."load.it"',
    ]
    admin.ok("PATCH", path, [{"op": "add", "path": "/tasks/1/description", "value": "Into the warehouse"}])
    again = bot.ok("PUT", "/pipelines", pipeline)
    assert again["tasks"][1]["description"] == "Into the warehouse"
    assert again["version"] == 0.2
    pipeline["tasks"] = pipeline["tasks"][:1]
    assert [task["name"] for task in bot.ok("PUT", "/pipelines", pipeline)["tasks"]] == ["extract"]


def test_many_runs_arrive_at_once_and_the_latest_is_the_pipelines(
    bot: Api, unique: str, pipeline: dict[str, Any]
) -> None:
    del pipeline
    path = f"/pipelines/{unique}.jobs%2Fnightly/status"
    start = 1_790_000_000_000
    runs = [
        {"executionId": f"run {n}", "timestamp": start + n, "executionStatus": state, "endTime": start + n + 5}
        for n, state in ((2, "Failed"), (1, "Successful"), (3, "Pending"))
    ]
    bot.ok("PUT", f"{path}/bulk", runs)
    bot.ok("PUT", f"{path}/bulk", [{**runs[2], "executionStatus": "Successful"}])
    read = bot.ok("GET", f"/pipelines/name/{unique}.jobs%2Fnightly?fields=pipelineStatus")
    assert (read["pipelineStatus"]["executionId"], read["pipelineStatus"]["executionStatus"]) == ("run 3", "Successful")
    listed = bot.ok("GET", f"{path}?startTs={start}&endTs={start + 9}")["data"]
    assert [each["executionId"] for each in listed] == ["run 3", "run 2", "run 1"]
    bot.refused(400, "PUT", f"{path}/bulk", [{**runs[0], "timestamp": 1_790_000_000}])


def test_an_edge_names_its_pipeline_and_forgets_it_when_it_is_gone(
    bot: Api, admin: Api, unique: str, container: dict[str, Any], pipeline: dict[str, Any]
) -> None:
    del container, pipeline
    ends = [bot.ok("GET", f'/containers/name/{unique}."raw.files"{rest}') for rest in ("", ".customers")]
    job = bot.ok("GET", f"/pipelines/name/{unique}.jobs%2Fnightly")
    edge = {
        "fromEntity": {"id": ends[0]["id"], "type": "container"},
        "toEntity": {"id": ends[1]["id"], "type": "container"},
        "lineageDetails": {"pipeline": {"id": job["id"], "type": "pipeline"}, "source": "PipelineLineage"},
    }
    bot.ok("PUT", "/lineage", {"edge": edge})
    path = f"/lineage/container/{ends[1]['id']}?upstreamDepth=1"
    (shown,) = bot.ok("GET", path)["upstreamEdges"]
    assert shown["lineageDetails"]["pipeline"]["fullyQualifiedName"] == f"{unique}.jobs/nightly"
    admin.ok("DELETE", f"/pipelines/{job['id']}?hardDelete=true")
    (shown,) = bot.ok("GET", path)["upstreamEdges"]
    assert "pipeline" not in shown["lineageDetails"]


def test_a_container_is_moved_by_a_patch_with_all_that_is_below_it(admin: Api, unique: str) -> None:
    for name in (unique, f"{unique}-other"):
        admin.ok("POST", "/services/storageServices", {"name": name, "serviceType": "S3"})

    def made(name: str, parent: str | None = None, service: str = unique) -> dict[str, Any]:
        held = {"parent": {"id": parent, "type": "container"}} if parent else {}
        model = {"isPartitioned": False, "columns": [{"name": "id", "dataType": "INT"}]}
        return admin.ok("POST", "/containers", {"name": name, "service": service, "dataModel": model, **held})

    a, b, far = made("a"), made("b"), made("far", service=f"{unique}-other")
    child = made("child", a["id"])
    made("leaf", child["id"])
    path = f"/containers/{child['id']}"
    moved = admin.patch_with(path, ("replace", "/parent", {"id": b["id"], "type": "container"}))
    assert moved["fullyQualifiedName"] == f"{unique}.b.child"
    leaf = admin.ok("GET", f"/containers/name/{unique}.b.child.leaf?fields=dataModel")
    assert leaf["dataModel"]["columns"][0]["fullyQualifiedName"] == f"{unique}.b.child.leaf.id"
    above = admin.ok("GET", f"/containers/name/{unique}.b.child.leaf/ancestors")
    assert [each["name"] for each in above] == ["b", "child"]
    for wrong in (leaf["id"], far["id"]):
        operation = [{"op": "replace", "path": "/parent", "value": {"id": wrong, "type": "container"}}]
        admin.refused(400, "PATCH", path, operation)
    assert admin.patch_with(path, ("remove", "/parent"))["fullyQualifiedName"] == f"{unique}.child"
    assert admin.ok("GET", f"/containers/name/{unique}.child/ancestors") == []
    admin.refused(404, "GET", f"/containers/name/{unique}.b.child")


def test_only_what_is_in_no_container_is_at_the_root(admin: Api, unique: str) -> None:
    admin.ok("POST", "/services/storageServices", {"name": unique, "serviceType": "S3"})
    top = admin.ok("POST", "/containers", {"name": "top", "service": unique})
    held = {"parent": {"id": top["id"], "type": "container"}}
    admin.ok("POST", "/containers", {"name": "below", "service": unique, **held})

    def listed(root: str) -> list[str]:
        return [each["name"] for each in admin.ok("GET", f"/containers?service={unique}&root={root}")["data"]]

    assert (listed("true"), listed("false")) == (["top"], ["below", "top"])


def test_tasks_come_and_go_and_are_described_one_by_one(admin: Api, unique: str) -> None:
    admin.ok("POST", "/services/pipelineServices", {"name": unique, "serviceType": "Airflow"})
    request = {"name": "p", "service": unique, "tasks": [{"name": "one"}, {"name": "two"}]}
    pipeline = admin.ok("POST", "/pipelines", request)
    described = admin.patch_with(f"/pipelines/{pipeline['id']}", ("add", "/tasks/0/description", "first"))
    assert described["changeDescription"]["fieldsAdded"] == [{"name": "tasks.one.description", "newValue": "first"}]
    changed = admin.ok("PUT", "/pipelines", {**request, "tasks": [{"name": "one"}, {"name": "three"}]})
    told = changed["changeDescription"]
    assert [json.loads(each["newValue"])[0]["name"] for each in told["fieldsAdded"]] == ["three"]
    assert [json.loads(each["oldValue"])[0]["name"] for each in told["fieldsDeleted"]] == ["two"]
    assert (changed["version"], changed["tasks"][0]["description"]) == (0.3, "first")


def test_a_field_that_leaves_a_schema_is_a_major_version(admin: Api, unique: str) -> None:
    admin.ok("POST", "/services/messagingServices", {"name": unique, "serviceType": "Kafka"})

    def put(*fields: str, text: str = "{}") -> dict[str, Any]:
        held = [{"name": name, "dataType": "STRING"} for name in fields]
        schema = {"schemaType": "Avro", "schemaText": text, "schemaFields": held}
        return admin.ok("PUT", "/topics", {"name": "t", "service": unique, "partitions": 1, "messageSchema": schema})

    put("a", "b")
    changed = put("a", "b", text="{ }")
    assert changed["version"] == 0.2
    assert changed["changeDescription"]["fieldsUpdated"][0]["name"] == "messageSchema.schemaText"
    assert put("a", "b", "c", text="{ }")["version"] == 0.3
    gone = put("a", "c", text="{ }")
    assert (gone["version"], gone["changeDescription"]["fieldsDeleted"][0]["name"]) == (
        1.3,
        "messageSchema.schemaFields",
    )


def test_a_status_of_a_pipeline_is_forgotten_by_its_time(admin: Api, unique: str) -> None:
    admin.ok("POST", "/services/pipelineServices", {"name": unique, "serviceType": "Airflow"})
    admin.ok("POST", "/pipelines", {"name": "p", "service": unique})
    at = 1_790_000_000_000
    admin.ok("PUT", f"/pipelines/{unique}.p/status", {"timestamp": at, "executionStatus": "Successful"})
    admin.ok("DELETE", f"/pipelines/{unique}.p/status/{at}")
    assert admin.ok("GET", f"/pipelines/{unique}.p/status")["data"] == []
    admin.refused(404, "DELETE", f"/pipelines/{unique}.p/status/{at}")
