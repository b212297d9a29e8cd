"""Starts one child process per workflow and turns what it says into Dagster's events.

A Pipes client of our own, because Dagster's subprocess client loses the checks of a child that fails, retries what
cannot succeed, knows no timeout and leaves children behind. The child of a step is gone when the step is: it is
ended on termination and on a timeout, and it ends itself when the step is killed (``ingestion.lifeline``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

import dagster as dg

from data_platform import __version__, environment
from data_platform.errors import (
    ChildCrashedError,
    DataPlatformError,
    IncompatibleEnvironmentError,
    ProtocolMismatchError,
    WorkflowTimeoutError,
)
from data_platform.ingestion.spec import COMPLETED, LIFELINE, PROTOCOL, REPORTS, Workflow, WorkflowSpec
from data_platform.resources.turns import turn
from data_platform.secrets import variables

CHILD: Final = "data_platform.ingestion.child"
GRACE: Final = 8.0
"""Seconds between SIGTERM and SIGKILL."""

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
            session = self._session(context, spec, assets)
        except DataPlatformError as error:
            yield from _failed_checks(context, error)
            raise _failure(error) from error
        yield from _selected(context, _results(session))
        failed = [verdict for verdict in _messages(session)[-1]["verdicts"] if verdict["outcome"] == "failed"]
        if failed:
            # What ended the whole run is said once, not once for each workflow.
            sentences = dict.fromkeys(str(verdict["sentence"]) for verdict in failed)
            permanent = all(verdict["permanent"] for verdict in failed)
            raise dg.Failure(" ".join(sentences), allow_retries=not permanent)

    @staticmethod
    def _session(
        context: dg.AssetExecutionContext, spec: WorkflowSpec, assets: Mapping[Workflow, dg.AssetKey]
    ) -> dg.PipesSession:
        """Run the child to its verdict.

        Raises:
            DataPlatformError: it gave none.
        """
        python = _interpreter()
        with (
            turn(spec.catalog_url, spec.target, spec.timeout, context.log.info) as held,
            dg.open_pipes_session(
                context=context,
                context_injector=dg.PipesEnvContextInjector(),
                message_reader=dg.PipesTempFileMessageReader(),
                extras={
                    "spec": spec.model_dump(mode="json"),
                    "assets": {workflow.value: key.to_user_string() for workflow, key in assets.items()},
                    REPORTS: str(Path(context.instance.storage_directory()) / context.run.run_id / "data_platform"),
                },
            ) as session,
            _child(python, session, spec, held) as child,
        ):
            _wait(child, spec)
        _check_protocol(_messages(session))
        _check_verdict(child, _messages(session), spec)
        return session


def _interpreter() -> Path:
    python = environment.ingestion_python()
    if not python.exists():
        raise IncompatibleEnvironmentError(
            "the ingestion environment's interpreter does not exist",
            source=str(python),
            remedy="run 'make setup', or set DATA_PLATFORM_INGESTION_PYTHON",
        )
    return python


@contextmanager
def _child(python: Path, session: dg.PipesSession, spec: WorkflowSpec, turn: int) -> Generator[subprocess.Popen[bytes]]:
    """The child process; however the block is left, the child and what it started are gone afterwards."""
    lifeline, held = os.pipe()
    try:
        child = _start(python, session, spec, (lifeline, turn))
    except OSError as error:
        os.close(held)
        raise IncompatibleEnvironmentError(
            f"the ingestion environment's interpreter cannot be run ({error.strerror})",
            source=str(python),
            remedy="run 'make setup', or set DATA_PLATFORM_INGESTION_PYTHON",
        ) from error
    finally:
        os.close(lifeline)
    try:
        yield child
    finally:
        _end(child)
        os.close(held)


def _start(
    python: Path, session: dg.PipesSession, spec: WorkflowSpec, descriptors: tuple[int, int]
) -> subprocess.Popen[bytes]:
    lifeline, _ = descriptors
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [str(python), "-I", "-m", CHILD],
        env={
            **environment.for_child(variables([spec.connection, spec.options, spec.catalog_token])),
            **session.get_bootstrap_env_vars(),
            LIFELINE: str(lifeline),
        },
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,
    )


def _wait(child: subprocess.Popen[bytes], spec: WorkflowSpec) -> None:
    try:
        child.wait(spec.timeout)
    except subprocess.TimeoutExpired as error:
        _end(child)
        raise WorkflowTimeoutError(
            f"the {spec.asked} workflow was ended after {spec.timeout:g} seconds",
            source=spec.service,
            remedy="raise 'timeout' in the source's defs.yaml, or narrow its filters",
        ) from error


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to stop, then end its whole process group."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _messages(session: dg.PipesSession) -> list[dict[str, Any]]:
    return [cast(dict[str, Any], message) for message in session.get_custom_messages()]


def _check_protocol(messages: list[dict[str, Any]]) -> None:
    hello = messages[0] if messages else {}
    if hello and (hello.get("protocol"), hello.get("version")) != (PROTOCOL, __version__):
        raise ProtocolMismatchError(
            f"the ingestion environment has data-platform {hello.get('version')} (protocol {hello.get('protocol')}),"
            f" Dagster has {__version__} ({PROTOCOL})",
            remedy="run 'make setup' and restart Dagster",
        )


def _check_verdict(child: subprocess.Popen[bytes], messages: list[dict[str, Any]], spec: WorkflowSpec) -> None:
    if child.returncode == 0 and messages and "verdicts" in messages[-1]:
        return
    how = f"signal {signal.Signals(-child.returncode).name}" if child.returncode < 0 else f"code {child.returncode}"
    raise ChildCrashedError(
        f"the child process of the {spec.asked} workflow ended with {how} and without a verdict",
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
