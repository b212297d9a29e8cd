"""How much of a file in S3 is read to tell its columns."""

from __future__ import annotations

import io
from typing import Any

from botocore.response import StreamingBody

from data_platform.ingestion.sources import s3_bodies
from data_platform.ingestion.sources.s3_bodies import Objects, footer_size
from data_platform_tests.ingestion.lake import orders


class Bucket:
    """An S3 client of one object, as botocore would return it."""

    def __init__(self, content: bytes) -> None:
        self.raw = io.BytesIO(content)
        self.size = len(content)

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": StreamingBody(self.raw, self.size)}


def test_a_line_without_an_end_is_read_in_blocks_and_only_so_far() -> None:
    bucket = Bucket(b"[" + b"1," * (s3_bodies.LONGEST_LINE) + b"1]")
    body = Objects(bucket).get_object(Bucket="raw", Key="1.json")["Body"]
    assert len(body.readline()) == s3_bodies.LONGEST_LINE
    assert bucket.raw.tell() < s3_bodies.LONGEST_LINE + 2**20 < bucket.size
    body.close()


def test_lines_are_lines_and_the_end_is_the_end() -> None:
    body = Objects(Bucket(b"one\ntwo")).get_object(Bucket="raw", Key="1.json")["Body"]
    assert [body.readline() for _ in range(3)] == [b"one\n", b"two", b""]
    body.close()


def test_the_last_bytes_of_a_file_that_is_no_parquet_are_not_taken_for_the_length_of_a_footer() -> None:
    assert 8 < footer_size(orders()) < len(orders())
    assert footer_size(b"id,name\n" * 8) == 0
    assert footer_size(b"") == 0
