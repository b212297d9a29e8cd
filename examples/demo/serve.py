"""``make serve``: the demo's database, its catalog and Dagster's UI, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console

from examples.demo.catalog import wait_for
from examples.demo.fill import fill
from examples.demo.layout import CATALOG_PORT, DAGSTER_PORT, ORCHESTRATOR_BIN, PROJECT_ROOT, STATE, DemoError
from examples.demo.processes import answers, obey_signals, require_free, running
from examples.demo.run import servers


def main() -> int:
    """Serve until Ctrl-C."""
    os.environ["DAGSTER_ENVIRONMENT"] = "demo"
    obey_signals()
    console = Console()
    command = [
        ORCHESTRATOR_BIN / "dagster", "dev", "--workspace", PROJECT_ROOT / "workspace.yaml",
        "--host", "127.0.0.1", "--port", str(DAGSTER_PORT),
    ]  # fmt: skip
    try:
        require_free(DAGSTER_PORT, "Dagster's UI")
        with servers(console) as (catalog, postgres), running("dagster", command, logs=STATE / "logs") as dagster:
            fill(postgres)
            wait_for(catalog)
            dagster.wait_until(lambda: answers(DAGSTER_PORT))
            console.print(f"Dagster  http://127.0.0.1:{DAGSTER_PORT}")
            console.print(f"Catalog  http://127.0.0.1:{CATALOG_PORT}/api (token: .demo/secrets/catalog_token)")
            console.print("Ctrl-C ends both.")
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
