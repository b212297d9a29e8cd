"""Writing what a task suggests onto the entity that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import columns, labels
from data_platform.server.problems import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.writing import Writing

_FIELDS = ("description", "tags", "displayName", "owners", "domains")


def take(writing: Writing, row: EntityType, original: Json, path: list[str], value: Any) -> Json:
    """Set a field of an entity, or of one of its columns, as the path of an entity link names it.

    Args:
        path: for example ``["description"]`` or ``["columns", "id", "tags"]``.
        value: text; lists may be given as JSON.

    Raises:
        BadRequestError: no such field, or a value that does not fit it.
        NotFoundError: no such column.
    """
    updated = cast("Json", orjson.loads(orjson.dumps(original)))
    holder = updated
    if len(path) == 3:
        name = path[1]
        holder = next(
            (each for each in columns.all_columns(columns.parts(row.name, updated)) if each["name"] == name), None
        )
        if holder is None:
            raise NotFoundError(f"column instance for {name} not found")
    field = path[-1]
    if field not in _FIELDS:
        raise BadRequestError(f"{'.'.join(path)} cannot be suggested")
    holder[field] = value if field in ("description", "displayName") else _listed(value)
    labels.complete(updated)
    return writing.replaced(row, original, updated)


def _listed(value: Any) -> list[Any]:
    try:
        found: object = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        raise BadRequestError("The suggested value is not JSON") from None
    if not isinstance(found, list):
        raise BadRequestError("The suggested value is no list")
    return cast("list[Any]", found)
