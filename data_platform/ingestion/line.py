"""The line of OpenMetadata's client to the catalog: every request is accounted for, and repeated when it fails.

A catalog that stays away ends the workflow, once: request by request, the rest of it would only be lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from data_platform.errors import CatalogUnreachableError
from data_platform.ingestion.retrying import Doubt, repeat, repeatable
from data_platform.ingestion.traffic import Traffic

if TYPE_CHECKING:
    import requests


class CatalogGone(KeyboardInterrupt):
    """Ends a workflow whose catalog stayed away for too long; what derives from ``Exception`` OpenMetadata swallows.

    Attributes:
        error: what to tell people.
    """

    def __init__(self, error: CatalogUnreachableError) -> None:
        super().__init__(error.sentence)
        self.error = error


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
