"""Deletions of a source of which only the connector says what is there: OpenMetadata's Superset against a fake one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.spec import NO_MASS_DELETION, WorkflowSpec
from data_platform.server.testing import RunningServer
from data_platform_tests.fakes import Answer, Request, listening
from data_platform_tests.ingestion.child import Ended

Run = Callable[..., Ended]
Make = Callable[..., WorkflowSpec]


@dataclass
class Superset:
    """What is asked of it in a run, over HTTP.

    Attributes:
        dashboards: ids of those that it has, and whether each is published.
        broken: pages that it does not get done.
    """

    dashboards: dict[int, bool] = field(default_factory=lambda: dict.fromkeys(range(30), True))
    broken: set[int] = field(default_factory=set[int])

    def answer(self, request: Request) -> Answer:
        """As Superset answers."""
        if request.path == "/api/v1/security/login":
            return 200, {"access_token": "a.b.c"}
        if not request.path.startswith("/api/v1/dashboard/"):
            return 200, {"count": 0, "ids": [], "result": []}
        page, size = map(int, re.findall(r"\d+", request.query["q"]))
        if page in self.broken:
            return 500, {"message": "the page did not get done"}
        shown = list(self.dashboards.items())[page * size : (page + 1) * size]
        result = [
            {"id": key, "dashboard_title": f"Dashboard {key}", "url": f"/{key}", "published": is_published}
            | {"position_json": "{}"}
            for key, is_published in shown
        ]
        return 200, {"count": len(self.dashboards), "ids": [key for key, _ in shown], "result": result}


@pytest.fixture
def superset() -> Superset:
    return Superset()


@pytest.fixture
def make(superset: Superset, catalog: RunningServer, secrets: Path) -> Iterator[Make]:
    """Makes specs that read it; keywords replace fields."""
    with listening(superset.answer) as address:

        def spec(**fields: Any) -> WorkflowSpec:
            defaults: dict[str, Any] = {
                "environment": "demo",
                "service": "charts",
                "connector": "Superset",
                "workflows": ("metadata",),
                "connection": {
                    "hostPort": address,
                    "connection": {"provider": "db", "username": "reader", "password": f"file:{secrets}/password"},
                },
                "catalog_url": catalog.url,
                "catalog_token": f"file:{secrets}/token",
                "vault_address": "http://127.0.0.1:1",
                "run_id": str(uuid.uuid4()),
            }
            return WorkflowSpec.model_validate({**defaults, **fields})

        yield spec


@pytest.fixture
def dashboards(catalog: RunningServer) -> Callable[[], set[int]]:
    """Ids of the dashboards that the catalog holds."""

    def held() -> set[int]:
        with CatalogClient(catalog.url, catalog.token("admin")) as client:
            return {int(each["name"]) for each in client.list("dashboards", service="charts")}

    return held


@pytest.mark.fault(
    "the source: fails a page of its list, and its connector only logs a warning",
    "Nothing is deleted; `no_mass_deletion` warns and quotes it.",
)
def test_a_page_that_the_connector_only_warns_of_deletes_nothing(
    run: Run, make: Make, superset: Superset, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    assert dashboards() == set(range(30))
    superset.broken = {1}
    ended = run(make(allow_deletions=True))
    assert dashboards() == set(range(30))
    check = ended.check_named(NO_MASS_DELETION)
    assert (check["passed"], check["severity"]) == (False, "WARN")
    assert Ended.metadata_of(check)["verdict"] == (
        "5 entities that seem to have disappeared were left alone: of charts nothing but its connector says what is"
        " there, and it warned: Failed to fetch the dashboard list."
    )


def test_what_disappeared_is_deleted_when_nothing_was_warned_of(
    run: Run, make: Make, superset: Superset, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    del superset.dashboards[7]
    ended = run(make())
    assert dashboards() == set(range(30)) - {7}
    assert ended.check_named(NO_MASS_DELETION)["passed"]


def test_drafts_that_an_option_leaves_out_stay_until_a_run_is_told_otherwise(
    run: Run, make: Make, superset: Superset, dashboards: Callable[[], set[int]]
) -> None:
    superset.dashboards[7] = False
    run(make())
    for _ in range(2):
        ended = run(make(options={"includeDraftDashboard": False}))
        assert dashboards() == set(range(30))
        check = ended.check_named(NO_MASS_DELETION)
        assert (check["passed"], check["severity"]) == (False, "WARN")
        assert "another definition of the source" in Ended.metadata_of(check)["verdict"]
    run(make(options={"includeDraftDashboard": False}, allow_deletions=True))
    assert dashboards() == set(range(30)) - {7}
    del superset.dashboards[8]
    ended = run(make(options={"includeDraftDashboard": False}))
    assert dashboards() == set(range(30)) - {7, 8}
    assert ended.check_named(NO_MASS_DELETION)["passed"]


@pytest.mark.fault(
    "the run: shares a service's name with one that reads another source",
    "Neither deletes what the other brought; `no_mass_deletion` warns.",
)
def test_two_sources_under_one_name_delete_nothing_of_each_other(
    run: Run, make: Make, superset: Superset, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    other = Superset(dict.fromkeys(range(3, 33), True))
    with listening(other.answer) as address:
        elsewhere = {**make().connection, "hostPort": address}
        for spec in (make(connection=elsewhere), make(), make(), make(connection=elsewhere)):
            ended = run(spec)
            assert ended.verdict["outcome"] == "ok"
            assert not ended.check_named(NO_MASS_DELETION)["passed"]
    assert dashboards() == set(range(33))


def test_a_filter_whose_names_only_the_connector_knows_deletes_nothing_when_it_changes(
    run: Run, make: Make, superset: Superset, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    del superset.dashboards[7]
    ended = run(make(options={"dashboardFilterPattern": {"excludes": ["^nothing is called so$"]}}))
    assert not ended.check_named(NO_MASS_DELETION)["passed"]
    assert 7 in dashboards()


def test_a_definition_that_lists_all_that_the_catalog_holds_takes_over_at_once(
    run: Run, make: Make, superset: Superset, dashboards: Callable[[], set[int]]
) -> None:
    run(make(options={"includeDraftDashboard": False}))
    assert run(make()).check_named(NO_MASS_DELETION)["passed"]
    del superset.dashboards[7]
    assert run(make()).metadata["deleted"] == 1
    assert 7 not in dashboards()
