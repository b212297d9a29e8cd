"""Data-quality tests through OpenMetadata's own client: results, failures of the data and tests that cannot run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.schemas import test_definitions as definitions
from data_platform.ingestion.schemas.check import violations
from data_platform.ingestion.spec import Workflow
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SHOP, SpecMaker, execute
from examples.demo.postgres import Server

Run = Callable[..., Ended]
MakeTests = Callable[..., Any]


MORE = """
    CREATE TABLE sales.visits AS SELECT now()::timestamp AS at;
    CREATE TABLE sales.returns AS SELECT id, total AS paid FROM sales.orders;
    ANALYZE;
"""


@pytest.fixture(scope="module")
def database(postgres: Server) -> str:
    """The shop with a table that something came into today, and one that is about to lose a column."""
    execute(postgres, "postgres", "CREATE DATABASE tested")
    execute(postgres, "tested", SHOP + MORE)
    return "tested"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A catalog for all of these tests."""
    with running_server(tmp_path_factory.mktemp("catalog")) as server:
        yield server


@pytest.fixture
def tests(run: Run, make_spec: SpecMaker, catalog: RunningServer) -> MakeTests:
    """Brings the shop's metadata into the catalog, unless it is there, and makes specs of tests."""
    if not catalog.count("PUT", "/tables/bulk"):
        assert run(make_spec()).verdict["outcome"] == "ok"
    return lambda options, **fields: make_spec(Workflow.TESTS, options=options, **fields)


@pytest.fixture
def client(catalog: RunningServer) -> Iterator[CatalogClient]:
    with CatalogClient(catalog.url, catalog.token()) as client:
        yield client


def cases(client: CatalogClient, *names: str) -> dict[str, Any]:
    """Test cases of the catalog, with their latest results, by name."""
    listed = client.list("dataQuality/testCases", fields=["testCaseResult", "testDefinition"])
    return {case["name"]: case for case in listed if case["name"] in names}


ROWS = {"definition": "tableRowCountToBeBetween", "parameters": {"minValue": 1, "maxValue": 1000}}
NOT_NULL = {"definition": "columnValuesToBeNotNull", "column": "total"}
UNIQUE = {"definition": "columnValuesToBeUnique", "column": "id"}
NAMES = {"definition": "columnValuesToMatchRegex", "column": "name", "parameters": {"regex": "^customer "}}


def test_results_are_in_the_catalog_and_are_checks(run: Run, tests: MakeTests, client: CatalogClient) -> None:
    ended = run(tests({"sales.orders": [ROWS, UNIQUE], "sales.customers": [NAMES]}))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.verdict["sentence"] == "shop/tests: 3 tests ran, the data passed all of them."
    assert ended.materialized == ["openmetadata/shop/tests"]
    assert {check["check_name"]: check["passed"] for check in ended.all_checks} == {
        "completed": True,
        "sales_orders__tableRowCountToBeBetween": True,
        "sales_orders__columnValuesToBeUnique__id": True,
        "sales_customers__columnValuesToMatchRegex__name": True,
    }
    names = ["tableRowCountToBeBetween", "columnValuesToBeUnique__id", "columnValuesToMatchRegex__name"]
    found = {name: case["testCaseResult"]["testCaseStatus"] for name, case in cases(client, *names).items()}
    assert found == dict.fromkeys(names, "Success")


def test_data_that_does_not_pass_is_a_failed_check_of_a_run_that_did_not_fail(run: Run, tests: MakeTests) -> None:
    few = {"definition": "tableRowCountToEqual", "parameters": {"value": 3}, "severity": "warn"}
    ended = run(tests({"sales.orders": [NOT_NULL, few]}))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.verdict["sentence"] == "shop/tests: 2 tests ran, the data failed 2 of them."
    assert (ended.materialized, ended.check["passed"]) == (["openmetadata/shop/tests"], True)
    assert (ended.metadata["tests/passed"], ended.metadata["tests/failed"]) == (0, 2)
    nulls = ended.check_named("sales_orders__columnValuesToBeNotNull__total")
    assert (nulls["passed"], nulls["severity"]) == (False, "ERROR")
    told = ended.metadata_of(nulls)
    assert told["result"] == "Found nullCount=40. It should be 0"
    assert (told["measured/nullCount"], told["rows/passed"], told["rows/failed"]) == (40, 360, 40)
    assert told["catalog"].endswith(".sales.orders.total.columnValuesToBeNotNull__total")
    rows = ended.check_named("sales_orders__tableRowCountToEqual")
    assert (rows["passed"], rows["severity"]) == (False, "WARN")
    assert ended.metadata_of(rows)["parameters"] == {"value": 3}


