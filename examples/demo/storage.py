"""An S3 of the demo's own: moto's server, with a user that may read and nothing else.

It keeps everything in memory, so it is filled at every start. Until a user exists everybody may do everything; from
then on it checks signatures and permissions like Amazon's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from examples.demo.layout import INGESTION_BIN, DemoError, write_secret
from examples.demo.processes import Program, require_free, running

REGION: Final = "us-east-1"
READER: Final = "catalog_reader"

_READ: Final = [
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "cloudwatch:GetMetricData",
]


@dataclass(frozen=True)
class Storage:
    """A running server.

    Attributes:
        url: its endpoint.
    """

    url: str

    @contextmanager
    def client(self, service: str = "s3") -> Iterator[Any]:
        """A client that may do everything, until :func:`let_read` is called."""
        import boto3

        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="administrator",
            aws_secret_access_key="administrator",
        )
        try:
            yield client
        finally:
            client.close()

    def answers(self) -> bool:
        """Whether it can be used."""
        try:
            return httpx.get(self.url, timeout=2).is_success
        except httpx.TransportError:
            return False


@contextmanager
def running_storage(logs: Path, port: int) -> Iterator[tuple[Storage, Program]]:
    """Run an empty server until the block ends; ``program.wait_until(storage.answers)`` waits for it.

    Raises:
        DemoError: the port is taken.
    """
    require_free(port, "the demo's S3")
    command = [INGESTION_BIN / "python", "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running("s3", command, logs=logs) as program:
        yield Storage(f"http://127.0.0.1:{port}"), program


def put(storage: Storage, bucket: str, files: Mapping[str, bytes]) -> None:
    """Make a bucket with these files."""
    with storage.client() as client:
        client.create_bucket(Bucket=bucket)
        for key, body in files.items():
            client.put_object(Bucket=bucket, Key=key, Body=body)


def let_read(storage: Storage, secrets: Path, *, denied: str | None = None) -> None:
    """From now on only the user :data:`READER` may do anything, which is to read; not the bucket ``denied``.

    Args:
        storage: the server.
        secrets: folder in which the user's access key is left, as ``s3_access_key_id`` and ``s3_secret_access_key``.
        denied: name of a bucket.

    Raises:
        DemoError: the server cannot be told to check.
    """
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": _READ, "Resource": "*"}]
    if denied:
        arn = f"arn:aws:s3:::{denied}"
        statements.append({"Effect": "Deny", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]})
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    with storage.client("iam") as identities:
        identities.create_user(UserName=READER)
        identities.put_user_policy(UserName=READER, PolicyName="read", PolicyDocument=policy)
        key = identities.create_access_key(UserName=READER)["AccessKey"]
    write_secret(secrets / "s3_access_key_id", key["AccessKeyId"])
    write_secret(secrets / "s3_secret_access_key", key["SecretAccessKey"])
    # The number of requests that are still let through unchecked.
    if not httpx.post(f"{storage.url}/moto-api/reset-auth", content=b"0", timeout=10).is_success:
        raise DemoError("the demo's S3 cannot be told to check permissions")
