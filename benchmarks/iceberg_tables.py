"""The tables of the benchmark ``iceberg_profiles``, and what is measured on them; runs in the ingestion environment.

``python -m benchmarks.iceberg_tables make FOLDER`` makes them; ``profile FOLDER TABLE`` and ``scan FOLDER TABLE`` print
seconds and peak memory as JSON. The clock starts when the smallest table has been read, so that everything is imported:
a run reads many tables.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

FILES = 100
ROWS = {"thousand": 1_000, "million": 1_000_000, "ten_million": 10_000_000}
"""Rows by table, each in :data:`FILES` files of five columns: long, int, double, timestamp and short text."""

MANY = "many_files"
MANY_FILES = 50_000
"""Files of the last table, which is metadata alone: no file is there, and all are in one manifest."""

_SMALL = 16 * 2**20


def connection(folder: Path) -> dict[str, Any]:
    """What a source's definition says of the catalog."""
    return {
        "name": "bench",
        "type": "sql",
        "uri": f"sqlite:///{folder}/catalog.db",
        "warehouse": f"file://{folder}/warehouse",
    }


def make(folder: Path) -> None:
    """Make the tables."""
    from pyiceberg.catalog.sql import SqlCatalog

    told = connection(folder)
    with closing(SqlCatalog(told["name"], uri=told["uri"], warehouse=told["warehouse"])) as catalog:
        catalog.create_namespace("bench")
        for name, rows in ROWS.items():
            _real(catalog, name, rows, folder)
        _synthetic(catalog)


def _real(catalog: Any, name: str, rows: int, folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    each = rows // FILES
    place = folder / name
    place.mkdir()
    paths: list[str] = []
    table = None
    for number in range(FILES):
        values = _rows(number * each, each)
        table = table or catalog.create_table(f"bench.{name}", values.schema)
        path = place / f"{number}.parquet"
        pyarrow.parquet.write_table(values, path)
        paths.append(f"file://{path}")
    table.add_files(paths)


def _rows(start: int, number: int) -> Any:
    import numpy
    import pyarrow

    ids = numpy.arange(start, start + number, dtype="int64")
    return pyarrow.table(
        {
            "id": ids,
            "quantity": pyarrow.array((ids % 97).astype("int32"), mask=ids % 10 == 0),
            "price": ids % 1000 / 8.0,
            "at": pyarrow.array(ids * 1_000_000, pyarrow.timestamp("us")),
            "kind": pyarrow.array((ids % 20).astype("str")),
        }
    )


def _synthetic(catalog: Any) -> None:
    from data_platform_tests.ingestion.lakehouse import data_file

    table = catalog.create_table(f"bench.{MANY}", _rows(0, 1).schema)
    sizes = dict.fromkeys(range(1, 6), 1000)
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append:
        for number in range(MANY_FILES):
            append.append_data_file(data_file(table, number, 5, column_sizes=sizes))


def profile(catalog: Any, name: str) -> int:
    """A table's figures from its metadata; returns the number of its rows."""
    from data_platform.ingestion.sources.iceberg_statistics import collect

    return collect(catalog.load_table(f"bench.{name}"), _SMALL).rows


def scan(catalog: Any, name: str) -> int:
    """The same figures from its data: rows, and of each column nulls, minimum and maximum."""
    import pyarrow.compute

    read = catalog.load_table(f"bench.{name}").scan().to_arrow()
    for column in read.columns:
        assert column.null_count <= len(column)
        pyarrow.compute.min_max(column)
    return read.num_rows


def measured(work: Callable[[Any, str], int], folder: Path, name: str) -> dict[str, float]:
    """What a piece of work costs."""
    from data_platform.ingestion.sources.iceberg_catalog import open_catalog

    with closing(open_catalog(connection(folder))) as catalog:
        work(catalog, "thousand")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        rows = work(catalog, name)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "seconds": seconds, "peak": peak, "grown": peak - before}


if __name__ == "__main__":
    _, verb, place, *table = sys.argv
    if verb == "make":
        make(Path(place))
    else:
        print(json.dumps(measured({"profile": profile, "scan": scan}[verb], Path(place), *table)))
