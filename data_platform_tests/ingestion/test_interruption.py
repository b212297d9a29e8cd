"""A process that is told to stop, while what runs in it catches everything."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from data_platform.errors import WorkflowInterruptedError
from data_platform.ingestion import interruption
from data_platform.ingestion.client_workflow import execute
from data_platform.ingestion.spec import WorkflowSpec


class Deaf:
    """A workflow as OpenMetadata's client can be: it goes on whatever is raised in it."""

    metadata = source = None

    def __init__(self) -> None:
        self.ended = False
        self.execute_internal = self._loop

    def _loop(self) -> None:
        with contextlib.suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)
        self.ended = True

    def execute(self) -> None:
        self.execute_internal()

    def workflow_steps(self) -> list[object]:
        return []


@pytest.fixture
def handlers() -> Iterator[None]:
    """Puts the signals' handlers back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_workflow_that_swallows_the_signal_is_interrupted_all_the_same(handlers: None) -> None:
    spec = WorkflowSpec(
        environment="demo",
        service="shop",
        connector="Postgres",
        workflows=("metadata",),
        connection={},
        catalog_url="http://127.0.0.1:1/api",
        catalog_token="env:TOKEN",
        vault_address="http://127.0.0.1:1",
        run_id="r",
    )
    interruption.obey()
    workflow = Deaf()
    with pytest.raises(WorkflowInterruptedError, match="told to stop"):
        execute(workflow, spec)
    assert workflow.ended
