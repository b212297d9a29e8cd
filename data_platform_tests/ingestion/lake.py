"""Small files of every format that tests put into S3, and their manifest."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Any


def parquet(**columns: Any) -> bytes:
    """A Parquet file of Arrow arrays."""
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def orders() -> bytes:
    """A Parquet file with a type that gets lost in a data frame: integers with gaps."""
    import pyarrow

    return parquet(
        id=pyarrow.array([1, 2, 3], pyarrow.int64()),
        customer=pyarrow.array([1, None, 3], pyarrow.int32()),
        total=pyarrow.array([1.5, 2.0, None]),
        at=pyarrow.array([datetime(2026, 1, 1)] * 3, pyarrow.timestamp("us")),
        tags=pyarrow.array([["a"], [], None], pyarrow.list_(pyarrow.string())),
    )


def events() -> bytes:
    """An Avro file with values that may be missing."""
    import fastavro

    schema = {
        "type": "record",
        "name": "event",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "kind", "type": "string", "doc": "What happened"},
            {"name": "score", "type": ["null", "double"], "default": None},
        ],
    }
    file = io.BytesIO()
    fastavro.writer(file, schema, [{"id": 1, "kind": "click", "score": None}])
    return file.getvalue()


def manifest(*entries: dict[str, Any]) -> bytes:
    """A bucket's ``openmetadata.json``."""
    return json.dumps({"entries": entries}).encode()


CUSTOMERS = b"id,name,balance\n1,Ada Lovelace,2.5\n2,Grace Hopper,\n"
SHOPS = b'{"name": "North", "open": true, "tills": 3}\n{"name": "South", "open": false, "tills": 4}\n'
