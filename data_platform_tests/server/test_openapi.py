"""The served OpenAPI document, and requests made up after it: none is answered with a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.testing import RunningServer, running_server

pytestmark = pytest.mark.filterwarnings("ignore")

_LIKE_TABLES = tuple(row.route for name, row in ENTITY_TYPES.items() if name not in ("table", "testCase", "user"))
"""Types whose routes are the same engine's; three of them stand for all."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own: what made-up requests leave behind is nobody else's business."""
    with running_server(tmp_path_factory.mktemp("made-up")) as running:
        yield running


@pytest.fixture(scope="module")
def document(server: RunningServer) -> Any:
    return httpx.get(f"{server.url.removesuffix('/api')}/swagger.json").json()


def test_every_route_is_described(server: RunningServer, document: Any) -> None:
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(method, pattern) for method, pattern, _ in server.app.state.application.router.routes}
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    create = document["paths"]["/tables"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"name", "columns", "databaseSchema"} == set(create["required"])


def test_no_request_after_the_document_is_a_500(server: RunningServer, document: Any) -> None:
    import schemathesis

    own = {path: item for path, item in document["paths"].items() if not path.startswith((*_LIKE_TABLES, "/faults"))}
    assert len(own) > 100
    schema = schemathesis.openapi.from_dict({**document, "paths": own})
    failed, token = list[str](), server.token("admin")
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=2,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            reply = case.call(base_url=f"{server.url}/v1", headers={"Authorization": f"Bearer {token}"})
            if reply.status_code in (500, 502, 504):
                failed.append(f"{case.method} {reply.request.url} {case.body!r:.200}")

        check()
    assert failed == []
    assert len(server.requests) > 2 * len(own)
