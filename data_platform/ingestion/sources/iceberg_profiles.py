"""Profiles of Iceberg tables, by ``iceberg_statistics``: no query, no engine, no scan.

The tables are those that the catalog has. A few are looked at at the same time; the catalog gets them one by one. Of a
column that is tagged as PII no value is looked at, so that none can be stored. The state of each table is left in
:attr:`IcebergProfileSource.health`.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast

from metadata.generated.schema.api.data.createTableProfile import CreateTableProfileRequest
from metadata.generated.schema.entity.data.table import Table
from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
from metadata.generated.schema.metadataIngestion.workflow import Source as WorkflowSource
from metadata.ingestion.api.models import Either
from metadata.ingestion.api.steps import Source
from metadata.profiler.api.models import ProfilerResponse
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table as IcebergTable

from data_platform.ingestion import health, names, personal_data
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.sources.iceberg_catalog import (
    Name,
    error_of,
    first_line,
    in_parallel,
    namespaces,
    open_catalog,
    shown,
)
from data_platform.ingestion.sources.iceberg_model import moment
from data_platform.ingestion.sources.iceberg_settings import Settings
from data_platform.ingestion.sources.iceberg_statistics import ColumnStatistics, TableStatistics, collect

Profile = tuple[IcebergTable, TableStatistics]


class IcebergProfileSource(Source):
    """The source of the profiling workflow; it has no processor.

    Attributes:
        health: the state of the tables profiled so far.
    """

    def __init__(self, config: Any, metadata: Any) -> None:
        super().__init__()
        self.config = config
        self.metadata = metadata
        self.source_config = config.sourceConfig.config
        self.service_connection = config.serviceConnection.root.config
        self.settings = Settings(self.service_connection)
        self._states: list[health.TableHealth] = []
        self._now = health.now()
        self.test_connection()

    @classmethod
    def create(cls, config_dict: Any, metadata: Any, pipeline_name: str | None = None) -> IcebergProfileSource:
        """What OpenMetadata calls."""
        del pipeline_name
        return cls(WorkflowSource.model_validate(config_dict), metadata)

    @property
    def name(self) -> str:
        """How OpenMetadata calls the step."""
        return "Iceberg"

    @property
    def health(self) -> health.Health:
        """See the class."""
        return health.Health(self._states, self._limits, self._now)

    def prepare(self) -> None:
        """There is nothing to prepare."""

    def test_connection(self) -> None:
        """Whether the Iceberg catalog lists its namespaces.

        Raises:
            SourceError: it does not.
        """
        try:
            self._namespaces = {shown(each): each for each in namespaces(self._catalog)}
        except Exception as error:
            raise error_of(error, str(self.config.serviceName), self.settings.connection.get("uri")) from error

    def close(self) -> None:
        """Leave the Iceberg catalog."""
        if "_catalog" in vars(self):
            self._catalog.close()

    def _iter(self, *_: Any, **__: Any) -> Iterator[Either[ProfilerResponse]]:
        for table, profile in in_parallel(self._profile, self._tables(), self.settings.parallel):
            full = str(table.fullyQualifiedName.root)
            if isinstance(profile, NoSuchTableError):
                self.status.warning(full, "it is no longer in the Iceberg catalog")
            elif isinstance(profile, Exception):
                error = f"the table cannot be profiled: {type(profile).__name__}: {first_line(profile)}"
                yield Either(left=StackTraceError(name=full, error=error, stackTrace=None), right=None)
            else:
                self._states.append(_state(full, *profile))
                request = _request(*profile, int(self._now.timestamp() * 1000))
                yield Either(left=None, right=ProfilerResponse(table=table, profile=request))

    @cached_property
    def _catalog(self) -> Catalog:
        return open_catalog(self.settings.connection)

    @cached_property
    def _limits(self) -> health.Limits:
        return health.Limits.of(self.settings.options.get("health", {}))

    def _tables(self) -> Iterator[Any]:
        """The catalog's tables, as far as the filters let them in."""
        service = str(self.config.serviceName)
        filters = Filters(self.source_config, service)
        params = {"database": names.join(service, self.settings.name)}
        for table in self.metadata.list_all_entities(Table, fields=["columns", "tags"], params=params):
            _, *path = names.split(table.fullyQualifiedName.root)
            if filters.admits("table", path):
                yield table
            else:
                self.status.filter(table.fullyQualifiedName.root, "Table Filtered Out")

    def _profile(self, table: Any) -> Profile:
        _, _, schema, _ = names.split(table.fullyQualifiedName.root)
        namespace: Name = self._namespaces.get(schema, (schema,))
        loaded = self._catalog.load_table((*namespace, _unescaped(table)))
        return loaded, collect(loaded, self._limits.small, set(personal_data.columns(table)))


def _unescaped(table: Any) -> str:
    """A table's name as the source has it; OpenMetadata's client reads back what it escaped."""
    return str(table.name.root)


def _state(name: str, table: IcebergTable, statistics: TableStatistics) -> health.TableHealth:
    times = sorted(snapshot.timestamp_ms for snapshot in table.metadata.snapshots)
    return health.TableHealth(
        name,
        statistics.rows,
        statistics.is_exact,
        statistics.size,
        statistics.files,
        statistics.small_files,
        statistics.partitions,
        len(times),
        moment(times[0]) if times else None,
        moment(times[-1]) if times else None,
        statistics.delete_files,
        statistics.orphan_deletes,
        sum(column.nulls is None for column in statistics.columns),
    )


def _request(table: IcebergTable, statistics: TableStatistics, timestamp: int) -> CreateTableProfileRequest:
    figures = {
        "files": statistics.files,
        "partitions": statistics.partitions,
        "smallFiles": statistics.small_files,
        "deleteFiles": statistics.delete_files,
        "orphanDeletes": statistics.orphan_deletes,
        "columnsWithoutStatistics": sum(column.nulls is None for column in statistics.columns),
        **({} if statistics.is_exact else {"rowCountIsUpperBound": 1}),
        **({"columnFiguresAreUpperBounds": 1} if statistics.has_deletes else {}),
    }
    return CreateTableProfileRequest.model_validate(
        {
            "tableProfile": {
                "timestamp": timestamp,
                "rowCount": statistics.rows,
                "columnCount": len(table.schema().fields),
                "sizeInByte": statistics.size,
                "customMetrics": [{"name": name, "value": value} for name, value in figures.items()],
            },
            "columnProfile": [_column(column, timestamp) for column in statistics.columns],
        }
    )


def _column(column: ColumnStatistics, timestamp: int) -> dict[str, Any]:
    values, nulls = column.values, column.nulls
    total = (values or 0) + (nulls or 0)
    profile: dict[str, Any] = {
        "name": ".".join(column.path),
        "timestamp": timestamp,
        "valuesCount": values,
        "nullCount": nulls,
        "nullProportion": cast(int, nulls) / total if total else None,
        "min": column.minimum,
        "max": column.maximum,
        "distinctCount": column.distinct,
        "distinctProportion": column.distinct / values if column.distinct is not None and values else None,
    }
    return {name: value for name, value in profile.items() if value is not None}
