"""The Iceberg connector on Apache's REST catalog: nested namespaces, profiles, and a server that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Any

import httpx
import pytest

from data_platform.ingestion.spec import MATCHES, Workflow
from data_platform_tests.fakes import Answer, Request, listening
from data_platform_tests.ingestion.lakehouse import EVENTS, ORDERS, append, wide
from data_platform_tests.integration.cache import obtained
from data_platform_tests.integration.iceberg_rest import RestCatalog, rest_classes, rest_java, running_rest_catalog
from data_platform_tests.integration.runs import Runs, Source, catalog_for_runs

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

HARD_NAMES = ("orders.v2", "UPPER", "it's", 'the "best"', "with space")
ROWS = [{"id": number, "customer": "Ada", "day": date(2026, 1, number)} for number in range(1, 6)]


@pytest.fixture(scope="module")
def rest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestCatalog]:
    """A REST catalog with tables in namespaces and in namespaces of these."""
    classes, program = obtained(request, lambda: (rest_classes(), rest_java()))
    with running_rest_catalog(classes, program, tmp_path_factory.mktemp("rest")) as server:
        fill(server)
        yield server


def fill(server: RestCatalog) -> None:
    from pyiceberg.catalog import load_catalog

    with closing(load_catalog("lake", type="rest", uri=server.uri)) as catalog:
        catalog.create_namespace("sales", {"comment": "What was sold"})
        catalog.create_namespace(("sales", "daily"))
        catalog.create_namespace("empty")
        append(catalog.create_table("sales.orders", ORDERS), ROWS)
        catalog.create_table(("sales", "daily", "events"), EVENTS)
        catalog.create_table(("sales", "daily", "Größe"), ORDERS)
        for name in HARD_NAMES:
            catalog.create_table(("sales", name), ORDERS)
        catalog.create_table("sales.wide", wide(1500))


@pytest.fixture(scope="module")
def source(rest: RestCatalog) -> Source:
    """The REST catalog as a source."""
    return Source("iceberg", "Iceberg", {"name": "lake", "type": "rest", "uri": rest.uri, "warehouse": "tests"}, {})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A catalog."""
    with catalog_for_runs(tmp_path_factory.mktemp("catalog")) as made:
        yield made


def tables(runs: Runs) -> dict[str, Any]:
    from metadata.generated.schema.entity.data.table import Table

    return {each.fullyQualifiedName.root: each for each in runs.client.list_all_entities(Table, fields=["columns"])}


@contextmanager
def failing_at(rest: RestCatalog, end: str) -> Iterator[str]:
    """The REST catalog, which fails where a path ends like that."""
    with httpx.Client(base_url=rest.uri, timeout=60) as catalog:

        def answer(request: Request) -> Answer:
            if request.path.endswith(end):
                return 500, {"error": {"message": "out of order", "type": "Error", "code": 500}}
            answered = catalog.request(request.method, request.path, params=dict(request.query), content=request.body)
            return answered.status_code, answered.content

        with listening(answer) as address:
            yield address


@pytest.mark.bad_input("hard names", "Iceberg (REST)")
@pytest.mark.bad_input("1,500 columns", "Iceberg (REST)")
@pytest.mark.bad_input("empty scope", "Iceberg (REST)")
def test_namespaces_at_any_depth_arrive_and_tables_are_profiled(source: Source, runs: Runs) -> None:
    ended = runs.run(source)
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(MATCHES)["passed"]
    assert tables(runs).keys() == {
        "iceberg.lake.sales.orders",
        'iceberg.lake."sales.daily".events',
        'iceberg.lake."sales.daily".Größe',
        'iceberg.lake.sales."orders.v2"',
        "iceberg.lake.sales.UPPER",
        "iceberg.lake.sales.it's",
        "iceberg.lake.sales.the __reserved__quote__best__reserved__quote__",
        "iceberg.lake.sales.with space",
        "iceberg.lake.sales.wide",
    }
    assert len(tables(runs)["iceberg.lake.sales.wide"].columns) == 1500
    assert ended.metadata["entities/databaseSchema"] == 3
    ended = runs.run(source, Workflow.PROFILING)
    assert (ended.verdict["outcome"], ended.metadata["profiles/tables"]) == ("ok", 9), ended.output
    profiled = runs.client.get_latest_table_profile(tables(runs)["iceberg.lake.sales.orders"].fullyQualifiedName)
    columns = {column.name.root: column.profile for column in profiled.columns}
    assert profiled.profile.rowCount == len(ROWS)
    assert (columns["id"].min, columns["id"].max, columns["total"].nullCount) == (1, 5, 5)


@pytest.mark.bad_input("half-broken object", "Iceberg (REST)")
def test_a_table_that_the_server_fails_at_is_named_and_the_others_arrive(
    rest: RestCatalog, source: Source, runs: Runs
) -> None:
    assert runs.run(source).verdict["outcome"] == "ok"
    before = tables(runs).keys()
    with failing_at(rest, "/tables/orders") as uri:
        ended = runs.run(source, connection={"uri": uri}, min_success_percent=50)
    assert ended.verdict["outcome"] == "partial", ended.output
    (failure,) = ended.metadata["failures"]["records"]
    assert failure["name"] == "iceberg.lake.sales.orders"
    assert "out of order" in failure["error"]
    assert tables(runs).keys() == before


def test_a_server_that_is_gone_fails_the_run_and_takes_nothing_away(
    rest: RestCatalog, source: Source, runs: Runs
) -> None:
    assert runs.run(source).verdict["outcome"] == "ok"
    before = tables(runs).keys()
    rest.stop()
    ended = runs.run(source)
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", False)
    assert "does not answer" in ended.verdict["sentence"]
    assert tables(runs).keys() == before
    rest.start()
    assert runs.run(source).verdict["outcome"] == "ok"
