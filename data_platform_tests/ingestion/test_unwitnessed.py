"""Deletions of a source of which only the connector says what is there: OpenMetadata's Metabase against a fake one."""

from __future__ import annotations

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

ALL, SOME = "sees-all-of-them", "sees-some-of-them"
"""Keys for its API."""


_SIZE = 25
"""Dashboards in one collection."""


@dataclass
class Metabase:
    """What is asked of it in a run, over HTTP.

    Attributes:
        dashboards: ids of those that it has, and whether everybody may see each; otherwise only :data:`ALL` does.
        broken: collections that it does not get done.
    """

    dashboards: dict[int, bool] = field(default_factory=lambda: dict.fromkeys(range(30), True))
    broken: set[int] = field(default_factory=set[int])

    def answer(self, request: Request) -> Answer:
        """As Metabase answers."""
        match request.path.removeprefix("/api/").split("/"):
            case ["collection"]:
                return 200, [{"id": number, "name": f"Collection {number}"} for number in range(2)]
            case ["collection", number, "items"]:
                return self._items(int(number), request.headers["x-api-key"])
            case ["dashboard", number]:
                return 200, {"id": number, "name": f"Dashboard {number}", "dashcards": []}
            case _:
                return 200, []

    def _items(self, collection: int, key: str) -> Answer:
        if collection in self.broken:
            return 500, {"message": "the collection did not get done"}
        seen = [number for number, is_open in self.dashboards.items() if is_open or key == ALL]
        return 200, {"data": [_named(number) for number in seen if number // _SIZE == collection]}


def _named(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"Dashboard {number}"}


@pytest.fixture
def metabase() -> Metabase:
    return Metabase()


@pytest.fixture
def make(metabase: Metabase, catalog: RunningServer, secrets: Path) -> Iterator[Make]:
    """Makes specs that read it; keywords replace fields, ``key`` says as whom."""
    for key in (ALL, SOME):
        (secrets / key).write_text(key)
    with listening(metabase.answer) as address:

        def spec(key: str = ALL, **fields: Any) -> WorkflowSpec:
            defaults: dict[str, Any] = {
                "environment": "demo",
                "service": "charts",
                "connector": "Metabase",
                "workflows": ("metadata",),
                "connection": {"hostPort": address, "apiKey": f"file:{secrets}/{key}"},
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
    run: Run, make: Make, metabase: Metabase, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    assert dashboards() == set(range(30))
    metabase.broken = {1}
    ended = run(make(allow_deletions=True))
    assert dashboards() == set(range(30))
    check = ended.check_named(NO_MASS_DELETION)
    assert (check["passed"], check["severity"]) == (False, "WARN")
    assert Ended.metadata_of(check)["verdict"] == (
        "5 entities that seem to have disappeared were left alone: of charts nothing but its connector says what is"
        " there, and it warned: Failed to fetch the dashboard list."
    )


def test_what_disappeared_is_deleted_when_nothing_was_warned_of(
    run: Run, make: Make, metabase: Metabase, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    del metabase.dashboards[7]
    ended = run(make())
    assert dashboards() == set(range(30)) - {7}
    assert ended.check_named(NO_MASS_DELETION)["passed"]


def test_what_another_user_may_not_see_stays_until_a_run_is_told_otherwise(
    run: Run, make: Make, metabase: Metabase, dashboards: Callable[[], set[int]]
) -> None:
    metabase.dashboards[7] = False
    run(make())
    for _ in range(2):
        ended = run(make(SOME))
        assert dashboards() == set(range(30))
        check = ended.check_named(NO_MASS_DELETION)
        assert (check["passed"], check["severity"]) == (False, "WARN")
        assert "present definition alone filled the catalog" in Ended.metadata_of(check)["verdict"]
    run(make(SOME, allow_deletions=True))
    assert dashboards() == set(range(30)) - {7}
    del metabase.dashboards[8]
    ended = run(make(SOME))
    assert dashboards() == set(range(30)) - {7, 8}
    assert ended.check_named(NO_MASS_DELETION)["passed"]


@pytest.mark.fault(
    "the run: shares a service's name with one that reads another source",
    "Neither deletes what the other brought; `no_mass_deletion` warns.",
)
def test_two_sources_under_one_name_delete_nothing_of_each_other(
    run: Run, make: Make, metabase: Metabase, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    other = Metabase(dict.fromkeys(range(3, 33), True))
    with listening(other.answer) as address:
        elsewhere = {**make().connection, "hostPort": address}
        for spec in (make(connection=elsewhere), make(), make(), make(connection=elsewhere)):
            ended = run(spec)
            assert ended.verdict["outcome"] == "ok"
            assert not ended.check_named(NO_MASS_DELETION)["passed"]
    assert dashboards() == set(range(33))


def test_a_filter_whose_names_only_the_connector_knows_deletes_nothing_when_it_changes(
    run: Run, make: Make, metabase: Metabase, dashboards: Callable[[], set[int]]
) -> None:
    run(make())
    del metabase.dashboards[7]
    ended = run(make(options={"dashboardFilterPattern": {"excludes": ["^nothing is called so$"]}}))
    assert not ended.check_named(NO_MASS_DELETION)["passed"]
    assert 7 in dashboards()


def test_a_definition_that_lists_all_that_the_catalog_holds_takes_over_at_once(
    run: Run, make: Make, metabase: Metabase, dashboards: Callable[[], set[int]]
) -> None:
    run(make(SOME))
    assert run(make()).check_named(NO_MASS_DELETION)["passed"]
    del metabase.dashboards[7]
    assert run(make()).metadata["deleted"] == 1
    assert 7 not in dashboards()
