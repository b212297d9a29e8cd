"""Whether a source's definition can work, decided when definitions load and without asking anyone.

Everything that is wrong is reported at once, each with its file, line, field and the values that would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

from data_platform.components.cadence import Cadence
from data_platform.components.ownership import ownership_problems
from data_platform.components.query_history import history_problems
from data_platform.environment import ENVIRONMENTS
from data_platform.errors import ConfigurationError
from data_platform.ingestion.data_tests import DataTest
from data_platform.ingestion.names import split
from data_platform.ingestion.schemas import Connector, connectors
from data_platform.ingestion.schemas.check import Path, Violation, closest, violations
from data_platform.ingestion.spec import Workflow

Options = Mapping[str, Any]

# Not in the component's model: Dagster lets every attribute be a template too, and pydantic cannot compare that.
_NUMBERS: Final = {
    "properties": {
        "deletion": {"properties": {"max_share": {"minimum": 0, "maximum": 100}}},
        "retries": {"minimum": 0},
        "min_success_percent": {"minimum": 0, "maximum": 100},
        "timeout": {"exclusiveMinimum": 0},
    }
}


def check_definition(
    *,
    connector: str,
    connection: Options,
    environments: Mapping[str, Options],
    workflows: Mapping[Workflow, Options],
    schedules: Mapping[Workflow, Sequence[Cadence]],
    after: Sequence[str],
    sources: Collection[str],
    numbers: Options,
    ownership: Options = MappingProxyType({}),
    locate: Callable[[Path], str],
) -> Connector:
    """The connector of a definition that can work, in every environment that it names.

    Args:
        connector: name of the connector.
        connection: the connection's fields that are the same everywhere.
        environments: the fields that differ, by environment.
        workflows: the options of each workflow.
        schedules: the cadences of each workflow.
        after: services of the sources that must come first.
        sources: services of all other sources that have metadata.
        numbers: ``retries``, ``min_success_percent``, ``deletion`` and ``timeout``.
        ownership: those of ``owners``, ``domain``, ``tier`` and ``ownership`` that are given.
        locate: where a path of the definition is written, for example ``defs.yaml:7``.

    Raises:
        ConfigurationError: it cannot; lists everything that is wrong.
    """
    known = connectors().get(connector)
    if known is None:
        problem = Violation(
            ("connector",), f"there is no connector {connector!r}", closest(connector, list(connectors()), "connectors")
        )
        raise refusal([problem], locate)
    problems = [
        *_environment_problems(known, connection, environments),
        *_workflow_problems(known, workflows),
        *_shared_problems(known, workflows),
        *_test_problems(workflows.get(Workflow.TESTS, {})),
        *_schedule_problems(workflows, schedules),
        *history_problems(known, connection, environments, workflows),
        *_order_problems(after, sources),
        *violations(numbers, _NUMBERS),
        *ownership_problems(known, workflows, ownership),
    ]
    if problems:
        raise refusal(problems, locate)
    return known


def merged(shared: Options, own: Options) -> dict[str, Any]:
    """``shared`` with the fields of ``own`` over it; mappings inside are merged the same way."""
    result = dict(shared)
    for key, value in own.items():
        below = result.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            result[key] = merged(cast(Options, below), cast(Options, value))
        else:
            result[key] = value
    return result


def _environment_problems(
    connector: Connector, connection: Options, environments: Mapping[str, Options]
) -> Iterator[Violation]:
    schema = connector.connection_schema()
    reported: set[tuple[Path, str]] = set()
    if not environments:
        yield Violation(("environments",), "names no environment", closest("", list(ENVIRONMENTS), "environments"))
    for environment, own in environments.items():
        if environment not in ENVIRONMENTS:
            yield Violation(
                ("environments", environment),
                f"there is no environment {environment!r}",
                closest(environment, list(ENVIRONMENTS), "environments"),
            )
            continue
        for problem in violations(merged(connection, own), schema):
            path = (*_written_in(problem.path, connection, environment, own), *problem.path)
            if (path, problem.what) not in reported:
                reported.add((path, problem.what))
                yield Violation(path, problem.what, problem.remedy)


def _written_in(path: Path, connection: Options, environment: str, own: Options) -> Path:
    """Which part of the definition a path of the merged connection comes from."""
    if not _reaches(own, path) and _reaches(connection, path):
        return ("connection",)
    return ("environments", environment)


def _reaches(value: Any, path: Path) -> bool:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _workflow_problems(connector: Connector, workflows: Mapping[Workflow, Options]) -> Iterator[Violation]:
    if not workflows:
        known = closest("", list(connector.workflows), f"workflows of {connector.name}")
        yield Violation(("workflows",), "names no workflow", known)
    for workflow, options in workflows.items():
        if workflow not in connector.workflows:
            yield Violation(
                ("workflows", workflow.value),
                f"{connector.name} has no {workflow.value} workflow",
                closest(workflow.value, list(connector.workflows), f"workflows of {connector.name}"),
            )
            continue
        for problem in violations(options, connector.options_schema(workflow)):
            yield Violation(("workflows", workflow.value, *problem.path), problem.what, problem.remedy)


def _shared_problems(connector: Connector, workflows: Mapping[Workflow, Options]) -> Iterator[Violation]:
    """Options of workflows that OpenMetadata does in one run: each is the run's, so they cannot differ."""
    for run in connector.runs:
        first: dict[str, tuple[Workflow, Any]] = {}
        for workflow in run:
            for name, value in workflows.get(workflow, {}).items():
                other, wanted = first.setdefault(name, (workflow, value))
                if wanted != value:
                    yield Violation(
                        ("workflows", workflow.value, name),
                        f"differs from workflows.{other.value}.{name}",
                        f"{connector.name} does {' and '.join(run)} in one run; write it at one of them",
                    )


