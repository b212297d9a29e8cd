"""Columns of tables, data models and containers, and tasks of pipelines: names, labels, what survives a PUT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from data_platform.server import documents, labels, names
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

_PARTS = {
    "container": ("dataModel", "columns"),
    "pipeline": ("tasks",),
    "topic": ("messageSchema", "schemaFields"),
    "searchIndex": ("fields",),
    "mlmodel": ("mlFeatures",),
}
"""Where the parts of an entity are, other than in ``columns``."""

_SIZED = {"CHAR", "VARCHAR", "BINARY", "VARBINARY"}
_NESTED = ("columns", "children", "schemaFields", "fields", "mlFeatures", "tasks")
_HOLDERS = ("dataModel", "messageSchema", "requestSchema", "responseSchema")


def settle_labels(connection: Connection, value: Json) -> None:
    """Check and complete every list of labels in a document, its columns' too.

    Raises:
        NotFoundError: a tag that does not exist.
        BadRequestError: two tags that exclude each other.
    """
    if not documents.has_labels(value):
        return
    for holder in _label_holders(value):
        if holder["tags"]:
            holder["tags"] = labels.settle(connection, holder["tags"])


def _label_holders(value: Json) -> Iterator[Json]:
    for key, member in value.items():
        if key == "tags" and isinstance(member, list):
            yield value
        elif key in _NESTED and isinstance(member, list):
            for each in cast("list[Any]", member):
                if isinstance(each, dict):
                    yield from _label_holders(cast("Json", each))
        elif key in _HOLDERS and isinstance(member, dict):
            yield from _label_holders(cast("Json", member))


def merge(original: list[Json], updated: list[Json], *, guarded: bool) -> None:
    """Carry over to ``updated`` what a PUT keeps of the ``original`` columns of the same name.

    Args:
        guarded: a bot's PUT, which overwrites no description or display name that is there.
    """
    before = {column["name"].lower(): column for column in original}
    for column in updated:
        old = before.get(column["name"].lower())
        if old is None:
            continue
        for field in ("description", "displayName"):
            if old.get(field) and (guarded or field not in column):
                column[field] = old[field]
        for field in ("customMetrics", "extension"):
            if field in old:
                column.setdefault(field, old[field])
        column["tags"] = labels.merge(old.get("tags", []), column.get("tags", []))
        merge(old.get("children", []), column.get("children", []), guarded=guarded)


def merge_parts(kind: str, original: Json, updated: Json, *, guarded: bool) -> list[Json]:
    """:func:`merge` for whatever an entity of this type is made of; returns what it is made of now."""
    now = parts(kind, updated)
    merge(parts(kind, original), now, guarded=guarded)
    return now


def parts(kind: str, document: Json) -> list[Json]:
    """What an entity is made of and people describe one by one: columns, or a pipeline's tasks."""
    here: Any = document
    for field in _PARTS.get(kind, ("columns",)):
        here = here.get(field) or {}
    return cast("list[Json]", here or [])


def complete(_connection: Connection, document: Json, _original: Json | None) -> None:
    """Give every column its fully qualified name, its position and its (empty) list of tags.

    Raises:
        BadRequestError: a name twice, or a text type without its length.
    """
    _complete(document["fullyQualifiedName"], document.get("columns", []), top=True)


def _complete_container(_connection: Connection, document: Json, _original: Json | None) -> None:
    """The same for the columns of a container's data model; a file has no lengths, so none are asked for."""
    _complete(
        document["fullyQualifiedName"],
        parts("container", document) or document.get("columns", []),
        top=True,
        sized=False,
    )


def name_parts(kind: str, document: Json) -> None:
    """Name the columns of a container anew, whose own name has changed; nothing else that is renamed has some."""
    if kind == "container":
        held = parts(kind, document) or document.get("columns", [])
        _complete(document["fullyQualifiedName"], held, top=True, sized=False)


def _complete_tasks(_connection: Connection, document: Json, _original: Json | None) -> None:
    """Give every task of a pipeline its fully qualified name and its (empty) list of tags."""
    for task in parts("pipeline", document):
        task["fullyQualifiedName"] = names.join(document["fullyQualifiedName"], task["name"])
        task.setdefault("tags", [])


def _complete_fields(kind: str) -> Callable[[Connection, Json, Json | None], None]:
    """The same for the fields of schemas and indexes and the features of models, which have no positions."""

    def check(_connection: Connection, document: Json, _original: Json | None) -> None:
        _name_fields(document["fullyQualifiedName"], parts(kind, document))

    return check


def _complete_endpoint(_connection: Connection, document: Json, _original: Json | None) -> None:
    for schema in ("requestSchema", "responseSchema"):
        fields = document.get(schema, {}).get("schemaFields", [])
        _name_fields(f"{document['fullyQualifiedName']}.{schema}", fields)


def _name_fields(parent: str, fields: list[Json]) -> None:
    for field in fields:
        field["fullyQualifiedName"] = names.join(parent, field["name"])
        field.setdefault("tags", [])
        _name_fields(field["fullyQualifiedName"], field.get("children", []))


def _complete(parent: str, columns: list[Json], *, top: bool, sized: bool = True) -> None:
    seen: set[str] = set()
    for position, column in enumerate(columns, 1):
        name: str = column["name"]
        if name in seen:
            raise BadRequestError(f"Column name {name} is repeated")
        seen.add(name)
        if sized and column.get("dataType") in _SIZED and "dataLength" not in column:
            raise BadRequestError("For column data types char, varchar, binary, varbinary dataLength must not be null")
        if sized and column.get("dataType") == "ARRAY" and "arrayDataType" not in column:
            raise BadRequestError("For column data type array, arrayDataType must not be null")
        column["fullyQualifiedName"] = names.join(parent, name)
        column.setdefault("tags", [])
        if top:
            column.setdefault("ordinalPosition", position)
        if "children" in column:
            _complete(column["fullyQualifiedName"], column["children"], top=False, sized=sized)


def all_columns(columns: list[Json]) -> Iterator[Json]:
    """Columns and their children, depth first."""
    for column in columns:
        yield column
        yield from all_columns(column.get("children", []))


STORE["table"].append(complete)
STORE["dashboardDataModel"].append(complete)
STORE["container"].append(_complete_container)
STORE["pipeline"].append(_complete_tasks)
for _kind in ("topic", "searchIndex", "mlmodel"):
    STORE[_kind].append(_complete_fields(_kind))
STORE["apiEndpoint"].append(_complete_endpoint)
for _kind in ("file", "worksheet"):
    STORE[_kind].append(_complete_container)


def drop_computed(document: Json) -> None:
    """Remove what is read of columns but not stored on them."""
    for column in all_columns(document.get("columns", [])):
        column.pop("profile", None)
