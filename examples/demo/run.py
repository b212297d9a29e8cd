"""``make demo``: a real database in, a filled catalog out, through a real run of the real job.

Starts PostgreSQL and the embedded catalog, fills the database, runs the job of the daily schedule on every
asset of the environment ``demo``, prints what Dagster recorded, and lets a separate process compare the
catalog with the database. Whatever happens, nothing it started is left running.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from examples.demo.catalog import running_catalog, wait_for
from examples.demo.fill import fill
from examples.demo.layout import INGESTION_BIN, LOGS, POSTGRES_PORT, PROJECT_ROOT, STATE, DemoError
from examples.demo.postgres import Server, running_postgres
from examples.demo.processes import Program, end_leftovers, obey_signals, sole_user


def main() -> int:
    """Run the demo; the exit code is 0 only if everything was catalogued, checked, and found equal."""
    os.environ["DAGSTER_ENVIRONMENT"] = "demo"
    obey_signals()
    console = Console(width=None if sys.stdout.isatty() else 120)
    started = time.monotonic()
    try:
        with servers(console) as (catalog, postgres):
            if not _demonstrate(console, catalog, postgres):
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
def servers(console: Console) -> Iterator[tuple[Program, Server]]:
    """The catalog, which may not answer yet, and PostgreSQL, for as long as the block lasts.

    Raises:
        DemoError: another demo is running, a port is taken, or a server does not start.
    """
    with sole_user(STATE):
        for left in end_leftovers(STATE / "logs"):
            console.print(f"Ended what an earlier demo left running: {left}")
        with running_catalog() as catalog, running_postgres(STATE, POSTGRES_PORT) as postgres:
            yield catalog, postgres


def _demonstrate(console: Console, catalog: Program, postgres: Server) -> bool:
    console.print(f"PostgreSQL listens on 127.0.0.1:{postgres.port}")
    if fill(postgres):
        console.print("The database is filled with the flights that left New York City in 2013")
    else:
        console.print("The database still holds the flights that left New York City in 2013")
    # Imported here: Dagster and the definitions take seconds, in which the catalog starts.
    from examples.demo.materialize import as_table, materialize

    wait_for(catalog)
    console.print("The catalog answers on http://127.0.0.1:8585/api; Dagster starts the job metadata_ingestion")
    reports = materialize(LOGS / "run.log")
    console.print(as_table(reports))
    bad = [asset for asset, report in reports.items() if not report.is_good]
    if bad:
        console.print(f"[bold red]Not materialized, or a check did not pass: {', '.join(bad)}[/]")
    return _compare() and not bad


def _compare() -> bool:
    compared = subprocess.run([INGESTION_BIN / "python", "-m", "examples.demo.compare"], cwd=PROJECT_ROOT, check=False)
    return compared.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
