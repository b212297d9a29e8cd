"""``make serve``: the demo's database, S3 and catalog, and Dagster's UI, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console

from examples.demo import lakehouse, raw_files, webserver
from examples.demo.catalog import wait_for
from examples.demo.fill import fill
from examples.demo.layout import CATALOG_PORT, STORAGE_PORT, DemoError
from examples.demo.processes import obey_signals
from examples.demo.run import servers


def main() -> int:
    """Serve until Ctrl-C."""
    os.environ["DAGSTER_ENVIRONMENT"] = "demo"
    obey_signals()
    console = Console()
    try:
        with servers(console) as running, webserver.running_dagster() as dagster:
            fill(running.postgres)
            raw_files.wait_for(running.files)
            lakehouse.wait_for(running.tables)
            wait_for(running.catalog)
            webserver.wait_for(dagster)
            console.print(f"Dagster  {webserver.URL}")
            console.print(f"Catalog  http://127.0.0.1:{CATALOG_PORT}/api (token: .demo/secrets/catalog_token)")
            console.print(f"S3       http://127.0.0.1:{STORAGE_PORT} (keys: .demo/secrets/s3_access_key_id and so on)")
            console.print("Ctrl-C ends them all.")
            while dagster.process.poll() is None:
                time.sleep(0.5)
            raise DemoError(f"Dagster ended by itself; see {dagster.log}")
    except DemoError as error:
        console.print(str(error), style="bold red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
