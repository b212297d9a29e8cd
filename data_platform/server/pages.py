"""A read-only look at the catalog for a browser: what Dagster's asset metadata links to.

Server-rendered and escaped; answered on loopback without a token, and to nobody else. Connections of
services are never part of it.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from data_platform.server import documents, lineage, series
from data_platform.server.columns import all_columns
from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.search_sql import text_sql
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.app import Application
    from data_platform.server.calls import Json

_STYLE = Path(__file__).with_name("pages.css").read_text(encoding="utf-8")
_ASKED = {"owners", "tags", "domains", "usageSummary", "profile"}
_MOST = 500
_BROWSED = ("table", "databaseSchema", "database", "storedProcedure", "dashboard", "pipeline", "topic", "container")
# OpenMetadata's site has some types at addresses of another name.
_ADDRESSES = {"test-case": "testCase"}


class Pages:
    """The pages of one application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def answer(self, request: Request) -> Response:
        """``/``, ``/search?q=…``, ``/<entityType>/<fqn>`` and ``/service/<collection>/<name>``."""
        if not _is_loopback(request):
            return _page("Forbidden", "<h1>These pages are for this machine only</h1>", status=403)
        path = request.url.path.strip("/")
        query = request.query_params.get("q", "").strip()
        if path == "search" or (not path and query):
            return self._search(query)
        if not path:
            return self._home()
        kind, fqn = _entity_of(path)
        row = ENTITY_TYPES.get(_ADDRESSES.get(kind, kind))
        view = self._view(request)
        document = documents.find(view.connection, row, fqn, "all") if row else None
        if row is None or document is None:
            body = f"<h1>Nothing here</h1><p class=lead>The catalog holds no {escape(kind)} called {escape(fqn)}.</p>"
            return _page("Not found", body, status=404)
        return self._entity(view, row, document)

    def _view(self, request: Request) -> View:
        base = f"{request.url.scheme}://{request.url.netloc}/api"
        return View(self._application.store.reader, self._application.keys, base, unmasked=False)

    def _home(self) -> Response:
        reader = self._application.store.reader
        counts = {
            line["type"]: line["number"]
            for line in reader.execute("SELECT type, count(*) AS number FROM entities WHERE deleted = 0 GROUP BY type")
        }
        edges = reader.execute("SELECT count(*) FROM edges").fetchone()[0]
        figures = [(counts[kind], _plural(kind, counts[kind])) for kind in _BROWSED if counts.get(kind)]
        figures.append((edges, "lineage edges"))
        services: list[str] = []
        for row in ENTITY_TYPES.values():
            if row.is_service:
                services += [_card(row.name, each) for each in self._all(row)]
        empty = "<p class=none>No service yet: run an ingestion, and what it finds shows up here.</p>"
        listed = f"<div class=grid>{''.join(services)}</div>" if services else empty
        return _page("Catalog", f"<h1>What the catalog holds</h1>{_figures(figures)}<h2>Services</h2>{listed}")

    def _all(self, row: EntityType) -> list[Json]:
        import orjson

        lines = self._application.store.reader.execute(
            "SELECT json FROM entities WHERE type = ? AND deleted = 0 ORDER BY name LIMIT ?", (row.name, _MOST)
        )
        return [orjson.loads(line["json"]) for line in lines]

    def _search(self, query: str) -> Response:
        condition = text_sql(query)
        hidden = ("testConnectionDefinition", "testDefinition", "policy", "role", "bot")
        marks = ",".join("?" * len(hidden))
        lines = self._application.store.reader.execute(
            f"SELECT type, fqn, json ->> 'description' AS text FROM entities WHERE deleted = 0"  # noqa: S608
            f" AND type NOT IN ({marks}) AND {condition.sql} ORDER BY type = 'table' DESC, type, fqn LIMIT 100",
            [*hidden, *condition.values],
        ).fetchall()
        rows = "".join(
            f"<tr><td><span class=pill>{escape(line['type'])}</span></td>"
            f"<td class=name>{_link(line['type'], line['fqn'], line['fqn'])}</td><td>{_short(line['text'])}</td></tr>"
            for line in lines
        )
        found = f"<div class=table><table>{rows}</table></div>" if rows else "<p class=none>Nothing matches.</p>"
        return _page(f"{query} · search", f"<h1>“{escape(query)}”</h1>{found}", query)

    def _entity(self, view: View, row: EntityType, document: Json) -> Response:
        identity = document["id"]
        document.pop("connection", None)
        shown = view.one(row, document, _ASKED & row.fields)
        name = str(shown.get("displayName") or shown["name"])
        parts = [
            f"<p class=crumbs>{_crumbs(row, shown)}</p><h1>{escape(name)}</h1>",
            f"<div class=meta>{_meta(row, shown)}</div>",
            f"<p class=lead>{escape(shown['description'])}</p>"
            if shown.get("description")
            else "<p class='lead none'>No description yet.</p>",
        ]
        if shown.get("profile"):
            parts.append(_profile(shown["profile"]))
        if shown.get("columns"):
            profiles = series.latest_by_key(view.connection, identity, "column")
            parts.append(_columns(list(all_columns(shown["columns"])), profiles))
        parts.append(self._lineage(view, shown, identity))
        if shown.get("schemaDefinition"):
            parts.append(f"<h2>Definition</h2><pre>{escape(shown['schemaDefinition'])}</pre>")
        below = documents.children(view.connection, identity)
        kinds = dict.fromkeys(child.name for child, _ in below)
        for kind in sorted(kinds, key=lambda name: (*_BROWSED, name).index(name)):
            held = [each for child, each in below if child.name == kind][:_MOST]
            cards = "".join(_card(kind, each) for each in held)
            parts.append(f"<h2>{escape(_plural(kind, 2))}</h2><div class=grid>{cards}</div>")
        return _page(f"{name} · {row.name}", "".join(parts))

    def _lineage(self, view: View, shown: Json, identity: str) -> str:
        sides: list[str] = []
        for near, far in (("target", "source"), ("source", "target")):
            ends = [edge[far] for edge in lineage.walk(view.connection, identity, 1, near, far)]
            view.resolver.learn(set(ends))
            held = [each for end in ends[:50] if (each := view.resolver.read({"id": end}))]
            cards = "".join(_card(each["type"], each) for each in held)
            sides.append(f"<div class=stack>{cards or '<span class=none>nothing</span>'}</div>")
        if all("class=card" not in side for side in sides):
            return ""
        here = f"<div class='card here'><b>{escape(shown['name'])}</b></div>"
        return f"<h2>Lineage</h2><div class=flow>{sides[0]}<i>→</i>{here}<i>→</i>{sides[1]}</div>"


