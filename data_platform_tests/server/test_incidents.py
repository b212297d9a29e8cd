"""Incidents of test cases, what a failed result opens, and the rows that failed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]
INCIDENTS = "/dataQuality/testCases/testCaseIncidentStatus"


@pytest.fixture
def case(place: Place) -> Json:
    place.table()
    return place.api.ok(
        "POST",
        "/dataQuality/testCases",
        {
            "name": "rows",
            "entityLink": f"<#E::table::{place.fqn()}>",
            "testDefinition": "tableRowCountToEqual",
            "parameterValues": [{"name": "value", "value": "1"}],
        },
    )


def result(api: Api, case: Json, status: str, stamp: int | None = None) -> Json:
    body = {"timestamp": stamp or int(time.time() * 1000), "testCaseStatus": status, "result": "seen"}
    return api.ok("POST", f"/dataQuality/testCases/testCaseResults/{case['fullyQualifiedName']}", body)


def status(api: Api, case: Json, kind: str, details: Json | None = None) -> Json:
    body: Json = {"testCaseReference": case["fullyQualifiedName"], "testCaseResolutionStatusType": kind}
    return api.ok("POST", INCIDENTS, {**body, **({"testCaseResolutionStatusDetails": details} if details else {})})


def test_a_failure_opens_one_incident_that_the_case_shows(admin: Api, case: Json) -> None:
    first = result(admin, case, "Failed")
    assert result(admin, case, "Failed", first["timestamp"] + 1)["incidentId"] == first["incidentId"]
    read = admin.ok("GET", f"/dataQuality/testCases/{case['id']}?fields=incidentId,testCaseResult,testCaseStatus")
    assert (read["incidentId"], read["testCaseStatus"]) == (first["incidentId"], "Failed")
    listed = admin.ok("GET", f"{INCIDENTS}?testCaseFQN={case['fullyQualifiedName']}")["data"]
    assert [each["testCaseResolutionStatusType"] for each in listed] == ["New"]
    assert listed[0]["testCaseReference"]["fullyQualifiedName"] == case["fullyQualifiedName"]
    assert "incidentId" not in result(admin, case, "Success", first["timestamp"] + 2)


def test_an_incident_goes_from_new_to_resolved_and_the_next_failure_starts_another(admin: Api, case: Json) -> None:
    opened = result(admin, case, "Failed")["incidentId"]
    me = admin.ok("GET", "/users/name/admin")
    assigned = status(admin, case, "Assigned", {"assignee": {"id": me["id"], "type": "user"}})
    assert assigned["testCaseResolutionStatusDetails"]["assignee"]["name"] == "admin"
    details = {"testCaseFailureReason": "MissingData", "testCaseFailureComment": "late"}
    resolved = status(admin, case, "Resolved", details)
    assert {assigned["stateId"], resolved["stateId"]} == {opened}
    chain = admin.ok("GET", f"{INCIDENTS}/stateId/{opened}")["data"]
    assert [each["testCaseResolutionStatusType"] for each in chain] == ["Resolved", "Assigned", "New"]
    assert admin.ok("GET", f"{INCIDENTS}/{resolved['id']}")["updatedBy"]["name"] == "admin"
    assert "incidentId" not in admin.ok("GET", f"/dataQuality/testCases/{case['id']}?fields=incidentId")
    assert result(admin, case, "Failed")["incidentId"] != opened
    latest = admin.ok("GET", f"{INCIDENTS}?latest=true&testCaseFQN={case['fullyQualifiedName']}")["data"]
    assert [each["testCaseResolutionStatusType"] for each in latest] == ["New"]


def test_an_incident_needs_an_assignee_and_a_reason(admin: Api, case: Json) -> None:
    result(admin, case, "Failed")
    body = {"testCaseReference": case["fullyQualifiedName"], "testCaseResolutionStatusType": "Assigned"}
    admin.refused(400, "POST", INCIDENTS, body)
    admin.refused(400, "POST", INCIDENTS, {**body, "testCaseResolutionStatusType": "Resolved"})
    admin.refused(404, "POST", INCIDENTS, {**body, "testCaseReference": "no.such.case"})
    admin.refused(404, "GET", f"{INCIDENTS}/{case['id']}")


def test_only_the_severity_of_a_status_can_be_changed(admin: Api, case: Json) -> None:
    result(admin, case, "Failed")
    (held,) = admin.ok("GET", f"{INCIDENTS}?testCaseFQN={case['fullyQualifiedName']}")["data"]
    path = f"{INCIDENTS}/{held['id']}"
    assert admin.patch_with(path, ("add", "/severity", "Severity1"))["severity"] == "Severity1"
    body = [{"op": "replace", "path": "/testCaseResolutionStatusType", "value": "Ack"}]
    assert "not allowed to be updated" in admin.refused(400, "PATCH", path, body)


def test_an_incident_is_gone_with_its_table(admin: Api, place: Place, case: Json) -> None:
    result(admin, case, "Failed")
    admin.ok("DELETE", f"/tables/name/{place.fqn()}?recursive=true&hardDelete=true")
    assert admin.ok("GET", f"{INCIDENTS}?originEntityFQN={place.fqn()}")["data"] == []


def test_failed_rows_belong_to_a_failed_case(admin: Api, case: Json) -> None:
    path, sample = f"/dataQuality/testCases/{case['id']}/failedRowsSample", {"columns": ["id"], "rows": [["1"]]}
    assert "failed test case" in admin.refused(400, "PUT", path, sample)
    result(admin, case, "Failed")
    admin.refused(404, "GET", path)
    assert admin.ok("PUT", path, sample)["failedRowsSample"] == sample
    assert admin.ok("GET", path) == sample
    admin.refused(400, "PUT", path, {"columns": ["nope"], "rows": [["1"]]})
    assert admin.ok("PUT", f"{path}?validate=false", {"columns": ["nope"], "rows": [["1"]]})
    reply = admin.put(f"/dataQuality/testCases/{case['id']}/inspectionQuery", content="select 1")
    assert reply.json()["inspectionQuery"] == "select 1"


def test_a_result_is_patched_and_deleted_by_its_stamp(admin: Api, case: Json) -> None:
    stamp = result(admin, case, "Success")["timestamp"]
    path = f"/dataQuality/testCases/testCaseResults/{case['fullyQualifiedName']}"
    assert admin.patch_with(f"{path}/{stamp}", ("replace", "/result", "better"))["result"] == "better"
    admin.ok("DELETE", f"{path}/{stamp}")
    admin.refused(404, "DELETE", f"{path}/{stamp}")
    assert admin.ok("GET", path)["data"] == []


def test_a_suites_summary_counts_the_latest_results(admin: Api, place: Place, case: Json) -> None:
    result(admin, case, "Failed")
    suite = admin.ok("GET", f"/tables/name/{place.fqn()}?fields=testSuite")["testSuite"]
    read = admin.ok("GET", f"/dataQuality/testSuites/{suite['id']}?fields=summary,testCaseResultSummary")
    assert (read["summary"]["total"], read["summary"]["failed"]) == (1, 1)
    assert read["testCaseResultSummary"][0]["testCaseName"] == case["fullyQualifiedName"]
    summary = admin.ok("GET", f"/dataQuality/testSuites/executionSummary?testSuiteId={suite['id']}")
    assert summary == {"success": 0, "failed": 1, "aborted": 0, "queued": 0, "total": 1}
