"""Starts one child process per workflow and turns what it says into Dagster's events.

A Pipes client of our own, because Dagster's subprocess client loses the checks of a child that fails, retries what
cannot succeed, knows no timeout and leaves children behind. The child of a step is gone when the step is.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import dagster as dg

from data_platform import __version__, environment
from data_platform.errors import (
    ChildCrashedError,
    DataPlatformError,
    ProtocolMismatchError,
    WorkflowTimeoutError,
)
from data_platform.ingestion.spec import COMPLETED, PROTOCOL, REPORTS, Workflow, WorkflowSpec
from data_platform.resources.announced import Noting
from data_platform.resources.processes import child, end, how_it_ended, interpreter
from data_platform.resources.turns import turn
from data_platform.secrets import variables

CHILD: Final = "data_platform.ingestion.child"

_LOOK: Final = 1.0
"""Seconds between two looks at what a child said."""

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


class WorkflowLauncher(dg.ConfigurableResource[Any]):
    """Runs OpenMetadata's workflows in child processes of the ingestion environment."""

    def run(
        self, *, context: dg.AssetExecutionContext, spec: WorkflowSpec, assets: Mapping[Workflow, dg.AssetKey]
    ) -> Iterator[Event]:
        """Do what a spec asks for and yield what was materialized and checked.

        Args:
            context: of the step that materializes the workflows' assets.
            spec: what to do.
            assets: the asset of each workflow that the spec asks for.

        Yields:
            A ``MaterializeResult`` for the asset of each workflow that did not fail, the check ``completed`` for all.

        Raises:
            dagster.Failure: a workflow failed, or the child crashed or took too long; the checks are yielded before,
                and permanent errors are not retried.
        """
        try:
            session = self.session(context, spec, assets)
        except DataPlatformError as error:
            yield from _failed_checks(context, error)
            raise _failure(error) from error
        yield from _selected(context, _results(session))
        failed = [verdict for verdict in told(session)[-1]["verdicts"] if verdict["outcome"] == "failed"]
        if failed:
            # What ended the whole run is said once, not once for each workflow.
            sentences = dict.fromkeys(str(verdict["sentence"]) for verdict in failed)
            permanent = all(verdict["permanent"] for verdict in failed)
            raise dg.Failure(" ".join(sentences), allow_retries=not permanent)

    def session(
        self, context: dg.AssetExecutionContext, spec: WorkflowSpec, assets: Mapping[Workflow, dg.AssetKey]
    ) -> dg.PipesSession:
        """Run the child to its verdict.

        Raises:
            DataPlatformError: it gave none.
        """
        python = interpreter()
        reports = Path(context.instance.storage_directory())
        reader = _Reader(context)
        with (
            turn(spec.catalog_url, spec.target, spec.timeout, context.log.info) as held,
            dg.open_pipes_session(
                context=context,
                context_injector=dg.PipesEnvContextInjector(),
                message_reader=reader,
                extras=self.extras(spec, assets, reports=str(reports / context.run.run_id / "data_platform")),
            ) as session,
            child(python, ["-m", CHILD], _variables(session, spec), [held]) as process,
        ):
            _wait(process, spec, reader.note)
        check_protocol(told(session))
        _check_verdict(process, told(session), spec)
        return session

    @staticmethod
    def extras(spec: WorkflowSpec, assets: Mapping[Workflow, dg.AssetKey], *, reports: str) -> dict[str, Any]:
        """What the child is told over Pipes.

        Args:
            spec: what it is to do.
            assets: the asset of each workflow.
            reports: folder in which it leaves what is too long for Dagster.
        """
        return {
            "spec": spec.model_dump(mode="json"),
            "assets": {workflow.value: key.to_user_string() for workflow, key in assets.items()},
            REPORTS: reports,
        }


def _variables(session: dg.PipesSession, spec: WorkflowSpec) -> dict[str, str]:
    needed = variables([spec.connection, spec.options, spec.catalog_token])
    return {**environment.for_child(needed), **session.get_bootstrap_env_vars()}


class _Reader(Noting, dg.PipesTempFileMessageReader):
    """Reads what a child writes to a file."""


def _wait(process: subprocess.Popen[bytes], spec: WorkflowSpec, look: Callable[[], None]) -> None:
    """Wait for the child's end, and look at what it said meanwhile: this process may be killed."""
    deadline = time.monotonic() + spec.timeout
    while (left := deadline - time.monotonic()) > 0:
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(left, _LOOK))
            return
        look()
    end(process)
    raise WorkflowTimeoutError(
        f"the {spec.asked} workflow was ended after {spec.timeout:g} seconds",
        source=spec.service,
        remedy="raise 'timeout' in the source's defs.yaml, or narrow its filters",
    )


def told(session: dg.PipesSession) -> list[dict[str, Any]]:
    """What the child said beside its results, in order."""
    return [cast(dict[str, Any], message) for message in session.get_custom_messages()]


def check_protocol(messages: list[dict[str, Any]]) -> None:
    """Refuse a child of another version.

    Raises:
        ProtocolMismatchError: it is.
    """
    hello = messages[0] if messages else {}
    if hello and (hello.get("protocol"), hello.get("version")) != (PROTOCOL, __version__):
        raise ProtocolMismatchError(
            f"the ingestion environment has data-platform {hello.get('version')} (protocol {hello.get('protocol')}),"
            f" Dagster has {__version__} ({PROTOCOL})",
            remedy="run 'make setup' and restart Dagster",
        )


def gave_verdict(messages: list[dict[str, Any]]) -> bool:
    """Whether a child's last word is its verdict."""
    return bool(messages) and "verdicts" in messages[-1]


def _check_verdict(process: subprocess.Popen[bytes], messages: list[dict[str, Any]], spec: WorkflowSpec) -> None:
    if process.returncode == 0 and gave_verdict(messages):
        return
    raise ChildCrashedError(
        f"the child process of the {spec.asked} workflow ended with {how_it_ended(process)} and without a verdict",
        source=spec.service,
        remedy="look at the step's stderr; a SIGKILL that nobody sent means that the machine ran out of memory",
    )


def _results(session: dg.PipesSession) -> list[Event]:
    """What the child reported; by default Pipes would also materialize what it did not report."""
    return cast("list[Event]", session.get_results(implicit_materializations=False))  # pyright: ignore[reportUnknownMemberType]


def _selected(context: dg.AssetExecutionContext, events: list[Event]) -> Iterator[Event]:
    """Events that the step was asked for: an asset may be selected without its checks."""
    wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
    for event in events:
        if not isinstance(event, dg.AssetCheckResult) or (event.asset_key, event.check_name) in wanted:
            yield event


def _failed_checks(context: dg.AssetExecutionContext, error: DataPlatformError) -> Iterator[dg.AssetCheckResult]:
    """The check ``completed`` of a child that could not report it."""
    for key in context.selected_asset_check_keys:
        if key.name == COMPLETED:
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=COMPLETED,
                passed=False,
                metadata={"verdict": error.sentence},
            )


def _failure(error: DataPlatformError) -> dg.Failure:
    return dg.Failure(error.sentence, allow_retries=not error.permanent)
