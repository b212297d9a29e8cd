"""Requests to handlers: a trie over path segments.

Segments are split from the raw path before they are unquoted, because a fully qualified name may hold
a slash. A literal segment wins over a parameter. The table of routes can be listed, so that the
documentation of what is served is generated from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from data_platform.server.problems import ApiError, NotFoundError

if TYPE_CHECKING:
    from data_platform.server.calls import Call

Handler = Callable[["Call"], Any]


@dataclass
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    parameter: _Node | None = None
    handlers: dict[str, tuple[Handler, tuple[str, ...]]] = field(
        default_factory=dict[str, tuple[Handler, tuple[str, ...]]]
    )


class Router:
    """Where each method and path goes."""

    def __init__(self) -> None:
        self._root = _Node()
        self._routes: list[tuple[str, str, Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Register ``pattern``, for example ``/tables/name/{fqn}``; the first registration of a pair stays."""
        node, names = self._root, list[str]()
        for segment in pattern.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        if method not in node.handlers:
            node.handlers[method] = (handler, tuple(names))
            self._routes.append((method, pattern, handler))

    def find(self, method: str, raw_path: str) -> tuple[Handler, dict[str, str]]:
        """The handler of a path and the values of its parameters, unquoted.

        Raises:
            NotFoundError: no such path.
            ApiError: 405, the path is served under another method.
        """
        segments = raw_path.strip("/").split("/")
        allowed: set[str] = set()
        for node, values in self._walk(self._root, segments, ()):
            if method in node.handlers:
                handler, names = node.handlers[method]
                return handler, {name: unquote(value) for name, value in zip(names, values, strict=True)}
            allowed.update(node.handlers)
        if allowed:
            raise ApiError("HTTP 405 Method Not Allowed", 405)
        raise NotFoundError("HTTP 404 Not Found")

    def _walk(
        self, node: _Node, segments: list[str], values: tuple[str, ...]
    ) -> Iterator[tuple[_Node, tuple[str, ...]]]:
        if not segments:
            if node.handlers:
                yield node, values
            return
        head, rest = segments[0], segments[1:]
        if head in node.literals:
            yield from self._walk(node.literals[head], rest, values)
        if node.parameter is not None and head:
            yield from self._walk(node.parameter, rest, (*values, head))

    @property
    def routes(self) -> list[tuple[str, str, Handler]]:
        """Every method, pattern and handler, in the order of registration."""
        return list(self._routes)
