"""Requests to the catalog that may succeed a moment later are repeated, for a limited time and with growing pauses.

What was not carried out (nobody listened, 429, 503) is always repeated. What may have been carried out (the
connection broke, 502, 504) is repeated only where doing it twice is the same as doing it once. A 500 is repeated
twice, because it may also be what the catalog always says to that request. Everything else is an answer.

urllib3's ``Retry`` is not used: it counts attempts where the length of an outage matters, and it knows a request's
method only, not whether its patch can be applied twice.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, stop_before_delay, wait_exponential_jitter

from data_platform.errors import CatalogUnreachableError
from data_platform.ingestion.traffic import Traffic

if TYPE_CHECKING:
    import requests

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 8.0
_MOST_BROKEN: Final = 3
_LOG: Final = logging.getLogger(__name__)
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# Results are kept by timestamp and percentiles are computed anew; usage that is put is added to what is there.
_REPEATABLE_POST: Final = re.compile(r".*/(testCaseResults/|usage/compute\.percentile/)")
_ADDING_PUT: Final = re.compile(r".*/v1/usage/")


class Doubt(Enum):
    """What is known of a request that did not succeed and may succeed later."""

    NOT_DONE = "the catalog has not carried it out"
    UNKNOWN = "the catalog may have carried it out"
    BROKEN = "the catalog met an error of its own, and may meet it each time"


class Reply(Protocol):
    """What httpx and requests both call a response."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in any case."""
        ...


R = TypeVar("R", bound=Reply)
_STATUSES: Final = {
    429: Doubt.NOT_DONE,
    503: Doubt.NOT_DONE,
    502: Doubt.UNKNOWN,
    504: Doubt.UNKNOWN,
    500: Doubt.BROKEN,
}


class CatalogGone(KeyboardInterrupt):
    """Ends a workflow whose catalog stayed away for too long; what derives from ``Exception`` OpenMetadata swallows.

    Attributes:
        error: what to tell people.
    """

    def __init__(self, error: CatalogUnreachableError) -> None:
        super().__init__(error.sentence)
        self.error = error


def repeat(
    send: Callable[[], R],
    *,
    timeout: float,
    repeatable: bool,
    doubt: Callable[[BaseException], Doubt | None],
    given_up: Callable[[], None] = lambda: None,
) -> R:
    """Send a request until it is answered, or ``timeout`` seconds after it was sent first.

    Args:
        send: sends it.
        timeout: seconds; 0 sends it once.
        repeatable: whether carrying it out twice is the same as once.
        doubt: what is known of the request that met an exception, or None when it cannot succeed later either.
        given_up: told that the time has run out.

    Returns:
        The answer; the last one, whatever it is, when the time has run out.

    Raises:
        Exception: the last one that ``send`` raised.
    """
    if timeout <= 0:
        return send()

    broken = 0

    def again(state: RetryCallState) -> bool:
        nonlocal broken
        found = _doubt(state, doubt)
        if found is Doubt.BROKEN:
            broken += 1
            return repeatable and broken < _MOST_BROKEN
        return found is Doubt.NOT_DONE or (found is Doubt.UNKNOWN and repeatable)

    def last(state: RetryCallState) -> R:
        given_up()
        assert state.outcome is not None
        return cast(R, state.outcome.result())

    def tell(state: RetryCallState) -> None:
        if state.attempt_number == 1:
            _LOG.warning("The catalog fails a request (%s); trying again for %g s.", _reason(state), timeout)

    return Retrying(
        retry=again, wait=_pause, stop=stop_before_delay(timeout), before_sleep=tell, retry_error_callback=last
    )(send)


