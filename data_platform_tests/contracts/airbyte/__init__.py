"""Airbyte, as its two APIs are documented.

Self-hosted installations have the configuration API (POST, ``/api/v1``, basic authentication):
https://airbyte-public-api-docs.s3.us-east-2.amazonaws.com/rapidoc-api-docs.html. Airbyte Cloud has the public one
(GET, pages, OAuth 2.0 client credentials) at ``/v1``, and self-hosted installations have it beside the other at
``/api/public/v1``: https://reference.airbyte.com.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from data_platform_tests.fakes import Answer, Request, listening

LARGEST_PAGE: Final = 100
_USUAL_PAGE: Final = 20
_LOGIN: Final = "/v1/applications/token"


@dataclass(frozen=True)
class Actor:
    """A source or a destination: the product's name of its kind, and its configuration."""

    id: str
    kind: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One job: its id, when it began (seconds since 1970), and the states of its attempts, a minute each."""

    id: int
    began: int
    attempts: tuple[str, ...]


@dataclass(frozen=True)
class Connection:
    """One connection; streams are namespaces and names."""

    id: str
    name: str
    workspace: str
    source: Actor
    destination: Actor
    streams: tuple[tuple[str, str], ...] = ()
    jobs: tuple[Job, ...] = ()


@dataclass
class Airbyte:
    """The product.

    Attributes:
        connections: what it has; workspaces are those that they name.
        username: of basic authentication.
        password: of basic authentication.
        client_id: of an application.
        client_secret: of an application.
        broken: ids of connections whose jobs cannot be read.
        address: where it listens.
    """

    connections: list[Connection]
    username: str = "catalog"
    password: str = "the/pass-word"
    client_id: str = "0001-catalog"
    client_secret: str = "the/client-secret"
    broken: set[str] = field(default_factory=set[str])
    address: str = ""
    _tokens: set[str] = field(default_factory=set[str])

    @contextmanager
    def running(self) -> Iterator[Airbyte]:
        """It listens until the block ends."""
        with listening(self._answer) as self.address:
            yield self

    def _answer(self, request: Request) -> Answer:
        if request.path == _LOGIN and request.method == "POST":
            return self._login(request)
        for prefix, is_allowed, answer in (
            ("/api/public/v1/", self._has_token, self._public),
            ("/v1/", self._has_token, self._public),
            ("/api/v1/", self._has_password, self._configuration),
        ):
            if request.path.startswith(prefix):
                return answer(request, request.path.removeprefix(prefix)) if is_allowed(request) else _UNAUTHORIZED
        return _problem(404, "Object not found.")

    def _login(self, request: Request) -> Answer:
        given = request.json.get("client_id"), request.json.get("client_secret")
        if given != (self.client_id, self.client_secret):
            return _UNAUTHORIZED
        token = secrets.token_urlsafe()
        self._tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 180}

    def _has_token(self, request: Request) -> bool:
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in self._tokens

    def _has_password(self, request: Request) -> bool:
        expected = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {expected}"

    def _workspaces(self) -> list[str]:
        return sorted({connection.workspace for connection in self.connections})

    def _configuration(self, request: Request, path: str) -> Answer:
        """The configuration API: every operation is a POST."""
        asked: dict[str, Any] = request.json
        match path:
            case "workspaces/list":
                return 200, {"workspaces": [_workspace(each) for each in self._workspaces()]}
            case "connections/list":
                listed = [each for each in self.connections if each.workspace == asked["workspaceId"]]
                return 200, {"connections": [_connection(each) for each in listed]}
            case "jobs/list" if asked["configId"] in self.broken:
                return _exception(500, "Internal Server Error: the job history cannot be read")
            case "jobs/list":
                jobs = [_job(each) for one in self.connections if one.id == asked["configId"] for each in one.jobs]
                return 200, {"jobs": jobs, "totalJobCount": len(jobs)}
            case "sources/get":
                return self._actor({each.source.id: each.source for each in self.connections}, asked, "source")
            case "destinations/get":
                found = {each.destination.id: each.destination for each in self.connections}
                return self._actor(found, asked, "destination")
            case _:
                return _exception(404, "Object not found.")

    def _actor(self, actors: Mapping[str, Actor], asked: Mapping[str, Any], kind: str) -> Answer:
        actor = actors.get(asked[f"{kind}Id"])
        if actor is None:
            return _exception(404, f"Could not find configuration for {kind}.")
        return 200, {
            f"{kind}Id": actor.id,
            f"{kind}DefinitionId": f"definition-of-{actor.kind}",
            "workspaceId": self._workspaces()[0],
            "name": f"{actor.kind} {actor.id}",
            f"{kind}Name": actor.kind,
            "connectionConfiguration": {**actor.configuration, "password": "**********"},
        }

    def _public(self, request: Request, path: str) -> Answer:
        """The public API."""
        match path.split("/"):
            case ["workspaces"]:
                listed = [{"workspaceId": each, "name": each, "dataResidency": "auto"} for each in self._workspaces()]
            case ["connections"]:
                wanted = request.query.get("workspaceIds", "").split(",")
                listed = [_public_connection(each) for each in self.connections if each.workspace in wanted]
            case ["jobs"] if request.query.get("connectionId") in self.broken:
                return _problem(500, "An unexpected problem has occurred.")
            case ["jobs"]:
                wanted = request.query.get("connectionId")
                listed = [_public_job(one, each) for one in self.connections if one.id == wanted for each in one.jobs]
            case ["sources", id]:
                return _public_actor((each.source for each in self.connections), id, "source")
            case ["destinations", id]:
                return _public_actor((each.destination for each in self.connections), id, "destination")
            case _:
                return _problem(404, "Object not found.")
        return self._page(request, listed)

    def _page(self, request: Request, listed: list[dict[str, Any]]) -> Answer:
        limit = int(request.query.get("limit", _USUAL_PAGE))
        offset = int(request.query.get("offset", 0))
        if not 1 <= limit <= LARGEST_PAGE:
            return _problem(400, f"limit must be between 1 and {LARGEST_PAGE}")
        ends = offset + limit >= len(listed)
        following = "" if ends else f"{self.address}{request.path}?limit={limit}&offset={offset + limit}"
        return 200, {"previous": "", "next": following, "data": listed[offset : offset + limit]}


def _workspace(id: str) -> dict[str, Any]:
    return {"workspaceId": id, "customerId": id, "name": id, "slug": id, "initialSetupComplete": True}


def _connection(connection: Connection) -> dict[str, Any]:
    return {
        "connectionId": connection.id,
        "name": connection.name,
        "namespaceDefinition": "destination",
        "namespaceFormat": "${SOURCE_NAMESPACE}",
        "prefix": "",
        "sourceId": connection.source.id,
        "destinationId": connection.destination.id,
        "operationIds": [],
        "syncCatalog": {
            "streams": [
                {
                    "stream": {
                        "name": name,
                        "namespace": namespace,
                        "jsonSchema": {"type": "object"},
                        "supportedSyncModes": ["full_refresh", "incremental"],
                    },
                    "config": {"syncMode": "full_refresh", "destinationSyncMode": "overwrite", "selected": True},
                }
                for namespace, name in connection.streams
            ]
        },
        "scheduleType": "manual",
        "status": "active",
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "job": {"id": job.id, "configType": "sync", "createdAt": job.began, "status": job.attempts[-1]},
        "attempts": [
            {
                "id": number,
                "status": status,
                "createdAt": job.began + 60 * number,
                "updatedAt": job.began + 60 * number + 50,
                **({} if status == "running" else {"endedAt": job.began + 60 * number + 50}),
            }
            for number, status in enumerate(job.attempts)
        ],
    }


def _public_connection(connection: Connection) -> dict[str, Any]:
    streams = [{"name": name, "syncMode": "full_refresh_overwrite"} for _, name in connection.streams]
    return {
        "connectionId": connection.id,
        "name": connection.name,
        "workspaceId": connection.workspace,
        "sourceId": connection.source.id,
        "destinationId": connection.destination.id,
        "status": "active",
        "schedule": {"scheduleType": "manual"},
        "configurations": {"streams": streams},
    }


def _public_job(connection: Connection, job: Job) -> dict[str, Any]:
    return {
        "jobId": job.id,
        "status": job.attempts[-1],
        "jobType": "sync",
        "connectionId": connection.id,
        "startTime": _time(job.began),
        "lastUpdatedAt": _time(job.began + 60 * len(job.attempts)),
        "duration": f"PT{len(job.attempts)}M",
    }


def _public_actor(actors: Iterator[Actor], id: str, kind: str) -> Answer:
    for actor in actors:
        if actor.id == id:
            configuration = dict(actor.configuration)
            return 200, {f"{kind}Id": id, "name": id, f"{kind}Type": actor.kind.lower(), "configuration": configuration}
    return _problem(404, f"{kind} {id} was not found")


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _problem(status: int, detail: str) -> Answer:
    return status, {"status": status, "title": detail, "detail": detail, "type": "https://reference.airbyte.com"}


def _exception(status: int, message: str) -> Answer:
    return status, {"message": message, "exceptionClassName": "io.airbyte.api.Problem", "exceptionStack": ["at …"]}


_UNAUTHORIZED: Final = _problem(401, "Unauthorized")
