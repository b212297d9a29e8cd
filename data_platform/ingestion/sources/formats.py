"""Columns of files that carry their schema, in OpenMetadata's types, from the few bytes that hold it.

OpenMetadata reads such files into a data frame and describes that; here its parsers get the schemas themselves.
"""

# What OpenMetadata and the libraries of the formats return has no types; unknown ones are allowed here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import json
from typing import Any, Final, cast

from metadata.generated.schema.entity.data.container import FileFormat
from metadata.generated.schema.entity.data.table import Column
from metadata.parsers.avro_parser import parse_avro_schema
from metadata.utils.datalake.datalake_utils import ParquetDataFrameColumnParser

# Endings that the client's readers know and its enumeration of formats does not.
_OTHER_ENDINGS: Final = {"jsonl": "json", "parq": "parquet", "pq": "parquet", "pqt": "parquet"}
_FORMATS: Final = {each.value.casefold(): each for each in FileFormat}


def file_formats(structure: str) -> list[FileFormat]:
    """OpenMetadata's names for a ``structureFormat``: ``csv.gz`` is two formats, what it does not know is none."""
    endings = structure.casefold().split(".")
    return [_FORMATS[name] for ending in endings if (name := _OTHER_ENDINGS.get(ending, ending)) in _FORMATS]


def parquet_columns(file: bytes) -> list[Column]:
    """Columns of a Parquet file, of which the end with its footer is enough, in OpenMetadata's types."""
    import pyarrow
    import pyarrow.parquet
    from pandas import DataFrame

    schema: Any = pyarrow.parquet.read_schema(pyarrow.BufferReader(file))  # pyright: ignore[reportUnknownMemberType]
    # OpenMetadata's parser of Arrow schemas takes a data frame; what it goes by is the Arrow table it makes of it.
    parser: Any = ParquetDataFrameColumnParser(DataFrame())
    parser._arrow_table = schema.empty_table()
    return parser.get_columns()


def avro_columns(file: io.IOBase) -> list[Column]:
    """Columns of an Avro file, of which the header is enough, in OpenMetadata's types.

    Raises:
        ValueError: its schema is no record, so that it has no columns.
    """
    import fastavro

    schema: Any = fastavro.reader(cast(Any, file)).writer_schema
    parsed: Any = parse_avro_schema(json.dumps(_required(schema)), cls=Column)
    if not parsed or not parsed[0].children:
        raise ValueError("its schema is no record")
    return parsed[0].children


def _required(schema: Any) -> Any:
    """An Avro schema in which a value that may be missing has the type of the value: ``["null", "int"]`` is ``int``."""
    if isinstance(schema, list):
        kinds = [_required(kind) for kind in cast(list[Any], schema) if kind != "null"]
        return kinds[0] if len(kinds) == 1 else kinds
    if isinstance(schema, dict):
        members = cast(dict[str, Any], schema)
        changed = {key: _required(members[key]) for key in ("type", "items", "values") if key in members}
        if "fields" in members:
            changed["fields"] = [_required(field) for field in members["fields"]]
        # A default belongs to the first type of a union, which may be the one that is left out here.
        return {key: value for key, value in members.items() if key != "default"} | changed
    return schema
