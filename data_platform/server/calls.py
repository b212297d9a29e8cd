"""One request as handlers see it, and what they answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server.problems import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from data_platform.server.store import Connection, Store

Json = dict[str, Any]

LARGEST_PAGE = 1_000_000
_LARGEST_NUMBER = 2**62
_WRITABLE, _DEEPEST = 254, 200
"""How many levels of JSON orjson writes, and how many a request may have."""


@dataclass(frozen=True)
class Principal:
    """Who asks: the subject of a verified token, as the catalog knows it."""

    id: str
    name: str
    is_bot: bool
    is_admin: bool


@dataclass
class Call:
    """A request: parameters of the path (unquoted), the query string, the raw body, and who asks."""

    store: Store
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, list[str]]
    headers: dict[str, str]
    raw: bytes
    base: str
    principal: Principal

    @property
    def reader(self) -> Connection:
        return self.store.reader

    def arg(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def flag(self, name: str) -> bool:
        return (self.arg(name) or "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A whole number of the query string.

        Raises:
            BadRequestError: it is none, or none that a database holds.
        """
        value = self.arg(name)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or abs(number) > _LARGEST_NUMBER:
            raise BadRequestError(f"[query param {name} must be a number, not {value[:40]!r}]")
        return number

    def window(self, size: int = 10) -> tuple[int, int]:
        """``offset`` and ``limit`` of a list that is paged by them.

        Raises:
            BadRequestError: one is negative, or more than is ever answered at once.
        """
        offset, limit = self.number("offset", 0), self.number("limit", size)
        for name, value in (("offset", offset), ("limit", limit)):
            if value < 0:
                raise BadRequestError(f"[query param {name} must be greater than or equal to 0]")
            if value > LARGEST_PAGE:
                raise BadRequestError(f"[query param {name} must be less than or equal to {LARGEST_PAGE}]")
        return offset, limit

    @property
    def id(self) -> str:
        """The path's ``{id}``.

        Raises:
            NotFoundError: it is no UUID; the real server matches no route then.
        """
        return self.uuid("id")

    def uuid(self, name: str) -> str:
        try:
            return str(uuid.UUID(self.params[name]))
        except ValueError:
            raise NotFoundError("HTTP 404 Not Found") from None

    @property
    def text(self) -> str:
        """The body as text.

        Raises:
            BadRequestError: it is not UTF-8.
        """
        try:
            return self.raw.decode()
        except UnicodeDecodeError:
            raise BadRequestError("The body is not UTF-8") from None

    @cached_property
    def body(self) -> Any:
        """The body as JSON.

        Raises:
            BadRequestError: it is none.
        """
        try:
            body = orjson.loads(self.raw)
        except orjson.JSONDecodeError as error:
            raise BadRequestError(f"Unable to process JSON: {error}") from None
        if self.raw.count(b"{") + self.raw.count(b"[") >= _DEEPEST:
            _check_depth(body)
        return body

    def without_nulls(self, value: Any) -> Any:
        """``value``, which is of the body, without its nulls; most bodies have none, and are not searched."""
        return without_nulls(value) if b"null" in self.raw else value

    @property
    def object(self) -> Json:
        """The body as a JSON object, without its nulls.

        Raises:
            BadRequestError: it is something else.
        """
        body: object = self.body
        if not isinstance(body, dict):
            raise BadRequestError("Unable to process JSON: expected an object")
        return cast("Json", self.without_nulls(body))

    @property
    def array(self) -> list[Any]:
        """The body as a JSON array.

        Raises:
            BadRequestError: it is something else.
        """
        body: object = self.body
        if not isinstance(body, list):
            raise BadRequestError("Unable to process JSON: expected an array")
        return cast("list[Any]", body)


@dataclass
class Reply:
    """An answer that is not simply 200 with a JSON body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


def _check_depth(body: Any) -> None:
    """Refuse what cannot be written as JSON again, with room for what a reply puts around it."""
    around = body
    for _ in range(_WRITABLE - _DEEPEST):
        around = [around]
    try:
        orjson.dumps(around)
    except orjson.JSONEncodeError as error:
        raise BadRequestError(f"Unable to process JSON: {error}") from None


def without_nulls(value: Any) -> Any:
    """``value`` without object members that are null; a null in an array stays (a sample row has them)."""
    if isinstance(value, dict):
        members = cast("Json", value)
        return {key: without_nulls(member) for key, member in members.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in cast("list[Any]", value)]
    return value
