"""A change of one list that an entity keeps, answered with the entity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import documents
from data_platform.server.permissions import may_write
from data_platform.server.views import View
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys
    from data_platform.server.store import Connection


def changing(
    keys: Keys,
    entity_type: EntityType,
    field: str,
    operation: str,
    change: Callable[[Call, Connection, list[Json]], list[Json]],
) -> Callable[[Call], Json]:
    """A handler that puts another list in the place of one.

    Args:
        keys: the server's.
        entity_type: whose list it is; the call names the entity by its id.
        field: the list's name.
        operation: what one must be allowed.
        change: what the list becomes.
    """

    def handler(call: Call) -> Json:
        may_write(call, entity_type, operation)

        def work(connection: Connection) -> Json:
            held = documents.need_id(connection, entity_type, call.id)
            changed = {**held, field: change(call, connection, held.get(field, []))}
            updated = Writing(connection, keys, call.principal).update(entity_type, held, changed, patch=False)
            return View.of(call, keys, connection).one(entity_type, updated, {field})

        return call.store.write(work)

    return handler
