"""Superset's REST API, as the connector and the inventory ask it: signed in, page by page, and never half.

Whatever is not an answer is an error of ours that says what failed and on which Superset. What a list or an object
means is not known here.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import httpx

from data_platform.errors import SourceError, SourceRefusedError, SourceUnreachableError
from data_platform.ingestion.diagnosis import distrusted

Row = dict[str, Any]

_PAGE: Final = 100
_TIMEOUT: Final = 60.0
_REFUSED: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_FAILED: Final = 500
_DOWN: Final = frozenset({502, 503, 504})


class SupersetFailedError(SourceUnreachableError):
    """Superset is there, and fails at one request."""


class SupersetApi:
    """One Superset.

    Args:
        connection: OpenMetadata's parsed connection, whose ``connection`` is that of the API.

    Attributes:
        service: how errors name the source.
    """

    def __init__(self, connection: Any) -> None:
        self.service: str | None = None
        self._user: Any = connection.connection
        self._url = str(connection.hostPort).rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1", timeout=_TIMEOUT, verify=_trusted(self._user), follow_redirects=True
        )

    def close(self) -> None:
        """Give its connections back."""
        self._http.close()

    def count(self, kind: str) -> int:
        """Number of ``dashboard``, ``chart`` or ``dataset`` objects that the user may see."""
        return int(self._page(kind, ("id",), 0, 1)["count"])

    def rows(
        self, kind: str, columns: Sequence[str], lost: Callable[[str, SourceError], None] | None = None
    ) -> Iterator[Row]:
        """Every object of a kind that the user may see, once.

        Args:
            kind: ``dashboard``, ``chart`` or ``dataset``.
            columns: what to say of each beside its ``id``.
            lost: told of every object that Superset fails to list, by its place; without it that is an error.

        Raises:
            SourceError: Superset does not answer or refuses, or what it has changed while it was read.
        """
        seen: set[int] = set()
        start, total, missing = 0, 1, 0
        while start < total:
            for page in self._pages(kind, columns, start, lost):
                missing += page is None
                total = int(page["count"]) if page else total
                for row in cast(list[Row], page["result"] if page else ()):
                    if row["id"] not in seen:
                        seen.add(row["id"])
                        yield row
            start += _PAGE
        if len(seen) + missing < total:
            raise SourceUnreachableError(
                f"Superset's list of {kind}s changed while it was read ({len(seen)} of {total})", source=self.service
            )

    def get(self, path: str) -> Row:
        """What is at a path of the API, for example ``dataset/7``."""
        return self._ask(path, {})

    def _pages(
        self, kind: str, columns: Sequence[str], start: int, lost: Callable[[str, SourceError], None] | None
    ) -> list[Row | None]:
        """A page, or its objects one by one when it fails; None is one that fails when others do not."""
        try:
            return [self._page(kind, columns, start // _PAGE, _PAGE)]
        except SupersetFailedError as error:
            if lost is None:
                raise
            found = list(self._singly(kind, columns, start))
            if not any(isinstance(each, dict) and each["result"] for each in found):
                raise error from None
        for place, each in enumerate(found, start=start + 1):
            if isinstance(each, SupersetFailedError):
                lost(f"{kind} {place} of the list", each)
        return [None if isinstance(each, SupersetFailedError) else each for each in found]

    def _singly(self, kind: str, columns: Sequence[str], start: int) -> Iterator[Row | SupersetFailedError]:
        end = start + _PAGE
        for place in range(start, start + _PAGE):
            if place >= end:
                return
            try:
                page = self._page(kind, columns, place, 1)
            except SupersetFailedError as error:
                yield error
            else:
                end = int(page["count"])
                yield page

    def _page(self, kind: str, columns: Sequence[str], page: int, size: int) -> Row:
        named = ",".join(dict.fromkeys(("id", *columns)))
        return self._ask(f"{kind}/", {"q": f"(columns:!({named}),page:{page},page_size:{size})"})

    def _ask(self, path: str, parameters: dict[str, str]) -> Row:
        if "Authorization" not in self._http.headers:
            self._sign_in()
        answer = self._request("GET", path, params=parameters)
        if answer.status_code == _UNAUTHORIZED:  # tokens are good for a quarter of an hour
            self._sign_in()
            answer = self._request("GET", path, params=parameters)
        return self._content(answer, path)

    def _sign_in(self) -> None:
        self._http.headers.pop("Authorization", None)
        body = {
            "username": self._user.username,
            "password": self._user.password.get_secret_value(),
            "provider": self._user.provider.value,
        }
        answer = self._request("POST", "security/login", json=body)
        if answer.status_code == _UNAUTHORIZED:
            raise SourceRefusedError(
                f"Superset refuses the credentials at {self._url}",
                source=self.service,
                remedy="check the user, the provider and what the secret reference points at",
            )
        self._http.headers["Authorization"] = f"Bearer {self._content(answer, 'security/login')['access_token']}"

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"/{path}", **options)
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            raise distrusted(detail, self.service, f" at {self._url}") or SourceUnreachableError(
                f"Superset does not answer at {self._url} ({detail})",
                source=self.service,
                remedy="check that it is up and that the address in its defs.yaml is right",
            ) from error

    def _content(self, answer: httpx.Response, path: str) -> Row:
        status = answer.status_code
        if status in _DOWN:
            raise SourceUnreachableError(
                f"Superset does not answer at {self._url} ({status})", source=self.service, remedy="check that it is up"
            )
        if status >= _FAILED:
            raise SupersetFailedError(
                f"Superset fails at /api/v1/{path} ({status})", source=self.service, remedy="look at Superset's log"
            )
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise SourceRefusedError(
                f"Superset refuses the permission to read /api/v1/{path} ({status})",
                source=self.service,
                remedy="grant the user what its page in docs/sources lists",
            )
        content: Any = None
        with suppress(ValueError):
            content = answer.json()
        if status >= _REFUSED or not isinstance(content, dict):
            raise SourceRefusedError(
                f"what is at {self._url} answers /api/v1/{path} with {status} and not as Superset",
                source=self.service,
                remedy="check the address in its defs.yaml",
            )
        return cast(Row, content)


def _trusted(user: Any) -> ssl.SSLContext | bool:
    verify = getattr(user.verifySSL, "value", None)
    if verify == "validate" and user.sslConfig:
        return ssl.create_default_context(cafile=user.sslConfig.root.caCertificate.get_secret_value())
    return verify != "ignore"
