"""The same flights as files in S3, before anybody loaded them: CSV, JSON, Parquet and Avro, partitioned and not.

The bucket :data:`RAW` says in a manifest what is in it, as OpenMetadata asks for; :data:`LANDING` says nothing, and the
source's ``defaultManifest`` looks for its files by their names. ``python -m examples.demo.raw_files`` fills an S3;
:func:`expected` tells what a catalog must show of it, read from the files by what the formats are read with.

Runs in the ingestion environment, which has the libraries of the formats.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from examples.demo.fill import shipped
from examples.demo.layout import INGESTION_BIN, LOGS, SECRETS
from examples.demo.processes import Program, running
from examples.demo.storage import Storage, let_read, put

RAW: Final = "nyc-flights-raw"
LANDING: Final = "nyc-flights-landing"
SERVICE: Final = "s3"

MANIFEST: Final[dict[str, Any]] = {
    "entries": [
        {"dataPath": "airlines", "structureFormat": "csv"},
        {"dataPath": "airports", "structureFormat": "json"},
        {
            "dataPath": "flights",
            "structureFormat": "parquet",
            "isPartitioned": True,
            "partitionColumns": [{"name": "month", "dataType": "INT"}],
        },
    ]
}

# What the catalog calls the types of each format.
_ARROW: Final = {
    "int64": "INT",
    "double": "FLOAT",
    "string": "STRING",
    "timestamp[ms, tz=UTC]": "DATETIME",
}
_AVRO: Final = {"string": "STRING", "int": "INT", "long": "LONG", "double": "DOUBLE"}
_PYTHON: Final = {str: "STRING", int: "INT", float: "FLOAT", bool: "BOOLEAN"}


@contextmanager
def filling(storage: Storage) -> Iterator[Program]:
    """Fill an S3 in a process of its own while the block goes on; :func:`wait_for` waits for its end."""
    command = [INGESTION_BIN / "python", "-m", "examples.demo.raw_files", "--url", storage.url]
    with running("s3-files", command, logs=LOGS) as program:
        yield program


def wait_for(filling: Program) -> None:
    """Wait until the S3 is filled.

    Raises:
        DemoError: it could not be filled.
    """
    filling.wait_for_success("the demo's S3 could not be filled")


@cache
def files() -> dict[str, dict[str, bytes]]:
    """Every file by bucket and key."""
    import pyarrow.parquet

    flights = table("flights")
    raw = {
        "openmetadata.json": json.dumps(MANIFEST, indent=2).encode(),
        "airlines/airlines.csv": _text("airlines"),
        "airports/airports.json": _json_lines(_text("airports")),
    }
    for month in range(1, 13):
        file = io.BytesIO()
        of_month = flights.filter(pyarrow.compute.equal(flights["month"], month)).drop_columns(["month"])
        pyarrow.parquet.write_table(of_month, file)
        raw[f"flights/month={month}/flights.parquet"] = file.getvalue()
    planes = io.BytesIO()
    pyarrow.parquet.write_table(table("planes"), planes)
    landing = {"planes/planes.parquet": planes.getvalue(), **_weather()}
    return {RAW: raw, LANDING: landing}


def _weather() -> dict[str, bytes]:
    """One Avro file for each airport, in folders that say which."""
    import fastavro

    number = ["null", "double"]
    whole = ((name, "int") for name in ("year", "month", "day", "hour"))
    fields: list[tuple[str, Any]] = [*whole, ("temp", number), ("wind_speed", number)]
    schema = {
        "type": "record",
        "name": "weather",
        "fields": [*({"name": name, "type": kind} for name, kind in fields), {"name": "time_hour", "type": "string"}],
    }
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(_text("weather").decode())):
        record: dict[str, Any] = {"time_hour": row["time_hour"]}
        for name, kind in fields:
            value = row[name]
            record[name] = None if value == "NA" else int(value) if kind == "int" else float(value)
        rows[row["origin"]].append(record)
    made: dict[str, bytes] = {}
    for origin, records in rows.items():
        file = io.BytesIO()
        # The marker between blocks is random unless one is given, and the same data shall be the same file.
        fastavro.writer(file, schema, records, codec="deflate", sync_marker=b"nyc-flights-2013")
        made[f"weather/origin={origin}/weather.avro"] = file.getvalue()
    return made


def _text(name: str) -> bytes:
    with shipped(name) as rows:
        return rows.read()


def table(name: str) -> Any:
    """One of the package's files as an Arrow table."""
    import pyarrow.compute
    import pyarrow.csv

    options = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return pyarrow.csv.read_csv(io.BytesIO(_text(name)), convert_options=options)


def _json_lines(text: bytes) -> bytes:
    numbers = {"lat": float, "lon": float, "alt": int, "tz": int}
    rows = csv.DictReader(io.StringIO(text.decode()))
    lines = (json.dumps({name: numbers.get(name, str)(value) for name, value in row.items()}) for row in rows)
    return "\n".join(lines).encode()


def expected() -> dict[str, Any]:
    """Every container that the catalog must show, by its name below the service, with its columns and their types."""
    found: dict[str, Any] = {bucket: {} for bucket in files()}
    for bucket, path, partitions in _structured():
        objects = {key: body for key, body in files()[bucket].items() if key.startswith(f"{path}/")}
        key, body = max(objects.items())
        found[f"{bucket}.{path}"] = {
            "format": key.rpartition(".")[2],
            "partitioned": bool(partitions),
            "objects": len(objects),
            "columns": {**partitions, **_columns(key, body)},
        }
    return {"service": SERVICE, "containers": found}


def _structured() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Bucket, path and partition columns of what has columns, from where the files lie."""
    seen: set[tuple[str, str]] = set()
    for bucket, held in files().items():
        for key in held:
            path, *folders = key.split("/")[:-1] or [""]
            if path and (bucket, path) not in seen:
                seen.add((bucket, path))
                pairs = (folder.split("=") for folder in folders)
                yield bucket, path, {name: "INT" if value.isdecimal() else "VARCHAR" for name, value in pairs}


def _columns(key: str, body: bytes) -> dict[str, str]:
    """Names and types of the columns of a file."""
    match key.rpartition(".")[2]:
        case "parquet":
            import pyarrow.parquet

            schema = pyarrow.parquet.read_schema(io.BytesIO(body))
            return {field.name: _ARROW[str(field.type)] for field in schema}
        case "avro":
            import fastavro

            schema = fastavro.reader(io.BytesIO(body)).writer_schema
            kinds = ((field["name"], field["type"]) for field in schema["fields"])
            return {name: _AVRO[kind if isinstance(kind, str) else kind[-1]] for name, kind in kinds}
        case "json":
            rows = [json.loads(line) for line in body.splitlines()]
            return {name: _PYTHON[type(value)] for name, value in rows[0].items()}
        case _:
            return dict.fromkeys(next(csv.reader(io.StringIO(body.decode()))), "STRING")


def main() -> int:
    """Fill an S3 that is empty, and leave the reader's keys where ingestion looks for them."""
    parser = argparse.ArgumentParser(description="Fill the demo's S3.")
    parser.add_argument("--url", required=True, help="the S3's endpoint")
    parser.add_argument("--secrets", type=Path, default=SECRETS, help="folder for the reader's keys")
    options = parser.parse_args()
    storage = Storage(options.url)
    for bucket, held in files().items():
        put(storage, bucket, held)
    let_read(storage, options.secrets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
