"""Test suites, cases and results; runs of pipelines; names of data models and containers."""

from __future__ import annotations

import pytest

from data_platform_tests.server.conftest import Api, Place

NOW = 1_790_000_000_000


def case(place: Place, name: str = "case", **more: object) -> dict[str, object]:
    request = {
        "name": name,
        "testDefinition": "columnValuesToBeBetween",
        "entityLink": f"<#E::table::{place.fqn()}::columns::id>",
        "parameterValues": [{"name": "minValue", "value": "1"}],
    }
    return {**request, **more}


def test_a_case_is_named_below_its_column_and_makes_the_basic_suite(place: Place, bot: Api) -> None:
    place.table(tags=[{"tagFQN": "Tier.Tier1", "source": "Classification"}])
    made = bot.ok("POST", "/dataQuality/testCases", case(place))
    assert made["fullyQualifiedName"] == f"{place.fqn()}.id.case"
    assert made["testSuite"]["fullyQualifiedName"] == f"{place.fqn()}.testSuite"
    assert [label["tagFQN"] for label in made["tags"]] == ["Tier.Tier1"]
    table = bot.ok("GET", f"/tables/name/{place.fqn()}?fields=testSuite")
    assert table["testSuite"]["id"] == made["testSuite"]["id"]
    suite = bot.ok("GET", f"/dataQuality/testSuites/name/{place.fqn()}.testSuite?fields=tests")
    assert (suite["basic"], [each["id"] for each in suite["tests"]]) == (True, [made["id"]])


@pytest.mark.parametrize(
    "wrong",
    [
        {"parameterValues": [{"name": "nope", "value": "1"}]},
        {"testDefinition": "columnValuesToBeInSet", "parameterValues": []},
        {"testDefinition": "tableRowCountToEqual", "parameterValues": [{"name": "value", "value": "1"}]},
        {"entityLink": "nonsense"},
    ],
)
def test_a_case_that_does_not_fit_its_definition_is_400(place: Place, bot: Api, wrong: dict[str, object]) -> None:
    place.table()
    bot.refused(400, "POST", "/dataQuality/testCases", case(place, **wrong))


def test_results_are_a_series_and_the_latest_is_shown(place: Place, bot: Api) -> None:
    place.table()
    made = bot.ok("PUT", "/dataQuality/testCases", case(place))
    path = f"/dataQuality/testCases/testCaseResults/{made['fullyQualifiedName']}"
    bot.ok("POST", path, {"timestamp": NOW + 1, "testCaseStatus": "Failed"})
    bot.ok("POST", path, {"timestamp": NOW, "testCaseStatus": "Success"})
    read = bot.ok("GET", f"/dataQuality/testCases/{made['id']}?fields=testCaseResult")
    assert read["testCaseResult"]["testCaseStatus"] == "Failed"
    assert len(bot.ok("GET", f"{path}?startTs={NOW}&endTs={NOW + 1}")["data"]) == 2
    bot.refused(400, "POST", path, {"timestamp": 1_790_000_000, "testCaseStatus": "Success"})


def test_a_logical_suite_refers_to_cases(place: Place, bot: Api, unique: str) -> None:
    place.table()
    made = bot.ok("PUT", "/dataQuality/testCases", case(place))
    suite = bot.ok("POST", "/dataQuality/testSuites", {"name": unique, "description": "d"})
    added = {"testSuiteId": suite["id"], "testCaseIds": [made["id"]]}
    assert len(bot.ok("PUT", "/dataQuality/testCases/logicalTestCases", added)["tests"]) == 1
    bot.ok("DELETE", f"/dataQuality/testCases/logicalTestCases/{suite['id']}/{made['id']}")
    assert bot.ok("GET", f"/dataQuality/testSuites/{suite['id']}?fields=tests")["tests"] == []


def test_deleting_a_table_takes_its_suite_and_cases_along(place: Place, bot: Api) -> None:
    table = place.table()
    made = bot.ok("PUT", "/dataQuality/testCases", case(place))
    bot.ok("DELETE", f"/tables/{table['id']}?recursive=true")
    bot.refused(404, "GET", f"/dataQuality/testCases/{made['id']}")


