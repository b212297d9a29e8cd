"""Runs the child process as the launcher does, without Dagster, and collects everything that it says."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, DAGSTER_PIPES_MESSAGES_ENV_VAR, encode_param

from data_platform import environment
from data_platform.ingestion.spec import COMPLETED, LIFELINE, REPORTS, WorkflowSpec
from data_platform_tests.ingestion.forked import Forked


@dataclass(frozen=True)
class Ended:
    """A child that has ended.

    Attributes:
        code: its exit code, negative for a signal.
        output: its stdout and stderr.
        messages: what it said over Pipes, in order, as ``(method, params)``.
    """

    code: int
    output: str
    messages: list[tuple[str, dict[str, Any]]]

    @property
    def verdict(self) -> dict[str, Any]:
        """Its last word on the only workflow that it was asked for."""
        (verdict,) = self.verdicts.values()
        return verdict

    @property
    def verdicts(self) -> dict[str, dict[str, Any]]:
        """Its last word on each workflow."""
        last = [params["payload"] for method, params in self.messages if method == "report_custom_message"][-1]
        return {verdict["workflow"]: verdict for verdict in last["verdicts"]}

    @property
    def metadata(self) -> dict[str, Any]:
        """Values of the metadata of the only check ``completed``."""
        return self.metadata_of(self.check)

    @staticmethod
    def metadata_of(check: dict[str, Any]) -> dict[str, Any]:
        """Values of the metadata of a check."""
        return {key: value["raw_value"] for key, value in check["metadata"].items()}

    @property
    def check(self) -> dict[str, Any]:
        """The check ``completed`` of the only workflow that it was asked for."""
        (check,) = self.checks.values()
        return check

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """The checks ``completed``, by workflow."""
        completed = [check for check in self.all_checks if check["check_name"] == COMPLETED]
        return {check["asset_key"].rpartition("/")[2]: check for check in completed}

    def check_named(self, name: str) -> dict[str, Any]:
        """One check of the only workflow that it was asked for."""
        (check,) = (check for check in self.all_checks if check["check_name"] == name)
        return check

    @property
    def all_checks(self) -> list[dict[str, Any]]:
        """Every check that it reported."""
        return [params for method, params in self.messages if method == "report_asset_check"]

    @property
    def materialized(self) -> list[str]:
        """Keys of the assets that it materialized."""
        return [params["asset_key"] for method, params in self.messages if method == "report_asset_materialization"]

    @property
    def log(self) -> list[str]:
        """Its progress."""
        return [params["message"] for method, params in self.messages if method == "log"]

    @property
    def everything(self) -> str:
        """All that left the process."""
        return self.output + json.dumps(self.messages)


class Child:
    """A running child.

    Args:
        spec: what it is to do; a dict to send something else than a spec.
        folder: where its messages and its output go.
        variables: variables of its environment, beside what every child has.
        python: the interpreter to start anew, as the launcher does; without it the child is forked, which is faster.
    """

    def __init__(
        self,
        spec: WorkflowSpec | dict[str, Any],
        folder: Path,
        variables: dict[str, str] | None = None,
        *,
        python: Path | None = None,
    ) -> None:
        folder = folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        self._messages, self._output = folder / "messages", folder / "output"
        self._messages.touch()
        sent = spec.model_dump(mode="json") if isinstance(spec, WorkflowSpec) else spec
        assets = {workflow: f"openmetadata/{sent['service']}/{workflow}" for workflow in sent["workflows"]}
        context = {
            "asset_keys": list(assets.values()),
            "code_version_by_asset_key": None,
            "provenance_by_asset_key": None,
            "partition_key": None,
            "partition_key_range": None,
            "partition_time_window": None,
            "run_id": "run",
            "job_name": None,
            "retry_number": 0,
            "extras": {"spec": sent, "assets": assets, REPORTS: str(folder / "reports")},
        }
        variables = {
            **environment.for_child([]),
            **(variables or {}),
            DAGSTER_PIPES_CONTEXT_ENV_VAR: encode_param({"data": context}),
            DAGSTER_PIPES_MESSAGES_ENV_VAR: encode_param({"path": str(self._messages)}),
        }
        self._output.touch()
        lifeline, self._held = multiprocessing.Pipe(duplex=False)
        with lifeline:
            self.process = (
                _started(python, variables, self._output, lifeline)
                if python
                else Forked(variables, self._output, lifeline)
            )

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """What it has said so far."""
        lines = self._messages.read_text().splitlines()
        return [(message["method"], message["params"]) for message in map(json.loads, lines)]

    def wait_for(self, condition: Callable[[list[str]], bool], timeout: float = 60) -> None:
        """Wait until a condition on its log holds."""
        deadline = time.monotonic() + timeout
        while not condition([params["message"] for method, params in self.said() if method == "log"]):
            assert self.process.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def drop_lifeline(self) -> None:
        """What the kernel does when the step is killed."""
        self._held.close()

    def end(self, timeout: float = 90) -> Ended:
        """Wait for its end."""
        try:
            code = self.process.wait(timeout)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self._held.close()
        return Ended(code, self._output.read_text(), self.said())


def _started(python: Path, variables: dict[str, str], output: Path, lifeline: Connection) -> subprocess.Popen[bytes]:
    with output.open("wb") as written:
        return subprocess.Popen(
            [python, "-I", "-m", "data_platform.ingestion.child"],
            env={**variables, LIFELINE: str(lifeline.fileno())},
            stdout=written,
            stderr=subprocess.STDOUT,
            pass_fds=(lifeline.fileno(),),
            start_new_session=True,
        )
