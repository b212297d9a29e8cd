"""Elasticsearch's query strings: words and ``field:value`` pairs, with AND, OR, NOT and parentheses.

What stands side by side must all match. A parenthesis groups where a word could begin; within a word it is a part of
it, for names have some.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from data_platform.server.problems import BadRequestError

if TYPE_CHECKING:
    from data_platform.server.search_sql import Condition

Leaf = Callable[[str, str], "Condition"]
"""``(field, value)`` to the condition of one word; no field is the empty text, and a phrase keeps its quotes."""

_TOKEN = re.compile(r'(?P<open>(?P<field>[\w.]+:)?\()|(?P<word>(?:[\w.]+:)?"(?:\\.|[^"\\])*"|\S+)')
_MOST = 200
"""How many words and parentheses there may be; each may be a level of nesting, in Python and in SQL."""

_OPERATORS = {"&&": "AND", "||": "OR", "!": "NOT"}


def parsed(text: str, leaf: Leaf) -> Condition | None:
    """The condition of a query string; None if it says nothing."""
    return _Parser(text, leaf).whole()


class _Parser:
    def __init__(self, text: str, leaf: Leaf) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._leaf = leaf
        self._at = 0
        depth = 0
        for found in _TOKEN.finditer(text):
            if found["open"]:
                self._tokens.append(("(", found["field"] or ""))
                depth += 1
                continue
            word = found["word"]
            closing = 0
            # A word takes along the parentheses that end the groups around it.
            while depth > closing and word.endswith(")") and word.count("(") < word.count(")"):
                word, closing = word[:-1], closing + 1
            if word:
                word = _OPERATORS.get(word, word)
                kind = word if word in ("AND", "OR", "NOT") else "word"
                self._tokens.append((kind, word))
            self._tokens += [(")", "")] * closing
            depth -= closing
        if len(self._tokens) > _MOST:
            raise BadRequestError(f"[query param q has more than {_MOST} words]")

    def whole(self) -> Condition | None:
        return self._any("")

    def _next(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def _any(self, field: str) -> Condition | None:
        found = self._all(field)
        while self._next() == "OR":
            self._at += 1
            other = self._all(field)
            found = found | other if found and other else found or other
        return found

    def _all(self, field: str) -> Condition | None:
        found: Condition | None = None
        while self._next() not in (None, ")", "OR"):
            if self._next() == "AND":
                self._at += 1
                continue
            one = self._one(field)
            found = found & one if found and one else found or one
        return found

    def _one(self, field: str) -> Condition | None:
        kind, value = self._tokens[self._at]
        self._at += 1
        if kind == "NOT":
            denied = self._one(field) if self._next() not in (None, ")", "OR", "AND") else None
            return ~denied if denied else None
        if kind == "(":
            inner = self._any(value.rstrip(":") or field)
            self._at += self._next() == ")"
            return inner
        name, colon, rest = value.partition(":")
        if colon and re.fullmatch(r"[\w.]+", name) and rest:
            return self._leaf(name, rest)
        return self._leaf(field, value)