def test_every_seeded_definition_names_a_validator(admin: Api) -> None:
    listed = admin.ok("GET", "/dataQuality/testDefinitions?limit=100")["data"]
    seeded = [each for each in listed if each["name"].startswith(("table", "column"))]
    assert len(seeded) >= 23
    assert all(each["validatorClass"].endswith("Validator") for each in seeded)
    assert all(each["supportedDataTypes"] for each in seeded if each["entityType"] == "COLUMN")


def test_a_pipelines_runs_are_kept_and_an_unknown_task_is_400(bot: Api, unique: str) -> None:
    bot.ok("POST", "/services/pipelineServices", {"name": unique, "serviceType": "Dagster"})
    bot.ok("POST", "/pipelines", {"name": "p", "service": unique, "tasks": [{"name": "one"}]})
    path = f"/pipelines/{unique}.p/status"
    status = {"timestamp": NOW, "executionStatus": "Successful"}
    task = {"name": "one", "executionStatus": "Successful"}
    bot.ok("PUT", path, {**status, "taskStatus": [task]})
    bot.refused(400, "PUT", path, {**status, "taskStatus": [{**task, "name": "nope"}]})
    read = bot.ok("GET", f"/pipelines/name/{unique}.p?fields=pipelineStatus,tasks")
    assert (read["pipelineStatus"]["executionStatus"], read["tasks"][0]["name"]) == ("Successful", "one")
    assert len(bot.ok("GET", f"{path}?startTs={NOW}&endTs={NOW}")["data"]) == 1


def test_names_of_data_models_and_nested_containers(bot: Api, unique: str) -> None:
    bot.ok("POST", "/services/dashboardServices", {"name": unique, "serviceType": "Superset"})
    model = {"name": "m", "service": unique, "dataModelType": "SupersetDataModel", "columns": []}
    assert bot.ok("POST", "/dashboard/datamodels", model)["fullyQualifiedName"] == f"{unique}.model.m"
    bot.ok("POST", "/services/storageServices", {"name": unique, "serviceType": "S3"})
    bucket = bot.ok("POST", "/containers", {"name": "bucket", "service": unique})
    parent = {"id": bucket["id"], "type": "container"}
    folder = bot.ok("POST", "/containers", {"name": "folder", "service": unique, "parent": parent})
    assert folder["fullyQualifiedName"] == f"{unique}.bucket.folder"
    listed = bot.ok("GET", f"/containers/name/{unique}.bucket/children")
    assert ([each["name"] for each in listed["data"]], listed["paging"]["total"]) == (["folder"], 1)


def test_cases_and_suites_are_listed_by_what_they_test_their_status_and_their_kind(place: Place, unique: str) -> None:
    place.table()
    table_case = {"testDefinition": "tableRowCountToEqual", "entityLink": f"<#E::table::{place.fqn()}>"}
    parameters = [{"name": "value", "value": "1"}]
    place.api.ok("POST", "/dataQuality/testCases", case(place, "whole", **table_case, parameterValues=parameters))
    made = place.api.ok("POST", "/dataQuality/testCases", case(place, "part"))
    result = {"timestamp": NOW, "testCaseStatus": "Failed"}
    place.api.ok("POST", f"/dataQuality/testCases/testCaseResults/{made['fullyQualifiedName']}", result)

    def listed(path: str = "", **asked: str) -> list[str]:
        params = {"testSuiteId": made["testSuite"]["id"], **asked}
        return [each["name"] for each in place.api.ok("GET", f"/dataQuality/testCases{path}", params=params)["data"]]

    link = f"<#E::table::{place.fqn()}>"
    assert listed(entityLink=link) == ["whole"]
    assert listed(entityLink=link, includeAllTests="true") == ["part", "whole"]
    assert listed(entityFQN=f"{place.fqn()}.id") == ["part"]
    assert (listed(testCaseType="table"), listed(testCaseType="column")) == (["whole"], ["part"])
    assert (listed(testCaseType="all"), listed(testCaseStatus="Failed")) == (["part", "whole"], ["part"])
    assert listed("/search/list", limit="1", offset="1") == ["whole"]
    assert listed("/search/list", q="*part*") == ["part"]
    logical = place.api.ok("POST", "/dataQuality/testSuites", {"name": unique})
    found = place.api.ok("GET", "/dataQuality/testSuites?testSuiteType=logical&limit=1000")["data"]
    assert logical["id"] in {each["id"] for each in found}
    assert made["testSuite"]["id"] not in {each["id"] for each in found}