def test_a_changed_test_is_changed_in_the_catalog_and_each_runs_once(
    run: Run, tests: MakeTests, client: CatalogClient, catalog: RunningServer
) -> None:
    """OpenMetadata's client ran two of four cases twice and two not at all, once they were there to be updated."""

    def between(most: int) -> list[dict[str, Any]]:
        return [
            {
                "definition": "columnValuesToBeBetween",
                "column": column,
                "name": f"{column}_{least}",
                "parameters": {"minValue": least, "maxValue": most},
            }
            for column in ("id", "customer_id")
            for least in (0, 1)
        ]

    assert run(tests({"sales.orders": between(most=1000)})).metadata["tests/passed"] == 4
    sent = catalog.count("POST", "testCaseResults")
    again = run(tests({"sales.orders": between(most=100)}))
    assert again.verdict["outcome"] == "ok", again.output
    assert {check["check_name"]: check["passed"] for check in again.all_checks} == {
        "completed": True,
        "sales_orders__id_0": False,
        "sales_orders__id_1": False,
        "sales_orders__customer_id_0": True,
        "sales_orders__customer_id_1": True,
    }
    assert catalog.count("POST", "testCaseResults") == sent + 4
    found = cases(client, "id_0", "id_1", "customer_id_0", "customer_id_1")
    assert {each["value"] for case in found.values() for each in case["parameterValues"]} == {"0", "1", "100"}


def test_tests_that_people_made_of_the_same_table_are_left_to_the_catalog(
    run: Run, tests: MakeTests, client: CatalogClient, catalog: RunningServer, database: str
) -> None:
    table = f"shop.{database}.sales.orders"
    request = {"name": "mine", "testDefinition": "tableColumnCountToEqual", "entityLink": f"<#E::table::{table}>"}
    parameters = [{"name": "columnCount", "value": "99"}]
    with httpx.Client(headers={"Authorization": f"Bearer {catalog.token('admin')}"}) as person:
        made = person.post(f"{catalog.url}/v1/dataQuality/testCases", json={**request, "parameterValues": parameters})
        made.raise_for_status()
    assert len(run(tests({"sales.orders": [ROWS]})).all_checks) == 2
    assert "testCaseResult" not in cases(client, "mine")["mine"]


def test_tests_that_cannot_run_are_listed_and_the_others_run(run: Run, tests: MakeTests) -> None:
    options = {
        "sales.orders": [ROWS, {**UNIQUE, "column": "number"}, {**NAMES, "column": "id"}],
        "sales.refunds": [ROWS],
    }
    ended = run(tests(options, min_success_percent=20))
    assert ended.verdict["outcome"] == "partial", ended.output
    assert [row["name"] for row in ended.metadata["failures"]["records"]] == [
        "sales_orders__columnValuesToBeUnique__number",
        "sales_orders__columnValuesToMatchRegex__id",
        "sales_refunds__tableRowCountToBeBetween",
    ]
    told = {check["check_name"]: ended.metadata_of(check).get("result", "") for check in ended.all_checks}
    assert "has no column 'number' in the catalog" in told["sales_orders__columnValuesToBeUnique__number"]
    assert "not compatible with column id of type INT" in told["sales_orders__columnValuesToMatchRegex__id"]
    assert told["sales_refunds__tableRowCountToBeBetween"] == (
        "the catalog has no table sales.refunds of shop: run its metadata first, or correct its defs.yaml"
    )
    assert ended.check_named("sales_orders__tableRowCountToBeBetween")["passed"]
    assert run(tests(options)).verdict["outcome"] == "failed"


def test_a_test_that_aborts_fails_the_run_like_anything_that_does_not_arrive(
    run: Run, tests: MakeTests, postgres: Server, database: str
) -> None:
    not_null = {"definition": "columnValuesToBeNotNull", "column": "paid", "severity": "warn"}
    spec = tests({"sales.returns": [not_null, UNIQUE]})
    execute(postgres, database, "ALTER TABLE sales.returns DROP COLUMN IF EXISTS paid")
    ended = run(spec)
    assert ended.verdict["outcome"] == "failed", ended.output
    aborted = ended.check_named("sales_returns__columnValuesToBeNotNull__paid")
    assert (aborted["passed"], aborted["severity"]) == (False, "ERROR")
    assert ended.check_named("sales_returns__columnValuesToBeUnique__id")["passed"]
    assert not ended.materialized


def test_a_source_that_does_not_answer_fails_and_may_be_tried_again(run: Run, tests: MakeTests) -> None:
    ended = run(tests({"sales.orders": [ROWS, UNIQUE]}, connection={"hostPort": "127.0.0.1:1"}))
    assert ended.verdict["outcome"] == "failed", ended.output
    assert ended.verdict["sentence"].startswith("shop: the source does not answer at 127.0.0.1:1")
    assert not ended.verdict["permanent"]


def test_a_result_that_the_catalog_refuses_has_not_arrived_and_neither_have_those_after_it(
    run: Run, tests: MakeTests, catalog: RunningServer
) -> None:
    spec = tests({"sales.orders": [ROWS, UNIQUE, NOT_NULL], "sales.customers": [NAMES]})
    catalog.faults.add(method="POST", path=r"testCaseResults/.*\.id\.", status=400)
    ended = run(spec)
    catalog.faults.clear()
    assert ended.verdict["outcome"] == "failed", ended.output
    assert "2 of 4 records of tests were lost" in ended.verdict["sentence"]
    errors = [row["error"] for row in ended.metadata["failures"]["records"]]
    assert sorted(errors) == ["400 injected fault", "its result did not reach the catalog"]