_backoff = wait_exponential_jitter(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE, jitter=FIRST_PAUSE)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the catalog asks for, else longer each time."""
    assert state.outcome is not None
    asked = None if state.outcome.failed else _retry_after(cast(Reply, state.outcome.result()))
    return _backoff(state) if asked is None else asked


def _retry_after(reply: Reply) -> float | None:
    """Seconds in ``Retry-After``, which holds a number or a date (RFC 9110, 10.2.3)."""
    text = reply.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _doubt(state: RetryCallState, of_exception: Callable[[BaseException], Doubt | None]) -> Doubt | None:
    assert state.outcome is not None
    if state.outcome.failed:
        return of_exception(cast(BaseException, state.outcome.exception()))
    return _STATUSES.get(cast(Reply, state.outcome.result()).status_code)


def _reason(state: RetryCallState) -> str:
    assert state.outcome is not None
    if state.outcome.failed:
        return type(state.outcome.exception()).__name__
    return str(cast(Reply, state.outcome.result()).status_code)


def repeatable(method: str, url: str, body: Any = None) -> bool:
    """Whether carrying a request out twice is the same as once.

    Args:
        method: the HTTP method.
        url: address or path.
        body: the request's content, JSON as text or bytes.
    """
    path = urlsplit(url).path
    match method.upper():
        case "POST":
            return _REPEATABLE_POST.match(path) is not None
        case "PATCH":
            return _sets_only(body)
        case "PUT" if _ADDING_PUT.match(path):
            return False
        case other:
            return other in _REPEATABLE


def _sets_only(body: Any) -> bool:
    """Whether a JSON Patch (RFC 6902) only sets members of objects; elements that are added to a list add up."""
    try:
        operations = cast(list[dict[str, Any]], json.loads(body))
        ends = [(each["op"], str(each["path"]).rpartition("/")[2]) for each in operations]
    except (ValueError, TypeError, KeyError):
        return False
    return all(op in {"add", "replace", "test"} and end != "-" and not end.isdigit() for op, end in ends)


@dataclass
class Line:
    """The line of OpenMetadata's client to the catalog.

    Attributes:
        url: the catalog's API.
        timeout: seconds for which a request is repeated; 0 sends each once.
        traffic: the account of what is sent.
    """

    url: str
    timeout: float
    traffic: Traffic
    _gone: bool = False
    _told: bool = False

    def install(self) -> None:
        """Watch and hold every connection to the catalog that OpenMetadata's client makes from now on."""
        from metadata.ingestion.ometa import client

        rest_class: Any = client.REST
        inner = rest_class.__init__

        def __init__(rest: Any, config: Any) -> None:  # noqa: N807 - it takes the place of one
            inner(rest, config)
            if str(config.base_url).rstrip("/") == self.url.rstrip("/"):
                # After ours have failed, the client's own attempts would sleep for minutes.
                rest._retry = 0
                self.hold(rest._session)

        rest_class.__init__ = __init__

    def hold(self, session: requests.Session) -> None:
        """Account for what ``session`` sends, and repeat what fails; a repetition that succeeds is no loss."""
        from urllib3.util.retry import Retry

        for adapter in session.adapters.values():
            cast(Any, adapter).max_retries = Retry(0, read=False)
        self.traffic.watch(session)
        session.send = self._held(session.send)

    def _held(self, send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
        def held(request: requests.PreparedRequest, **options: Any) -> requests.Response:
            import requests.exceptions

            self._interrupt()
            if self._gone:
                raise requests.exceptions.ConnectionError("the catalog is gone")
            try:
                return repeat(
                    lambda: send(request, **options),
                    timeout=self.timeout,
                    repeatable=repeatable(str(request.method), str(request.url), request.body),
                    doubt=_doubt_of_requests,
                    given_up=self._give_up,
                )
            finally:
                self._interrupt()

        return held

    def _give_up(self) -> None:
        self._gone = True

    def _interrupt(self) -> None:
        """End the workflow of a catalog that is gone, once: what it sends while it ends fails like any request."""
        if self._gone and not self._told and threading.current_thread() is threading.main_thread():
            self._told = True
            raise CatalogGone(
                CatalogUnreachableError(
                    f"the catalog stopped answering and was still away after {self.timeout:g} seconds",
                    source=self.url,
                    remedy="check that it is up; the next run repairs",
                )
            )


def _doubt_of_requests(error: BaseException) -> Doubt | None:
    import requests.exceptions
    from urllib3.exceptions import NewConnectionError

    match error:
        case requests.exceptions.SSLError() | requests.exceptions.ProxyError():
            return None
        case requests.exceptions.ConnectTimeout():
            return Doubt.NOT_DONE
        case requests.exceptions.ConnectionError():
            refused = isinstance(getattr(error.args[0] if error.args else None, "reason", None), NewConnectionError)
            return Doubt.NOT_DONE if refused else Doubt.UNKNOWN
        case requests.exceptions.Timeout() | requests.exceptions.ChunkedEncodingError():
            return Doubt.UNKNOWN
        case _:
            return None
