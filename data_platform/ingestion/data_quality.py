"""Data-quality tests: OpenMetadata's TestSuiteWorkflow, once for each table, as one run with one verdict.

A test whose data does not pass has done what it is there for and is no failure of the run; one that could not run is.
Only what the definition declares is run, and its case in the catalog is kept as the definition has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, cast

from data_platform.errors import EntityNotFoundError
from data_platform.ingestion import config, shims, verdict
from data_platform.ingestion.catalog import CatalogClient, Entity
from data_platform.ingestion.client_workflow import create_workflow, execute, load
from data_platform.ingestion.data_tests import DataTest, Tested, declared
from data_platform.ingestion.diagnosis import shorten
from data_platform.ingestion.ended import Ended
from data_platform.ingestion.names import split
from data_platform.ingestion.progress import Progress
from data_platform.ingestion.run import Result, costs
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Traffic
from data_platform.ingestion.verdict import Evidence, Failure, Outcome, Verdict

_RESULTS: Final = "testCaseResults"
_STATUSES: Final = {"Success": True, "Failed": False}


def run(
    spec: WorkflowSpec,
    connection: dict[str, Any],
    token: str,
    catalog: CatalogClient,
    progress: Progress,
    traffic: Traffic,
) -> list[Result]:
    """Run the tests that a spec asks for.

    Args:
        spec: what to do.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        catalog: a client of the catalog, to find the tables.
        progress: where to say how far the run is.
        traffic: the account of what is sent to the catalog.

    Returns:
        One result.

    Raises:
        DataPlatformError: a workflow could not start, or was interrupted.
    """
    with progress.stage("loading", "loading OpenMetadata's client"):
        create = load(spec, traffic)
    tested: list[Tested] = []
    for name, group in groupby(declared(spec.options), key=lambda test: test.table):
        with progress.stage("workflow", f"testing {name}"):
            table, error = _find(catalog, spec, connection, name)
            columns = {column["name"] for column in cast(list[Entity], table["columns"])} if table else set[str]()
            fit: list[DataTest] = []
            for test in group:
                lacks = f"{name} has no column {test.column!r} in the catalog: correct the source's defs.yaml"
                if table is None or (test.column and test.column not in columns):
                    tested.append(Tested(test, None, error or lacks))
                else:
                    fit.append(test)
            if table and fit:
                settings = config.build_tests(spec, connection, token, str(table["fullyQualifiedName"]), fit)
                tested += _run_workflow(create_workflow(create, settings, spec), spec, traffic, fit)
    account = traffic.account()
    lost = {loss.name.rpartition(f"{_RESULTS}/")[2] for loss in account.losses}
    failures = tuple(failure for one in tested if one.case not in lost for failure in _failures(one))
    arrived = sum(one.passed is not None and one.recorded for one in tested)
    ruling = verdict.judge(spec, Workflow.TESTS, Evidence(arrived, account.losses, failures))
    return [
        Result(
            Workflow.TESTS, _in_words(spec, ruling, tested), account, tested=tuple(tested), **costs(progress, traffic)
        )
    ]


def _find(
    catalog: CatalogClient, spec: WorkflowSpec, connection: dict[str, Any], name: str
) -> tuple[Entity | None, str]:
    """The catalog's table of that name, or why there is not exactly one."""
    fqns = [f"{spec.service}.{name}"]
    if len(split(name)) == 2:
        only = connection.get("database") or connection.get("catalog")
        databases = catalog.list("databases", service=spec.service)
        fqns = [f"{each['fullyQualifiedName']}.{name}" for each in databases if only in (None, each["name"])]
    tables = [table for fqn in fqns if (table := _table(catalog, fqn))]
    if len(tables) > 1:
        return None, f"several databases have a table {name}: write it as database.schema.table"
    missing = f"the catalog has no table {name} of {spec.service}: run its metadata first, or correct its defs.yaml"
    return (tables[0], "") if tables else (None, missing)


def _table(catalog: CatalogClient, fqn: str) -> Entity | None:
    try:
        return catalog.get_by_name("tables", fqn)
    except EntityNotFoundError:
        return None


def _run_workflow(
    workflow: config.ClientWorkflow, spec: WorkflowSpec, traffic: Traffic, tests: Sequence[DataTest]
) -> list[Tested]:
    """Run the tests of one table; says of each what became of it."""
    runner: Any = workflow.workflow_steps()[1]
    shims.update_every_test_case(runner)
    responses = _noted(runner)
    before = traffic.account().other_writes[_RESULTS]
    execute(workflow, spec)
    # They are sent in their order, and after one that is refused no more.
    recorded = list(responses)[: traffic.account().other_writes[_RESULTS] - before]
    told = Ended(workflow, [], traffic.account()).by_step()
    return [_tested(test, responses.get(test.case), told, recorded=test.case in recorded) for test in tests]


def _noted(runner: Any) -> dict[str, Any]:
    """OpenMetadata's answers by the name of the test case, once its ``TestCaseRunner`` has run."""
    run_test_case, responses = runner._run_test_case, dict[str, Any]()

    def _run_test_case(test_case: Any, test_suite_runner: Any) -> Any:
        response = run_test_case(test_case, test_suite_runner)
        if response is not None:
            responses[str(test_case.name.root)] = response
        return response

    runner._run_test_case = _run_test_case
    return responses


def _tested(test: DataTest, response: Any, told: Sequence[Failure], *, recorded: bool) -> Tested:
    if response is None:
        about = [failure.error for failure in told if test.case in f"{failure.name} {failure.error}"]
        others = [failure.error for failure in told]
        return Tested(test, None, next(iter((*about, *others)), "OpenMetadata did not run it"))
    result = response.testCaseResult
    return Tested(
        test,
        _STATUSES.get(result.testCaseStatus.value),
        shorten(str(result.result or "")),
        str(response.testCase.fullyQualifiedName.root),
        {str(each.name): str(each.value) for each in result.testResultValue or () if each.value is not None},
        result.passedRows,
        result.failedRows,
        recorded,
    )


def _failures(one: Tested) -> Iterator[Failure]:
    if one.passed is None:
        yield Failure(one.test.check, Workflow.TESTS, one.message)
    elif not one.recorded:
        yield Failure(one.test.check, Workflow.TESTS, "its result did not reach the catalog")


def _in_words(spec: WorkflowSpec, ruling: Verdict, tested: Sequence[Tested]) -> Verdict:
    """A good verdict says how the data did, too."""
    if ruling.outcome is not Outcome.OK:
        return ruling
    failed = sum(one.passed is False for one in tested)
    how = f"the data failed {failed} of them" if failed else "the data passed all of them"
    sentence = f"{spec.service}/{Workflow.TESTS}: {len(tested)} tests ran, {how}."
    return replace(ruling, sentence=sentence)
