"""A catalog that refuses in the middle of a run, or whose clock is another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from data_platform.ingestion import preflight
from data_platform.ingestion.preflight import Grade
from data_platform.server.testing import RunningServer
from data_platform_tests.fakes import Request, listening
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SpecMaker

Run = Callable[..., Ended]


@pytest.mark.fault(
    "the token: is refused (401) in the middle of a run",
    "The run fails at once; nothing is repeated or retried.",
)
def test_a_token_that_is_revoked_in_the_middle_fails_the_run_at_once_and_for_good(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    catalog.faults.add(method="PUT", path="/bulk", status=401)
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "failed"
    assert "401" in ended.verdict["sentence"]
    assert ended.verdict["permanent"]
    assert ended.materialized == []
    assert "trying again" not in ended.output


@pytest.mark.fault(
    "the catalog: has a full disk in the middle of a run",
    "The run fails and lists what was refused; the next one brings it.",
)
def test_a_catalog_whose_disk_is_full_loses_what_it_refuses_and_the_run_says_so(
    run: Run, make_spec: SpecMaker, catalog: RunningServer
) -> None:
    catalog.faults.add(method="PUT", path="/bulk", status=507)
    ended = run(make_spec())
    assert ended.verdict["outcome"] == "failed"
    assert "507" in ended.verdict["sentence"]
    assert ended.materialized == []
    catalog.faults.clear()
    assert run(make_spec()).verdict["outcome"] == "ok"


@pytest.mark.fault(
    "this machine: has another time than the catalog",
    "The catalog decides whether a token is good; what the clocks disagree on is a notice.",
)
def test_a_token_that_the_catalog_accepts_is_good_though_this_machines_clock_says_otherwise(
    catalog: RunningServer,
) -> None:
    token = catalog.token(lifetime=timedelta(hours=-1))

    def behind(_request: Request) -> tuple[int, Any]:
        """A catalog whose clock is behind accepts the token."""
        return 200, {"version": "2.0.6", "data": [], "permissions": []}

    with listening(behind) as url:
        findings = list(preflight.catalog(f"{url}/api", token, "2.0.6.0", ["database"]))
    assert [finding.grade for finding in findings] == [Grade.OK, Grade.WARNING, Grade.OK]
    assert "compare the clocks" in findings[1].sentence
