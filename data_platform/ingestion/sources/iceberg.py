"""Iceberg: the namespaces and tables of an Iceberg catalog, read with pyiceberg.

OpenMetadata has no connector for it. The Iceberg catalog becomes a database, under the name by which pyiceberg and
engines know it; a namespace becomes a schema, a nested one with dots in its name.

- **Tables** have columns of every nested type, partitions, keys, location, and in custom properties the rest:
  partition spec, sort order, format version, properties and the latest snapshots.
- **Schema history**: the schemas that a table has had since the catalog last saw it are written one after another, so
  that the table's versions show what changed.
- **Links**: a table that a Trino shows, too, gets an edge to it; see ``iceberg_links``.

Tables are loaded a few at a time. One that cannot be read is reported; the others arrive. The connection stays here:
the catalog is told that there is a service, not how to get at it.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, cast

from metadata.generated.schema.api.data.createCustomProperty import CreateCustomPropertyRequest
from metadata.generated.schema.api.data.createDatabase import CreateDatabaseRequest
from metadata.generated.schema.api.data.createDatabaseSchema import CreateDatabaseSchemaRequest
from metadata.generated.schema.api.data.createTable import CreateTableRequest
from metadata.generated.schema.api.lineage.addLineage import AddLineageRequest
from metadata.generated.schema.api.services.createDatabaseService import CreateDatabaseServiceRequest
from metadata.generated.schema.entity.data.database import Database
from metadata.generated.schema.entity.data.databaseSchema import DatabaseSchema
from metadata.generated.schema.entity.data.table import Table, TableType
from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
from metadata.generated.schema.metadataIngestion.workflow import Source as WorkflowSource
from metadata.ingestion.api.models import Either
from metadata.ingestion.models.barrier import Barrier
from metadata.ingestion.models.custom_properties import CustomPropertyDataTypes, OMetaCustomProperties
from metadata.ingestion.source.database.database_service import DatabaseServiceSource
from metadata.utils import fqn
from metadata.utils.filters import filter_by_database, filter_by_schema, filter_by_table
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table as IcebergTable

from data_platform.errors import SourceError
from data_platform.ingestion.sources import iceberg_links, iceberg_model
from data_platform.ingestion.sources.iceberg_catalog import (
    Name,
    error_of,
    first_line,
    in_parallel,
    load,
    namespaces,
    open_catalog,
    shown,
    table_names,
)
from data_platform.ingestion.sources.iceberg_settings import Settings

_SERVICE_TYPE: Final = "CustomDatabase"
_COMMENTS: Final = ("comment", "description")


class IcebergSource(DatabaseServiceSource):
    """The connector; OpenMetadata makes one for each workflow."""

    def __init__(self, config: Any, metadata: Any) -> None:
        super().__init__()
        self.config = config
        self.metadata = metadata
        self.source_config = config.sourceConfig.config
        self.service_connection = config.serviceConnection.root.config
        self.settings = Settings(self.service_connection)
        self._names: dict[str, Name] = {}
        self._loaded: IcebergTable | Exception | None = None
        self._linked: list[str] = []
        self.test_connection()

    @classmethod
    def create(cls, config_dict: Any, metadata: Any, pipeline_name: str | None = None) -> IcebergSource:
        """What OpenMetadata calls."""
        del pipeline_name
        return cls(WorkflowSource.model_validate(config_dict), metadata)

    def test_connection(self) -> None:
        """Whether the Iceberg catalog lists its namespaces.

        Raises:
            SourceError: it does not.
        """
        try:
            self._catalog.list_namespaces()
        except Exception as error:
            raise self._error(error) from error

    def prepare(self) -> None:
        """Make the custom properties that the catalog does not have yet."""
        known: list[Any] = self.metadata.get_entity_custom_properties(Table) or []
        names = {str(each["name"]) for each in known}
        for name, (kind, description) in iceberg_model.PROPERTIES.items():
            if name not in names:
                request = CreateCustomPropertyRequest.model_validate(
                    {
                        "name": name,
                        "description": description,
                        "propertyType": self.metadata.get_property_type_ref(CustomPropertyDataTypes(kind)).root,
                    }
                )
                self.metadata.create_or_update_custom_property(
                    OMetaCustomProperties(entity_type=Table, createCustomPropertyRequest=request)
                )

    def yield_create_request_database_service(
        self, config: WorkflowSource
    ) -> Iterator[Either[CreateDatabaseServiceRequest]]:
        """The service, without its connection."""
        request = {"name": config.serviceName, "serviceType": _SERVICE_TYPE}
        yield Either(left=None, right=CreateDatabaseServiceRequest.model_validate(request))

    def get_database_names(self) -> Iterator[str]:
        """The Iceberg catalog itself."""
        name = self.settings.name
        full = self._fqn(Database, database_name=name)
        if filter_by_database(self.source_config.databaseFilterPattern, self._matched(full, name)):
            self.status.filter(full, "Database Filtered Out")
        else:
            yield name

    def yield_database(self, database_name: str) -> Iterator[Either[CreateDatabaseRequest]]:
        """The database that the Iceberg catalog is."""
        request = {"name": database_name, "service": self._service}
        yield Either(left=None, right=CreateDatabaseRequest.model_validate(request))

    def get_database_schema_names(self) -> Iterator[str]:
        """Namespaces at any depth."""
        for namespace in namespaces(self._catalog):
            name = shown(namespace)
            full = self._schema_fqn(name)
            if filter_by_schema(self.source_config.schemaFilterPattern, self._matched(full, name)):
                self.status.filter(full, "Schema Filtered Out")
            else:
                self._names[name] = namespace
                yield name

    def yield_database_schema(self, schema_name: str) -> Iterator[Either[CreateDatabaseSchemaRequest]]:
        """The schema that a namespace is."""
        request = {
            "name": schema_name,
            "database": self._fqn(Database, database_name=self.settings.name),
            "description": self._comment(schema_name),
        }
        yield Either(left=None, right=CreateDatabaseSchemaRequest.model_validate(request))

    def get_tables_name_and_type(self) -> Iterator[tuple[str, TableType]]:
        """The tables of the namespace at hand; each is loaded before its turn comes."""
        schema = self._schema
        try:
            listed = table_names(self._catalog, self._names[schema])
        except Exception as error:  # noqa: BLE001 - catalogs raise errors of all kinds
            self._failed(self._schema_fqn(schema), self._error(error).what)
            return
        admitted = [name for name in listed if self._admits(name)]
        for name, table in in_parallel(
            lambda name: load(self._catalog, self._names[schema], name), admitted, self.settings.parallel
        ):
            self._loaded = table
            yield name, TableType.Iceberg

    def yield_table(self, table_name_and_type: tuple[str, TableType]) -> Iterator[Either[Any]]:
        """A table as it is now, after the schemas that it had before."""
        name, _ = table_name_and_type
        full = self._table_fqn(name)
        if isinstance(self._loaded, Exception):
            error = f"the table cannot be read: {type(self._loaded).__name__}: {first_line(self._loaded)}"
            yield Either(left=StackTraceError(name=full, error=error, stackTrace=None), right=None)
            return
        metadata = cast(IcebergTable, self._loaded).metadata
        held = self._held_extensions.get(full)
        earlier = list(iceberg_model.earlier_schemas(metadata, (held or {}).get(iceberg_model.SNAPSHOT)))
        for schema in earlier:
            yield Either(left=None, right=self._request(name, {"columns": iceberg_model.columns(schema)}))
            # The sink sends what it has at once, in no order; versions of one table have one.
            yield Either(left=None, right=Barrier(reason=full))
        order = metadata.sort_order_by_id(metadata.default_sort_order_id)
        described: dict[str, Any] = {
            "columns": iceberg_model.columns(metadata.schema()),
            "tableConstraints": iceberg_model.constraints(metadata.schema(), order) if order else [],
            "tablePartition": iceberg_model.partition(metadata.spec(), metadata.schema()),
            "description": next((metadata.properties[key] for key in _COMMENTS if metadata.properties.get(key)), None),
            "locationPath": metadata.location,
            # The whole extension is replaced, and what people wrote into it is theirs.
            "extension": {
                **{key: value for key, value in (held or {}).items() if key not in iceberg_model.PROPERTIES},
                **iceberg_model.extension(metadata),
            },
        }
        request = self._request(name, described)
        yield Either(left=None, right=request)
        self.register_record(table_request=request)
        self._linked.append(full)
        if (held is not None or earlier) and held != described["extension"]:
            yield Either(left=None, right=Barrier(reason=full))
            self._patch(full, described["extension"])

    def yield_external_table_lineage(self) -> Iterator[Either[Any]]:
        """Edges to the same tables in a Trino, once all tables are in the catalog."""
        yield Either(left=None, right=Barrier(reason="links"))
        edges: Iterable[AddLineageRequest] = iceberg_links.edges(
            self.metadata, self._linked, self.settings.name, self.settings.options.get("engines")
        )
        for edge in edges:
            yield Either(left=None, right=edge)

    def yield_table_constraints(self) -> Iterator[Either[Any]]:
        """A table's keys are its own; Iceberg has none that refer to others."""
        yield from ()

    def yield_tag(self, schema_name: str) -> Iterator[Either[Any]]:
        """Iceberg has no tags."""
        del schema_name
        yield from ()

    def get_stored_procedures(self) -> Iterator[Any]:
        """Iceberg has no procedures."""
        yield from ()

    def yield_stored_procedure(self, stored_procedure: Any) -> Iterator[Either[Any]]:
        """Iceberg has no procedures."""
        del stored_procedure
        yield from ()

    def close(self) -> None:
        """Leave the Iceberg catalog."""
        if "_catalog" in vars(self):
            self._catalog.close()

    @cached_property
    def _catalog(self) -> Catalog:
        return open_catalog(self.settings.connection)

    @cached_property
    def _held_extensions(self) -> Mapping[str, Mapping[str, Any]]:
        """Custom properties of the tables that the catalog has already, by their fully qualified names."""
        database = self._fqn(Database, database_name=self.settings.name)
        if self.metadata.get_by_name(Database, database) is None:
            return {}
        listed = self.metadata.list_all_entities(Table, fields=["extension"], params={"database": database})
        return {each.fullyQualifiedName.root: each.extension.root if each.extension else {} for each in listed}

    def _patch(self, table: str, extension: Mapping[str, Any]) -> None:
        """Write a table's custom properties: of a bot's PUT OpenMetadata takes them only when it makes the table."""
        entity: Any = self.metadata.get_by_name(Table, table)
        if entity is not None:
            change = [{"op": "add", "path": "/extension", "value": extension}]
            self.metadata.client.patch(f"/tables/{entity.id.root}", data=json.dumps(change))

    @property
    def _service(self) -> str:
        return str(self.config.serviceName)

    @property
    def _schema(self) -> str:
        return str(cast(Any, self.context.get()).database_schema)

    def _request(self, name: str, described: Mapping[str, Any]) -> CreateTableRequest:
        return CreateTableRequest.model_validate(
            {
                "name": name,
                "tableType": "Iceberg",
                "databaseSchema": self._schema_fqn(self._schema),
                **described,
            }
        )

    def _comment(self, schema: str) -> str | None:
        """What a namespace's properties say of it; a catalog may not let them be read."""
        try:
            properties = self._catalog.load_namespace_properties(self._names[schema])
        except Exception as error:  # noqa: BLE001 - catalogs raise errors of all kinds
            self.status.warning(self._schema_fqn(schema), f"its properties cannot be read: {first_line(error)}")
            return None
        return next((properties[key] for key in _COMMENTS if properties.get(key)), None)

    def _admits(self, table: str) -> bool:
        full = self._table_fqn(table)
        if filter_by_table(self.source_config.tableFilterPattern, self._matched(full, table)):
            self.status.filter(full, "Table Filtered Out")
            return False
        return True

    def _matched(self, full: str, name: str) -> str:
        """What a filter is matched with."""
        return full if self.source_config.useFqnForFiltering else name

    def _table_fqn(self, table: str) -> str:
        return self._fqn(
            Table,
            database_name=self.settings.name,
            schema_name=self._schema,
            table_name=table,
            skip_es_search=True,
        )

    def _schema_fqn(self, schema: str) -> str:
        return self._fqn(DatabaseSchema, database_name=self.settings.name, schema_name=schema)

    def _fqn(self, kind: Any, **parts: Any) -> str:
        return str(fqn.build(self.metadata, entity_type=kind, service_name=self._service, **parts))

    def _error(self, error: Exception) -> SourceError:
        return error_of(error, self._service, self.settings.connection.get("uri"))

    def _failed(self, name: str, error: str) -> None:
        self.status.failed(StackTraceError(name=name, error=error, stackTrace=None))
