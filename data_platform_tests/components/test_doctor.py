"""``data-platform doctor``: all sources of an environment, looked at without running them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_platform import environment
from data_platform.components import MetadataSource
from data_platform.components.doctor import examine
from data_platform.ingestion.preflight import Grade
from data_platform.ingestion.spec import Workflow
from data_platform_tests.fakes import Request, listening

COMMAND = Path(sys.executable).with_name("data-platform")
SECRET = "hunter2-and-more"


def doctor(*arguments: str, timeout: float | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "COLUMNS": "200", "DATA_PLATFORM_CATALOG_URL": "http://127.0.0.1:1/api", **variables}
    variables.pop("VAULT_TOKEN", None)
    return subprocess.run(
        [COMMAND, "doctor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=variables,
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    ended = doctor(
        "--environment", "dev", "--json", MINIO_ROOT_PASSWORD=SECRET, HOME=str(tmp_path_factory.mktemp("home"))
    )
    assert ended.returncode == 1, ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def outcomes(found: list[dict[str, Any]], source: str) -> dict[str, str]:
    return {each["check"]: each["outcome"] for each in found if each["source"] == source}


def test_every_source_with_a_connection_is_looked_at(found: list[dict[str, Any]]) -> None:
    sources = {each["source"] for each in found} - {"all"}
    assert sources == {"airbyte", "dagster", "dbt", "iceberg", "redash", "s3", "superset", "trino"}


def test_what_all_share_is_said_once(found: list[dict[str, Any]]) -> None:
    shared = outcomes(found, "all")
    assert shared["client"] == "ok"
    assert shared["disk"] in {"ok", "warning"}
    (token,) = [each for each in found if (each["source"], each["check"]) == ("all", "token")]
    assert (token["outcome"], token["remedy"]) == ("failed", "set VAULT_TOKEN or run 'vault login'")


def test_what_a_source_lacks_is_named_with_what_to_do(found: list[dict[str, Any]]) -> None:
    assert outcomes(found, "s3")["secrets"] == "ok"
    assert outcomes(found, "redash") == {"secrets": "failed"}
    (redash,) = [each for each in found if each["source"] == "redash"]
    assert redash["remedy"] == "export REDASH_API_KEY where Dagster runs"
    (dbt,) = [each for each in found if (each["source"], each["check"]) == ("dbt", "source")]
    assert dbt["found"].startswith("there is no file /app/src/ol_dbt/target/manifest.json")


def healthy(_request: Request) -> tuple[int, Any]:
    """What a healthy catalog answers."""
    granted = [{"operation": operation, "access": "allow"} for operation in ("Create", "EditAll")]
    return 200, {"version": "2.0.6", "data": [], "permissions": granted}


def test_where_all_is_well_nothing_is_wrong_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "dev")
    monkeypatch.setenv("TOKEN", "a.e30.c")
    monkeypatch.setenv("PASSWORD", SECRET)
    with listening(healthy) as url:
        address = url.removeprefix("http://")
        source = MetadataSource(
            service="shop",
            connector="Postgres",
            environments={"dev": {"hostPort": address, "username": "reader", "authType": {"password": "env:PASSWORD"}}},
            workflows={Workflow.METADATA: {}},
        )
        here = replace(environment.current(), catalog_url=f"{url}/api", catalog_token="env:TOKEN")
        found = examine([source], here)
    assert {(one.source, one.finding.check): one.finding.grade for one in found if one.finding.check != "disk"} == {
        ("all", "client"): Grade.OK,
        ("all", "catalog"): Grade.OK,
        ("all", "token"): Grade.OK,
        ("all", "permissions"): Grade.OK,
        ("shop", "secrets"): Grade.OK,
        ("shop", "source"): Grade.OK,
    }
    assert not any(SECRET in one.finding.sentence for one in found)


def test_people_get_a_table() -> None:
    ended = doctor("--environment", "demo")
    assert ended.returncode == 1
    assert "what to do" in ended.stdout
    assert "postgres" in ended.stdout


def test_no_token_is_sent_in_the_clear_where_encryption_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a.e30.c")
    source = MetadataSource(
        service="shop",
        connector="Postgres",
        environments={"qa": {"hostPort": "127.0.0.1:1", "username": "reader"}},
        workflows={Workflow.METADATA: {}},
    )
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "qa")
    here = replace(environment.current(), catalog_url="http://catalog.invalid/api", catalog_token="env:TOKEN")
    (catalog,) = [one.finding for one in examine([source], here) if one.finding.check == "catalog"]
    assert (catalog.grade, catalog.text) == (Grade.FAILED, "the qa environment wants an encrypted connection")


def test_a_vault_and_a_catalog_that_never_say_a_word_are_given_up_and_the_rest_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        arguments = ("--environment", "dev", "--json")
        ended = doctor(
            *arguments,
            VAULT_ADDR=address,
            DATA_PLATFORM_CATALOG_URL=f"{address}/api",
            HOME=str(tmp_path),
            VAULT_JWT_FILE=str(COMMAND),
            VAULT_AUTH_METHOD="jwt",
            VAULT_AUTH_ROLE="reader",
            timeout=60,
        )
    found = json.loads(ended.stdout)
    (token,) = [each for each in found if (each["source"], each["check"]) == ("all", "token")]
    assert token["found"] == f"Vault at {address} did not answer within 10 seconds"
    assert outcomes(found, "all")["disk"] in {"ok", "warning"}
    assert ended.returncode == 1


def test_an_unknown_environment_is_refused() -> None:
    ended = doctor("--environment", "staging")
    assert ended.returncode == 2
    assert "'dev', 'qa', 'production', 'demo'" in ended.stderr
