"""The endpoints that every entity type has."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson

from data_platform.server import change_events, deleting, documents, listing
from data_platform.server.bulk import expected_name, put_many, result
from data_platform.server.calls import Call, Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import now
from data_platform.server.patching import check_match, patch
from data_platform.server.permissions import may_patch, may_put, may_read, may_write
from data_platform.server.problems import BadRequestError, no_instance
from data_platform.server.rules import COMPUTED
from data_platform.server.views import View, chosen
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection


class Entities:
    """The generic endpoints of one entity type."""

    def __init__(self, row: EntityType, keys: Keys) -> None:
        self.row = row
        self.keys = keys

    def register(self, router: Router) -> None:
        route = self.row.route
        for method, pattern, handler in (
            ("GET", "", self.page),
            ("POST", "", self.create),
            ("PUT", "", self.put),
            ("PUT", "/bulk", self.bulk),
            ("GET", "/{id}", self.get),
            ("GET", "/name/{fqn}", self.get_by_name),
            ("PATCH", "/{id}", self.patch),
            ("PATCH", "/name/{fqn}", self.patch_by_name),
            ("DELETE", "/{id}", self.delete),
            ("DELETE", "/name/{fqn}", self.delete_by_name),
            ("DELETE", "/async/{id}", self.delete_async),
            ("DELETE", "/deleteStale", self.delete_stale),
            ("PUT", "/restore", self.restore),
            ("GET", "/{id}/versions", self.versions),
            ("GET", "/{id}/versions/{version}", self.version),
            ("PUT", "/{id}/followers", self.follow),
            ("DELETE", "/{id}/followers/{user}", self.unfollow),
            ("PUT", "/{id}/vote", self.vote),
        ):
            router.add(method, route + pattern, handler)

    def view(self, call: Call, connection: Connection | None = None) -> View:
        return View.of(call, self.keys, connection)

    def page(self, call: Call) -> Json:
        return self._listed(call, listing.page)

    def searched(self, call: Call) -> Json:
        return self._listed(call, listing.searched)

    def _listed(self, call: Call, listed: Callable[[Call, EntityType], tuple[list[Json], Json]]) -> Json:
        may_read(call, self.row)
        asked = chosen(self.row, call.arg("fields"))
        stored, paging = listed(call, self.row)
        return {"data": self.view(call).many(self.row, stored, asked), "paging": paging}

    def get(self, call: Call) -> Reply:
        asked = chosen(self.row, call.arg("fields"))
        document = documents.need_id(call.reader, self.row, call.id, _include(call))
        return self._shown(call, document, asked)

    def get_by_name(self, call: Call) -> Reply:
        asked = chosen(self.row, call.arg("fields"))
        name = call.params["fqn"].lower() if self.row.name == "user" else call.params["fqn"]
        document = documents.need(call.reader, self.row, name, _include(call))
        return self._shown(call, document, asked)

    def create(self, call: Call) -> Reply:
        may_write(call, self.row, "Create")
        request = call.object

        def work(connection: Connection) -> Json:
            document = Writing(connection, self.keys, call.principal).create(self.row, request)
            return self.view(call, connection).one(self.row, document, set(self.row.fields))

        return Reply(201, call.store.write(work))

    def put(self, call: Call) -> Reply:
        request = call.object
        fqn = expected_name(self.row, request)
        may_put(call, self.row, documents.find(call.reader, self.row, fqn, "all") if fqn else None)

        def work(connection: Connection) -> Reply:
            document, fresh = Writing(connection, self.keys, call.principal).put(
                self.row, request, override=call.flag("overrideMetadata")
            )
            shown = self.view(call, connection).one(self.row, document, set(self.row.fields) - {"profile"})
            return Reply(201 if fresh else 200, shown)

        return call.store.write(work)

    def bulk(self, call: Call) -> Json:
        may_write(call, self.row, "Create")
        return put_many(call, self.keys, self.row)

    def patch(self, call: Call) -> Json:
        return self._patched(call, lambda connection: documents.need_id(connection, self.row, call.id))

    def patch_by_name(self, call: Call) -> Json:
        return self._patched(call, lambda connection: documents.need(connection, self.row, call.params["fqn"]))

    def _patched(self, call: Call, found: Callable[[Connection], Json]) -> Json:
        may_patch(call, self.row)

        def work(connection: Connection) -> Json:
            writing = Writing(connection, self.keys, call.principal)
            updated = patch(call, self.keys, writing, self.row, found(connection))
            return self.view(call, connection).one(self.row, updated, set(self.row.fields) - {"profile"})

        return call.store.write(work)

    def delete(self, call: Call) -> Json:
        return self._deleted(call, lambda connection: documents.need_id(connection, self.row, call.id, "all"))

    def delete_by_name(self, call: Call) -> Json:
        return self._deleted(call, lambda connection: documents.need(connection, self.row, call.params["fqn"], "all"))

    def delete_async(self, call: Call) -> Reply:
        document = self.delete(call)
        message = "Delete operation initiated successfully"
        return Reply(202, {"jobId": document["id"], "message": message})

    def _deleted(self, call: Call, found: Callable[[Connection], Json]) -> Json:
        may_write(call, self.row, "Delete")

        def work(connection: Connection) -> Json:
            document = found(connection)
            check_match(call, document)
            hard = call.flag("hardDelete")
            gone = deleting.delete(
                connection, self.row, document, call.principal.name, now(), recursive=call.flag("recursive"), hard=hard
            )
            deleting.tell(connection, self.row, gone, call.principal.name, hard=hard)
            return self.view(call, connection).one(self.row, gone, set())

        return call.store.write(work)

    def delete_stale(self, call: Call) -> Json:
        may_write(call, self.row, "Delete")
        request = call.object
        gone = call.store.write(
            lambda connection: deleting.delete_stale(connection, self.row, request, call.principal.name, now())
        )
        return result([{"request": fqn, "status": 200} for fqn in gone], [], dry=bool(request.get("dryRun")))

    def restore(self, call: Call) -> Reply:
        may_write(call, self.row, "EditAll")
        identity = str(call.object.get("id", ""))

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, self.row, identity, "all")
            restored = deleting.restore(connection, self.row, document, call.principal.name, now())
            described = restored["changeDescription"]
            change_events.record(connection, change_events.RESTORED, self.row, restored, call.principal.name, described)
            return self.view(call, connection).one(self.row, restored, set(self.row.fields) - {"profile"})

        restored = call.store.write(work)
        if call.flag("async"):
            return Reply(202, {"jobId": identity, "message": "Restore operation initiated successfully"})
        return Reply(200, restored)

    def versions(self, call: Call) -> Json:
        current = documents.need_id(call.reader, self.row, call.id, "all")
        past = call.reader.execute(
            "SELECT json FROM versions WHERE entity = ? ORDER BY version DESC", (call.id,)
        ).fetchall()
        stored = [current, *(orjson.loads(line["json"]) for line in past)]
        shown = self.view(call).many(self.row, stored, self._kept())
        return {"entityType": self.row.name, "versions": [orjson.dumps(each).decode() for each in shown]}

    def version(self, call: Call) -> Json:
        try:
            wanted = float(call.params["version"])
        except ValueError:
            raise BadRequestError(f"Invalid version {call.params['version']}") from None
        current = documents.need_id(call.reader, self.row, call.id, "all")
        if current["version"] != wanted:
            line = call.reader.execute(
                "SELECT json FROM versions WHERE entity = ? AND version = ?", (call.id, wanted)
            ).fetchone()
            if line is None:
                raise no_instance(self.row.name, f"{call.id} and version {call.params['version']}")
            current = cast("Json", orjson.loads(line["json"]))
        return self.view(call).one(self.row, current, self._kept())

    def _kept(self) -> set[str]:
        return set(self.row.fields) - COMPUTED[self.row.name].keys() - {"followers", "votes"}

    def follow(self, call: Call) -> Json:
        statement = "INSERT OR IGNORE INTO followers VALUES (?, ?)"
        return self._follower(call, str(call.body).strip(), statement, "fieldsAdded")

    def unfollow(self, call: Call) -> Json:
        statement = "DELETE FROM followers WHERE entity = ? AND user = ?"
        return self._follower(call, call.params["user"], statement, "fieldsDeleted")

    def _follower(self, call: Call, user: str, statement: str, change: str) -> Json:
        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, self.row, call.id)
            documents.need_id(connection, ENTITY_TYPES["user"], user)
            connection.execute(statement, (call.id, user))
            view = self.view(call, connection)
            follower = view.resolver.read({"id": user, "type": "user"})
            return change_events.fields_changed(
                connection, view, self.row, document, call.principal.name, "followers", change, [follower]
            )

        return call.store.write(work)

    def vote(self, call: Call) -> Json:
        chosen_vote = call.object.get("updatedVoteType")
        if chosen_vote not in ("votedUp", "votedDown", "unVoted"):
            raise BadRequestError("updatedVoteType must be one of [votedUp, votedDown, unVoted]")

        def work(connection: Connection) -> Json:
            document = documents.need_id(connection, self.row, call.id)
            connection.execute("DELETE FROM votes WHERE entity = ? AND user = ?", (call.id, call.principal.id))
            if chosen_vote != "unVoted":
                connection.execute("INSERT INTO votes VALUES (?, ?, ?)", (call.id, call.principal.id, chosen_vote))
            view = self.view(call, connection)
            return change_events.fields_changed(
                connection, view, self.row, document, call.principal.name, "votes", "fieldsAdded", chosen_vote
            )

        return call.store.write(work)

    def _shown(self, call: Call, document: Json, asked: set[str]) -> Reply:
        may_read(call, self.row, document)
        version = document.get("version", 0.1)
        return Reply(200, self.view(call).one(self.row, document, asked), {"ETag": f'W/"{version}"'})


def _include(call: Call) -> str:
    include = call.arg("include", "non-deleted") or "non-deleted"
    if include not in ("all", "deleted", "non-deleted"):
        raise BadRequestError(f"query param include must be one of [all, deleted, non-deleted], not {include}")
    return include
