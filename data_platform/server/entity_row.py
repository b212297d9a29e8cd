"""What one entity type is: the shape of a row of the table of types (``entity_types``)."""

from __future__ import annotations

from dataclasses import dataclass

from data_platform.server import models


@dataclass(frozen=True)
class EntityType:
    """One row.

    Attributes:
        name: the type as references carry it, for example ``databaseSchema``.
        route: the collection's path below ``/api/v1``.
        entity: the generated class of what is read.
        create: the generated class of what is written; the entity itself where there is none.
        parents: ``(field, type)`` of the container, the first that is present counts; its fully
            qualified name is the prefix of this one's.
        carried: fields that are copied from the container when the entity is made.
        service: the type of the service at the root of the containment, if any.
    """

    name: str
    route: str
    entity: str
    create: str
    parents: tuple[tuple[str, str], ...] = ()
    carried: tuple[str, ...] = ()
    service: str | None = None

    @property
    def fields(self) -> frozenset[str]:
        return models.fields(self.entity)

    @property
    def defaults(self) -> dict[str, bool | int | float | str]:
        return models.defaults(self.entity)

    @property
    def references(self) -> dict[str, bool]:
        return models.references(self.entity)

    @property
    def is_service(self) -> bool:
        return self.route.startswith("/services/") and self.name.endswith("Service")


def service(name: str, module: str, title: str) -> EntityType:
    """The row of a type of services."""
    return EntityType(
        name,
        f"/services/{name}s",
        f"entity.services.{module}:{title}",
        f"api.services.create{title}:Create{title}Request",
    )


def asset(
    name: str,
    route: str,
    title: str,
    service: str | None = None,
    parents: tuple[tuple[str, str], ...] | None = None,
    carried: tuple[str, ...] = ("serviceType",),
    module: str | None = None,
) -> EntityType:
    """The row of a data asset; its container is its service unless ``parents`` says otherwise."""
    return EntityType(
        name,
        route,
        f"entity.data.{module or name}:{title}",
        f"api.data.create{title}:Create{title}Request",
        parents if parents is not None else (("service", service),) if service else (),
        carried if service else (),
        service,
    )
