"""What an OpenMetadata workflow says of itself once it has ended: in its status, and only in its log."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, cast

from data_platform.ingestion import names
from data_platform.ingestion.config import ClientWorkflow
from data_platform.ingestion.diagnosis import shorten
from data_platform.ingestion.traffic import Account
from data_platform.ingestion.verdict import ARTIFACTS, Failure

# How the client's sources of databases log that they go on without a part of what they were to list.
_NOT_LISTED: Final = re.compile(r"list failed for schema|Error trying to connect to database")


@dataclass(frozen=True)
class Ended:
    """A workflow that came to its end.

    Attributes:
        workflow: OpenMetadata's.
        logged: failures that it only logged.
        account: what it sent.
        warned: what it logged as a warning.
    """

    workflow: ClientWorkflow
    logged: Sequence[Failure]
    account: Account
    warned: Sequence[str] = ()

    def by_step(self) -> list[Failure]:
        """Failures that its steps reported."""
        steps = self.workflow.workflow_steps()
        return [Failure.of(step.name, failure) for step in steps for failure in step.get_status().failures]

    def reported(self) -> tuple[Failure, ...]:
        """Failures that it told of in any way."""
        return (*self.by_step(), *self.logged)

    def noted(self) -> dict[str, int]:
        """Numbers of its status, as fields of a result."""
        statuses = [step.get_status() for step in self.workflow.workflow_steps()]
        return {
            "filtered": sum(len(status.filtered) for status in statuses),
            "warnings": sum(len(status.warnings) for status in statuses),
        }

    def warnings(self) -> list[str]:
        """What it warned of in any way."""
        statuses = [step.get_status() for step in self.workflow.workflow_steps()]
        return [*self.warned, *(str(warning) for status in statuses for warning in status.warnings)]

    def doubts(self, service: str) -> dict[str, str]:
        """Why scopes may hold more than was listed: where something was lost, or all, as nobody says what else failed.

        Args:
            service: the service's fully qualified name.

        Returns:
            A reason by the fully qualified name of the scope.
        """
        if reported := self.reported():
            return {service: f"the run met failures, the first of them at {reported[0].name}"}
        lost = (loss.name for loss in self.account.losses)
        # What is no entity's name (a request's path, a row without one) may lie anywhere.
        scopes = {names.parent(name) if names.lies_in(name, [service]) else service for name in lost}
        return dict.fromkeys(scopes, "the catalog did not take all of it")


@contextmanager
def logged_failures() -> Generator[list[Failure]]:
    """Failures that OpenMetadata only logs.

    An entity whose processing raised is lost without a trace in any status, and so is a schema whose tables cannot be
    listed, a database that cannot be connected to, or a file of a dbt project that cannot be fetched or read.
    """
    failures: list[Failure] = []

    def collect(record: logging.LogRecord) -> None:
        message = _message(record)
        if record.module == "topology_runner":
            if record.levelno >= logging.ERROR or message.startswith("Unexpected value error"):
                failures.append(Failure(_at_work_on() or record.funcName, "topology", message))
        elif record.module == "dashboard_service" and message.startswith("Cannot extract dashboard details"):
            failures.append(_unread_dashboard())
        elif record.module == "dbt_config":
            failures.append(Failure(record.funcName, ARTIFACTS, message))
        elif _NOT_LISTED.search(message):
            failures.append(Failure(record.funcName, "listing", message))

    with _warnings_go_to(collect):
        yield failures


def _at_work_on() -> str | None:
    """What the client was at work on when it logged that something raised, which the message does not say."""
    caller = _caller("_run_stage_processor")
    return _name(caller["self"], caller["node_entity"]) if caller else None


def _unread_dashboard() -> Failure:
    """The dashboard that the client goes on without; its message has all that it knows of it, and not just why."""
    caller = _caller("get_dashboard")
    return Failure(str(caller["dashboard_name"]), "dashboards", shorten(str(caller["exc"])))


def _caller(function: str) -> dict[str, Any]:
    """Local variables of the innermost call of a function; empty when there is none."""
    frame: FrameType | None = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code.co_name != function:
        frame = frame.f_back
    return frame.f_locals if frame else {}


def _name(source: Any, entity: Any) -> str | None:
    """The name of what a source's connector lists: databases' tables are tuples, others are told by the connector."""
    if isinstance(entity, tuple):
        entity = cast("tuple[Any, ...]", entity)[0]
    if isinstance(entity, str):
        return entity
    for called in ("get_pipeline_name", "get_dashboard_name"):
        if tell := getattr(source, called, None):
            return str(tell(entity))
    return None


@contextmanager
def logged_warnings() -> Generator[list[str]]:
    """Everything that OpenMetadata logs as a warning or worse.

    Its connectors say nothing else of a page that they could not fetch, and go on without it.
    """
    warnings: list[str] = []
    with _warnings_go_to(lambda record: warnings.append(_message(record))):
        yield warnings


@contextmanager
def _warnings_go_to(collect: Callable[[logging.LogRecord], None]) -> Generator[None]:
    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collect(record)

    collector = Collector(level=logging.WARNING)
    logger = logging.getLogger("metadata")
    logger.addHandler(collector)
    try:
        yield
    finally:
        logger.removeHandler(collector)


def _message(record: logging.LogRecord) -> str:
    return " ".join(record.getMessage().split())
