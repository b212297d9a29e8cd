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
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, stop_before_delay, wait_exponential_jitter

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
    if text.isdecimal():
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
