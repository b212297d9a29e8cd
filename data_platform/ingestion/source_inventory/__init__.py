"""What a source has, asked of the source itself and not of the connector that reads it.

The check ``catalog_matches_source`` and every deletion rest on it, so it shares no listing with OpenMetadata's
connectors: a connector that skips a schema, or loses a table on the way, must not be believed by both sides. It is
cheap, a handful of requests, and says no more than names and columns.

One module a connector; a connector that has none has neither the check nor deletions that rest on a second opinion.
dbt, which describes what others have, is compared by ``dbt_reconciliation`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

from data_platform.ingestion import names
from data_platform.ingestion.filters import Filters


@dataclass(frozen=True)
class Listed:
    """One entity that a source has.

    Attributes:
        kind: OpenMetadata's entity type, for example ``table``.
        path: its name below the service, from the top, for example database, schema, table.
        columns: the names of its columns, or None when they are not asked for.
        is_view: whether it is a view of any kind.
        shown: the name that people see, where it is another one.
        is_open: whether more may lie in it than is listed, so that what else the catalog has of it is not judged.
        is_hidden: whether the source has it without listing it, because the user may not see it.
    """

    kind: str
    path: tuple[str, ...]
    columns: frozenset[str] | None = None
    is_view: bool = False
    shown: str | None = None
    is_open: bool = False
    is_hidden: bool = False


Key = tuple[str, str]
"""Entity type and fully qualified name."""

SourceInventory = Mapping[Key, Listed]

Held = Sequence[tuple[str, tuple[str, ...]]]
"""Entities of the catalog: type and name below the service, what contains others before what lies in it."""

_MODULES: Final[Mapping[str, str]] = {
    "Airbyte": "airbyte",
    "Dagster": "dagster",
    "Iceberg": "iceberg",
    "Mysql": "mysql",
    "Postgres": "postgres",
    "Redash": "redash",
    "S3": "s3",
    "Superset": "superset",
    "Trino": "trino",
}
"""Modules of this package by connector; each has ``listing(source, filters) -> Iterator[Listed]``."""

_HIDING: Final = frozenset({"Trino"})
"""Connectors of sources that do not list what a user may not see; their modules have ``hidden(source, held)``, which
yields those of some entities that are there nevertheless."""

_SHOWING_ALL: Final = frozenset({"Postgres", "S3", "Trino"})
"""Connectors whose inventories also have what the user may not read: what is not in one is not in the source."""

_ELSEWHERE: Final = frozenset({"dbt"})


def exists_for(connector: str) -> bool:
    """Whether sources of a connector can be asked what they have."""
    return connector in _MODULES or connector in _ELSEWHERE


def shows_all(connector: str) -> bool:
    """Whether what an inventory lacks is not there, and not only out of its user's sight."""
    return connector in _SHOWING_ALL


def take(connector: str, service: str, source: Any, filters: Filters, held: Collection[Key]) -> SourceInventory:
    """What a source has now, as far as its filters let it in.

    Args:
        connector: one for which :func:`exists_for` holds.
        service: the service's name.
        source: OpenMetadata's source, connected; only its configuration is used.
        filters: the source's filters.
        held: what the catalog has of it that the filters let in.

    Raises:
        Exception: whatever the source's driver raises.
    """
    module = import_module(f"{__name__}.{_MODULES[connector]}")
    listing: Callable[[Any, Filters], Iterator[Listed]] = module.listing
    admitted = (
        each
        for each in listing(source, filters)
        if filters.admits(each.kind, each.path, is_view=each.is_view, shown=each.shown)
    )
    taken = {_key(service, each): each for each in map(_as_written, admitted)}
    unlisted = sorted((names.split(fqn), kind) for kind, fqn in held if (kind, fqn) not in taken)
    if unlisted and connector in _HIDING:
        found: Iterator[Listed] = module.hidden(source, [(kind, path[1:]) for path, kind in unlisted])
        taken.update((_key(service, each), each) for each in found)
    return taken


def _key(service: str, listed: Listed) -> Key:
    return listed.kind, names.join(service, *listed.path)


def _as_written(listed: Listed) -> Listed:
    """An entity under the names that the client gives it in the catalog."""
    columns = listed.columns and frozenset(map(names.escaped, listed.columns))
    return replace(listed, path=tuple(map(names.escaped, listed.path)), columns=columns)
