"""Threads, tasks and announcements about entities."""

from __future__ import annotations

import time
from typing import Any

from data_platform_tests.server.conftest import Api, Place

Json = dict[str, Any]
HOUR = 3_600_000


def link(place: Place, *field: str) -> str:
    return "::".join([f"<#E::table::{place.fqn()}", *field]) + ">"


def test_a_thread_is_started_answered_found_and_deleted(place: Place) -> None:
    api = place.api
    place.table()
    thread = api.ok("POST", "/feed", {"message": "what is it?", "about": link(place)})
    assert (thread["type"], thread["createdBy"], thread["entityRef"]["name"]) == ("Conversation", "admin", "t")
    post = api.ok("POST", f"/feed/{thread['id']}/posts", {"message": "a table"})
    assert (post["message"], post["from"]) == ("a table", "admin")
    (found,) = api.ok("GET", "/feed", params={"entityLink": link(place)})["data"]
    assert (found["id"], found["postsCount"], found["posts"][0]["id"]) == (thread["id"], 1, post["id"])
    assert api.ok("GET", f"/feed/{thread['id']}/posts")["paging"]["total"] == 1
    api.ok("DELETE", f"/feed/{thread['id']}/posts/{post['id']}")
    assert api.patch_with(f"/feed/{thread['id']}", ("replace", "/message", "why?"))["message"] == "why?"
    api.ok("DELETE", f"/feed/{thread['id']}")
    api.refused(404, "GET", f"/feed/{thread['id']}")


def test_a_thread_is_about_something_that_is_there(admin: Api) -> None:
    admin.refused(404, "POST", "/feed", {"message": "x", "about": "<#E::table::no.such.table.here>"})
    admin.refused(400, "POST", "/feed", {"message": "x", "about": "a table"})
    admin.refused(400, "POST", "/feed", {"about": "<#E::table::x>"})


def test_threads_are_paged_newest_first(place: Place) -> None:
    api = place.api
    place.table()
    for number in range(3):
        api.ok("POST", "/feed", {"message": str(number), "about": link(place)})
        time.sleep(0.002)
    params = {"entityLink": link(place), "limit": 2}
    first = api.ok("GET", "/feed", params=params)
    assert ([each["message"] for each in first["data"]], first["paging"]["total"]) == (["2", "1"], 3)
    second = api.ok("GET", "/feed", params={**params, "after": first["paging"]["after"]})
    assert [each["message"] for each in second["data"]] == ["0"]
    back = api.ok("GET", "/feed", params={**params, "before": second["paging"]["before"]})
    assert [each["message"] for each in back["data"]] == ["2", "1"]


def test_resolving_a_feed_task_writes_what_it_suggests(place: Place) -> None:
    api = place.api
    table = place.table()
    me = api.ok("GET", "/users/name/admin")
    details = {"type": "UpdateDescription", "assignees": [{"id": me["id"], "type": "user"}], "suggestion": "s"}
    about = link(place, "columns", "id", "description")
    thread = api.ok("POST", "/feed", {"message": "m", "about": about, "type": "Task", "taskDetails": details})
    number = thread["task"]["id"]
    assert thread["task"]["status"] == "Open"
    resolved = api.ok("PUT", f"/feed/tasks/{number}/resolve", {"newValue": "the key"})
    assert (resolved["task"]["status"], resolved["task"]["closedBy"]) == ("Closed", "admin")
    assert api.ok("GET", f"/tables/{table['id']}")["columns"][0]["description"] == "the key"
    api.refused(400, "PUT", f"/feed/tasks/{number}/close", {"comment": "again"})
    assert api.ok("GET", f"/feed/tasks/{number}")["id"] == thread["id"]
    api.refused(404, "GET", "/feed/tasks/999999")


def test_a_task_is_made_answered_and_approved(place: Place) -> None:
    api = place.api
    table = place.table()
    request = {
        "category": "MetadataUpdate",
        "type": "DescriptionUpdate",
        "about": link(place),
        "assignees": ["admin"],
        "payload": {"newDescription": "suggested"},
    }
    task = api.ok("POST", "/tasks", request)
    assert (task["status"], task["about"]["id"], task["assignees"][0]["name"]) == ("Open", table["id"], "admin")
    assert api.ok("GET", f"/tasks/name/{task['taskId']}")["id"] == task["id"]
    reply = api.post(f"/tasks/{task['id']}/comments", content="why not")
    assert (reply.status_code, reply.json()["comments"][0]["message"]) == (201, "why not")
    listed = api.ok("GET", f"/tasks?status=Open&assignee=admin&aboutEntity={place.fqn()}")["data"]
    assert [each["id"] for each in listed] == [task["id"]]
    done = api.ok("POST", f"/tasks/{task['id']}/resolve", {"resolutionType": "Approved"})
    assert (done["status"], done["resolution"]["type"]) == ("Approved", "Approved")
    assert api.ok("GET", f"/tables/{table['id']}")["description"] == "suggested"
    api.refused(400, "POST", f"/tasks/{task['id']}/close")
    assert task["id"] in {each["id"] for each in api.ok("GET", "/tasks?statusGroup=closed&limit=1000")["data"]}


def test_tasks_are_changed_in_bulk_each_by_itself(admin: Api) -> None:
    ids = [admin.ok("POST", "/tasks", {"category": "Custom", "type": "CustomTask"})["id"] for _ in range(2)]
    body = {"taskIds": [*ids, "nope"], "operation": "UpdatePriority", "params": {"priority": "High"}}
    result = admin.ok("POST", "/tasks/bulk", body)
    assert (result["totalRequested"], result["successful"], result["failed"]) == (3, 2, 1)
    assert admin.ok("GET", f"/tasks/{ids[0]}")["priority"] == "High"
    assert admin.ok("POST", "/tasks/bulk", {"taskIds": ids, "operation": "Cancel"})["successful"] == 2


def test_announcements_show_their_status_and_do_not_overlap(place: Place) -> None:
    api = place.api
    place.table()
    moment = int(time.time() * 1000)
    request = {"description": "moving", "entityLink": link(place), "startTime": moment - HOUR, "endTime": moment + HOUR}
    made = api.ok("POST", "/announcements", request)
    assert made["status"] == "Active"
    assert "overlaps" in api.refused(400, "POST", "/announcements", {**request, "name": "again"})
    api.refused(400, "POST", "/announcements", {**request, "endTime": moment - 2 * HOUR})
    later = {**request, "startTime": moment + 2 * HOUR, "endTime": moment + 3 * HOUR}
    assert api.ok("POST", "/announcements", later)["status"] == "Scheduled"
    listed = api.ok("GET", "/announcements", params={"entityLink": link(place), "active": "true"})["data"]
    assert [each["id"] for each in listed] == [made["id"]]
