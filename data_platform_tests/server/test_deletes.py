"""Soft and hard deletion, recursion, restore."""

from __future__ import annotations

from data_platform_tests.server.conftest import Place


def test_a_parent_with_children_is_not_deleted_without_recursive(place: Place) -> None:
    place.table()
    schema = place.api.ok("GET", f"/databaseSchemas/name/{place.schema}")
    assert "is not empty" in place.api.refused(400, "DELETE", f"/databaseSchemas/{schema['id']}")
    place.api.ok("GET", f"/tables/name/{place.fqn()}")


def test_a_soft_deleted_entity_answers_as_the_real_server_does(place: Place) -> None:
    table = place.table()
    path = f"/tables/{table['id']}"
    assert place.api.ok("DELETE", path)["deleted"] is True
    place.api.refused(404, "GET", path)
    place.api.refused(404, "PATCH", path, [{"op": "add", "path": "/description", "value": "x"}])
    place.api.refused(409, "POST", "/tables", place.request())
    assert place.api.ok("GET", f"{path}?include=deleted")["version"] == 0.2
    revived = place.api.request("PUT", "/tables", json=place.request())
    assert (revived.status_code, revived.json()["id"], revived.json()["deleted"]) == (200, table["id"], False)
    place.api.refused(404, "GET", f"{path}?include=deleted")


def test_deleting_softly_again_changes_nothing(place: Place) -> None:
    path = f"/tables/{place.table()['id']}"
    gone = place.api.ok("DELETE", path)
    again = place.api.ok("DELETE", path)
    assert (again["deleted"], again["version"], again["updatedAt"]) == (True, 0.2, gone["updatedAt"])


def test_a_put_that_revives_and_changes_is_one_version(place: Place) -> None:
    place.api.ok("DELETE", f"/tables/{place.table()['id']}")
    revived = place.api.ok("PUT", "/tables", place.request(description="back"))
    assert (revived["version"], revived["deleted"]) == (0.3, False)
    described = revived["changeDescription"]
    assert described["fieldsUpdated"] == [{"name": "deleted", "oldValue": True, "newValue": False}]
    assert described["fieldsAdded"] == [{"name": "description", "newValue": "back"}]
    history = place.api.ok("GET", f"/tables/{revived['id']}/versions")["versions"]
    assert len(history) == 3


def test_deleting_and_restoring_is_recursive(place: Place) -> None:
    table = place.table()
    database = place.api.ok("GET", f"/databases/name/{place.database}")
    place.api.ok("DELETE", f"/databases/{database['id']}?recursive=true")
    place.api.refused(404, "GET", f"/tables/{table['id']}")
    restored = place.api.ok("PUT", "/databases/restore", {"id": database["id"]})
    assert restored["deleted"] is False
    assert place.api.ok("GET", f"/tables/{table['id']}")["deleted"] is False
    place.api.refused(400, "PUT", "/databases/restore", {"id": database["id"]})


def test_a_hard_delete_leaves_nothing_and_frees_the_name(place: Place) -> None:
    table = place.table()
    service = place.api.ok("GET", f"/services/databaseServices/name/{place.service}")
    place.api.ok("DELETE", f"/services/databaseServices/{service['id']}?recursive=true&hardDelete=true")
    place.api.refused(404, "GET", f"/tables/{table['id']}?include=all")
    again = place.api.ok("POST", "/services/databaseServices", {"name": place.service, "serviceType": "Mysql"})
    assert again["id"] != service["id"]


def test_a_hard_deleted_owner_leaves_the_tables_they_owned(place: Place, unique: str) -> None:
    user = place.api.ok("POST", "/users", {"name": unique, "email": f"{unique}@example.com"})
    place.table(owners=[{"id": user["id"], "type": "user"}])
    place.api.ok("DELETE", f"/users/{user['id']}?hardDelete=true")
    assert place.api.ok("GET", f"/tables/name/{place.fqn()}?fields=owners").get("owners", []) == []


def test_delete_by_name_and_asynchronously(place: Place) -> None:
    place.table("a")
    table = place.table("b")
    place.api.ok("DELETE", f"/tables/name/{place.fqn('a')}")
    reply = place.api.delete(f"/tables/async/{table['id']}")
    assert reply.status_code == 202
    assert "jobId" in reply.json()
    assert place.api.ok("GET", f"/tables?databaseSchema={place.schema}")["paging"]["total"] == 0


def test_if_match_guards_a_delete(place: Place) -> None:
    table = place.table()
    place.api.refused(412, "DELETE", f"/tables/{table['id']}", headers={"If-Match": 'W/"0.7"'})
    place.api.ok("DELETE", f"/tables/{table['id']}", headers={"If-Match": 'W/"0.1"'})


def test_unknown_and_malformed_ids_are_404(place: Place) -> None:
    place.api.refused(404, "GET", "/tables/00000000-0000-0000-0000-000000000000")
    place.api.refused(404, "GET", "/tables/nonsense")
    place.api.refused(404, "DELETE", "/tables/nonsense")
    place.api.refused(404, "GET", "/no/such/route")
    place.api.refused(405, "DELETE", "/tables")