def test_a_table_may_be_named_with_its_database(run: Run, tests: MakeTests, database: str) -> None:
    ended = run(tests({f"{database}.sales.orders": [ROWS]}))
    assert ended.verdict["outcome"] == "ok", ended.output
    assert ended.check_named(f"{database}_sales_orders__tableRowCountToBeBetween")["passed"]


PARAMETERS: dict[str, Any] = {
    "tableColumnCountToBeBetween": {"minColValue": 3, "maxColValue": 3},
    "tableColumnCountToEqual": {"columnCount": 3},
    "tableRowCountToBeBetween": {"minValue": 400, "maxValue": 400},
    "tableRowCountToEqual": {"value": 400},
    "tableRowInsertedCountToBeBetween": {"columnName": "at", "min": 1, "max": 2},
    "tableColumnToMatchSet": {"columnNames": ["total", "id", "customer_id"], "ordered": False},
    "tableColumnNameToExist": {"columnName": "id"},
    "tableCustomSQLQuery": {
        "sqlExpression": "SELECT id FROM sales.orders WHERE total IS NULL",
        "operator": "<=",
        "threshold": 40,
    },
    "columnValuesToBeInSet": {"allowedValues": list(range(1, 51)), "matchEnum": True},
    "columnValuesToBeNotInSet": {"forbiddenValues": [0, 51]},
    "columnValuesToMatchRegex": {"regex": "^customer [0-9]+$"},
    "columnValuesToNotMatchRegex": {"forbiddenRegex": "^supplier"},
    "columnValuesToBeBetween": {"minValue": 1, "maxValue": 50},
    "columnValueMaxToBeBetween": {"minValueForMaxInCol": 50, "maxValueForMaxInCol": 50},
    "columnValueMinToBeBetween": {"minValueForMinInCol": 1, "maxValueForMinInCol": 1},
    "columnValueMeanToBeBetween": {"minValueForMeanInCol": 25, "maxValueForMeanInCol": 26},
    "columnValueMedianToBeBetween": {"minValueForMedianInCol": 25, "maxValueForMedianInCol": 26},
    "columnValueStdDevToBeBetween": {"minValueForStdDevInCol": 14, "maxValueForStdDevInCol": 15},
    "columnValuesSumToBeBetween": {"minValueForColSum": 10_200, "maxValueForColSum": 10_200},
    "columnValuesMissingCount": {"missingCountValue": 40, "missingValueMatch": [-1]},
    "columnValueLengthsToBeBetween": {"minLength": 10, "maxLength": 11},
}
# Definitions of a column that is not customer_id.
COLUMNS = {
    "columnValuesMissingCount": "total",
    "columnValueLengthsToBeBetween": "name",
    "columnValuesToMatchRegex": "name",
    "columnValuesToNotMatchRegex": "name",
    "columnValuesToBeUnique": "id",
}
UNTESTED = {"columnValuesToBeAtExpectedLocation"}  # it knows the places of France


def test_every_definition_runs_with_the_parameters_that_the_schema_has(run: Run, tests: MakeTests) -> None:
    options: dict[str, list[dict[str, Any]]] = {"sales.orders": [], "sales.customers": [], "sales.visits": []}
    for name in definitions().keys() - UNTESTED:
        parameters = {"parameters": PARAMETERS[name]} if name in PARAMETERS else {}
        column = {"column": COLUMNS.get(name, "customer_id")} if name.startswith("column") else {}
        table = "customers" if column.get("column") == "name" else "visits" if "Inserted" in name else "orders"
        options[f"sales.{table}"].append({"definition": name, **column, **parameters})
    assert violations(options, connectors()["Postgres"].options_schema(Workflow.TESTS)) == []
    ended = run(tests(options))
    bad = {check["check_name"]: ended.metadata_of(check) for check in ended.all_checks if not check["passed"]}
    assert bad == {}, ended.output
    assert ended.metadata["tests/passed"] == len(definitions()) - len(UNTESTED)


def test_the_embedded_catalog_has_the_definitions_that_can_be_declared(client: CatalogClient) -> None:
    for name, schema in definitions().items():
        seeded = client.get_by_name("dataQuality/testDefinitions", name)
        theirs = {each["name"]: each["required"] for each in seeded["parameterDefinition"]}
        ours = schema["properties"].get("parameters", {"properties": {}})
        assert ours["properties"].keys() <= theirs.keys(), name
        given = {parameter for parameter, each in ours["properties"].items() if "default" in each}
        assert {parameter for parameter, needed in theirs.items() if needed} <= given | set(ours.get("required", ()))
