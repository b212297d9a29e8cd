"""``make demo``: real sources in, a filled catalog out, through a real run of the real job.

Starts PostgreSQL, an S3, Dagster's webserver and the embedded catalog, fills the first two and a lakehouse, runs the
job of the daily schedule on every asset of the environment ``demo``, prints what Dagster recorded, and lets a separate
process compare the catalog with the sources. Where nothing has changed since, it is that comparison only. Whatever
happens, nothing it started is left running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console

from examples.demo import lakehouse, raw_files, standing, webserver
from examples.demo.catalog import running_catalog, wait_for
from examples.demo.fill import fill
from examples.demo.layout import (
    LOGS,
    POSTGRES_PORT,
    PROJECT_ROOT,
    STATE,
    STORAGE_PORT,
    DemoError,
)
from examples.demo.postgres import Server, running_postgres
from examples.demo.processes import Program, end_leftovers, obey_signals, sole_user
from examples.demo.report import as_table
from examples.demo.storage import running_storage


class Servers(NamedTuple):
    """What runs beside Dagster.

    Attributes:
        catalog: the catalog, which may not answer yet.
        postgres: PostgreSQL.
        files: what fills the S3.
        tables: what fills the lakehouse.
    """

    catalog: Program
    postgres: Server
    files: Program
    tables: Program


def main() -> int:
    """Run the demo; the exit code is 0 only if everything was catalogued, checked, and found equal."""
    os.environ["DAGSTER_ENVIRONMENT"] = "demo"
    obey_signals()
    console = Console(width=None if sys.stdout.isatty() else 120)
    started = time.monotonic()
    try:
        with servers(console) as running:
            if not (_stands(console, running) or _demonstrate(console, running)):
                return 1
    except DemoError as error:
        console.print(str(error), style="bold red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    console.print(f"Done in {time.monotonic() - started:.0f} seconds. To look around: [bold]make serve[/]")
    return 0


@contextmanager
def servers(console: Console) -> Iterator[Servers]:
    """Everything but Dagster, for as long as the block lasts.

    Raises:
        DemoError: another demo is running, a port is taken, or a server does not start.
    """
    with sole_user(STATE):
        for left in end_leftovers(STATE / "logs"):
            console.print(f"Ended what an earlier demo left running: {left}")
        with (
            running_catalog() as catalog,
            running_storage(LOGS, STORAGE_PORT) as (storage, s3),
            running_postgres(STATE, POSTGRES_PORT) as postgres,
        ):
            s3.wait_until(storage.answers)
            with raw_files.filling(storage) as files, lakehouse.filling() as tables:
                yield Servers(catalog, postgres, files, tables)


def _stands(console: Console, running: Servers) -> bool:
    """Whether everything is as the last good demo left it; says so."""
    note = standing.noted()
    if note is None:
        return False
    _fill(console, running)
    console.print("The definitions are those of the last run: asking sources and catalog whether they are, too")
    is_same = note.database == standing.database_digest(running.postgres)
    answer = standing.ask() if is_same else None
    if answer is None:
        console.print("They are not: all is materialized again")
        return False
    console.print(as_table(note.reports))
    console.print(answer, highlight=False)
    console.print(f"Nothing has changed since the job ran on {note.at}. To start anew, delete [bold]{STATE.name}[/]")
    return True


def _demonstrate(console: Console, running: Servers) -> bool:
    """Materialize everything and compare; whether all of it is good."""
    standing.remove()
    code = standing.code_digest(PROJECT_ROOT)
    with webserver.running_webserver() as dagster:
        _fill(console, running)
        # Imported here: Dagster and the definitions take seconds, in which the servers start.
        from examples.demo import pipelines
        from examples.demo.materialize import materialize

        webserver.wait_for(dagster)
        console.print("Dagster starts the job metadata_ingestion")
        reports = materialize(LOGS / "run.log")
    console.print(as_table(reports))
    bad = [asset for asset, report in reports.items() if not report.is_good]
    if bad:
        console.print(f"[bold red]Not materialized, or a check did not pass: {', '.join(bad)}[/]")
    standing.PIPELINES.write_text(json.dumps(pipelines.expected(), indent=2))
    is_good = subprocess.run(standing.COMPARISON, cwd=PROJECT_ROOT, check=False).returncode == 0 and not bad
    if is_good:
        standing.take(code, running.postgres, reports)
    return is_good


def _fill(console: Console, running: Servers) -> None:
    console.print(f"PostgreSQL listens on 127.0.0.1:{running.postgres.port}, an S3 on 127.0.0.1:{STORAGE_PORT}")
    verb = "is filled with" if fill(running.postgres) else "still holds"
    console.print(f"The database {verb} the flights that left New York City in 2013")
    wait_for(running.catalog)
    raw_files.wait_for(running.files)
    lakehouse.wait_for(running.tables)
    console.print("The catalog answers on http://127.0.0.1:8585/api")


if __name__ == "__main__":
    sys.exit(main())
