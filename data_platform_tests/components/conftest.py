"""A project in a temporary folder, for sources that are only written there."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox
from dagster.components.testing.utils import DefsFolderSandbox

from data_platform.components.metadata_source import LAUNCHER
from data_platform.ingestion.spec import Workflow, WorkflowSpec

WORKING = """\
type: data_platform.components.MetadataSource
attributes:
  service: shop
  connector: Postgres
  connection:
    database: shop
    username: reader
  environments:
    dev:
      hostPort: localhost:5432
    qa:
      hostPort: shop-qa.example.org:5432
      authType: {password: "vault:secret-data/dagster/shop#password"}
  workflows:
    metadata: {}
    profiling: {}
  # What follows is for the tests' sake: a failure is to be seen at once.
  retries: 0
"""


class RecordingLauncher:
    """A launcher that notes what it was to run, and says that it was done.

    Attributes:
        specs: what it was to run.
        failing: how many times more it fails at once, and may be asked again.
    """

    def __init__(self) -> None:
        self.specs: list[WorkflowSpec] = []
        self.failing = 0

    def run(
        self, *, context: dg.AssetExecutionContext, spec: WorkflowSpec, assets: Mapping[Workflow, dg.AssetKey]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Succeed, unless it is to fail."""
        self.specs.append(spec)
        if self.failing:
            self.failing -= 1
            raise dg.RetryRequested(seconds_to_wait=0)
        for key in assets.values():
            yield dg.MaterializeResult(asset_key=key, metadata={"run": spec.run_id})
        for key in context.selected_asset_check_keys:
            yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, passed=True)


class Project:
    """A project whose definitions are only what a test writes."""

    def __init__(self, sandbox: DefsFolderSandbox) -> None:
        self._sandbox = sandbox
        self.launcher = RecordingLauncher()

    def write(self, text: str, folder: str = "shop") -> Path:
        """Write a source's definition."""
        file = self._sandbox.defs_folder_path / folder / "defs.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def load(self) -> dg.Definitions:
        """Everything that is written, as Dagster loads it; it silences the same warnings when it loads a project."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            with self._sandbox.build_all_defs() as defs:
                return defs.with_resources({LAUNCHER: self.launcher})

    def refusal(self) -> str:
        """What is wrong with what is written: the message of the error at the bottom of Dagster's."""
        with pytest.raises(Exception, match="Error while") as caught:
            self.load()
        error: BaseException = caught.value
        while error.__cause__ is not None:
            error = error.__cause__
        return str(error)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project in environment dev."""
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "dev")
    with create_defs_folder_sandbox() as sandbox:
        yield Project(sandbox)
