"""What a workflow really sent to the catalog, seen on the wire.

OpenMetadata's own status counts a failed bulk request of a hundred entities as one error, counts some entities
twice, and loses errors that a client method swallows. This module watches the one place that every request of the
client passes, ``requests.Session.send``, and keeps the account itself: which entities were written, row by row,
which were refused, how many lineage edges and profiles arrived, and how long the catalog took.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

from data_platform.ingestion import names

if TYPE_CHECKING:
    import requests

Edge = tuple[str, str]
"""Ids or fully qualified names of the entity that something comes from, and of the one that it goes to."""

LINEAGE: Final = "lineage"
"""Collection of the edges between entities."""

_WRITES: Final = frozenset({"PUT", "POST", "PATCH", "DELETE"})
_API: Final = re.compile(r".*?/v1/(?P<path>.*)")
_NAMED_EDGE: Final = re.compile(r"lineage/\w+/name/(?P<origin>.+)/\w+/name/(?P<target>.+)")
# Parts of an entity that have a count of their own.
_PARTS: Final = frozenset({"dataModel", "testCaseResults"})
# Writes that are bookkeeping of the run itself: losing one loses no metadata.
_BOOKKEEPING: Final = re.compile(r"services/ingestionPipelines|ingestionPipelines/|progress/|users/.*login|analytics/")


@dataclass(frozen=True)
class Loss:
    """One thing that did not arrive in the catalog.

    Attributes:
        name: the entity's name, or the request's path when it has none.
        kind: collection of the entity, for example ``tables``.
        error: what the catalog, or the connection to it, answered.
        transient: whether the same request may succeed later.
    """

    name: str
    kind: str
    error: str
    transient: bool


@dataclass(frozen=True)
class Account:
    """What became of what a run, or a part of it, sent.

    Attributes:
        written: names of entities that arrived, by collection.
        edges: pairs of entities between which lineage arrived, with the number of column edges in each. The client
            sends some by id and some by name; these are two pairs.
        profiles: tables whose profile arrived, with the number of column profiles in each.
        other_writes: number of other things that arrived, by what they are.
        losses: what did not arrive, in the order in which it was lost.
    """

    written: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    edges: Mapping[Edge, int] = field(default_factory=dict[Edge, int])
    profiles: Mapping[str, int] = field(default_factory=dict[str, int])
    other_writes: Counter[str] = field(default_factory=Counter[str])
    losses: tuple[Loss, ...] = ()

    @property
    def arrived(self) -> int:
        """Number of entities, edges and profiles that arrived."""
        entities = sum(len(names) for names in self.written.values())
        return entities + len(self.edges) + len(self.profiles) + self.other_writes.total()

    def lineage(self, names: Mapping[str, str]) -> Account:
        """The part of it that is lineage, with each edge once.

        Args:
            names: fully qualified names of entities by their id.
        """
        edges: dict[Edge, int] = {}
        for (origin, target), columns in self.edges.items():
            edge = names.get(origin, origin), names.get(target, target)
            edges[edge] = max(edges.get(edge, 0), columns)
        return Account(edges=edges, losses=tuple(loss for loss in self.losses if loss.kind == LINEAGE))

    def without_lineage(self) -> Account:
        """All but the lineage."""
        losses = tuple(loss for loss in self.losses if loss.kind != LINEAGE)
        return Account(self.written, profiles=self.profiles, other_writes=self.other_writes, losses=losses)


@dataclass
class Traffic:
    """The account of one run while it goes on; safe to read from another thread.

    Attributes:
        requests: requests sent, retries included.
        seconds: time spent waiting for the catalog.
    """

    requests: int = 0
    seconds: float = 0.0
    _written: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    _edges: dict[Edge, int] = field(default_factory=dict[Edge, int])
    _profiles: dict[str, int] = field(default_factory=dict[str, int])
    _other_writes: Counter[str] = field(default_factory=Counter[str])
    _losses: dict[tuple[str, str], list[Loss]] = field(default_factory=dict[tuple[str, str], list[Loss]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def account(self) -> Account:
        """What has become of everything so far; a retry that succeeded has taken its loss back."""
        with self._lock:
            return Account(
                written={collection: frozenset(names) for collection, names in self._written.items()},
                edges=dict(self._edges),
                profiles=dict(self._profiles),
                other_writes=Counter(self._other_writes),
                losses=tuple(loss for losses in self._losses.values() for loss in losses),
            )

    def watch(self, session: requests.Session) -> None:
        """Account for everything that ``session`` sends from now on."""
        session.send = self._watched(session.send)

    def _watched(self, send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
        def watched(request: requests.PreparedRequest, **options: Any) -> requests.Response:
            import requests.exceptions

            started = time.monotonic()
            try:
                response = send(request, **options)
            except requests.exceptions.RequestException as error:
                self._answered(request, None, f"no answer ({type(error).__name__})", time.monotonic() - started)
                raise
            error = None if response.ok else f"{response.status_code} {_message(response)}"
            self._answered(request, response, error, time.monotonic() - started)
            return response

        return watched

    def _answered(
        self, request: requests.PreparedRequest, response: requests.Response | None, error: str | None, seconds: float
    ) -> None:
        method, path = str(request.method), _path(str(request.url))
        with self._lock:
            self.requests += 1
            self.seconds += seconds
            if method not in _WRITES or _BOOKKEEPING.match(path):
                return
            key = (f"{method} {path}", str(request.body))
            if error is None and response is not None:
                rows = self._booked(method, path, request, response)
                self._losses.pop(key, None)
            else:
                transient = response is None or response.status_code in {429, 502, 503, 504}
                rows = [Loss(name, _collection(path), error or "", transient) for name in _names(path, request)]
            if rows:
                self._losses[key] = rows

    def _booked(
        self, method: str, path: str, request: requests.PreparedRequest, response: requests.Response
    ) -> list[Loss]:
        """Book a successful answer; one that cannot be read tells nothing of what arrived, so nothing did."""
        try:
            return self._arrived(method, path, request, response)
        except (ValueError, LookupError, AttributeError, TypeError):
            error = f"{response.status_code} an answer that cannot be read"
            return [Loss(name, _collection(path), error, False) for name in _names(path, request)]

    def _arrived(
        self, method: str, path: str, request: requests.PreparedRequest, response: requests.Response
    ) -> list[Loss]:
        """Book a successful answer; returns the rows of a bulk request that failed all the same."""
        collection = _collection(path)
        if _is_bulk(path):
            return self._bulk(collection, response)
        if collection == LINEAGE:
            self._lineage(method, path, request)
        elif path.endswith("/tableProfile"):
            self._profile(path, request)
        elif method == "PUT" and path == collection:
            self._written.setdefault(collection, set()).add(_fqn(response))
        elif method in {"PUT", "POST"}:
            self._other_writes[_thing(path)] += 1
        return []

    def _bulk(self, collection: str, response: requests.Response) -> list[Loss]:
        result = cast(dict[str, Any], response.json())
        passed = cast(list[dict[str, Any]], result.get("successRequest") or [])
        failed = cast(list[dict[str, Any]], result.get("failedRequest") or [])
        self._written.setdefault(collection, set()).update(_row_name(row) for row in passed)
        losses = [Loss(_row_name(row), collection, f"400 {row.get('message') or 'refused'}", False) for row in failed]
        unnamed = int(result.get("numberOfRowsFailed") or 0) - len(losses)
        return losses + [Loss(f"a row of {collection}", collection, "400 refused", False)] * max(unnamed, 0)

    def _lineage(self, method: str, path: str, request: requests.PreparedRequest) -> None:
        body = _json(request)
        if method == "DELETE":
            return
        if method == "PATCH":
            # Only what is new of an edge is sent; what the same run wrote of it before stays counted.
            operations = cast(list[dict[str, Any]], body or [])
            added = [each["value"] for each in operations if "/columnsLineage" in each["path"] and "value" in each]
            columns = [one for each in added for one in (cast(list[Any], each) if isinstance(each, list) else [each])]
            edge = _edge(path)
            self._edges[edge] = self._edges.get(edge, 0) + _column_edges(columns)
            return
        details = cast(dict[str, Any], body or {})
        if "/name/" in path:
            edge = _edge(path)
        else:
            ends = cast(dict[str, Any], details["edge"])
            edge = ends["fromEntity"]["id"], ends["toEntity"]["id"]
            details = cast(dict[str, Any], ends.get("lineageDetails") or {})
        self._edges[edge] = _column_edges(details.get("columnsLineage") or [])

    def _profile(self, path: str, request: requests.PreparedRequest) -> None:
        body = cast(dict[str, Any], _json(request) or {})
        self._profiles[path] = len(body.get("columnProfile") or [])


def _path(url: str) -> str:
    match = _API.match(unquote(urlsplit(url).path))
    return match["path"].strip("/") if match else url


def _collection(path: str) -> str:
    """``services/databaseServices`` of ``services/databaseServices/name/x``; otherwise the first part, ``tables``."""
    parts = path.split("/")
    nested = parts[0] in {"services", "dataQuality", "dashboard"} and len(parts) > 1
    return "/".join(parts[:2]) if nested else parts[0]


def _is_bulk(path: str) -> bool:
    """Whether a path takes many entities; ``pipelines/<name>/status/bulk`` takes the runs of one."""
    return path == f"{_collection(path)}/bulk"


def _thing(path: str) -> str:
    """What a write that is no entity's own is: a part of an entity that is counted by itself, or its collection."""
    return next((part for part in path.split("/") if part in _PARTS), _collection(path))


