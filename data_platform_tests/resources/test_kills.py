"""Whatever is killed of a real run, nothing of it goes on and the run tells."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from data_platform_tests.resources.conftest import StandIn

SLEEPS = """
    hello()
    time.sleep(120)
"""
SUCCEEDS_THE_SECOND_TIME = """
    hello()
    if len(list(folder.iterdir())) == 1:
        time.sleep(120)
    pipes.report_asset_materialization(
        metadata={"alive": sum((Path("/proc") / pid.name).exists() for pid in folder.iterdir())}
    )
    check(True)
    verdict("ok")
"""


class Run:
    """A run of the job ``everything`` in processes of its own, as the run launcher starts one."""

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).parents[2] / "dagster.yaml", home)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.get_runs()  # makes the tables, which two runs that start at once would both try to
        self.output = home / f"output.{uuid.uuid4()}"
        command = ["job", "execute", "-m", "data_platform_tests.resources.killable", "-j", "everything"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dagster", *command],
                env={**os.environ, "DAGSTER_HOME": str(home)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, timeout: float = 60) -> None:
        """Wait for the end of the run's process."""
        self.process.wait(timeout)

    def failures(self) -> list[str]:
        """What the run's step failures say."""
        return [str(event.event_specific_data) for event in self._events(dg.DagsterEventType.STEP_FAILURE)]

    def materializations(self) -> list[dg.AssetMaterialization]:
        """What the run materialized."""
        events = self._events(dg.DagsterEventType.ASSET_MATERIALIZATION)
        return [event.step_materialization_data.materialization for event in events]

    def _events(self, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        with dg.DagsterInstance.from_config(str(self._home)) as instance:
            (run,) = instance.get_runs()
            return [entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=kind)]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[], Run]]:
    runs: list[Run] = []

    def start() -> Run:
        runs.append(Run(tmp_path / "dagster"))
        return runs[-1]

    yield start
    for one in runs:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


def wait_until(condition: Callable[[], bool], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.fault(
    "the run: is terminated in Dagster's UI",
    "Its child is gone with it; nothing is materialized.",
)
def test_terminating_the_run_ends_the_child(child: Callable[[str], StandIn], run: Callable[[], Run]) -> None:
    stand_in = child(SLEEPS)
    running = run()
    wait_until(lambda: len(stand_in.alive) == 1)
    running.process.send_signal(signal.SIGINT)  # as Dagster's run launcher does when somebody presses Terminate
    running.wait()
    assert stand_in.alive == []
    assert len(stand_in.started) == 1
    assert running.materializations() == []


@pytest.mark.fault(
    "the run: has its step's process killed (SIGKILL)",
    "Its child is gone within two seconds; nothing is materialized.",
)
def test_killing_the_step_ends_its_child(child: Callable[[str], StandIn], run: Callable[[], Run]) -> None:
    stand_in = child(SLEEPS)
    running = run()
    wait_until(lambda: len(stand_in.alive) == 1)
    first = stand_in.started[0]
    os.kill(parent(first), signal.SIGKILL)
    wait_until(lambda: first not in stand_in.alive, timeout=2)
    # Dagster tells only step processes that it has started already: one that starts while the signal comes runs on.
    wait_until(lambda: len(stand_in.alive) == 1)
    running.process.send_signal(signal.SIGINT)
    running.wait()
    assert stand_in.alive == []
    assert running.materializations() == []


@pytest.mark.fault(
    "the run: is killed as a whole (SIGKILL)",
    "Its child is gone within two seconds.",
)
def test_killing_the_whole_run_ends_the_child(child: Callable[[str], StandIn], run: Callable[[], Run]) -> None:
    stand_in = child(SLEEPS)
    running = run()
    wait_until(lambda: len(stand_in.alive) == 1)
    os.killpg(running.process.pid, signal.SIGKILL)
    wait_until(lambda: stand_in.alive == [], timeout=2)


@pytest.mark.fault(
    "the run: has its child killed (SIGKILL)",
    "The step fails and is tried again, with one child at a time.",
)
def test_killing_the_child_fails_the_step_which_is_tried_again_alone(
    child: Callable[[str], StandIn], run: Callable[[], Run]
) -> None:
    stand_in = child(SUCCEEDS_THE_SECOND_TIME)
    running = run()
    wait_until(lambda: len(stand_in.alive) == 1)
    os.kill(stand_in.started[0], signal.SIGKILL)
    running.wait()
    (materialization,) = running.materializations()
    assert materialization.metadata["alive"] == dg.MetadataValue.int(1)
    assert len(stand_in.started) == 2
    assert stand_in.alive == []


@pytest.mark.fault(
    "the run: is started twice for one source",
    "The second one waits for the first.",
)
def test_two_runs_of_one_source_never_run_their_children_at_the_same_time(
    child: Callable[[str], StandIn], run: Callable[[], Run]
) -> None:
    stand_in = child("""
        hello()
        time.sleep(6)
        verdict("failed", "on purpose", permanent=True)
    """)
    first, second = run(), run()
    deadline = time.monotonic() + 90
    while first.process.poll() is None or second.process.poll() is None:
        assert len(stand_in.alive) <= 1
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(stand_in.started) == 2
