"""``data-platform environment show``: what an environment is made of, and never a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_platform.environment import ENVIRONMENTS, VARIABLES
from data_platform.secrets import references

COMMAND = Path(sys.executable).with_name("data-platform")


def show(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [COMMAND, "environment", "show", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=inherited | variables,
    )


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    """What is shown of production to somebody who has secrets in their variables."""
    secret = "s3cret-of-somebody"
    variables = {"VAULT_TOKEN": secret, "VAULT_SECRET_ID": secret, "VAULT_ADDR": "https://vault.example"}
    shown = show("production", **variables, DATA_PLATFORM_DAGSTER_URL=f"https://me:{secret}@dagster.example")
    assert shown.returncode == 0, shown.stderr
    assert secret not in shown.stdout + shown.stderr
    return yaml.safe_load(shown.stdout)


def test_it_shows_where_the_environment_is(production: dict[str, Any]) -> None:
    assert production["catalog"] == {
        "url": ENVIRONMENTS["production"].catalog_url,
        "token": "vault:secret-data/dagster/openmetadata#jwt_token",
        "store_service_connection": False,
    }
    assert production["vault"]["address"] == "https://vault.example"
    assert production["dagster"] == "https://*****@dagster.example"
    assert production["tls"] == "required"


def test_it_shows_how_vault_is_entered_with_what_is_set_here(production: dict[str, Any]) -> None:
    assert production["vault"]["login"]["method"] == "token"


def test_it_shows_connections_with_references_in_place_of_secrets(production: dict[str, Any]) -> None:
    trino = production["sources"]["trino"]
    assert trino["connection"]["catalog"] == "lakehouse"
    assert trino["connection"]["authType"] == {"password": "vault:secret-data/dagster/trino#password"}
    assert trino["workflows"] == ["metadata", "query_log", "lineage", "profiling"]
    assert trino["connection"]["queryHistoryTable"] == "lakehouse.openmetadata.query_history"
    assert "postgres" in production["not connected"]


def test_it_shows_schedules_and_alert_channels(production: dict[str, Any]) -> None:
    assert production["schedules"]["metadata_ingestion_schedule"] == "0 2 * * * Etc/UTC"
    assert list(references(production["alerts"])) == ["vault:secret-data/dagster/slack#bot_token"]


def test_without_a_name_it_is_the_environment_of_this_process() -> None:
    shown = show(DAGSTER_ENVIRONMENT="demo")
    assert yaml.safe_load(shown.stdout)["environment"] == "demo"


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    shown = show("staging")
    assert shown.returncode == 2
    assert all(name in shown.stderr for name in ENVIRONMENTS)
