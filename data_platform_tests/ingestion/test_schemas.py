"""The schemas that definitions are checked with are those of the installed client."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from data_platform.ingestion.schemas import FOLDER, OURS, connectors, generate
from data_platform.ingestion.schemas.check import violations
from data_platform.ingestion.spec import Workflow


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """What the installed client's schemas are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client's own
        return generate.generate()


def test_the_shipped_schemas_are_those_of_the_installed_client(generated: dict[str, str]) -> None:
    """After an upgrade: ``.venv-ingestion/bin/python -m data_platform.ingestion.schemas.generate``."""
    shipped = {path: (FOLDER / path).read_text() for path in generate.generated_files()}
    assert shipped.keys() == generated.keys()
    assert [path for path in generated if shipped[path] != generated[path]] == []


def test_generating_leaves_no_file_of_an_earlier_client(
    generated: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "generate", lambda: generated)
    (tmp_path / "connections").mkdir()
    (tmp_path / "connections" / "Abandoned.json").write_text("{}")
    (tmp_path / "own.json").write_text("{}")
    generate.write(tmp_path)
    assert generate.generated_files(tmp_path) == generated.keys()
    assert (tmp_path / "own.json").exists()


def test_every_connector_has_a_connection_and_options_for_its_workflows() -> None:
    assert len(connectors()) == 125
    for connector in connectors().values():
        assert connector.connection_schema()
        assert Workflow.METADATA in connector.workflows
        for workflow in connector.workflows:
            properties = connector.options_schema(workflow)["properties"]
            assert not any(name.startswith(tuple(OURS)) or name == "type" for name in properties)


@pytest.mark.parametrize(
    ("name", "category", "workflows"),
    [
        ("Trino", "database", {"metadata", "query_log", "lineage", "usage", "profiling", "tests"}),
        ("Postgres", "database", {"metadata", "lineage", "usage", "profiling", "tests"}),
        ("Mysql", "database", {"metadata", "lineage", "usage", "profiling", "tests"}),
        ("Iceberg", "database", {"metadata", "profiling"}),
        ("dbt", "database", {"metadata", "lineage"}),
        ("Dagster", "pipeline", {"metadata"}),
        ("Airbyte", "pipeline", {"metadata"}),
        ("Superset", "dashboard", {"metadata"}),
        ("Redash", "dashboard", {"metadata"}),
        ("S3", "storage", {"metadata"}),
    ],
)
def test_the_connectors_of_the_platform_have_these_workflows(name: str, category: str, workflows: set[str]) -> None:
    connector = connectors()[name]
    assert (connector.category, {workflow.value for workflow in connector.workflows}) == (category, workflows)


# Each accepted connection also passes the client's own model once its references are resolved.
CONNECTIONS: list[tuple[str, dict[str, Any]]] = [
    ("Trino", {"hostPort": "localhost:8080", "username": "dev", "catalog": "lakehouse"}),
    ("Trino", {"hostPort": "h:443", "username": "u", "authType": {"password": "env:PASSWORD"}}),
    ("Trino", {"hostPort": "h:443", "username": "u", "authType": {"jwt": "env:JWT"}}),
    ("Postgres", {"hostPort": "h:5432", "username": "u", "database": "d", "sslMode": "require"}),
    ("Superset", {"hostPort": "http://h", "connection": {"provider": "db", "username": "u", "password": "env:P"}}),
    ("Airbyte", {"hostPort": "http://h", "auth": {"clientId": "i", "clientSecret": "env:S"}}),
    ("S3", {"awsConfig": {"awsRegion": "us-east-1", "awsSecretAccessKey": "env:KEY"}, "bucketNames": ["a"]}),
    ("Redash", {"hostPort": "http://h", "username": "u", "apiKey": "env:KEY"}),
    ("Dagster", {"host": "http://h", "token": "env:TOKEN", "timeout": 10}),
]


@pytest.mark.parametrize(("name", "connection"), CONNECTIONS)
def test_what_a_schema_accepts_the_client_accepts(name: str, connection: dict[str, Any]) -> None:
    assert violations(connection, connectors()[name].connection_schema()) == []
    models = {
        model.__name__.removesuffix("Connection"): model
        for module, union in generate._SERVICES.values()
        for model in generate._members(module, union)
    }
    models[name].model_validate(connection)


def complaints(name: str, connection: dict[str, Any]) -> list[str]:
    return [
        f"{'.'.join(map(str, found.path))}: {found.what}: {found.remedy}"
        for found in violations(connection, connectors()[name].connection_schema())
    ]


def test_of_alternatives_the_nearest_is_complained_about() -> None:
    """jsonschema alone says that the value "is not valid under any of the given schemas"."""
    assert complaints("Airbyte", {"hostPort": "http://h", "auth": {"clientId": "i", "clientSecre": "env:S"}}) == [
        "auth.clientSecre: is not a known field: known fields are clientSecret, clientId",
        "auth.clientSecret: is missing: set it",
    ]


def test_a_field_that_chooses_between_alternatives_is_complained_about_with_the_values_of_all() -> None:
    wrong = {"serviceName": "trino", "dbtConfigType": "lokal", "dbtManifestFilePath": "target/manifest.json"}
    (complaint,) = complaints("dbt", wrong)
    assert complaint == ("dbtConfigType: cannot be 'lokal': known values are local, cloud, http, s3, gcs, azure")


def test_a_literal_secret_in_an_alternative_is_found() -> None:
    (complaint,) = complaints(
        "Superset", {"hostPort": "http://h", "connection": {"provider": "db", "username": "u", "password": "admin"}}
    )
    assert complaint.startswith("connection.password: holds a secret in plain text")
