"""The ASGI application on a data folder: authentication, dispatch, errors as JSON.

Nothing but :class:`ApiError` reaches a client with a message of its own: what is unexpected is logged
with its traceback and answered as 500.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import anyio
import orjson
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from data_platform.errors import ServerError
from data_platform.server import change_events, documents, openapi, tokens
from data_platform.server.calls import Call, Principal, Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.keys import Keys
from data_platform.server.pages import Pages
from data_platform.server.problems import ApiError, TooLargeError, UnauthorizedError
from data_platform.server.routes import build_router
from data_platform.server.seeds import seed
from data_platform.server.store import Store
from data_platform.server.system import VERSION

if TYPE_CHECKING:
    from data_platform.server.faults import Faults
    from data_platform.server.routing import Router

logger = logging.getLogger(__name__)

API = "/api/v1"
LARGEST_BODY = 64 * 1024 * 1024
THREADS = 8
OPEN = {"/system/version", "/system/health", "/system/config/jwks", "/system/config/auth"}
"""What is answered without a token."""


class Application:
    """What one data folder serves."""

    def __init__(self, data: Path, faults: Faults | None = None) -> None:
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServerError(
                f"cannot use the data folder: {error.strerror}",
                source=str(data),
                remedy="give a folder that can be written",
            ) from error
        self.data = data
        self.keys = Keys(data)
        self.store = Store(data / "catalog.sqlite")
        seed(self.store, self.keys)
        self.store.write(change_events.forget_old)
        self.router: Router = build_router(self.keys, faults)
        self._threads: anyio.CapacityLimiter | None = None

    async def endpoint(self, request: Request) -> Response:
        """Any request below ``/api/v1``."""
        raw_path = request.scope.get("raw_path", request.scope["path"].encode()).decode("latin-1").split("?")[0]
        path = raw_path[len(API) :]
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        try:
            raw = await _body(request)
            return await run_sync(self._answer, request, path, raw, limiter=self._threads)
        except ApiError as error:
            return _json(error.status, error.body)
        except ClientDisconnect:
            return Response(status_code=499)

    def _answer(self, request: Request, path: str, raw: bytes) -> Response:
        method = request.method
        try:
            principal = self._principal(path, request.headers.get("authorization"))
            handler, params = self.router.find("GET" if method == "HEAD" else method, path)
            call = Call(
                store=self.store,
                method=method,
                path=path,
                params=params,
                query=parse_qs(request.url.query, keep_blank_values=True),
                headers={key.lower(): value for key, value in request.headers.items()},
                raw=raw,
                base=f"{request.url.scheme}://{request.url.netloc}/api",
                principal=principal,
            )
            answer = handler(call)
        except ApiError as error:
            return _json(error.status, error.body)
        except (RecursionError, orjson.JSONEncodeError) as error:
            # A patch can make an entity deeper than any request may be.
            return _json(400, {"code": 400, "message": f"Unable to process JSON: {error}"})
        except Exception:
            logger.exception("%s %s failed", method, path)
            return _json(500, {"code": 500, "message": "An exception with message [Internal error] was thrown"})
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, Reply):
            return _json(answer.status, answer.body, answer.headers)
        return _json(200, answer)

    def _principal(self, path: str, header: str | None) -> Principal:
        if path in OPEN:
            return Principal("", "anonymous", is_bot=False, is_admin=False)
        subject = tokens.subject_of(self.keys, header)
        user = documents.find(self.store.reader, ENTITY_TYPES["user"], subject)
        if user is None:
            raise UnauthorizedError(f"Not Authorized! User {subject} is unknown")
        return Principal(user["id"], user["name"], bool(user.get("isBot")), bool(user.get("isAdmin")))


class _Anything(PathConvertor):
    """A path with any character in it, also the line breaks that Starlette's own leaves out."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


def create_app(data: Path, faults: Faults | None = None) -> Starlette:
    """The server on the data folder ``data``, which is made, migrated and seeded as needed.

    Args:
        faults: those that administrators may read and change over HTTP; what makes them happen is ``Faulty``.

    Raises:
        ServerError: the folder cannot be used.
        IncompatibleEnvironmentError: openmetadata-ingestion is not installed in this environment.
    """
    started = time.perf_counter()
    application = Application(data, faults)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        application.store.close()

    pages = Pages(application)

    async def page(request: Request) -> Response:
        return await run_sync(pages.answer, request)

    async def swagger(_: Request) -> Response:
        return _json(200, await run_sync(openapi.document, application.router, VERSION))

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(
        routes=[
            Route(API + "/{path:anything}", application.endpoint, methods=methods),
            Route("/swagger.json", swagger, methods=["GET"]),
            Route("/{path:anything}", page, methods=["GET"]),
        ],
        lifespan=lifespan,
    )
    app.state.application = application
    logger.debug("catalog on %s ready in %.2f s", data, time.perf_counter() - started)
    return app


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length")
    if declared and declared.isdigit() and int(declared) > LARGEST_BODY:
        raise TooLargeError(f"The request is larger than {LARGEST_BODY} bytes")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST_BODY:
            raise TooLargeError(f"The request is larger than {LARGEST_BODY} bytes")
    return bytes(received)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    content = b"" if body is None else orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    return Response(content, status_code=status, headers=headers, media_type="application/json")
