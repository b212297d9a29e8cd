"""An Iceberg catalog on disk, made with pyiceberg: SQLite for the names, files for the tables."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.typedef import Record
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer

NAME = "lakehouse"

ORDERS = Schema(
    NestedField(1, "id", LongType(), required=True, doc="The order's number"),
    NestedField(2, "customer", StringType()),
    NestedField(3, "total", DecimalType(10, 2)),
    NestedField(4, "discount", DoubleType()),
    NestedField(5, "day", DateType()),
    NestedField(6, "at", TimestamptzType()),
    identifier_field_ids=[1],
)
EVENTS = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(
        2,
        "user",
        StructType(
            NestedField(3, "name", StringType(), doc="As they typed it"),
            NestedField(4, "tags", ListType(5, StringType(), False)),
        ),
    ),
    NestedField(
        6, "items", ListType(7, StructType(NestedField(8, "sku", StringType()), NestedField(9, "n", LongType())), False)
    ),
    NestedField(10, "labels", MapType(11, StringType(), 12, DoubleType(), False)),
)


def iceberg_spec(
    catalog: RunningServer, folder: Path, workflow: Workflow, connection: dict[str, Any], **fields: Any
) -> WorkflowSpec:
    """A spec of an Iceberg source; keywords replace fields.

    Args:
        catalog: where it writes to.
        folder: where the catalog's token is put.
        workflow: what is run.
        connection: the source's.
    """
    (folder / "token").write_text(catalog.token("ingestion-bot"))
    defaults: dict[str, Any] = {
        "environment": "demo",
        "service": "iceberg",
        "connector": "Iceberg",
        "workflows": [workflow],
        "connection": connection,
        "catalog_url": catalog.url,
        "catalog_token": f"file:{folder}/token",
        "vault_address": "http://127.0.0.1:1",
        "run_id": str(uuid.uuid4()),
    }
    return WorkflowSpec.model_validate({**defaults, **fields})


class Lakehouse:
    """A catalog with nothing in it.

    Args:
        folder: where everything is kept.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.uri = f"sqlite:///{folder / 'catalog.db'}"
        self.warehouse = folder / "warehouse"
        self.catalog = SqlCatalog(NAME, uri=self.uri, warehouse=self.warehouse.as_uri())

    @property
    def connection(self) -> dict[str, Any]:
        """What a source's definition says of it."""
        return {"name": NAME, "type": "sql", "uri": self.uri, "warehouse": self.warehouse.as_uri()}

    def table(self, namespace: str | tuple[str, ...], name: str, schema: Schema = ORDERS, **more: Any) -> Table:
        """Make a table, and its namespace when it is new."""
        parts = (namespace,) if isinstance(namespace, str) else namespace
        self.catalog.create_namespace_if_not_exists(parts)
        return self.catalog.create_table((*parts, name), schema, **more)

    def close(self) -> None:
        """Leave it."""
        self.catalog.close()


def append(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows as one snapshot."""
    import pyarrow

    table.append(pyarrow.Table.from_pylist([dict(row) for row in rows], schema=table.schema().as_arrow()))


def wide(columns: int) -> Schema:
    """A schema of many columns."""
    return Schema(*(NestedField(number, f"column_{number}", LongType()) for number in range(1, columns + 1)))


def data_file(table: Table, number: int, columns: int, **fields: Any) -> DataFile:
    """What a manifest says of a data file that is not there: a thousand rows, the first column all ``number``.

    Args:
        table: which it is of.
        number: its number.
        columns: how many columns the table has, counted through from 1.
        fields: of the manifest's entry, besides.
    """
    each = range(1, columns + 1)
    bound = {1: to_bytes(LongType(), number)}
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"{table.location()}/data/{number:08}.parquet",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=1000,
        file_size_in_bytes=2**20,
        value_counts=dict.fromkeys(each, 1000),
        null_value_counts=dict.fromkeys(each, 0),
        lower_bounds=bound,
        upper_bounds=bound,
        **fields,
    )
    file.spec_id = 0
    return file
