"""Drivers' words and what they mean."""

from __future__ import annotations

import pytest

from data_platform.errors import (
    CatalogUnreachableError,
    ConfigurationError,
    IncompatibleEnvironmentError,
    SourceRefusedError,
    SourceUnreachableError,
    WorkflowFailedError,
)
from data_platform.ingestion.diagnosis import diagnose, shorten
from data_platform_tests.ingestion.test_verdict import spec


@pytest.mark.parametrize(
    "words",
    [
        'connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused',
        'could not translate host name "db" to address: Name or service not known',
        "HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /v1/statement",
        "connection timed out",
        'connection to server at "db-403" timed out',
        "HTTP 403: rate limit exceeded",
        "FATAL:  sorry, too many clients already",
        "FATAL:  the database system is starting up",
        "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
        "Remote end closed connection without response",
        "TrinoQueryError(type=INTERNAL_ERROR, name=SERVER_STARTING_UP, message=Trino server is still initializing)",
        "503 Server Error: Service Unavailable for url: https://superset.example/api/v1/security/login",
    ],
)
def test_a_source_that_does_not_answer_may_be_tried_again(words: str) -> None:
    error = diagnose(RuntimeError(words), spec())
    assert type(error) is SourceUnreachableError
    assert not error.permanent
    assert "at db:5432" in error.sentence


@pytest.mark.parametrize(
    "words",
    [
        'FATAL:  password authentication failed for user "reader"',
        "Access denied for user 'reader'@'localhost' (using password: YES)",
        "error 401: b'Unauthorized'",
        'FATAL:  database "nowhere" does not exist',
        "Unknown database 'nowhere'",
        "permission denied for schema sales",
        "An error occurred (AccessDenied) when calling the ListBuckets operation",
    ],
)
def test_a_source_that_refuses_is_not_tried_again(words: str) -> None:
    error = diagnose(RuntimeError(words), spec())
    assert type(error) is SourceRefusedError
    assert error.permanent


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (
            'TrinoUserError(name=PERMISSION_DENIED, message="Access Denied: Cannot create schema lake.logs")',
            "permission",
        ),
        ("Access denied for user 'reader'@'%' to database 'sales'", "permission"),
        ('TrinoConnectionError: error 401: b"Access Denied: Invalid credentials"', "credentials"),
        ("Access denied for user 'reader'@'localhost' (using password: YES)", "credentials"),
    ],
)
def test_who_somebody_is_and_what_they_may_do_are_told_apart(words: str, refused: str) -> None:
    assert f"refuses the {refused}" in diagnose(RuntimeError(words), spec()).sentence


def test_the_cause_behind_an_exception_is_found() -> None:
    class RestTransportError(Exception):
        """As the client's own is called."""

    try:
        try:
            raise RestTransportError("Transport failure on PUT http://catalog/api")
        except RestTransportError as inner:
            raise ValueError("something went wrong") from inner
    except ValueError as outer:
        assert type(diagnose(outer, spec())) is CatalogUnreachableError


def test_a_fallback_from_a_missing_package_is_not_the_cause() -> None:
    try:
        try:
            raise ImportError("no fast path")
        except ImportError:
            raise RuntimeError("Connection refused")  # noqa: B904 - as the client does
    except RuntimeError as error:
        assert type(diagnose(error, spec())) is SourceUnreachableError


def test_numbers_in_an_address_are_no_status() -> None:
    class RestTransportError(Exception):
        """As the client's own is called."""

    words = "Transport failure on PUT http://catalog/api/v1/tables/4031a401-0000: Connection refused, token"
    assert type(diagnose(RestTransportError(words), spec())) is CatalogUnreachableError


def test_a_missing_driver_says_what_to_install() -> None:
    error = diagnose(ModuleNotFoundError("No module named 'trino'"), spec())
    assert type(error) is IncompatibleEnvironmentError
    assert "No module named 'trino'" in error.sentence


def test_a_refused_configuration_names_fields_and_never_values() -> None:
    from pydantic import BaseModel, ValidationError

    class Model(BaseModel):
        port: int

    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"port": "hunter2"})
    error = diagnose(caught.value, spec())
    assert type(error) is ConfigurationError
    assert "port" in error.sentence
    assert "hunter2" not in error.sentence


def test_what_nobody_knows_is_told_in_one_line() -> None:
    error = diagnose(RuntimeError("first line\nsecond line"), spec())
    assert type(error) is WorkflowFailedError
    assert "first line" in error.sentence
    assert "second" not in error.sentence


def test_the_statement_that_failed_is_not_part_of_the_sentence() -> None:
    words = "(psycopg2.errors.InsufficientPrivilege) permission denied for table weather\n[SQL: SELECT 1\nFROM weather]"
    assert shorten(words) == "(psycopg2.errors.InsufficientPrivilege) permission denied for table weather"
    assert len(shorten("x" * 1000)) == 300
