"""What the connector and the inventory ask Superset's API for, from a server that answers as Superset does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from data_platform.errors import SourceRefusedError, SourceUnreachableError
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import superset
from data_platform.ingestion.superset_api import SupersetApi, SupersetFailedError
from data_platform_tests.fakes import Answer, Request, listening


@dataclass
class Fake:
    """A Superset with charts.

    Attributes:
        charts: ids of those that it has.
        broken: those that no list gets done with.
        counted: how many it says that there are, when that is another number.
        tokens: how many it has given; only the last is good.
    """

    charts: list[int] = field(default_factory=lambda: list(range(250)))
    broken: set[int] = field(default_factory=set[int])
    counted: int | None = None
    tokens: int = 0

    def answer(self, request: Request) -> Answer:
        if request.path == "/api/v1/security/login":
            if request.json["password"] != "right":
                return 401, {"message": "Not authorized"}
            self.tokens += 1
            return 200, {"access_token": f"token {self.tokens}"}
        if request.headers["Authorization"] != f"Bearer token {self.tokens}":
            return 401, {"msg": "Token has expired"}
        page, size = map(int, re.findall(r"page:(\d+),page_size:(\d+)", request.query["q"])[0])
        shown = self.charts[page * size : (page + 1) * size]
        if not self.broken.isdisjoint(shown):
            return 500, {"message": "Fatal error"}
        return 200, {"count": self.counted or len(self.charts), "result": [{"id": key} for key in shown]}


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def address(fake: Fake) -> Iterator[str]:
    with listening(fake.answer) as listened:
        yield listened


def connection(address: str, password: str = "right") -> Any:
    secret = SimpleNamespace(get_secret_value=lambda: password)
    user = SimpleNamespace(
        username="reader", password=secret, provider=SimpleNamespace(value="db"), verifySSL=None, sslConfig=None
    )
    return SimpleNamespace(hostPort=address, connection=user)


@pytest.fixture
def api(address: str) -> Iterator[SupersetApi]:
    with closing(SupersetApi(connection(address))) as opened:
        yield opened


def ids(api: SupersetApi, lost: Any = None) -> list[int]:
    return [row["id"] for row in api.rows("chart", ("slice_name",), lost)]


def test_all_pages_of_a_list_are_read(api: SupersetApi, fake: Fake) -> None:
    assert ids(api) == fake.charts
    assert api.count("chart") == 250


def test_an_empty_list_is_empty(api: SupersetApi, fake: Fake) -> None:
    fake.charts = []
    assert ids(api) == []


def test_a_list_that_changed_while_it_was_read_is_not_taken_for_whole(api: SupersetApi, fake: Fake) -> None:
    fake.counted = 251
    with pytest.raises(SourceUnreachableError, match=r"changed while it was read \(250 of 251\)"):
        ids(api)


def test_a_page_that_fails_is_read_one_by_one_and_what_fails_itself_is_told(api: SupersetApi, fake: Fake) -> None:
    fake.broken = {7, 130}
    told: list[str] = []
    assert ids(api, lambda name, _error: told.append(name)) == [key for key in fake.charts if key not in fake.broken]
    assert told == ["chart 8 of the list", "chart 131 of the list"]


def test_a_list_that_fails_is_an_error_for_who_wants_all_of_it(api: SupersetApi, fake: Fake) -> None:
    fake.broken = {7}
    with pytest.raises(SupersetFailedError, match=r"fails at /api/v1/chart/ \(500\)"):
        ids(api)


def test_a_superset_that_fails_at_everything_is_one_error(api: SupersetApi, fake: Fake) -> None:
    fake.charts = list(range(20))
    fake.broken = set(fake.charts)
    told: list[str] = []
    with pytest.raises(SupersetFailedError):
        ids(api, lambda name, _error: told.append(name))
    assert told == []


def test_a_token_that_is_good_no_longer_is_renewed(api: SupersetApi, fake: Fake) -> None:
    assert api.count("chart") == 250
    fake.tokens = 5
    assert api.count("chart") == 250
    assert fake.tokens == 6


def test_wrong_credentials_are_refused(address: str) -> None:
    with closing(SupersetApi(connection(address, "wrong"))) as api, pytest.raises(SourceRefusedError) as caught:
        api.count("chart")
    assert "refuses the credentials" in caught.value.what


@pytest.mark.parametrize("document", [b"<html>", b"[]", b"null"])
def test_what_is_no_superset_is_said_to_be_none(document: bytes) -> None:
    with (
        listening(lambda _: (200, document)) as address,
        closing(SupersetApi(connection(address))) as api,
        pytest.raises(SourceRefusedError, match="and not as Superset"),
    ):
        api.count("chart")


def test_supersets_own_database_is_said_not_to_be_asked() -> None:
    source = SimpleNamespace(
        service_connection=SimpleNamespace(connection=SimpleNamespace(hostPort="db:5432")),
        config=SimpleNamespace(serviceName="boards"),
    )
    with pytest.raises(SourceRefusedError, match="own database cannot be asked"):
        list(superset.listing(source, Filters(None, "boards")))
