"""Redash 10, as its API is documented: https://redash.io/help/user-guide/integrations-and-api/api.

A key that it does not know gets 404 with the advice to log in, as everything does that a visitor may not know of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from data_platform_tests.fakes import Answer, Request, listening

_PAGE: Final = 25
_LARGEST_PAGE: Final = 250
_WHEN: Final = "2026-01-02T03:04:05.678Z"


@dataclass(frozen=True)
class Widget:
    """A visualization of a query, or, without a query, a text.

    Attributes:
        id: its id.
        text: of a text.
        kind: the visualization's, for example ``CHART``.
        name: of the query.
        sql: of the query.
    """

    id: int
    text: str = ""
    kind: str = "CHART"
    name: str = ""
    sql: str = ""


@dataclass(frozen=True)
class Dashboard:
    """One dashboard."""

    id: int
    name: str
    email: str
    widgets: tuple[Widget, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass
class Redash:
    """The product.

    Attributes:
        dashboards: what it has.
        key: a user's API key.
        broken: ids of dashboards that cannot be read.
        address: where it listens.
    """

    dashboards: list[Dashboard]
    key: str = "the/api-key"
    broken: set[int] = field(default_factory=set[int])
    address: str = ""

    @contextmanager
    def running(self) -> Iterator[Redash]:
        """It listens until the block ends."""
        with listening(self._answer) as self.address:
            yield self

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != f"Key {self.key}":
            return 404, {"message": "Couldn't find resource. Please login and try again."}
        match request.path.strip("/").split("/"):
            case ["api", "dashboards"]:
                return self._page(request)
            case ["api", "dashboards", id]:
                return self._one(id)
            case _:
                return _NOT_FOUND

    def _page(self, request: Request) -> Answer:
        page, size = int(request.query.get("page", 1)), int(request.query.get("page_size", _PAGE))
        if page < 1 or size > _LARGEST_PAGE or (page > 1 and (page - 1) * size >= len(self.dashboards)):
            return 400, {"message": "Page is out of range."}
        shown = self.dashboards[(page - 1) * size : page * size]
        results = [{**_dashboard(each), "widgets": None} for each in shown]
        return 200, {"count": len(self.dashboards), "page": page, "page_size": size, "results": results}

    def _one(self, id: str) -> Answer:
        found = next((each for each in self.dashboards if str(each.id) == id), None)
        if found is None:
            return _NOT_FOUND
        if found.id in self.broken:
            return 500, {"message": "Internal Server Error"}
        return 200, {**_dashboard(found), "widgets": [_widget(found, each) for each in found.widgets]}


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "id": dashboard.id,
        "slug": dashboard.name.lower().replace(" ", "-"),
        "name": dashboard.name,
        "user_id": 1,
        "user": {"id": 1, "name": dashboard.email.partition("@")[0], "email": dashboard.email},
        "layout": [],
        "tags": list(dashboard.tags),
        "is_archived": False,
        "is_draft": False,
        "is_favorite": False,
        "dashboard_filters_enabled": False,
        "options": {},
        "version": 1,
        "created_at": _WHEN,
        "updated_at": _WHEN,
    }


def _widget(dashboard: Dashboard, widget: Widget) -> dict[str, Any]:
    common = {"id": widget.id, "dashboard_id": dashboard.id, "width": 1, "options": {}, "text": widget.text}
    if not widget.sql:
        return common
    query = {
        "id": 100 + widget.id,
        "name": widget.name,
        "description": None,
        "query": widget.sql,
        "data_source_id": 1,
        "schedule": None,
        "is_archived": False,
        "is_draft": False,
        "options": {"parameters": []},
    }
    shown = {"id": 200 + widget.id, "type": widget.kind, "name": widget.kind.title(), "description": "", "options": {}}
    return {**common, "visualization": {**shown, "query": query}}


_NOT_FOUND: Final = (
    404,
    {"message": "The requested URL was not found on the server."},
)
