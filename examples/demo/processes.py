"""Long-running programs that the demo starts, and their certain end.

Each is started in a session of its own, so that Ctrl-C reaches only the demo, which then stops them in
order. What it started is written down beside their logs: if the demo itself was killed, the next one
finds what was left running and ends it. A process is ended by its pid, and only when the time it was
started at is the one that was written down, for a pid may belong to somebody else by then.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from examples.demo.layout import DemoError

_READY_SECONDS = 120
_STOP_SECONDS = 15


@contextmanager
def sole_user(state: Path) -> Iterator[None]:
    """Hold the state folder; two demos on one would spoil each other's data and ports.

    Raises:
        DemoError: another process of this user holds it; names its pid.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise DemoError(
                f"another 'make demo' or 'make serve' is running here (pid {lock.read().strip()}): end it with Ctrl-C"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@dataclass(frozen=True)
class Program:
    """A program that was started.

    Attributes:
        name: what files and messages call it.
        process: its process.
        log: where its output goes.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for_success(self, failure: str) -> None:
        """Wait for its end.

        Args:
            failure: what its failure means.

        Raises:
            DemoError: it failed.
        """
        if self.process.wait() != 0:
            raise DemoError(f"{failure}; see {self.log}")

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Wait for it to answer.

        Raises:
            DemoError: it ended, or did not answer in time; quotes its last lines.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not is_ready():
            if self.process.poll() is not None:
                raise DemoError(
                    f"{self.name} ended with exit code {self.process.returncode} while it started:\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{self.name} did not answer within {_READY_SECONDS} seconds; {self.log} ends:\n{self._tail()}"
                )
            time.sleep(0.1)

    def _tail(self, lines: int = 8) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def running(
    name: str,
    command: Sequence[str | os.PathLike[str]],
    *,
    logs: Path,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Iterator[Program]:
    """Run a program until the block ends.

    Args:
        name: what files and messages call it.
        command: the program and its arguments.
        logs: folder of its log and pid file.
        environment: its environment variables, or None for this process's own.
        stop_signal: what asks it to end.
    """
    logs.mkdir(parents=True, exist_ok=True)
    pid_file = logs / f"{name}.pid"
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        pid_file.write_text(f"{process.pid} {_started_at(process.pid)}\n")
        yield Program(name, process, log)
    finally:
        _stop(process, stop_signal)
        pid_file.unlink(missing_ok=True)


def end_leftovers(logs: Path) -> list[str]:
    """End what an earlier demo that was killed left running; the caller holds :func:`sole_user`.

    Returns:
        What was ended, for people: ``postgres (pid 4711)``.
    """
    ended: list[str] = []
    for pid_file in sorted(logs.glob("*.pid")):
        pid, _, started_at = pid_file.read_text().strip().partition(" ")
        if pid.isdecimal() and started_at and _started_at(int(pid)) == started_at:
            # SIGINT: PostgreSQL then closes its connections, where SIGTERM would wait for them to be closed.
            _end(int(pid), signal.SIGINT, is_gone=lambda pid=pid, at=started_at: _started_at(int(pid)) != at)
            ended.append(f"{pid_file.stem} (pid {pid})")
        pid_file.unlink()
    return ended


def obey_signals() -> None:
    """Take a polite request to end like Ctrl-C, so that everything that was started is stopped.

    A shell that starts a command in the background lets it ignore Ctrl-C, and what it starts would ignore it as
    well; Dagster ends its own processes by that signal.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def require_free(port: int, user: str) -> None:
    """Make sure that a port of this machine is free.

    Raises:
        DemoError: it is taken; names the port, who wants it, and how to find who has it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"port {port} of 127.0.0.1, which {user} needs, is taken by another program: stop it and try again "
                f"(ss -ltnp 'sport = :{port}' shows it)"
            ) from error


def answers(port: int) -> bool:
    """Whether something on this machine accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    _end(process.pid, stop_signal, is_gone=lambda: process.poll() is not None)
    process.wait()


def _end(pid: int, stop_signal: signal.Signals, is_gone: Callable[[], bool]) -> None:
    for each in (stop_signal, signal.SIGKILL):
        if is_gone():
            return
        try:
            os.kill(pid, each)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while not is_gone() and time.monotonic() < deadline:
            time.sleep(0.05)


def _started_at(pid: int) -> str:
    """What tells a process from a later one with the same pid: when it was started. Empty when there is none."""
    status = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        # The name, in parentheses, may hold anything; the start time is the 20th field after it.
        try:
            state, *fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if state == "Z" else fields[18]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()
