"""S3: buckets and the containers that their manifests name, by one listing for each entry of a manifest.

An entry that names a path is a container when there is a file; whether the file can be read is the connector's affair,
so one that nobody can read is missing from the catalog. What a pattern, a depth, an archive or a list of extensions
becomes is known to the connector alone, and what lies in a bucket that may not be read to nobody: of such a bucket only
what is named is listed, and it is said to be open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from botocore.exceptions import ClientError

from data_platform.errors import SourceRefusedError
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed

if TYPE_CHECKING:
    from metadata.generated.schema.metadataIngestion.storage.containerMetadataConfig import StorageContainerConfig
    from metadata.generated.schema.metadataIngestion.storage.manifestMetadataConfig import ManifestMetadataConfig

_MANIFEST: Final = "openmetadata.json"
_Manifest = TypeVar("_Manifest", "StorageContainerConfig", "ManifestMetadataConfig")


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Every bucket that the connection is for, and what its manifest names.

    Raises:
        SourceRefusedError: a manifest is none, so that nobody knows what it was to name.
    """
    from metadata.clients.aws_client import AWSClient

    connection: Any = source.service_connection
    client: Any = AWSClient(connection.awsConfig).get_s3_client()
    with closing(client):
        manifests = _Manifests.of(client, source)
        for bucket in connection.bucketNames or [str(each["Name"]) for each in client.list_buckets()["Buckets"]]:
            if filters.admits("container", (bucket,)):
                yield from _bucket(client, bucket, manifests, filters)


@dataclass(frozen=True)
class _Manifests:
    """The places that say what is in a bucket; the first that says anything is right.

    Attributes:
        client: S3's.
        service: the service's name.
        first: a manifest for all buckets that comes before theirs.
        default: one for buckets that have none.
    """

    client: Any
    service: str
    first: ManifestMetadataConfig | None
    default: ManifestMetadataConfig | None

    @classmethod
    def of(cls, client: Any, source: Any) -> _Manifests:
        from metadata.generated.schema.metadataIngestion.storage.manifestMetadataConfig import ManifestMetadataConfig
        from metadata.generated.schema.metadataIngestion.storageServiceMetadataPipeline import (
            NoMetadataConfigurationSource,
        )

        service, options = str(source.config.serviceName), source.source_config
        elsewhere = options.storageMetadataConfigSource
        if elsewhere and not isinstance(elsewhere, NoMetadataConfigurationSource) and source.global_manifest is None:
            raise SourceRefusedError(
                "the manifest of storageMetadataConfigSource cannot be read",
                source=service,
                remedy="correct where it lies in its defs.yaml, or the manifest",
            )
        written = (options.defaultManifest or "").strip()
        default = _parsed(ManifestMetadataConfig, written, "its defaultManifest", service) if written else None
        return cls(client, service, source.global_manifest, default)

    def entries(self, bucket: str) -> list[Any]:
        """What there is to say of a bucket.

        Raises:
            ClientError: S3 does not let it be read.
        """
        return _of_bucket(self.first, bucket) or self._own(bucket) or _of_bucket(self.default, bucket)

    def _own(self, bucket: str) -> list[Any]:
        from metadata.generated.schema.metadataIngestion.storage.containerMetadataConfig import StorageContainerConfig

        try:
            written = self.client.get_object(Bucket=bucket, Key=_MANIFEST)["Body"].read()
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return []
            raise
        return list(_parsed(StorageContainerConfig, written, f"{bucket}/{_MANIFEST}", self.service).entries)


def _of_bucket(manifest: ManifestMetadataConfig | None, bucket: str) -> list[Any]:
    return [entry for entry in manifest.entries if entry.containerName == bucket] if manifest else []


def _parsed(model: type[_Manifest], written: str | bytes, what: str, service: str) -> _Manifest:
    from pydantic import ValidationError

    try:
        return model.model_validate_json(written)
    except ValidationError as error:
        first = error.errors()[0]
        raise SourceRefusedError(
            f"{what} is no manifest ({'.'.join(map(str, first['loc']))}: {first['msg']})",
            source=service,
            remedy="correct it; until then nobody knows what it was to name, and nothing is deleted",
        ) from None


def _bucket(client: Any, bucket: str, manifests: _Manifests, filters: Filters) -> Iterator[Listed]:
    try:
        entries = manifests.entries(bucket)
        certain = [entry for entry in entries if _is_certain(entry)]
        named = [entry for entry in certain if filters.admits("container", (bucket, entry.dataPath))]
        paths = [path for entry in named if _is_there(client, bucket, path := entry.dataPath.strip("/"), entry)]
    except ClientError as error:
        if _code(error) == "NoSuchBucket":
            return
        if _code(error) != "AccessDenied":
            raise
        yield Listed("container", (bucket,), is_open=True)
    else:
        yield Listed("container", (bucket,), is_open=len(certain) < len(entries))
        yield from (Listed("container", (bucket, path)) for path in paths)


def _is_certain(entry: Any) -> bool:
    """Whether an entry of a manifest is one container, and that which it names."""
    from metadata.readers.archive import is_archive_format

    if "*" in entry.dataPath or "?" in entry.dataPath or entry.depth != 0:
        return False
    return not is_archive_format(entry.structureFormat) if entry.structureFormat else not entry.unstructuredFormats


def _is_there(client: Any, bucket: str, path: str, entry: Any) -> bool:
    """Whether there is a file below a path, or, where no structure is asked for, at it."""
    from metadata.utils.storage_utils import is_excluded_artifact

    if is_excluded_artifact(path):
        return False
    if any(not is_excluded_artifact(key) for key in _keys(client, bucket, f"{path}/")):
        return True
    return not entry.structureFormat and next(_keys(client, bucket, path), "") == path


def _keys(client: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        keys = (str(each["Key"]) for each in page.get("Contents") or ())
        yield from (key for key in keys if not key.endswith("/"))


def _code(error: ClientError) -> str:
    return str(cast(dict[str, Any], error.response)["Error"].get("Code"))
