"""The mixins of OpenMetadata's client beside those of tables: each called as people's scripts call it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.server.testing import RunningServer
from data_platform_tests.server.conftest import Api, Place
from data_platform_tests.server.test_client import connect, table_type

pytestmark = pytest.mark.filterwarnings("ignore")

Client = Any
NOW = int(time.time() * 1000)


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    opened = connect(server, "ingestion-bot")
    yield opened
    opened.close()


def model(path: str) -> Any:
    import importlib

    module, _, name = path.partition(":")
    return getattr(importlib.import_module(f"metadata.generated.schema.{module}"), name)


def put(client: Client, path: str, request: dict[str, Any]) -> Any:
    return client.create_or_update(model(path).model_validate(request))


def test_samples_of_topics_containers_and_search_indexes(client: Client, unique: str) -> None:
    services = "api.services"
    put(
        client,
        f"{services}.createMessagingService:CreateMessagingServiceRequest",
        {"name": unique, "serviceType": "Kafka"},
    )
    topic = put(client, "api.data.createTopic:CreateTopicRequest", {"name": "t", "service": unique, "partitions": 1})
    sample = model("entity.data.topic:TopicSampleData")(messages=["a", "b"])
    assert client.ingest_topic_sample_data(topic, sample).messages == ["a", "b"]
    put(client, f"{services}.createStorageService:CreateStorageServiceRequest", {"name": unique, "serviceType": "S3"})
    columns = [{"name": "id", "dataType": "INT"}]
    request = {"name": "c", "service": unique, "dataModel": {"columns": columns}}
    container = put(client, "api.data.createContainer:CreateContainerRequest", request)
    rows = model("entity.data.table:TableData").model_validate({"columns": ["id"], "rows": [["1"], ["2"]]})
    assert client.ingest_container_sample_data(container, rows).rows == [["1"], ["2"]]
    assert client.get_container_sample_data(container).sampleData.rows == [["1"], ["2"]]
    search = {"name": unique, "serviceType": "ElasticSearch"}
    put(client, f"{services}.createSearchService:CreateSearchServiceRequest", search)
    index = put(
        client, "api.data.createSearchIndex:CreateSearchIndexRequest", {"name": "i", "service": unique, "fields": []}
    )
    found = model("entity.data.searchIndex:SearchIndexSampleData")(messages=["{}"])
    assert client.ingest_search_index_sample_data(index, found).messages == ["{}"]


def test_the_pipelines_that_fill_a_table(client: Client, place: Place, unique: str) -> None:
    table = client.get_by_id(table_type(), place.table()["id"])
    request = {"name": unique, "serviceType": "Dagster"}
    put(client, "api.services.createPipelineService:CreatePipelineServiceRequest", request)
    pipeline = put(client, "api.data.createPipeline:CreatePipelineRequest", {"name": "p", "service": unique})
    held = {"id": str(pipeline.id.root), "type": "pipeline", "fullyQualifiedName": pipeline.fullyQualifiedName.root}
    entry = model("type.pipelineObservability:PipelineObservability")
    first = entry.model_validate({"pipeline": held, "lastRunStatus": "Successful"})
    stored = client.add_pipeline_observability(table.id, [first])
    assert stored.pipelineObservability[0].lastRunStatus.value == "Successful"
    second = entry.model_validate({"pipeline": held, "lastRunStatus": "Failed"})
    (only,) = client.add_single_pipeline_observability(table.id, second).pipelineObservability
    assert only.lastRunStatus.value == "Failed"
    assert only.pipeline.fullyQualifiedName == f"{unique}.p"


def test_logs_of_a_run_are_sent_in_pieces_and_read_back(client: Client, place: Place) -> None:
    request = {
        "name": "run",
        "pipelineType": "metadata",
        "service": {
            "id": place.api.ok("GET", f"/services/databaseServices/name/{place.service}")["id"],
            "type": "databaseService",
        },
        "sourceConfig": {"config": {"type": "DatabaseMetadata"}},
        "airflowConfig": {},
    }
    place.api.ok("POST", "/services/ingestionPipelines", request)
    fqn, run = f"{place.service}.run", uuid.uuid4()
    client.create_log_stream(fqn, run)
    assert client.send_logs_batch(fqn, run, "one\ntwo")["logs_sent"] == 2
    assert client.send_logs_to_s3(fqn, run, "three " * 5000, compress=True)
    assert client.close_log_stream(fqn, run)
    assert client.get_logs_from_s3(fqn, run, limit=2) == "one\ntwo"
    assert client.get_logs_from_s3(fqn, run).splitlines()[2].startswith("three three")
    pipeline = place.api.ok("GET", f"/services/ingestionPipelines/name/{fqn}")
    assert place.api.ok("POST", f"/services/ingestionPipelines/trigger/{pipeline['id']}")["platform"] == "Disabled"
    toggled = place.api.ok("POST", f"/services/ingestionPipelines/toggleIngestion/{pipeline['id']}")
    assert toggled["enabled"] is False


def test_custom_properties_are_defined_and_set(client: Client, place: Place, unique: str) -> None:
    from metadata.ingestion.models.custom_properties import CustomPropertyDataTypes, OMetaCustomProperties

    kind = client.get_property_type_ref(CustomPropertyDataTypes.INTEGER)
    request = model("api.data.createCustomProperty:CreateCustomPropertyRequest")(
        name=unique, description="d", propertyType=kind
    )
    client.create_or_update_custom_property(
        OMetaCustomProperties(entity_type=table_type(), createCustomPropertyRequest=request)
    )
    assert unique in {each["name"] for each in client.get_entity_custom_properties(table_type())}
    created = put(client, "api.data.createTable:CreateTableRequest", place.request(extension={unique: 3}))
    found = client.get_by_id(table_type(), created.id, fields=["extension"])
    assert found.extension.root == {unique: 3}


def test_data_products_and_domains_list_their_assets(client: Client, place: Place, unique: str) -> None:
    domain = {"name": unique, "domainType": "Aggregate", "description": "d"}
    put(client, "api.domains.createDomain:CreateDomainRequest", domain)
    product = {"name": f"{unique}p", "description": "d", "domains": [unique]}
    put(client, "api.domains.createDataProduct:CreateDataProductRequest", product)
    table = place.table(domains=[unique])
    reference = model("type.entityReference:EntityReference")(id=table["id"], type="table")
    assert client.add_assets_to_data_product(f"{unique}p", [reference])["status"] == "success"
    assert [each["id"] for each in client.get_data_product_assets(f"{unique}p")["data"]] == [table["id"]]
    assert [each["id"] for each in client.get_domain_assets(unique)["data"]] == [table["id"]]
    assert client.remove_assets_from_data_product(f"{unique}p", [reference])["status"] == "success"
    assert client.get_data_product_assets(f"{unique}p")["data"] == []
    assert client.add_input_ports_to_data_product(f"{unique}p", [reference])["status"] == "success"
    assert client.get_tag_assets("Tier.Tier1")["paging"]["offset"] == 0
    assert client.get_user_assets("admin")["paging"]["limit"] == 10
    assert client.get_team_assets("Organization")["data"] == []


def test_a_contract_and_its_results(client: Client, place: Place, unique: str) -> None:
    table = place.table()
    request = {
        "name": unique,
        "entity": {"id": table["id"], "type": "table"},
        "schema": [{"name": "id", "dataType": "INT"}],
        "termsOfUse": "be kind",
    }
    contract = put(client, "api.data.createDataContract:CreateDataContractRequest", request)
    assert contract.fullyQualifiedName.root == f"{place.fqn()}.dataContract_{unique}"
    assert [column.name.root for column in contract.schema_] == ["id"]
    assert client.get_data_contract_by_entity_id(table["id"], "table").id == contract.id
    result = model("entity.datacontract.dataContractResult:DataContractResult").model_validate(
        {
            "dataContractFQN": contract.fullyQualifiedName.root,
            "timestamp": NOW,
            "contractExecutionStatus": "Success",
            "schemaValidation": {"passed": 1, "failed": 0, "total": 1},
        }
    )
    stored = client.put_data_contract_result(contract.id, result)
    assert client.get_latest_data_contract_result(contract.id).id == stored.id
    assert client.get_data_contract_result_by_id(contract.id, stored.id).timestamp.root == NOW
    validated = client.validate_data_contract(contract.id)
    assert validated.contractExecutionStatus.value == "Success"
    assert len(client.get_data_contract_results(contract.id)) == 2
    assert client.delete_data_contract_result(contract.id, NOW)
    assert client.delete_data_contract_results_before(contract.id, NOW + 10**9)
    assert client.get_data_contract_results(contract.id) == []
    place.api.refused(400, "POST", "/dataContracts", {**request, "name": f"{unique}b"})
    place.api.refused(400, "PUT", "/dataContracts", {**request, "schema": [{"name": "nope", "dataType": "INT"}]})


def test_kpis_reports_and_web_events(client: Client, unique: str) -> None:
    kpi = client.create_kpi(
        model("api.dataInsight.kpi.createKpiRequest:CreateKpiRequest").model_validate(
            {
                "name": unique,
                "description": "d",
                "dataInsightChart": "number_of_data_asset_with_owner_kpi",
                "startDate": NOW,
                "endDate": NOW + 1,
                "targetValue": 1,
                "metricType": "NUMBER",
            }
        )
    )
    result = model("dataInsight.kpi.basic:KpiResult").model_validate(
        {"timestamp": NOW, "targetResult": [{"name": "n", "value": "1", "targetMet": True}]}
    )
    client.add_kpi_result(kpi.fullyQualifiedName.root, result)
    (found,) = client.get_kpi_result(kpi.fullyQualifiedName.root, NOW - 1, NOW + 1)
    assert found.targetResult[0].value == "1"
    event = model("analytics.webAnalyticEventData:WebAnalyticEventData").model_validate(
        {
            "timestamp": NOW,
            "eventType": "PageView",
            "eventData": {
                "fullUrl": "http://localhost/x",
                "url": "/x",
                "sessionId": str(uuid.uuid4()),
                "userId": str(uuid.uuid4()),
            },
        }
    )
    client.add_web_analytic_events(event)
    kind = model("analytics.basic:WebAnalyticEventType").PageView
    assert len(client.get_web_analytic_events(kind, NOW - 1, NOW + 1)) == 1
    client.delete_web_analytic_event_before_ts_exclusive(kind, NOW + 1)
    assert client.get_web_analytic_events(kind, NOW - 1, NOW + 1) == []
    report = model("analytics.reportData:ReportData").model_validate(
        {"timestamp": NOW, "reportDataType": "entityReportData", "data": {"entityType": "table", "organization": "o"}}
    )
    client.add_data_insight_report_data(report)
    assert len(client.get_data_insight_report_data(NOW - 1, NOW + 1, "entityReportData")["data"]) == 1
    client.delete_report_data(model("analytics.reportData:ReportDataType").entityReportData)
    assert client.get_data_insight_report_data(NOW - 1, NOW + 1, "entityReportData")["data"] == []


def test_reindexing_is_over_at_once(client: Client) -> None:
    client.reindex()
    assert client.is_reindex_app_running() is False


def test_incidents_and_failed_rows(client: Client, place: Place) -> None:
    place.table()
    link = f"<#E::table::{place.fqn()}>"
    values = model("tests.testCase:TestCaseParameterValue")(name="value", value="1")
    case = client.get_or_create_test_case(f"{place.fqn()}.rows", link, "tableRowCountToEqual", [values], "d")
    result = model("tests.basic:TestCaseResult")(timestamp=NOW, testCaseStatus="Failed", result="0 rows")
    client.add_test_case_results(result, f"{place.fqn()}.rows")
    request = model("api.tests.createTestCaseResolutionStatus:CreateTestCaseResolutionStatus").model_validate(
        {"testCaseReference": f"{place.fqn()}.rows", "testCaseResolutionStatusType": "Ack", "severity": "Severity2"}
    )
    status = client.create_test_case_resolution(request)
    assert (status.testCaseResolutionStatusType.value, status.severity.value) == ("Ack", "Severity2")
    rows = model("entity.data.table:TableData").model_validate({"columns": ["id"], "rows": [["1"]]})
    assert client.ingest_failed_rows_sample(case, rows).rows == [["1"]]
    assert client.get_failed_rows_sample(case).rows == [["1"]]
    assert client.ingest_inspection_query(case, "select 1").inspectionQuery.root == "select 1"
    shown = client.get_by_id(model("tests.testCase:TestCase"), case.id, fields=["*"])
    assert shown.incidentStatus.testCaseResolutionStatusType.value == "Ack"
    client.delete_test_case(f"{place.fqn()}.rows", hard=True)
    assert client.get_by_name(model("tests.testCase:TestCase"), f"{place.fqn()}.rows") is None


def test_conversations_tasks_and_announcements(client: Client, place: Place) -> None:
    from metadata.ingestion.ometa.announcement_models import CreateAnnouncementRequest
    from metadata.ingestion.ometa.task_models import CreateTaskRequest, ResolveTaskRequest, TaskEntityStatus

    place.table()
    link = f"<#E::table::{place.fqn()}>"
    thread = client.create_thread(model("api.feed.createThread:CreateThreadRequest")(message="why?", about=link))
    post = client.create_post(thread.id.root, model("api.feed.createPost:CreatePostRequest")(message="because"))
    assert post.from_ == "ingestion-bot"
    assert [each.message for each in client.list_posts(thread.id.root).entities] == ["because"]
    assert [each.id for each in client.list_threads(entity_link=link).entities] == [thread.id]
    request = {"category": "MetadataUpdate", "type": "DescriptionUpdate", "about": link, "assignees": ["admin"]}
    task = client.create_task(CreateTaskRequest.model_validate(request))
    assert client.get_task_by_task_id(task.taskId).id == task.id
    assert client.add_task_comment(task.id.root, "soon").comments[0].message == "soon"
    assert task.id in [each.id for each in client.list_tasks(status=TaskEntityStatus.Open, limit=1000).entities]
    done = client.resolve_task(
        task.id.root, ResolveTaskRequest.model_validate({"resolutionType": "Approved", "newValue": "new"})
    )
    assert done.status is TaskEntityStatus.Approved
    assert client.get_by_name(table_type(), place.fqn()).description.root == "new"
    announced = client.create_announcement(
        CreateAnnouncementRequest.model_validate(
            {"description": "d", "entityLink": link, "startTime": NOW - 1000, "endTime": NOW + 10**7}
        )
    )
    assert [each.id for each in client.list_announcements(entity_link=link, active=True).entities] == [announced.id]
    client.delete_announcement(announced.id.root)
    assert client.restore_announcement(announced.id.root).id == announced.id


def test_profiles_of_all_tables(client: Client, place: Place) -> None:
    table = place.table()
    place.api.ok("PUT", f"/tables/{table['id']}/tableProfile", {"tableProfile": {"timestamp": NOW, "rowCount": 7}})
    found = client.get_profile_data_by_type(table_type(), NOW, NOW)
    assert table["id"] in {str(each.entityReference.id.root) for each in found.entities}


def test_a_bots_token_is_read(client: Client, admin: Api) -> None:
    bot = admin.ok("GET", "/users/name/ingestion-bot")
    found = client.get_by_id(model("entity.teams.user:AuthenticationMechanism"), bot["id"])
    assert found.config.JWTToken.get_secret_value().count(".") == 2
    person = admin.ok("GET", "/users/name/admin")
    admin.refused(400, "GET", f"/users/auth-mechanism/{person['id']}")


def test_an_entity_is_told_as_markdown(client: Client, place: Place) -> None:
    start, end = place.table("a", description="where it starts"), place.table("b")
    ends = {side: {"id": held["id"], "type": "table"} for side, held in (("fromEntity", start), ("toEntity", end))}
    place.api.ok("PUT", "/lineage", {"edge": ends})
    text = place.api.get(f"/tables/name/{place.fqn('a')}/context").text
    assert text.startswith(f"# {place.fqn('a')}\n")
    assert "where it starts" in text
    assert "- `id` INT" in text
    assert f"## Downstream\n\n- {place.fqn('b')}" in text
    place.api.refused(404, "GET", f"/tables/name/{place.fqn('nope')}/context")
