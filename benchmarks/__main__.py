"""``python -m benchmarks [NAME …]``: all benchmarks, or those named."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import embedded_catalog, iceberg_profiles, list_definitions, postgres_metadata, postgres_profiling

BENCHMARKS = {
    "embedded_catalog": embedded_catalog.run,
    "iceberg_profiles": iceberg_profiles.run,
    "list_definitions": list_definitions.run,
    "postgres_metadata": postgres_metadata.run,
    "postgres_profiling": postgres_profiling.run,
}


def main(names: list[str]) -> None:
    """Run benchmarks by name, all of them when none is given."""
    unknown = set(names) - BENCHMARKS.keys()
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            BENCHMARKS[name](Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
