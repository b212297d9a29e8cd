"""What the catalog holds of one service: every entity with its version.

Two inventories, one before a run and one after it, tell what the run created, changed and left alone, whatever the
workflow says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from data_platform.errors import EntityNotFoundError
from data_platform.ingestion.catalog import CatalogClient, Entity


@dataclass(frozen=True)
class Holding:
    """One entity in the catalog.

    Attributes:
        kind: OpenMetadata's entity type, for example ``table``.
        fqn: its fully qualified name.
        id: its UUID.
        version: its version, which the catalog raises with every change.
        columns: the names of its columns, where it may have any.
        is_view: whether it is a view of any kind.
        shown: the name that people see, where it has one beside its own.
        is_deleted: whether it is deleted, softly.
    """

    kind: str
    fqn: str
    id: str
    version: float
    columns: frozenset[str] = frozenset()
    is_view: bool = False
    shown: str | None = None
    is_deleted: bool = False


# Collections that hold what lies in a service, by the service's category. Databases are walked from the top down.
COLLECTIONS: Final[dict[str, dict[str, str]]] = {
    "api": {"apiCollections": "apiCollection", "apiEndpoints": "apiEndpoint"},
    "dashboard": {"dashboards": "dashboard", "charts": "chart", "dashboard/datamodels": "dashboardDataModel"},
    "database": {
        "databases": "database",
        "databaseSchemas": "databaseSchema",
        "tables": "table",
        "storedProcedures": "storedProcedure",
    },
    "messaging": {"topics": "topic"},
    "mlmodel": {"mlmodels": "mlmodel"},
    "pipeline": {"pipelines": "pipeline"},
    "search": {"searchIndexes": "searchIndex"},
    "storage": {"containers": "container"},
}

# What a source is there for, by category: a source that lists none of these lists nothing.
LEAVES: Final[dict[str, str]] = {
    "api": "apiCollections",
    "dashboard": "dashboards",
    "database": "tables",
    "messaging": "topics",
    "mlmodel": "mlmodels",
    "pipeline": "pipelines",
    "search": "searchIndexes",
    "storage": "containers",
}


@dataclass(frozen=True)
class Inventory:
    """Everything that the catalog holds of one service, by UUID."""

    holdings: dict[str, Holding] = field(default_factory=dict[str, Holding])

    def counts(self) -> dict[str, int]:
        """Number of entities by type."""
        counts: dict[str, int] = {}
        for holding in self.holdings.values():
            counts[holding.kind] = counts.get(holding.kind, 0) + 1
        return counts

    def count(self, kind: str) -> int:
        """Number of entities of one type."""
        return self.counts().get(kind, 0)

    def without(self, deleted: Iterable[Holding]) -> Inventory:
        """The same once some of it is deleted."""
        gone = {holding.id for holding in deleted}
        return Inventory({key: holding for key, holding in self.holdings.items() if key not in gone})


@dataclass(frozen=True)
class Changed:
    """What became of a service's entities between two inventories, in numbers of entities."""

    created: int
    updated: int
    unchanged: int
    deleted: int


def take(catalog: CatalogClient, category: str, service: str, *, with_deleted: bool = False) -> Inventory:
    """The present inventory of a service; empty when the catalog does not know it.

    Args:
        catalog: the catalog.
        category: the service's category, a key of :data:`COLLECTIONS`.
        service: the service's name.
        with_deleted: whether to take what is deleted, too.
    """
    include = {"include": "all"} if with_deleted else {}
    try:
        catalog.get_by_name(f"services/{category}Services", service)
    except EntityNotFoundError:
        return Inventory()
    walk = (
        _databases(catalog, service, include) if category == "database" else _flat(catalog, category, service, include)
    )
    return Inventory({holding.id: holding for holding in walk})


def compare(before: Inventory, after: Inventory) -> Changed:
    """What changed between two inventories of the same service."""
    common = before.holdings.keys() & after.holdings.keys()
    updated = sum(before.holdings[key].version != after.holdings[key].version for key in common)
    return Changed(
        created=len(after.holdings.keys() - common),
        updated=updated,
        unchanged=len(common) - updated,
        deleted=len(before.holdings.keys() - common),
    )


def _flat(catalog: CatalogClient, category: str, service: str, include: dict[str, str]) -> Iterator[Holding]:
    for collection, kind in COLLECTIONS[category].items():
        yield from (_holding(kind, entity) for entity in catalog.list(collection, service=service, **include))


def _databases(catalog: CatalogClient, service: str, include: dict[str, str]) -> Iterator[Holding]:
    for database in catalog.list("databases", service=service, **include):
        yield _holding("database", database)
        name = database["fullyQualifiedName"]
        for schema in catalog.list("databaseSchemas", database=name, **include):
            yield _holding("databaseSchema", schema)
            procedures = catalog.list("storedProcedures", databaseSchema=schema["fullyQualifiedName"], **include)
            yield from (_holding("storedProcedure", procedure) for procedure in procedures)
        yield from (_holding("table", table) for table in catalog.list("tables", database=name, **include))


def _holding(kind: str, entity: Entity) -> Holding:
    # A container's columns are in its data model; a table has one, too, once dbt has described it.
    shape: Entity = entity.get("dataModel") or {} if kind == "container" else entity
    return Holding(
        kind,
        entity["fullyQualifiedName"],
        entity["id"],
        entity["version"],
        columns=frozenset(str(column["name"]) for column in shape.get("columns") or ()),
        is_view=str(entity.get("tableType", "")).endswith("View"),
        shown=entity.get("displayName"),
        is_deleted=bool(entity.get("deleted")),
    )


def category(kind: str) -> str:
    """The category of the services in which an entity type lies."""
    return next(name for name, kinds in COLLECTIONS.items() if kind in kinds.values())


def collection(kind: str) -> str:
    """The API's path of an entity type, for example ``tables`` of ``table``."""
    return next(path for kinds in COLLECTIONS.values() for path, each in kinds.items() if each == kind)
