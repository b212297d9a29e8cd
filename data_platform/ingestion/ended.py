"""What an OpenMetadata workflow says of itself once it has ended: in its status, and only in its log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from data_platform.ingestion import names
from data_platform.ingestion.config import ClientWorkflow
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
        return [*(str(warning) for status in statuses for warning in status.warnings), *self.warned]

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
                failures.append(Failure(record.funcName, "topology", message))
        elif record.module == "dbt_config":
            failures.append(Failure(record.funcName, ARTIFACTS, message))
        elif _NOT_LISTED.search(message):
            failures.append(Failure(record.funcName, "listing", message))

    with _warnings_go_to(collect):
        yield failures


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