def _is_loopback(request: Request) -> bool:
    host = request.client.host if request.client else ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "testclient"


def _entity_of(path: str) -> tuple[str, str]:
    """Type and name of the entity that an address is of; services lie below ``service``, by their collection."""
    kind, _, fqn = path.partition("/")
    if kind == "service":
        collection, _, fqn = fqn.partition("/")
        kind = collection.removesuffix("s")
    return kind, fqn


def _page(title: str, body: str, query: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        "<header class=bar><div><a class=brand href=/><span>◆</span> Catalog</a>"
        f"<form class=search action=/search><input name=q value='{escape(query)}' placeholder='Search tables, columns, "
        "people…' aria-label=Search></form></div></header>"
        f"<main>{body}</main><footer>Read-only. Programs use the API at <code>/api</code>.</footer></html>",
        status_code=status,
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"},
    )


def _link(kind: str, fqn: str, text: str) -> str:
    return f"<a href='/{quote(kind)}/{quote(fqn, safe='')}'>{escape(text)}</a>"


def _card(kind: str, document: Json) -> str:
    about = document.get("serviceType") if kind.endswith("Service") else _short(document.get("description"), 110)
    if kind == "table" and "columns" in document:
        size = f"{len(document['columns'])} columns"
        about = about or (
            f"{document['tableType']}, {size}" if document.get("tableType", "Regular") != "Regular" else size
        )
    text = about or ""
    href = f"/{quote(kind)}/{quote(document['fullyQualifiedName'], safe='')}"
    note = f"<p>{text}</p>" if text else ""
    return f"<a class=card href='{href}'><b>{escape(str(document['name']))}</b>{note}</a>"


