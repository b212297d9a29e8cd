"""Connectors of our own, and the one place where OpenMetadata is told to use them.

A connector stands here for one of two reasons: OpenMetadata has none for the system, or it has one that loses metadata
and says nothing. What each does differently is the first thing in its module.

OpenMetadata looks a connector up through ``SourceLoader``, which it lets others replace; for every connector that is
not listed in :data:`OWN` its own answer stands. Those of :data:`CUSTOM` are of no type that it knows; it is given their
class by name, as it takes anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from data_platform.ingestion.spec import Workflow


class Own(NamedTuple):
    """Paths of the two classes that make a connector, as OpenMetadata's ``BaseSpec`` takes them.

    Attributes:
        source: the class that lists.
        connection: the class that connects.
        keeps_rest: whether OpenMetadata's own connector stays for what else it does: lineage, profiles, samples.
    """

    source: str
    connection: str
    keeps_rest: bool = False


OWN: Final = {
    "dagster": Own(
        "data_platform.ingestion.sources.dagster.DagsterSource",
        "data_platform.ingestion.sources.dagster.DagsterConnection",
    ),
    "mysql": Own(
        "data_platform.ingestion.sources.mysql.MysqlSource",
        "metadata.ingestion.source.database.mysql.connection.MySQLConnection",
        keeps_rest=True,
    ),
    "postgres": Own(
        "data_platform.ingestion.sources.postgres.PostgresSource",
        "metadata.ingestion.source.database.postgres.connection.PostgresConnection",
        keeps_rest=True,
    ),
    "s3": Own(
        "data_platform.ingestion.sources.s3.S3Source",
        "metadata.ingestion.source.storage.s3.connection.S3Connection",
    ),
    "superset": Own(
        "data_platform.ingestion.sources.superset.SupersetSource",
        "data_platform.ingestion.sources.superset.SupersetConnection",
    ),
    "trino": Own(
        "data_platform.ingestion.sources.trino.TrinoSource",
        "metadata.ingestion.source.database.trino.connection.TrinoConnection",
        keeps_rest=True,
    ),
}
"""By OpenMetadata's source type, which is the connector's name in lower case."""

CUSTOM: Final[Mapping[str, Mapping[Workflow, str]]] = {
    "Iceberg": {
        Workflow.METADATA: "data_platform.ingestion.sources.iceberg.IcebergSource",
        Workflow.PROFILING: "data_platform.ingestion.sources.iceberg_profiles.IcebergProfileSource",
    },
}
"""The classes of connectors for which OpenMetadata has no type of service, by connector and workflow."""


def install() -> None:
    """Let OpenMetadata find the connectors of :data:`OWN`; to be called before a workflow is made."""
    from metadata.utils.dependency_injector.dependency_injector import DependencyContainer
    from metadata.utils.service_spec.service_spec import BaseSpec, DefaultSourceLoader, SourceLoader

    class Loader(SourceLoader):
        def __call__(self, service_type: Any, source_type: str, from_: str = "ingestion") -> Any:
            own = OWN.get(source_type)
            classes = {"metadata_source_class": own.source, "connection_class": own.connection} if own else {}
            if own and not own.keeps_rest:
                return BaseSpec(**classes)
            return DefaultSourceLoader()(service_type, source_type, from_).model_copy(update=classes)

    DependencyContainer().override(SourceLoader, Loader)  # pyright: ignore[reportUnknownMemberType]
