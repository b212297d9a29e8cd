"""Redash: dashboards, and their widgets as charts; widgets are listed by their dashboard only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx

from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed

_TIMEOUT: Final = 60.0
_PAGE: Final = 100


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Every dashboard that the key's user sees, and what is on those that the filters let in."""
    settings: Any = source.service_connection
    headers = {"Authorization": f"Key {settings.apiKey.get_secret_value()}"}
    address = f"{str(settings.hostPort).rstrip('/')}/api/"
    with httpx.Client(base_url=address, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as client:
        for dashboard in _dashboards(client):
            id, name = str(dashboard["id"]), str(dashboard["name"])
            yield Listed("dashboard", (id,), shown=name)
            if filters.admits("dashboard", (id,), shown=name):
                shown: dict[str, Any] = client.get(f"dashboards/{id}").raise_for_status().json()
                yield from map(_chart, shown.get("widgets") or ())


def _dashboards(client: httpx.Client) -> Iterator[dict[str, Any]]:
    seen, page = 0, 1
    while True:
        listed = client.get("dashboards", params={"page": page, "page_size": _PAGE}).raise_for_status().json()
        yield from listed["results"]
        seen, page = seen + len(listed["results"]), page + 1
        if seen >= listed["count"] or not listed["results"]:
            return


def _chart(widget: dict[str, Any]) -> Listed:
    visualization = widget.get("visualization")
    shown = visualization["query"]["name"] if visualization else widget["id"]
    return Listed("chart", (str(widget["id"]),), shown=str(shown))
