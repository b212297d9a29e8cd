"""OpenMetadata's own Python client against the server: its mixins, one after the other.

The client is imported inside the fixture: it takes seconds and warns on the way.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_platform.server.testing import RunningServer
from data_platform_tests.server.conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore")

Client = Any


def connect(server: RunningServer, subject: str) -> Client:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
            OpenMetadataConnection,
        )
        from metadata.ingestion.ometa.ometa_api import OpenMetadata

        return OpenMetadata(
            OpenMetadataConnection.model_validate(
                {
                    "hostPort": server.url,
                    "authProvider": "openmetadata",
                    "securityConfig": {"jwtToken": server.token(subject)},
                }
            )
        )


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    opened = connect(server, "ingestion-bot")
    yield opened
    opened.close()


def table_type() -> Any:
    from metadata.generated.schema.entity.data.table import Table

    return Table


def test_the_client_accepts_the_servers_version(client: Client) -> None:
    client.validate_versions()
    assert client.health_check() if hasattr(client, "health_check") else True


def test_a_table_is_created_read_listed_and_deleted(client: Client, place: Place) -> None:
    from metadata.generated.schema.api.data.createTable import CreateTableRequest

    made = client.create_or_update(CreateTableRequest.model_validate(place.request("a.b")))
    assert made.fullyQualifiedName.root == f'{place.schema}."a.b"'
    found = client.get_by_name(table_type(), made.fullyQualifiedName, fields=["*"])
    assert found.id == made.id
    assert client.get_by_id(table_type(), made.id).name.root == "a.b"
    listed = list(client.list_all_entities(table_type(), params={"database": place.database}, limit=1))
    assert [table.name.root for table in listed] == ["a.b"]
    assert client.get_entity_reference(table_type(), found.fullyQualifiedName).id == made.id
    client.delete(table_type(), made.id, recursive=True)
    assert client.get_by_name(table_type(), found.fullyQualifiedName) is None
    assert client.restore(table_type(), made.id).id == made.id


def test_names_with_separators_round_trip(client: Client, place: Place) -> None:
    from metadata.generated.schema.api.data.createTable import CreateTableRequest

    made = client.create_or_update(CreateTableRequest.model_validate(place.request('a::b>"c"')))
    assert client.get_by_id(table_type(), made.id).name.root == 'a::b>"c"'


def test_bulk_and_stale_deletion(client: Client, place: Place) -> None:
    from metadata.generated.schema.api.data.createTable import CreateTableRequest

    requests = [CreateTableRequest.model_validate(place.request(name)) for name in "abc"]
    result = client.bulk_create_or_update(requests)
    assert result.failedRequest == []
    assert (result.numberOfRowsProcessed.root, len(result.successRequest)) == (3, 3)
    result = client.delete_stale_entities(table_type(), {"databaseSchema": place.schema}, [place.fqn("a")])
    assert [each.request for each in result.successRequest] == [place.fqn("b"), place.fqn("c")]


def test_patches_of_descriptions_tags_and_owners(client: Client, place: Place) -> None:
    from metadata.generated.schema.type.tagLabel import TagLabel
    from metadata.ingestion.models.table_metadata import ColumnDescription, ColumnTag

    place.table()
    label = TagLabel.model_validate(
        {"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Automated", "state": "Suggested"}
    )

    def table() -> Any:
        return client.get_by_name(table_type(), place.fqn(), fields=["tags", "owners"])

    client.patch_description(table_type(), table(), "described")
    assert table().description.root == "described"
    client.patch_tag(table_type(), table(), label)
    assert [each.tagFQN.root for each in table().tags] == ["PII.Sensitive"]
    column = f"{place.fqn()}.label"
    client.patch_column_tags(table(), column_tags=[ColumnTag(column_fqn=column, tag_label=label)])
    assert [each.tagFQN.root for each in table().columns[1].tags] == ["PII.Sensitive"]
    client.patch_column_descriptions(table(), [ColumnDescription(column_fqn=column, description="a column")])
    assert table().columns[1].description.root == "a column"
    assert [each.tagFQN.root for each in table().columns[1].tags] == ["PII.Sensitive"]
    owners = client.get_reference_by_name("admin")
    client.patch_owner(table_type(), table(), owners)
    assert [owner.name for owner in table().owners.root] == ["admin"]


def test_lineage_by_request_and_by_name(client: Client, place: Place) -> None:
    from metadata.generated.schema.api.lineage.addLineage import AddLineageRequest

    start, end = place.table("a"), place.table("b")
    columns = [{"fromColumns": [f"{place.fqn('a')}.id"], "toColumn": f"{place.fqn('b')}.id"}]
    request = AddLineageRequest.model_validate(
        {
            "edge": {
                "fromEntity": {"id": start["id"], "type": "table"},
                "toEntity": {"id": end["id"], "type": "table"},
                "lineageDetails": {"columnsLineage": columns, "source": "QueryLineage"},
            }
        }
    )
    graph = client.add_lineage(request)
    assert graph["downstreamEdges"][0]["lineageDetails"]["columnsLineage"] == columns
    client.add_lineage(request, check_patch=True)
    edge = client.get_lineage_edge_by_name("table", place.fqn("a"), "table", place.fqn("b"))
    assert edge["edge"]["source"] == "QueryLineage"
    client.delete_lineage_edge(request.edge)
    assert client.get_lineage_by_id("table", start["id"])["downstreamEdges"] == []


def test_profiles_samples_and_usage(client: Client, place: Place) -> None:
    from metadata.generated.schema.api.data.createTableProfile import CreateTableProfileRequest
    from metadata.generated.schema.entity.data.table import ColumnProfile, TableData, TableProfile
    from metadata.generated.schema.type.usageRequest import UsageRequest

    place.table()
    table = client.get_by_name(table_type(), place.fqn())
    at = 1_790_000_000_000
    profile = {
        "tableProfile": {"timestamp": at, "rowCount": 3},
        "columnProfile": [{"name": "id", "timestamp": at, "nullCount": 1}],
    }
    client.ingest_profile_data(table, CreateTableProfileRequest.model_validate(profile))
    assert client.get_latest_table_profile(table.fullyQualifiedName).profile.rowCount == 3
    assert len(client.get_profile_data(place.fqn(), at, at, profile_type=TableProfile).entities) == 1
    assert len(client.get_profile_data(f"{place.fqn()}.id", at, at, profile_type=ColumnProfile).entities) == 1
    client.ingest_table_sample_data(table, TableData(columns=["id", "label"], rows=[[1, "x"]]))
    assert client.get_sample_data(table).sampleData.rows == [[1, "x"]]
    client.publish_table_usage(table, UsageRequest(date="2026-01-01", count=4))
    client.compute_percentile(table_type(), "2026-01-01")
    used = client.get_by_name(table_type(), place.fqn(), fields=["usageSummary"]).usageSummary
    assert used.dailyStats.count == 4


def test_queries_and_searches(client: Client, place: Place) -> None:
    from metadata.generated.schema.api.data.createQuery import CreateQueryRequest

    place.table("found")
    place.table("view", tableType="View", schemaDefinition="create view x")
    table = client.get_by_name(table_type(), place.fqn("found"))
    query = CreateQueryRequest.model_validate({"query": "select 1 from found", "service": place.service})
    client.ingest_entity_queries_data(table, [query])
    assert len(client.get_entity_queries(table.id)) == 1
    hits = client.es_search_from_fqn(table_type(), f"{place.service}.*.found")
    assert [hit.name.root for hit in hits] == ["found"]
    assert [view.table_name for view in client.yield_es_view_def(place.service)] == ["view"]


def test_an_ingestion_pipeline_reports_its_runs(client: Client, place: Place) -> None:
    from metadata.generated.schema.entity.services.ingestionPipelines.ingestionPipeline import PipelineStatus

    service = place.api.ok("GET", f"/services/databaseServices/name/{place.service}")
    request = {
        "name": "nightly",
        "pipelineType": "metadata",
        "service": {"id": service["id"], "type": "databaseService"},
        "sourceConfig": {"config": {"type": "DatabaseMetadata"}},
        "airflowConfig": {},
    }
    pipeline = place.api.ok("POST", "/services/ingestionPipelines", request)
    fqn = pipeline["fullyQualifiedName"]
    assert fqn == f"{place.service}.nightly"
    run = {"runId": "7f3e9c1e-5c5e-4f39-9a51-bb2c9f1b1111", "startDate": 1_790_000_000_000}
    running = PipelineStatus.model_validate({**run, "timestamp": 1_790_000_000_000, "pipelineState": "running"})
    client.create_or_update_pipeline_status(fqn, running)
    done = PipelineStatus.model_validate({**run, "endDate": 1_790_000_009_000, "pipelineState": "success"})
    client.create_or_update_pipeline_status(fqn, done)
    status = client.get_pipeline_status(fqn, run["runId"])
    assert (status.pipelineState.value, status.endDate.root) == ("success", 1_790_000_009_000)
    assert len(client.get_pipeline_status_between_ts(fqn, 1_780_000_000_000, 1_800_000_000_000)) == 1
    assert place.api.ok("GET", f"/services/ingestionPipelines/{pipeline['id']}")["version"] == 0.1


def test_versions_and_settings(client: Client, place: Place) -> None:
    table = place.table()
    place.api.patch_with(f"/tables/{table['id']}", ("add", "/description", "x"))
    history = client.get_list_entity_versions(table["id"], table_type())
    assert len(history.versions) == 2
    assert client.get_entity_version(table_type(), table["id"], 0.1).description is None
    assert client.get_profiler_config_settings().config_type.value == "profilerConfiguration"


def test_people_are_found_as_owners(client: Client, place: Place, unique: str) -> None:
    place.api.ok(
        "POST", "/users", {"name": f"{unique}.X", "email": f"{unique}.X@Example.com", "displayName": "Some One"}
    )
    found = client.get_reference_by_email(f"{unique}.x@example.com")
    assert found.root[0].name == f"{unique}.x"
    assert client.get_reference_by_name(f"{unique}.x").root[0].name == f"{unique}.x"
    assert client.get_reference_by_name("no such person") is None


def test_a_server_in_the_process_leaves_the_client_whole(tmp_path: Path) -> None:
    # The server imports the generated models without the client's initializer, which registers what workflows need.
    program = (
        "import pathlib, sys, warnings; warnings.simplefilter('ignore')\n"
        "from data_platform.server.app import create_app\n"
        "create_app(pathlib.Path(sys.argv[1]))\n"
        "assert 'metadata.ingestion.ometa' not in sys.modules, 'the server imported the client'\n"
        "from metadata.ingestion.ometa.routes import ROUTES\n"
        "from metadata.utils.dependency_injector.dependency_injector import DependencyContainer\n"
        "from metadata.utils.service_spec.service_spec import SourceLoader\n"
        "assert DependencyContainer().has(SourceLoader)\n"
        "import metadata.workflow.profiler\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
