"""Glossaries, classifications and the fields of schemas: counts, relations, moves, names."""

from __future__ import annotations

from typing import Any

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]


def glossary(api: Api, name: str, *terms: str) -> list[Json]:
    api.ok("POST", "/glossaries", {"name": name, "description": "d"})
    return [api.ok("POST", "/glossaryTerms", {"name": term, "glossary": name, "description": "d"}) for term in terms]


def test_related_terms_are_seen_from_both_sides(admin: Api, unique: str) -> None:
    (first,) = glossary(admin, unique, "first")
    request = {"name": "second", "glossary": unique, "description": "d", "relatedTerms": [f"{unique}.first"]}
    second = admin.ok("POST", "/glossaryTerms", request)
    assert second["relatedTerms"][0]["term"]["fullyQualifiedName"] == f"{unique}.first"
    read = admin.ok("GET", f"/glossaryTerms/{first['id']}?fields=relatedTerms")
    assert [each["term"]["name"] for each in read["relatedTerms"]] == ["second"]
    assert "relatedTerms" not in admin.ok("GET", f"/glossaryTerms/{first['id']}")


def test_terms_are_counted_and_so_is_their_use(place: Place, unique: str) -> None:
    api = place.api
    glossary(api, unique, "a", "b")
    place.table(tags=[{"tagFQN": f"{unique}.a", "source": "Glossary"}])
    read = api.ok("GET", f"/glossaries/name/{unique}?fields=termCount,usageCount")
    assert (read["termCount"], read["usageCount"]) == (2, 1)
    assert api.ok("GET", f"/glossaryTerms/name/{unique}.a?fields=usageCount")["usageCount"] == 1
    assert api.ok("GET", "/classifications/name/Tier")["termCount"] == 5
    held = api.ok("GET", f"/glossaries/name/{unique}")
    assert api.ok("GET", f"/glossaryTerms?glossary={held['id']}")["paging"]["total"] == 2, "by id as well as by name"


def test_a_term_moves_with_all_below_it_and_its_labels_follow(place: Place, unique: str) -> None:
    api = place.api
    first, second = glossary(api, unique, "first", "second")
    child = {"name": "child", "glossary": unique, "parent": f"{unique}.first", "description": "d"}
    api.ok("POST", "/glossaryTerms", child)
    table = place.table(tags=[{"tagFQN": f"{unique}.first.child", "source": "Glossary"}])
    path = f"/glossaryTerms/{first['id']}/moveAsync"
    reply = api.put(path, json={"parent": {"id": second["id"], "type": "glossaryTerm"}})
    assert reply.status_code == 202
    moved = f"{unique}.second.first.child"
    assert api.ok("GET", f"/glossaryTerms/name/{moved}")["parent"]["name"] == "first"
    assert api.ok("GET", f"/tables/{table['id']}?fields=tags")["tags"][0]["tagFQN"] == moved
    grandchild = api.ok("GET", f"/glossaryTerms/name/{moved}")
    api.refused(400, "PUT", path, {"parent": {"id": grandchild["id"], "type": "glossaryTerm"}})
    api.refused(400, "PUT", path, {"parent": "x"})


def test_tags_of_a_disabled_classification_are_refused(place: Place, unique: str) -> None:
    api = place.api
    api.ok("POST", "/classifications", {"name": unique, "description": "d"})
    api.ok("POST", "/tags", {"name": "x", "classification": unique, "description": "d"})
    api.patch_with(f"/classifications/name/{unique}", ("add", "/disabled", True))
    label = [{"tagFQN": f"{unique}.x", "source": "Classification"}]
    assert "disabled" in api.refused(400, "POST", "/tables", place.request(tags=label))