def _crumbs(row: EntityType, shown: Json) -> str:
    above = [
        field for field in ("service", "database", "databaseSchema", "parent") if isinstance(shown.get(field), dict)
    ]
    links = [_link(shown[field]["type"], shown[field]["fullyQualifiedName"], shown[field]["name"]) for field in above]
    return "<b>/</b>".join([*links, escape(row.name)])


def _meta(row: EntityType, shown: Json) -> str:
    at = datetime.fromtimestamp(shown["updatedAt"] / 1000, UTC)
    parts = [f"<span class=pill>{escape(str(shown.get('tableType') or row.name))}</span>"]
    if shown.get("deleted"):
        parts.append("<span class='pill gone'>deleted</span>")
    parts += [_tag(label) for label in shown.get("tags", [])]
    parts += [f"owned by {escape(owner.get('displayName') or owner['name'])}" for owner in shown.get("owners", [])]
    parts.append(f"version {shown['version']} · {at:%d %B %Y, %H:%M} UTC by {escape(str(shown['updatedBy']))}")
    return " ".join(parts)


def _tag(label: Json) -> str:
    return (
        f"<span class='pill tag' title='{escape(str(label.get('description', '')))}'>{escape(label['tagFQN'])}</span>"
    )


def _figures(figures: list[tuple[Any, str]]) -> str:
    boxes = "".join(
        f"<div class=figure><b>{_number(value)}</b><span>{escape(name)}</span></div>" for value, name in figures
    )
    return f"<div class=figures>{boxes}</div>"


def _profile(profile: Json) -> str:
    at = datetime.fromtimestamp(profile["timestamp"] / 1000, UTC)
    named = (("rowCount", "rows"), ("columnCount", "columns"), ("sizeInByte", "bytes"))
    figures: list[tuple[Any, str]] = [(profile[field], name) for field, name in named if field in profile]
    return f"<h2>Profile of {at:%d %B %Y, %H:%M} UTC</h2>{_figures(figures)}"


def _columns(columns: list[Json], profiles: dict[str, Json]) -> str:
    measured = bool(profiles)
    head = "<th>Column<th>Type<th>Description<th>Tags"
    head += "<th class=num>Nulls<th class=num>Distinct<th class=num>Min<th class=num>Max" if measured else ""
    lines: list[str] = []
    for column in columns:
        constraint = column.get("constraint", "")
        key = (
            f" <span class=pill>{escape(constraint.replace('_', ' ').lower())}</span>"
            if constraint not in ("", "NULL")
            else ""
        )
        line = (
            f"<tr><td class=name>{escape(column['name'])}{key}<td><code>"
            f"{escape(str(column.get('dataTypeDisplay') or column['dataType']).lower())}</code>"
            f"<td>{_short(column.get('description'), 300)}<td>{' '.join(map(_tag, column.get('tags', [])))}"
        )
        if measured:
            profile = profiles.get(column["name"], {})
            share = profile.get("nullProportion")
            nulls = "" if share is None else f"{share:.1%}"
            line += f"<td class=num>{nulls}"
            line += "".join(f"<td class=num>{_number(profile.get(field))}" for field in ("distinctCount", "min", "max"))
        lines.append(line)
    return f"<h2>Columns</h2><div class=table><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def _number(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
    text = "" if value is None else str(value)
    is_moment = text[4:5] == "-" and text[10:11] == "T"
    return escape(text[:16].replace("T", " ") if is_moment else text[:40])


def _short(text: Any, length: int = 160) -> str:
    plain = str(text or "")
    return escape(plain if len(plain) <= length else plain[: length - 1].rstrip() + "…")


def _plural(kind: str, number: int) -> str:
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind)
    return words if number == 1 else f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
