"""Tag labels: checked and completed when they are stored, named and described when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.server import documents, names
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.problems import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

_KINDS = {"Classification": "tag", "Glossary": "glossaryTerm"}
_STORED = ("tagFQN", "source", "labelType", "state", "reason", "appliedAt", "appliedBy", "metadata")


def key(label: Json) -> tuple[str, str]:
    """What makes two labels the same."""
    return label.get("source", "Classification"), label["tagFQN"]


def settle(connection: Connection, labels: list[Json]) -> list[Json]:
    """The labels as they are stored: known, each once, with what glossary terms bring along.

    Raises:
        NotFoundError: a tag that does not exist.
        BadRequestError: two tags that exclude each other.
    """
    settled: dict[tuple[str, str], Json] = {}
    for label in labels:
        tag = _need(connection, label)
        stored = {name: label[name] for name in _STORED if name in label}
        settled.setdefault(key(stored), stored)
        if stored["source"] == "Glossary":
            for brought in tag.get("tags", []):
                derived: Json = {"tagFQN": brought["tagFQN"], "source": brought["source"]}
                settled.setdefault(key(derived), {**derived, "labelType": "Derived", "state": "Confirmed"})
    _exclude(connection, list(settled.values()))
    return list(settled.values())


def complete(value: Json) -> None:
    """Give the labels anywhere in a request what OpenMetadata assumes where they do not say it."""
    if not documents.has_labels(value):
        return
    for label in documents.labels_in(value):
        label.setdefault("source", "Classification")
        label.setdefault("labelType", "Manual")
        label.setdefault("state", "Confirmed")


def merge(original: list[Json], added: list[Json]) -> list[Json]:
    """The original labels and those of ``added`` that are new, in that order."""
    present = {key(label) for label in original}
    return [*original, *(label for label in added if key(label) not in present)]


def _need(connection: Connection, label: Json) -> Json:
    kind = _KINDS.get(label.get("source", "Classification"), "tag")
    tag = documents.find(connection, ENTITY_TYPES[kind], label["tagFQN"])
    if tag is None:
        raise NotFoundError(f"{kind} instance for {label['tagFQN']} not found")
    above = documents.parent_of(ENTITY_TYPES[kind], tag) if kind == "tag" else None
    holder = documents.find_id(connection, ENTITY_TYPES[above["type"]], above["id"]) if above else None
    if tag.get("disabled") or (holder or {}).get("disabled"):
        raise BadRequestError(f"Tag label {label['tagFQN']} is disabled and can't be assigned to a data asset.")
    return tag


def _exclude(connection: Connection, labels: list[Json]) -> None:
    if len(labels) < 2:
        return
    first: dict[tuple[str, str], str] = {}
    for label in labels:
        parts = names.split(label["tagFQN"])
        if len(parts) < 2:
            continue
        parent = ".".join(parts[:-1])
        earlier = first.setdefault((label["source"], parent), label["tagFQN"])
        if earlier != label["tagFQN"] and _is_exclusive(connection, label["source"], parent):
            raise BadRequestError(
                f"Tag labels {earlier} and {label['tagFQN']} are mutually exclusive and can't be assigned together"
            )


def _is_exclusive(connection: Connection, source: str, parent: str) -> bool:
    kinds = ("classification", "tag") if source == "Classification" else ("glossary", "glossaryTerm")
    for kind in kinds:
        holder = documents.find(connection, ENTITY_TYPES[kind], parent, "all")
        if holder is not None:
            return bool(holder.get("mutuallyExclusive"))
    return False


class Labels:
    """Stored labels to what is read, each tag looked up once."""

    def __init__(self, connection: Connection, base: str) -> None:
        self._connection = connection
        self._base = base
        self._known: dict[tuple[str, str], Json] = {}

    def read(self, labels: list[Json]) -> list[Json]:
        return [{**self._described(label), **label} for label in labels]

    def _described(self, label: Json) -> Json:
        identity = key(label)
        if identity not in self._known:
            kind = _KINDS.get(identity[0], "tag")
            tag = documents.find(self._connection, ENTITY_TYPES[kind], identity[1], "all") or {}
            described = {name: tag[name] for name in ("name", "displayName", "description", "style") if name in tag}
            if "id" in tag:
                described["href"] = f"{self._base}/v1{ENTITY_TYPES[kind].route}/{tag['id']}"
            self._known[identity] = described
        return self._known[identity]