def test_fields_of_schemas_have_names_and_keep_what_people_wrote(admin: Api, bot: Api, unique: str) -> None:
    admin.ok("POST", "/services/messagingServices", {"name": unique, "serviceType": "Kafka"})
    fields = [{"name": "a", "dataType": "RECORD", "children": [{"name": "b.c", "dataType": "STRING"}]}]
    schema = {"schemaText": "{}", "schemaType": "JSON", "schemaFields": fields}
    request = {"name": "t", "service": unique, "partitions": 1, "messageSchema": schema}
    topic = admin.ok("POST", "/topics", request)
    field = topic["messageSchema"]["schemaFields"][0]
    assert (field["fullyQualifiedName"], field["tags"]) == (f"{unique}.t.a", [])
    assert field["children"][0]["fullyQualifiedName"] == f'{unique}.t.a."b.c"'
    admin.patch_with(f"/topics/{topic['id']}", ("add", "/messageSchema/schemaFields/0/description", "mine"))
    fields[0]["description"] = "the bot's"
    kept = bot.ok("PUT", "/topics", request)["messageSchema"]["schemaFields"][0]
    assert kept["description"] == "mine"
    admin.ok("POST", "/services/apiServices", {"name": unique, "serviceType": "Rest"})
    admin.ok("POST", "/apiCollections", {"name": "c", "service": unique, "endpointURL": "http://localhost"})
    asked = {"schemaType": "JSON", "schemaFields": [{"name": "f", "dataType": "STRING"}]}
    endpoint = {"name": "e", "apiCollection": f"{unique}.c", "endpointURL": "http://localhost", "requestSchema": asked}
    made = admin.ok("POST", "/apiEndpoints", endpoint)["requestSchema"]["schemaFields"][0]
    assert made["fullyQualifiedName"] == f"{unique}.c.e.requestSchema.f"


def test_a_chart_knows_its_dashboards(admin: Api, unique: str) -> None:
    admin.ok("POST", "/services/dashboardServices", {"name": unique, "serviceType": "Superset"})
    chart = admin.ok("POST", "/charts", {"name": "c", "service": unique})
    admin.ok("POST", "/dashboards", {"name": "d", "service": unique, "charts": [f"{unique}.c"]})
    read = admin.ok("GET", f"/charts/{chart['id']}?fields=dashboards")
    assert [each["name"] for each in read["dashboards"]] == ["d"]


def test_secrets_of_workflows_and_ingestion_pipelines_are_sealed_and_masked(
    place: Place, bot: Api, unique: str
) -> None:
    api, secret = place.api, f"hunter2-{unique}"
    config = {"type": "Mysql", "username": "u", "authType": {"password": secret}, "hostPort": "h:1"}
    request = {"connection": {"config": config}, "serviceType": "Database", "connectionType": "Mysql"}
    made = api.ok(
        "POST", "/automations/workflows", {"name": unique, "workflowType": "TEST_CONNECTION", "request": request}
    )
    assert secret not in str(made)
    path = f"/automations/workflows/{made['id']}"
    assert bot.ok("GET", path)["request"]["connection"]["config"]["authType"]["password"] == secret
    assert secret not in str(api.ok("GET", f"{path}/versions"))
    described = api.patch_with(path, ("add", "/description", "d"))
    assert described["version"] == 0.2
    assert bot.ok("GET", path)["request"]["connection"]["config"]["authType"]["password"] == secret


def test_a_dry_run_and_a_hard_run_of_stale_deletion(place: Place, bot: Api) -> None:
    table = place.table("a")
    place.table("b")
    body = {"scopeFqn": place.schema, "scopeEntityType": "databaseSchema", "seenFqns": [place.fqn("b")]}
    told = bot.ok("DELETE", "/tables/deleteStale", {**body, "dryRun": True})
    assert (told["dryRun"], told["successRequest"][0]["request"]) == (True, place.fqn("a"))
    assert bot.ok("GET", f"/tables/{table['id']}")["deleted"] is False
    bot.ok("DELETE", "/tables/deleteStale", {**body, "hardDelete": True})
    bot.refused(404, "GET", f"/tables/{table['id']}?include=all")


def test_restoring_asynchronously_is_202(place: Place) -> None:
    table = place.table()
    place.api.ok("DELETE", f"/tables/{table['id']}")
    reply = place.api.put("/tables/restore?async=true", json={"id": table["id"]})
    assert (reply.status_code, reply.json()["jobId"]) == (202, table["id"])
    assert place.api.ok("GET", f"/tables/{table['id']}")["deleted"] is False


