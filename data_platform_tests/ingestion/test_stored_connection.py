"""Sources' connections stay out of the catalog where it is not to have them, and every workflow runs without them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import PASSWORD, SpecMaker

Run = Callable[[WorkflowSpec], Ended]


def stored(folder: Path) -> str:
    """All that the catalog holds."""
    texts: list[str] = []
    for file in folder.glob("*.sqlite"):
        with closing(sqlite3.connect(file)) as database:
            texts += database.iterdump()
    return "\n".join(texts)


def connection(catalog: RunningServer) -> object:
    """The connection of the service as the ingestion bot, who may see secrets, sees it."""
    answer = httpx.get(
        f"{catalog.url}/v1/services/databaseServices/name/shop",
        headers={"Authorization": f"Bearer {catalog.token('ingestion-bot')}"},
        timeout=30,
    )
    return answer.raise_for_status().json().get("connection")


def test_every_workflow_runs_and_the_catalog_never_sees_the_connection(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, tmp_path: Path
) -> None:
    for workflow in (Workflow.METADATA, Workflow.PROFILING):
        ended = run(make_spec(workflow, store_service_connection=False))
        assert ended.verdict["outcome"] == "ok", ended.output
        assert not connection(catalog)
    text = stored(tmp_path / "catalog")
    assert "customers" in text
    assert PASSWORD not in text
    assert "authType" not in text


def test_where_the_catalog_may_have_it_the_connection_is_there(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    assert run(make_spec()).verdict["outcome"] == "ok"
    assert connection(catalog)["config"]["authType"]["password"] == PASSWORD


@pytest.mark.parametrize("reference", ["vault:secret-data/shop#password", "env:NOT_SET", "file:/nowhere", "vault:x#y"])
def test_a_reference_that_cannot_be_resolved_fails_before_source_or_catalog_is_touched(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, reference: str
) -> None:
    ended = run(make_spec(connection={"authType": {"password": reference}, "hostPort": "127.0.0.1:1"}))
    assert ended.verdict["outcome"] == "failed"
    assert ended.verdict["sentence"].startswith("connection.authType.password")
    assert not any("checking what the run needs" in line for line in ended.log)
