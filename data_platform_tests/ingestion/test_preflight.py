"""What a run finds out before the heavy import, and what it says of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from data_platform.errors import CatalogUnauthorizedError, DiskFullError, SourceRefusedError, SourceUnreachableError
from data_platform.ingestion import preflight
from data_platform.ingestion.preflight import Finding, Grade
from data_platform.ingestion.reachability import reach
from data_platform.server.testing import RunningServer
from data_platform_tests.fakes import listening
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SpecMaker

Run = Callable[..., Ended]
VERSION = "2.0.6.0"


def found(catalog: RunningServer, token: str) -> dict[str, Finding]:
    return {each.check: each for each in preflight.catalog(catalog.url, token, VERSION, ["database"])}


def test_a_bot_with_a_token_for_a_month_may_start(catalog: RunningServer) -> None:
    findings = found(catalog, catalog.token(lifetime=timedelta(days=30)))
    assert [(each.check, each.grade) for each in findings.values()] == [
        ("catalog", Grade.OK),
        ("token", Grade.OK),
        ("permissions", Grade.OK),
    ]
    assert findings["permissions"].text == "the token may write a table"


def test_a_token_that_expires_within_a_week_is_a_warning_with_what_to_do(catalog: RunningServer) -> None:
    finding = found(catalog, catalog.token(lifetime=timedelta(days=6)))["token"]
    assert finding.grade is Grade.WARNING
    assert "expires on" in finding.sentence
    assert "issue a new token" in finding.sentence


@pytest.mark.fault(
    "the token: has expired",
    "The run fails before anything is loaded, with the date; nothing is retried.",
)
def test_an_expired_token_is_refused_with_its_date(catalog: RunningServer) -> None:
    error = found(catalog, catalog.token(lifetime=timedelta(hours=-1)))["token"].error
    assert isinstance(error, CatalogUnauthorizedError)
    assert error.permanent
    assert "token expired on" in error.sentence


@pytest.mark.fault(
    "the token: permits too little",
    "The run fails before anything is loaded and names what is missing; nothing is retried.",
)
def test_a_person_who_may_only_read_is_refused_by_what_is_missing(catalog: RunningServer) -> None:
    import httpx

    headers = {"Authorization": f"Bearer {catalog.token('admin')}"}
    with httpx.Client(base_url=f"{catalog.url}/v1", headers=headers) as admin:
        reader = admin.post("/users", json={"name": "reader", "email": "reader@example.org"}).json()
        token = admin.put(f"/users/generateToken/{reader['id']}").json()["JWTToken"]
    error = found(catalog, token)["token"].error
    assert isinstance(error, CatalogUnauthorizedError)
    assert "does not permit Create and EditAll of a table" in error.sentence


def test_a_catalog_that_does_not_tell_permissions_is_believed(catalog: RunningServer) -> None:
    catalog.faults.add(path="/permissions/", status=404)
    assert found(catalog, catalog.token())["permissions"].grade is Grade.OK


@pytest.mark.fault(
    "this machine: has no space left",
    "The run fails before anything is loaded; little space is a notice.",
)
def test_a_full_disk_is_found_and_may_pass(tmp_path: Path) -> None:
    assert preflight.disk(tmp_path, least=0, little=0).grade is Grade.OK
    assert preflight.disk(tmp_path, least=0, little=2**60).grade is Grade.WARNING
    error = preflight.disk(tmp_path, least=2**60).error
    assert isinstance(error, DiskFullError)
    assert not error.permanent
    assert f"are free in {tmp_path}" in error.sentence


@pytest.fixture
def web() -> Iterator[tuple[str, list[int]]]:
    """A web server and the statuses that it answers with."""
    statuses: list[int] = []

    with listening(lambda _request: (statuses.pop(0), None)) as url:
        yield url, statuses


def test_a_source_that_listens_is_reachable(web: tuple[str, list[int]], tmp_path: Path) -> None:
    url, statuses = web
    statuses += [401, 200, 404]
    address = url.removeprefix("http://")
    for connection in (
        {"hostPort": address},
        {"hostPort": f"127.0.0.1:1,{address}"},
        {"uri": f"postgresql://reader@{address}/db"},
        {"hostPort": url},
        {"host": url},
        {"bucketNames": ["raw"], "awsConfig": {"awsRegion": "us-east-1", "endPointURL": url}},
    ):
        assert "answers" in reach("shop", connection) or "accepts connections" in reach("shop", connection)
    (tmp_path / "manifest.json").touch()
    assert "is there" in reach("dbt", {"dbtManifestFilePath": str(tmp_path / "manifest.json")})
    assert reach("warehouse", {"account": "x"}) == "the connection names no address to ask"


def test_a_source_that_does_not_listen_may_be_tried_again(web: tuple[str, list[int]]) -> None:
    url, statuses = web
    statuses += [503]
    for connection in ({"hostPort": "127.0.0.1:1"}, {"uri": "mysql://127.0.0.1:1/db"}, {"host": url}):
        with pytest.raises(SourceUnreachableError, match="shop: the source does not answer at .*127.0.0.1"):
            reach("shop", connection)


def test_the_password_in_an_address_is_not_told() -> None:
    with pytest.raises(SourceUnreachableError) as refused:
        reach("shop", {"uri": "postgresql://reader:Pa55-word@127.0.0.1:1/db"})
    assert "postgresql://127.0.0.1:1/db" in refused.value.sentence
    assert "Pa55-word" not in refused.value.sentence


def test_dbt_without_its_artifacts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefusedError, match="there is no file"):
        reach("dbt", {"dbtManifestFilePath": str(tmp_path / "manifest.json")})


@pytest.mark.fault(
    "the source: answers too slowly to be asked whether it is there",
    "The run fails after three seconds, and Dagster tries again by itself.",
)
def test_what_does_not_answer_in_time_has_failed_and_the_rest_is_told() -> None:
    late = preflight.of_error("source", SourceUnreachableError("too late"))
    ended = threading.Event()

    def waits() -> list[Finding]:
        ended.wait(20)
        return []

    started = time.monotonic()
    checks = {"source": waits, "disk": lambda: [preflight.disk()]}
    findings = dict(preflight.together(checks, {"source": late}, preflight.PATIENCE))
    ended.set()
    assert time.monotonic() - started < 2 * preflight.PATIENCE
    assert findings["source"] is late
    assert findings["disk"].check == "disk"


@pytest.mark.fault(
    "the source: is down",
    "The run fails within seconds, before anything is loaded, and Dagster tries again by itself; nothing is deleted.",
)
def test_a_source_that_is_down_fails_before_the_heavy_import_and_may_be_tried_again(
    run: Run, make_spec: SpecMaker
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        ended = run(make_spec(connection={"hostPort": address}))
    assert ended.verdict["sentence"].startswith(f"shop: the source does not answer at {address} (Connection refused)")
    assert not ended.verdict["permanent"]
    assert not any("loading" in line for line in ended.log)
    assert sum(ended.metadata[f"seconds/{stage}"] for stage in ("secrets", "preflight")) < 2 * preflight.PATIENCE


@pytest.mark.fault(
    "the token: expires within a week",
    "The run succeeds; its metadata and its log say so with the date, and so does `data-platform doctor`.",
)
def test_a_run_whose_token_expires_soon_succeeds_and_says_so(
    run: Run, make_spec: SpecMaker, catalog: RunningServer, secrets: Path
) -> None:
    (secrets / "token").write_text(catalog.token(lifetime=timedelta(days=2)))
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "ok", ended.output
    assert "the catalog's token expires on" in ended.metadata["notices"]
    assert any("the catalog's token expires on" in line for line in ended.log)
