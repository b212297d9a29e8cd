"""What the demo starts, and that it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_platform_tests.demo.conftest import free_port
from examples.demo.layout import DemoError, password
from examples.demo.processes import answers, end_leftovers, running, sole_user

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
SLOW = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: time.sleep(0.3) or exit(7))
print("here", flush=True)
time.sleep(600)
"""


def exists(pid: int) -> bool:
    """Whether a process runs; one that ended and was not collected does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("command", [SLEEPER, [sys.executable, "-c", SLOW]], ids=["obedient", "slow"])
def test_a_program_is_gone_after_its_block(tmp_path: Path, command: list[str]) -> None:
    with running("sleeper", command, logs=tmp_path) as program:
        program.wait_until(lambda: "here" in program.log.read_text())
        assert exists(program.process.pid)
    assert not exists(program.process.pid)
    assert not list(tmp_path.glob("*.pid"))


def test_a_program_is_gone_when_its_block_fails(tmp_path: Path) -> None:
    pid = 0
    with pytest.raises(KeyboardInterrupt), running("sleeper", SLEEPER, logs=tmp_path) as program:
        pid = program.process.pid
        raise KeyboardInterrupt
    assert not exists(pid)


def test_a_program_that_ends_while_it_starts_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no room on this disk'); exit(3)"]
    with (
        pytest.raises(DemoError, match="reader ended with exit code 3 while it started:\nno room on this disk"),
        running("reader", command, logs=tmp_path) as program,
    ):
        program.wait_until(lambda: False)


def test_what_a_killed_demo_left_running_is_ended(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom examples.demo.processes import running\n"
        f"with running('sleeper', {SLEEPER!r}, logs=Path({str(tmp_path)!r})) as program:\n"
        "    print(program.process.pid, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    pid = int(killed.stdout)
    assert exists(pid)
    assert end_leftovers(tmp_path) == [f"sleeper (pid {pid})"]
    assert not exists(pid)
    assert end_leftovers(tmp_path) == []


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        (tmp_path / "postgres.pid").write_text(f"{stranger.pid} 1\n")
        assert end_leftovers(tmp_path) == []
        time.sleep(0.1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_demo_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        sole_user(tmp_path),
        pytest.raises(DemoError, match=r"another 'make demo' or 'make serve' is running here \(pid \d+\)"),
        sole_user(tmp_path),
    ):
        pass
    with sole_user(tmp_path):
        pass


def test_a_port_that_nobody_listens_on_does_not_answer() -> None:
    assert not answers(free_port())


def test_a_password_is_made_up_once(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "password"
    assert password(file) == password(file)
    assert len(password(file)) >= 32
    assert password(file) != password(tmp_path / "another")