def _test_problems(options: Options) -> Iterator[Violation]:
    """Tables that cannot be found and tests that cannot be told apart, which no schema sees."""
    seen: set[str] = set()
    for table, tests in options.items():
        if len(split(table)) not in (2, 3):
            yield Violation(("workflows", "tests", table), "is no table", "write schema.table or database.schema.table")
        for index, test in enumerate(cast(list[Any], tests) if isinstance(tests, list) else []):
            own = cast(dict[str, Any], test) if isinstance(test, dict) else {}
            named = DataTest.model_construct(
                table=table, definition=str(own.get("definition")), column=own.get("column"), name=own.get("name")
            )
            if named.check in seen:
                yield Violation(
                    ("workflows", "tests", table, index),
                    f"is the second test called {named.check}",
                    "give one of them a `name`",
                )
            seen.add(named.check)


def _schedule_problems(
    workflows: Mapping[Workflow, Options], schedules: Mapping[Workflow, Sequence[Cadence]]
) -> Iterator[Violation]:
    for workflow, cadences in schedules.items():
        yield from cadence_problems(("schedules", workflow.value), cadences, workflow)
        if workflow not in workflows:
            yield Violation(
                ("schedules", workflow.value),
                "is not one of this source's workflows",
                closest(workflow.value, list(workflows), "workflows of this source"),
            )


def cadence_problems(path: Path, cadences: Sequence[Cadence], workflow: Workflow | None = None) -> Iterator[Violation]:
    """Cadences that are made for something else.

    Args:
        path: where they are written.
        cadences: what is written there.
        workflow: what runs, where it is a workflow.
    """
    known = [cadence.value for cadence in Cadence if cadence.only in (None, workflow)]
    for index, cadence in enumerate(cadences):
        if cadence.only not in (None, workflow):
            remedy = closest(cadence.value, known, f"schedules of {workflow}" if workflow else "schedules")
            yield Violation((*path, index), f"{cadence.value} is for {cadence.only} only", remedy)


def _order_problems(after: Sequence[str], sources: Collection[str]) -> Iterator[Violation]:
    for index, service in enumerate(after):
        if service not in sources:
            yield Violation(
                ("after", index),
                f"there is no other source {service!r} with metadata",
                closest(service, sorted(sources), "sources"),
            )


def refusal(problems: Sequence[Violation], locate: Callable[[Path], str]) -> ConfigurationError:
    """One error for all problems: a sentence when there is one, a list when there are more."""

    def sentence(problem: Violation) -> str:
        return f"{_dotted(problem.path)}: {problem.what}" + (f": {problem.remedy}" if problem.remedy else "")

    if len(problems) == 1:
        (problem,) = problems
        return ConfigurationError(
            f"{_dotted(problem.path)}: {problem.what}", source=locate(problem.path), remedy=problem.remedy
        )
    lines = "".join(f"\n  {locate(problem.path)}: {sentence(problem)}" for problem in problems)
    return ConfigurationError(f"{len(problems)} things are wrong with this source{lines}", source=locate(()))


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
