"""``make demo``: real sources in, a filled catalog out, through a real run of the real job.

Starts PostgreSQL, an S3, Dagster's webserver and the embedded catalog, fills the first two and a lakehouse, runs the
job of the daily schedule on every asset of the environment ``demo``, prints what Dagster recorded, and lets a separate
process compare the catalog with the sources. Whatever happens, nothing it started is left running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from rich.console import Console

from examples.demo import lakehouse, raw_files, webserver
from examples.demo.catalog import running_catalog, wait_for
from examples.demo.fill import fill
from examples.demo.layout import (
    INGESTION_BIN,
    LOGS,
    POSTGRES_PORT,
    PROJECT_ROOT,
    STATE,
    STORAGE_PORT,
    DemoError,
)
from examples.demo.postgres import Server, running_postgres
from examples.demo.processes import Program, end_leftovers, obey_signals, sole_user
from examples.demo.storage import running_storage

_PIPELINES: Final = STATE / "pipelines.json"


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
        with servers(console) as running, webserver.running_webserver() as dagster:
            if not _demonstrate(console, running, dagster):
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


def _demonstrate(console: Console, running: Servers, dagster: Program) -> bool:
    console.print(f"PostgreSQL listens on 127.0.0.1:{running.postgres.port}, an S3 on 127.0.0.1:{STORAGE_PORT}")
    if fill(running.postgres):
        console.print("The database is filled with the flights that left New York City in 2013")
    else:
        console.print("The database still holds the flights that left New York City in 2013")
    # Imported here: Dagster and the definitions take seconds, in which the servers start.
    from examples.demo import pipelines
    from examples.demo.materialize import as_table, materialize

    wait_for(running.catalog)
    raw_files.wait_for(running.files)
    lakehouse.wait_for(running.tables)
    webserver.wait_for(dagster)
    console.print("The catalog answers on http://127.0.0.1:8585/api; Dagster starts the job metadata_ingestion")
    reports = materialize(LOGS / "run.log")
    console.print(as_table(reports))
    bad = [asset for asset, report in reports.items() if not report.is_good]
    if bad:
        console.print(f"[bold red]Not materialized, or a check did not pass: {', '.join(bad)}[/]")
    _PIPELINES.write_text(json.dumps(pipelines.expected(), indent=2))
    return _compare() and not bad


def _compare() -> bool:
    command = [INGESTION_BIN / "python", "-m", "examples.demo.compare", "--pipelines", _PIPELINES]
    return subprocess.run(command, cwd=PROJECT_ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