def _edge(path: str) -> Edge:
    """The ends of ``lineage/<type>/<id>/<type>/<id>`` or ``lineage/<type>/name/<fqn>/<type>/name/<fqn>``."""
    named = _NAMED_EDGE.fullmatch(path)
    if named:
        return named["origin"], named["target"]
    _, _, origin, _, target = path.split("/", 4)
    return origin, target


def _column_edges(columns: list[Any]) -> int:
    """Number of edges between two columns in ``columnsLineage``; part of an entry is as good as the entry."""
    whole = [cast(dict[str, Any], column) for column in columns if isinstance(column, dict)]
    return sum(len(column.get("fromColumns") or []) for column in whole) + len(columns) - len(whole)


def _json(request: requests.PreparedRequest) -> Any:
    try:
        return json.loads(cast(bytes, request.body or b"null"))
    except ValueError:
        return None


def _names(path: str, request: requests.PreparedRequest) -> list[str]:
    """Names of everything that is lost with a request."""
    body = _json(request)
    if _is_bulk(path) and isinstance(body, list):
        return [_create_name(row) for row in cast(list[dict[str, Any]], body)]
    if path == _collection(path) and isinstance(body, dict) and "name" in body:
        return [_create_name(cast(dict[str, Any], body))]
    return [path]


def _create_name(body: dict[str, Any]) -> str:
    parent = body.get("databaseSchema") or body.get("database") or body.get("service") or body.get("parent")
    name = str(body.get("name") or body.get("query") or "without a name")
    return names.child(parent, name) if isinstance(parent, str) else name


def _row_name(row: dict[str, Any]) -> str:
    request: Any = row.get("request")
    if isinstance(request, dict):
        return str(cast(dict[str, Any], request).get("fullyQualifiedName") or cast(dict[str, Any], request).get("name"))
    return str(request)


def _fqn(response: requests.Response) -> str:
    body = cast(dict[str, Any], response.json())
    return str(body.get("fullyQualifiedName") or body.get("name") or body.get("id"))


def _message(response: requests.Response) -> str:
    try:
        return str(response.json().get("message") or response.reason or "refused")
    except (ValueError, AttributeError):
        return str(response.reason or "refused")