def test_a_view_whose_text_changes_gives_up_its_processed_lineage(place: Place, bot: Api) -> None:
    request = place.request("v", tableType="View", schemaDefinition="select 1")
    view = bot.ok("PUT", "/tables", request)
    flag = [{"op": "add", "path": "/processedLineage", "value": True}]
    assert bot.ok("PATCH", f"/tables/{view['id']}", flag)["processedLineage"] is True
    assert bot.ok("PUT", "/tables", request)["processedLineage"] is True
    assert bot.ok("PUT", "/tables/bulk", [{**request, "schemaDefinition": "select 2"}])["numberOfRowsPassed"] == 1
    assert bot.ok("GET", f"/tables/{view['id']}")["processedLineage"] is False


def test_typed_relations_are_seen_as_their_inverse_from_the_other_end(admin: Api, unique: str) -> None:
    a, b, c = glossary(admin, unique, "a", "b", "c")
    path = f"/glossaryTerms/{a['id']}/relations"

    def relations(term: Json) -> set[tuple[str, str]]:
        read = admin.ok("GET", f"/glossaryTerms/{term['id']}?fields=relatedTerms")["relatedTerms"]
        return {(each["relationType"], each["term"]["name"]) for each in read}

    def relate(term: Json, kind: str) -> None:
        reference = {"id": term["id"], "type": "glossaryTerm"}
        admin.ok("POST", path, {"term": reference, "relationType": kind})

    relate(b, "broader")
    relate(b, "broader")
    relate(c, "synonym")
    assert relations(a) == {("broader", "b"), ("synonym", "c")}
    assert (relations(b), relations(c)) == ({("narrower", "a")}, {("synonym", "a")})
    admin.patch_with(f"/glossaryTerms/{a['id']}", ("add", "/displayName", "Shown"))
    assert relations(a) == {("broader", "b"), ("synonym", "c")}, "another change keeps them"
    usage = admin.ok("GET", "/glossaryTerms/relationTypes/usage")
    assert usage["broader"] >= 1
    graph = admin.ok("GET", f"/glossaryTerms/{b['id']}/relationsGraph?depth=2")
    assert {node["name"] for node in graph["nodes"]} == {"a", "b", "c"}
    assert {edge["relationType"] for edge in graph["edges"]} == {"narrower", "synonym"}
    graph = admin.ok("GET", f"/glossaryTerms/{a['id']}/relationsGraph?depth=1&relationTypes=synonym")
    assert {node["name"] for node in graph["nodes"]} == {"a", "c"}
    admin.ok("DELETE", f"/glossaryTerms/{b['id']}/relations/{a['id']}?relationType=narrower")
    assert (relations(a), relations(b)) == ({("synonym", "c")}, set())
    reference = {"id": b["id"], "type": "glossaryTerm"}
    assert "nonsense" in admin.refused(400, "POST", path, {"term": reference, "relationType": "nonsense"})
    admin.refused(400, "POST", path, {"term": {"id": a["id"], "type": "glossaryTerm"}, "relationType": "synonym"})


def test_types_of_relations_are_added_in_the_settings(admin: Api, unique: str) -> None:
    first, second = glossary(admin, unique, "first", "second")
    kind = f"prescribes{unique}"
    setting = "/system/settings/glossaryTermRelationSettings"
    before = admin.ok("GET", setting)["config_value"]["relationTypes"]
    added = {"name": kind, "displayName": "Prescribes", "category": "associative"}
    operations = [
        {"op": "test", "path": "/relationTypes", "value": before},
        {"op": "add", "path": "/relationTypes/-", "value": added},
    ]
    assert admin.ok("PATCH", setting, operations)["config_value"]["relationTypes"][-1]["name"] == kind
    assert "test" in admin.refused(400, "PATCH", setting, operations).lower(), "it is no longer what it was"
    reference = {"id": second["id"], "type": "glossaryTerm"}
    admin.ok("POST", f"/glossaryTerms/{first['id']}/relations", {"term": reference, "relationType": kind})
