"""What a run deleted is taken back by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from data_platform_tests.fakes import Request, listening
from data_platform_tests.vaults.fake import running_vault

COMMAND = Path(sys.executable).with_name("data-platform")
ROOT = Path(__file__).parents[2]
GONE = "99999999-9999-9999-9999-999999999999"


@pytest.fixture
def restored() -> list[str]:
    """What the catalog was asked to restore."""
    return []


@pytest.fixture
def catalog(restored: list[str]) -> Iterator[str]:
    """A catalog that restores what it still has."""

    def answer(request: Request) -> tuple[int, Any]:
        assert request.headers["Authorization"] == "Bearer a.b.c"
        key = json.loads(request.body)["id"]
        if key == GONE:
            return 404, {"code": 404, "message": "table instance not found"}
        restored.append(f"{request.method} {request.path.removeprefix('/api/v1/')} {key}")
        return 200, {"id": key}

    with listening(answer) as address:
        yield f"{address}/api"


def run_that_deleted(home: Path, *rows: dict[str, str]) -> str:
    """A run in a Dagster home whose asset lists what it deleted."""

    @dg.asset
    def metadata() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"deletions": dg.JsonMetadataValue(list(rows))} if rows else {})

    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return dg.materialize([metadata], instance=instance).run_id


def undo(home: Path, catalog: str, run_id: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "deletions", "undo", "--run", run_id]
    with running_vault() as vault:
        vault.write("secret-data/dagster/openmetadata", {"jwt_token": "a.b.c"})
        variables = {
            "DAGSTER_HOME": str(home),
            "DATA_PLATFORM_CATALOG_URL": catalog,
            "VAULT_ADDR": vault.address,
            "VAULT_TOKEN": vault.token(),
        }
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | variables
        )


def test_what_a_run_deleted_is_restored_and_what_the_catalog_no_longer_has_is_named(
    tmp_path: Path, catalog: str, restored: list[str]
) -> None:
    run_id = run_that_deleted(
        tmp_path,
        {"kind": "table", "name": "shop.main.sales.orders", "id": "1"},
        {"kind": "databaseSchema", "name": "shop.main.old", "id": "2"},
        {"kind": "table", "name": "shop.main.sales.returns", "id": GONE},
    )
    ended = undo(tmp_path, catalog, run_id)
    assert ended.returncode == 0, ended.stderr
    assert restored == ["PUT tables/restore 1", "PUT databaseSchemas/restore 2"]
    assert ended.stdout.splitlines() == [
        "restored: table shop.main.sales.orders",
        "restored: databaseSchema shop.main.old",
        "is gone for good: table shop.main.sales.returns",
    ]


def test_a_run_that_deleted_nothing_or_is_unknown_is_said_to_be(tmp_path: Path, catalog: str) -> None:
    run_id = run_that_deleted(tmp_path)
    ended = undo(tmp_path, catalog, run_id)
    assert (ended.returncode, ended.stderr) == (1, f"Error: {run_id}: the run deleted nothing.\n")
    ended = undo(tmp_path, catalog, "nonsense")
    assert ended.returncode == 1
    assert "nonsense: Dagster knows no such run" in ended.stderr
