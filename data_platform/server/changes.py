"""What changed between two stored documents, as OpenMetadata describes it, and the version that follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import connections, names

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.entity_types import EntityType

_NOT_COMPARED = frozenset(
    {
        "id", "version", "updatedAt", "updatedBy", "changeDescription", "incrementalChangeDescription", "href",
        "fullyQualifiedName", "followers", "votes", "usageSummary", "lifeCycle", "impersonatedBy",
        "service", "serviceType", "joins", "sampleData", "pipelineStatuses", "testCaseResult",
    }
)  # fmt: skip
_SCHEMAS = ("messageSchema", "requestSchema", "responseSchema")
_SIZES = ("dataLength", "precision", "scale")


@dataclass
class Changes:
    """The three lists of a ``changeDescription``, and whether something was lost."""

    added: list[Json] = field(default_factory=list["Json"])
    updated: list[Json] = field(default_factory=list["Json"])
    deleted: list[Json] = field(default_factory=list["Json"])
    major: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.deleted)

    def description(self, previous: float) -> Json:
        return {
            "fieldsAdded": self.added,
            "fieldsUpdated": self.updated,
            "fieldsDeleted": self.deleted,
            "previousVersion": previous,
        }

    def record(self, name: str, old: Any, new: Any) -> None:
        """A field that is compared as a whole."""
        if old == new or (_empty(old) and _empty(new)):
            return
        if _empty(old):
            self.added.append({"name": name, "newValue": _text(new)})
        elif _empty(new):
            self.deleted.append({"name": name, "oldValue": _text(old)})
        else:
            self.updated.append({"name": name, "oldValue": _text(old), "newValue": _text(new)})

    def record_set(self, name: str, old: Iterable[Json], new: Iterable[Json], key: Callable[[Json], Any]) -> None:
        """A list whose order does not matter: what joined and what left it."""
        before, after = {key(each): each for each in old}, {key(each): each for each in new}
        joined = [each for identity, each in after.items() if identity not in before]
        left = [each for identity, each in before.items() if identity not in after]
        if joined:
            self.added.append({"name": name, "newValue": _text(joined)})
        if left:
            self.deleted.append({"name": name, "oldValue": _text(left)})

    def record_schema(self, name: str, old: Json, new: Json) -> None:
        """A schema of messages, requests or answers: its fields like columns, the rest part by part."""
        for part in sorted((old.keys() | new.keys()) - {"schemaFields"}):
            self.record(f"{name}.{part}", old.get(part), new.get(part))
        self.record_columns(f"{name}.schemaFields", old.get("schemaFields", []), new.get("schemaFields", []))

    def record_extension(self, old: Json, new: Json) -> None:
        """Custom properties: those that joined and left as a list, those that changed one by one."""
        joined = [{name: value} for name, value in new.items() if name not in old]
        left = [{name: value} for name, value in old.items() if name not in new]
        if joined:
            self.added.append({"name": "extension", "newValue": _text(joined)})
        if left:
            self.deleted.append({"name": "extension", "oldValue": _text(left)})
        for name in sorted(old.keys() & new.keys()):
            if old[name] != new[name]:
                before, after = (orjson.dumps(value).decode() for value in (old[name], new[name]))
                self.updated.append({"name": f"extension.{names.quote(name)}", "oldValue": before, "newValue": after})

    def record_columns(self, name: str, old: list[Json], new: list[Json], *, lossy: bool = True) -> None:
        """Columns, or the fields of a schema: matched by name and type, their parts compared one by one.

        Args:
            lossy: whether one that is gone makes a major version; a pipeline's task does not.
        """
        before = {_column_key(column): column for column in old}
        after = {_column_key(column): column for column in new}
        joined = [column for key, column in after.items() if key not in before]
        left = [column for key, column in before.items() if key not in after]
        if joined:
            self.added.append({"name": name, "newValue": _text(joined)})
        if left:
            self.deleted.append({"name": name, "oldValue": _text(left)})
            self.major = self.major or lossy
        for key, column in after.items():
            if key in before:
                self._record_column(f"{name}.{column['name']}", before[key], column)

    def _record_column(self, name: str, old: Json, new: Json) -> None:
        for part in sorted((old.keys() | new.keys()) - {"name", "fullyQualifiedName", "tags", "children", "profile"}):
            self.record(f"{name}.{part}", old.get(part), new.get(part))
            if part in _SIZES and old.get(part) and new.get(part) and new[part] < old[part]:
                self.major = True
        self.record_set(f"{name}.tags", old.get("tags", []), new.get("tags", []), _label_key)
        self.record_columns(f"{name}.children", old.get("children", []), new.get("children", []))


def between(row: EntityType, old: Json, new: Json) -> Changes:
    """The changes from ``old`` to ``new`` that make a version; both are stored documents."""
    changes = Changes()
    for name in sorted((old.keys() | new.keys()) - _NOT_COMPARED):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name == "tags":
            changes.record_set(name, before or [], after or [], _label_key)
        elif row.references.get(name):
            changes.record_set(name, before or [], after or [], lambda held: held["id"])
        elif name == "columns" and _is_columns(before) and _is_columns(after):
            changes.record_columns(name, before or [], after or [])
        elif name == "dataModel" and row.name == "container":
            # A table's data model, which is dbt's, is one thing; a container's is its columns.
            changes.record_columns("dataModel.columns", _columns(before), _columns(after))
            changes.record("dataModel.isPartitioned", _is_partitioned(before), _is_partitioned(after))
        elif name == "fields" and row.name == "searchIndex":
            changes.record_columns(name, before or [], after or [])
        elif name == "tasks" and row.name == "pipeline":
            changes.record_columns(name, before or [], after or [], lossy=False)
        elif name in _SCHEMAS:
            changes.record_schema(name, before or {}, after or {})
        elif name == "extension":
            changes.record_extension(before or {}, after or {})
        elif name == "customProperties":
            changes.record_set(name, before or [], after or [], lambda held: held["name"])
            if not changes:
                changes.record(name, before, after)
        elif name == connections.field_of(row) and row.name != "ingestionPipeline":
            changes.record(name, before and "old-encrypted-value", after and "new-encrypted-value")
        else:
            changes.record(name, before, after)
    return changes


def following(version: float, *, major: bool) -> float:
    """The version after ``version``: 0.1 → 0.2, or 1.1 where something was lost."""
    return round(version + (1.0 if major else 0.1), 1)


def _label_key(label: Json) -> tuple[str | None, str]:
    return label.get("source"), label["tagFQN"]


def _column_key(column: Json) -> tuple[Any, ...]:
    return column["name"].lower(), column.get("dataType"), column.get("arrayDataType")


def _is_columns(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all("dataType" in each for each in cast("list[Json]", value)))


def _columns(model: Json | None) -> list[Json]:
    return (model or {}).get("columns", [])


def _is_partitioned(model: Json | None) -> bool | None:
    return (model or {}).get("isPartitioned")


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == {} or value == ""


def _text(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def keep_forward(original: Json, updated: Json) -> None:
    """Life cycle never moves back in time."""
    before, after = original.get("lifeCycle"), updated.get("lifeCycle")
    if before and after and before != after:
        kept = dict(before)
        for name, access in after.items():
            if name not in kept or access["timestamp"] > kept[name]["timestamp"]:
                kept[name] = access
        updated["lifeCycle"] = kept
