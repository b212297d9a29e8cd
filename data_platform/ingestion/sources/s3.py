"""S3: buckets and what lies in them, as containers with columns.

Derived from OpenMetadata's connector, which decides what becomes a container (a bucket's ``openmetadata.json``, or the
``defaultManifest`` of the source's options where a bucket has none). Different here:

- What S3 refuses is seen on the wire and reported, whatever becomes of it in the client: a bucket that may not be
  read is an empty bucket to OpenMetadata, and a success.
- Columns of Parquet and Avro come from the schema that the file itself carries. OpenMetadata loads the whole file into
  a data frame and guesses, by which an integer with gaps becomes a floating-point number.
- The sample that shows a prefix's columns is its newest file, not one drawn by lot; when it cannot be read it is
  reported, and the next one is tried.
- A prefix that one listing shows whole has its number of objects and its size, and a bucket whose figures CloudWatch
  does not know has none, rather than zero.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import botocore.exceptions
from metadata.generated.schema.entity.data.container import ContainerDataModel, FileFormat
from metadata.generated.schema.entity.data.table import Column
from metadata.generated.schema.entity.services.connections.database.datalake.s3Config import S3Config
from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
from metadata.ingestion.source.storage.s3.metadata import S3Source as OpenMetadataS3Source
from metadata.ingestion.source.storage.s3.models import S3ContainerDetails
from metadata.readers.dataframe.reader_factory import SupportedTypes, get_df_reader
from metadata.utils.datalake.datalake_utils import DataFrameColumnParser
from metadata.utils.storage_utils import is_excluded_artifact

from data_platform.errors import SourceError, SourceRefusedError, SourceUnreachableError
from data_platform.ingestion.diagnosis import distrusted
from data_platform.ingestion.sources.formats import avro_columns, file_formats, parquet_columns
from data_platform.ingestion.sources.s3_bodies import Objects, footer_size

SAMPLES: Final = 5
"""Files of a prefix that are tried before its columns are given up."""

_TAIL: Final = 64 * 1024
# Requests without which metadata is missing; what else S3 may refuse (a bucket's region, its tags) is decoration.
_READING: Final = ("ListBuckets", "ListObjectsV2", "GetObject", "HeadObject")
_ERRORS: Final = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)
_SILENT: Final = (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)
_WRONG_KEYS: Final = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})


class File(NamedTuple):
    """One object in a bucket; ``size`` is in bytes."""

    key: str
    size: int


class S3Source(OpenMetadataS3Source):
    """The connector; OpenMetadata makes one for each workflow."""

    def __init__(self, config: Any, metadata: Any) -> None:
        self._reported: set[str] = set()
        super().__init__(config, metadata)
        watch(self.s3_client, self._refused)

    def test_connection(self) -> None:
        """Whether there is something that may be read: a bucket that is refused among others is one failure, later.

        Raises:
            SourceError: S3 does not answer, or refuses everything.
        """
        client: Any = self.connection_obj.s3_client
        refusals: list[SourceError] = []
        buckets: list[str] = self.service_connection.bucketNames or []
        try:
            if not buckets:
                client.list_buckets()
            for bucket in buckets:
                try:
                    client.list_objects_v2(Bucket=bucket, MaxKeys=1)
                except botocore.exceptions.ClientError as error:
                    refusals.append(self._error(error, f"bucket {bucket}"))
        except _ERRORS as error:
            raise self._error(error, "the list of buckets") from error
        if buckets and len(refusals) == len(buckets):
            raise refusals[0]

    def _resolve_manifest_entries(self, bucket_name: str) -> list[Any]:
        """What a bucket's manifest lists; a bucket that cannot be listed has nothing, and is reported once."""
        try:
            self.s3_client.list_objects_v2(Bucket=bucket_name, MaxKeys=1)
        except _ERRORS:
            return []
        return super()._resolve_manifest_entries(bucket_name)

    def _generate_container_details(
        self, bucket_response: Any, metadata_entry: Any, parent: Any = None
    ) -> S3ContainerDetails | None:
        """The container of one manifest entry, with the columns of its newest readable file."""
        if not metadata_entry.structureFormat:
            return None
        bucket, path = str(bucket_response.name), str(metadata_entry.dataPath).strip("/")
        extension = str(metadata_entry.structureFormat)
        try:
            files, is_whole = self._files(bucket, f"{path}/", extension)
        except _ERRORS:
            return None  # reported where it was seen, on the wire
        if not files:
            self._failed(f"{bucket}/{path}", f"the manifest lists this path, and it has no {extension} file")
        for file in files[:SAMPLES]:
            columns = self._columns(bucket, file, metadata_entry)
            if columns:
                partition = self._partition_columns_to_table_columns(metadata_entry.partitionColumns)
                return S3ContainerDetails.model_validate(
                    {
                        "name": path,
                        "prefix": f"/{path}",
                        "file_formats": file_formats(extension),
                        "data_model": ContainerDataModel(
                            isPartitioned=metadata_entry.isPartitioned, columns=[*partition, *columns]
                        ),
                        "number_of_objects": len(files) if is_whole else None,
                        "size": sum(each.size for each in files) if is_whole else None,
                        "parent": parent,
                        "fullPath": self._get_full_path(bucket, f"/{path}"),
                        "sourceUrl": self._get_object_source_url(bucket_name=bucket, prefix=path),
                    }
                )
        return None

    def _files(self, bucket: str, prefix: str, extension: str) -> tuple[list[File], bool]:
        """The data files below a prefix, the newest first, and whether these are all; one listing shows a thousand."""
        answer = self.s3_client.list_objects_v2(Bucket=bucket, Prefix=prefix)
        listed: list[Any] = [
            each
            for each in answer.get("Contents") or []
            if not each["Key"].endswith("/") and not is_excluded_artifact(each["Key"])
        ]
        listed.sort(key=lambda each: (each["LastModified"], each["Key"]), reverse=True)
        # Some tables have files without the usual extension: then any file may be one of theirs.
        named = [each for each in listed if f".{extension}" in each["Key"].rpartition("/")[2]]
        return [File(each["Key"], each["Size"]) for each in named or listed], not answer.get("IsTruncated")

    def _columns(self, bucket: str, file: File, entry: Any) -> list[Column]:
        """The columns of a file; none when it cannot be read, which is reported."""
        try:
            return self._read_columns(bucket, file, entry)
        except _ERRORS:
            return []  # reported where it was seen, on the wire
        except Exception as error:  # noqa: BLE001 - the readers of the formats raise errors of all kinds
            self._failed(f"{bucket}/{file.key}", f"cannot be read as {entry.structureFormat}: {_first_line(error)}")
            return []

    def _read_columns(self, bucket: str, file: File, entry: Any) -> list[Column]:
        formats = file_formats(str(entry.structureFormat))
        if FileFormat.parquet in formats:
            return parquet_columns(self._footer(bucket, file))
        if FileFormat.avro in formats:
            body: Any = self.s3_client.get_object(Bucket=bucket, Key=file.key)["Body"]
            try:
                return avro_columns(body)
            finally:
                body.close()
        return self._parsed_columns(bucket, file, entry)

    def _footer(self, bucket: str, file: File) -> bytes:
        """The end of a Parquet file, long enough to hold its schema."""
        tail = self._end_of(bucket, file, _TAIL)
        needed = footer_size(tail)
        return tail if len(tail) >= min(needed, file.size) else self._end_of(bucket, file, needed)

    def _end_of(self, bucket: str, file: File, size: int) -> bytes:
        ranged = {"Range": f"bytes=-{size}"} if 0 < size < file.size else {}
        return self.s3_client.get_object(Bucket=bucket, Key=file.key, **ranged)["Body"].read()

    def _parsed_columns(self, bucket: str, file: File, entry: Any) -> list[Column]:
        """Columns of a format that has no schema, from its first rows, as OpenMetadata reads them."""
        kind = SupportedTypes(entry.structureFormat)
        reader: Any = get_df_reader(
            type_=kind,
            config_source=S3Config(securityConfig=self.service_connection.awsConfig),
            client=Objects(self.s3_client),
            separator=entry.separator,
            session=self.session,
        )
        chunk: Any = reader.read_first_chunk(key=file.key, bucket_name=bucket, file_size=file.size)
        frames: Any = chunk.dataframes() if callable(chunk.dataframes) else chunk.dataframes
        frame: Any = next(iter(frames or ()), None)
        if frame is None:
            raise ValueError("it has no rows")
        return DataFrameColumnParser.create(frame, kind, raw_data=chunk.raw_data).get_columns()  # pyright: ignore[reportUnknownMemberType]

    def _fetch_metric(self, bucket_name: str, metric: Any) -> Any:
        """A figure of CloudWatch's; it has none of a bucket that is new, empty or not Amazon's."""
        return super()._fetch_metric(bucket_name, metric) or None

    def _refused(self, error: Exception, bucket: str | None, path: str) -> None:
        name = "/".join(filter(None, (bucket, path))) or "the list of buckets"
        self._failed(name, self._error(error, f"bucket {bucket}" if bucket and not path else name).what)

    def _failed(self, name: str, error: str) -> None:
        if name not in self._reported:
            self._reported.add(name)
            self.status.failed(StackTraceError(name=name, error=error, stackTrace=None))

    def _error(self, error: Exception, what: str) -> SourceError:
        """The error of ours that says what one of S3's means."""
        service = str(self.config.serviceName)
        aws: Any = self.service_connection.awsConfig
        where = f" at {str(aws.endPointURL).rstrip('/')}" if aws.endPointURL else ""
        if not isinstance(error, botocore.exceptions.ClientError):
            detail = _first_line(error)
            if isinstance(error, _SILENT):
                return distrusted(detail, service, where) or SourceUnreachableError(
                    f"S3 does not answer{where} ({detail})",
                    source=service,
                    remedy="check that it is up and that the address in its defs.yaml is right",
                )
            return SourceRefusedError(
                f"S3 cannot be asked{where} ({detail})",
                source=service,
                remedy="check awsConfig in its defs.yaml and what its secret references point at",
            )
        answer: Any = error.response
        code, status = str(answer["Error"].get("Code")), int(answer["ResponseMetadata"]["HTTPStatusCode"])
        if status >= 500 or code in {"SlowDown", "RequestTimeout"}:
            return SourceUnreachableError(
                f"S3{where} fails to read {what} ({code})", source=service, remedy="look at its own log"
            )
        if code in {
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "InvalidToken",
            "InvalidClientTokenId",
        }:
            return SourceRefusedError(
                f"S3 refuses the credentials{where} ({code})",
                source=service,
                remedy="check the access key and what the secret reference points at",
            )
        if code == "NoSuchBucket":
            return SourceRefusedError(
                f"S3 has no bucket {what}{where} (NoSuchBucket)",
                source=service,
                remedy="correct bucketNames in its defs.yaml",
            )
        return SourceRefusedError(
            f"S3 refuses to let {what} be read{where} ({code})",
            source=service,
            remedy="grant the user s3:ListBucket and s3:GetObject",
        )


def watch(client: Any, refused: Any) -> None:
    """Tell ``refused(error, bucket, path)`` of every reading request that S3 did not answer with what was asked for.

    botocore hands the same ``context`` to both events of one call. A key that is not there is no refusal.
    """

    def remember(params: Any, context: Any, **_: Any) -> None:
        context["data_platform"] = (params.get("Bucket"), str(params.get("Key") or params.get("Prefix") or ""))

    def answered(http_response: Any, parsed: Any, model: Any, context: Any, **_: Any) -> None:
        if http_response.status_code < 400 or parsed.get("Error", {}).get("Code") in _ABSENT:
            return
        refused(botocore.exceptions.ClientError(parsed, model.name), *context["data_platform"])

    def unanswered(exception: Exception, context: Any, **_: Any) -> None:
        refused(exception, *context["data_platform"])

    for operation in _READING:
        client.meta.events.register(f"before-parameter-build.s3.{operation}", remember)
        client.meta.events.register(f"after-call.s3.{operation}", answered)
        client.meta.events.register(f"after-call-error.s3.{operation}", unanswered)


def _first_line(error: Exception) -> str:
    lines: Iterator[str] = iter(str(error).strip().splitlines())
    return next(lines, type(error).__name__)
