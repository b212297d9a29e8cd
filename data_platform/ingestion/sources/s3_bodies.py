"""What lies in S3, read in blocks and no further than needed to tell the columns of a file.

OpenMetadata's readers of JSON ask for lines. A body of botocore's has no ``readline`` of its own: Python asks it byte
by byte, and an array in one line is read to its end before anybody knows that it is one. What is packed is unpacked
above this, and its lines have no limit.
"""

from __future__ import annotations

import io
from typing import Any, Final

_BLOCK: Final = 256 * 1024
LONGEST_LINE: Final = 50 * 1024 * 1024
"""Bytes; the client reads JSON files of up to this size whole, and longer ones that have no lines record by record."""


class Body(io.BufferedReader):
    """An object's bytes, of which a line is cut where it gets too long."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line, or what of it is not too long."""
        return super().readline(LONGEST_LINE if size is None or size < 0 else size)


class Objects:
    """The one thing that the readers ask of an S3 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_object(self, **request: Any) -> dict[str, Any]:
        """An object, as the client returns it."""
        answer: dict[str, Any] = self._client.get_object(**request)
        return {**answer, "Body": Body(answer["Body"], _BLOCK)}


def footer_size(tail: bytes) -> int:
    """Bytes at the end of a Parquet file that hold its schema, by its last eight; none where these are not Parquet's.

    Anything else would be taken for a length, of up to 4 GB.
    """
    return int.from_bytes(tail[-8:-4], "little") + 8 if tail.endswith((b"PAR1", b"PARE")) else 0
