"""OpenLineage's events become lineage."""

from __future__ import annotations

import uuid
from typing import Any

from data_platform_tests.server.conftest import Place

Json = dict[str, Any]


def event(place: Place, kind: str = "COMPLETE", **more: Any) -> Json:
    columns = {"fields": {"id": {"inputFields": [{"namespace": "pg", "name": "db.sch.a", "field": "id"}]}}}
    return {
        "eventType": kind,
        "eventTime": "2026-01-01T00:00:00Z",
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "spark", "name": "copy", "facets": {"sql": {"query": "insert into b select * from a"}}},
        "inputs": [{"namespace": "pg", "name": "db.sch.a"}],
        "outputs": [{"namespace": "pg", "name": "db.sch.b", "outputFacets": {"columnLineage": columns}}],
        **more,
    }


def mapped(place: Place) -> None:
    """Names of tests repeat, so the namespace says which service is meant."""
    value = {"enabled": True, "autoCreateEntities": True, "namespaceToServiceMapping": {"pg": place.service}}
    place.api.ok("PUT", "/system/settings", {"config_type": "openLineageSettings", "config_value": value})


def test_an_event_makes_an_edge_with_columns_and_query(place: Place) -> None:
    mapped(place)
    a, b = place.table("a"), place.table("b")
    reply = place.api.ok("POST", "/openlineage/lineage", event(place))
    assert (reply["status"], reply["lineageEdgesCreated"]) == ("success", 1)
    edge = place.api.ok("GET", f"/lineage/getLineageEdge/{a['id']}/{b['id']}")["edge"]
    assert (edge["source"], edge["sqlQuery"]) == ("OpenLineage", "insert into b select * from a")
    assert edge["columnsLineage"] == [{"fromColumns": [f"{place.fqn('a')}.id"], "toColumn": f"{place.fqn('b')}.id"}]


def test_only_completed_events_count(place: Place) -> None:
    mapped(place)
    place.table("a")
    place.table("b")
    for body in (event(place, "START"), event(place, inputs=[]), event(place, outputs=[])):
        assert place.api.ok("POST", "/openlineage/lineage", body)["lineageEdgesCreated"] == 0
    place.api.refused(400, "POST", "/openlineage/lineage", {"eventType": "COMPLETE"})


def test_a_missing_table_is_made_below_its_schema(place: Place) -> None:
    mapped(place)
    place.table("a")
    facets = {"schema": {"fields": [{"name": "id", "type": "varchar(10)"}]}, "documentation": {"description": "new"}}
    output = {"namespace": "pg", "name": "db.sch.made", "facets": facets}
    assert place.api.ok("POST", "/openlineage/lineage", event(place, outputs=[output]))["lineageEdgesCreated"] == 1
    made = place.api.ok("GET", f"/tables/name/{place.fqn('made')}")
    assert (made["description"], made["columns"][0]["dataType"]) == ("new", "VARCHAR")


def test_a_batch_tells_what_became_of_each_event(place: Place) -> None:
    mapped(place)
    place.table("a")
    place.table("b")
    reply = place.api.ok(
        "POST", "/openlineage/lineage/batch", {"events": [event(place), event(place, "START"), {"job": {}}]}
    )
    assert reply["status"] == "partial_success"
    assert reply["summary"] == {"received": 3, "successful": 1, "failed": 1, "skipped": 1}
    assert reply["failedEvents"][0]["index"] == 2
    place.api.refused(400, "POST", "/openlineage/lineage/batch", {})


def test_it_can_be_turned_off(place: Place) -> None:
    value = {"enabled": False}
    place.api.ok("PUT", "/system/settings", {"config_type": "openLineageSettings", "config_value": value})
    try:
        assert place.api.request("POST", "/openlineage/lineage", json=event(place)).status_code == 503
    finally:
        place.api.ok("PUT", "/system/settings/reset/openLineageSettings")
