"""Which of a source's entities its definition lets in.

The patterns are those of OpenMetadata's source configuration and are applied as its connectors apply them: a regular
expression that matches from the beginning, whatever the case; what is excluded stays out even if it is included too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, cast

from data_platform.ingestion import names

_PATTERNS: Final = {
    "apiCollection": "apiCollectionFilterPattern",
    "apiEndpoint": "apiEndpointFilterPattern",
    "chart": "chartFilterPattern",
    "container": "containerFilterPattern",
    "dashboard": "dashboardFilterPattern",
    "dashboardDataModel": "dataModelFilterPattern",
    "database": "databaseFilterPattern",
    "databaseSchema": "schemaFilterPattern",
    "mlmodel": "mlModelFilterPattern",
    "pipeline": "pipelineFilterPattern",
    "searchIndex": "searchIndexFilterPattern",
    "storedProcedure": "storedProcedureFilterPattern",
    "table": "tableFilterPattern",
    "topic": "topicFilterPattern",
}
_INCLUDES: Final = ("includeTables", "includeViews", "includeStoredProcedures")
OPTIONS: Final = frozenset({*_PATTERNS.values(), *_INCLUDES, "useFqnForFiltering"})
"""The options that are filters."""
# Connectors match these by the name that people see, and all others by the name that the source gives them.
_BY_SHOWN_NAME: Final = frozenset({"chart", "dashboard", "dashboardDataModel", "pipeline"})
# What an entity of a database lies in, from the top.
_LADDERS: Final = {
    "databaseSchema": ("database",),
    "storedProcedure": ("database", "databaseSchema"),
    "table": ("database", "databaseSchema"),
}


class Filters:
    """The filters of one run.

    Args:
        config: OpenMetadata's parsed ``sourceConfig.config``.
        service: the service's name.
        connection: OpenMetadata's parsed connection. Of a database, a schema or buckets that it names, no other is let
            in; for such buckets there is no pattern.
    """

    def __init__(self, config: Any, service: str, connection: Any = None) -> None:
        self._config = config
        self._service = service
        self._buckets: Collection[str] = getattr(connection, "bucketNames", None) or ()
        self._only = {"database": _only_database(connection), "databaseSchema": _only_schema(connection)}
        self._by_fqn = bool(getattr(config, "useFqnForFiltering", False))

    def admits(self, kind: str, path: Sequence[str], *, is_view: bool = False, shown: str | None = None) -> bool:
        """Whether an entity passes, and everything that it lies in.

        Args:
            kind: its type.
            path: its name below the service, from the top.
            is_view: whether a table is a view of any kind.
            shown: the name that people see, where it is another one.
        """
        if kind == "container":
            return self._admits_container(*path)
        if kind == "table" and not self._includes("includeViews" if is_view else "includeTables"):
            return False
        if kind == "storedProcedure" and not self._includes("includeStoredProcedures"):
            return False
        above = enumerate(_LADDERS.get(kind, ()), start=1)
        holders = all(self._passes(holder, path[:depth], None) for depth, holder in above)
        return holders and self._passes(kind, path, shown)

    def _admits_container(self, bucket: str, *below: str) -> bool:
        """Whether a container passes: patterns are for the path below the bucket, and for that of what it lies in."""
        is_read = bucket in self._buckets if self._buckets else self._passes("container", [bucket], None)
        return is_read and all(
            self._passes("container", ["/".join(below[:depth])], None) for depth in range(1, len(below) + 1)
        )

    def _includes(self, option: str) -> bool:
        return bool(getattr(self._config, option, True))

    def _passes(self, kind: str, path: Sequence[str], shown: str | None) -> bool:
        only = self._only.get(kind)
        if only and path[-1].casefold() != only.casefold():
            return False
        pattern: Any = getattr(self._config, _PATTERNS[kind], None)
        if pattern is None:
            return True
        name = names.join(self._service, *path) if self._by_fqn else path[-1]
        if shown and kind in _BY_SHOWN_NAME:
            name = shown
        includes, excludes = cast(list[str], pattern.includes or []), cast(list[str], pattern.excludes or [])
        return not _matches(excludes, name) and (not includes or _matches(includes, name))


def _only_database(connection: Any) -> str | None:
    """The database to which a connection is confined; most are for all that their user may see."""
    catalog: Any = getattr(connection, "catalog", None)
    if isinstance(catalog, str) and catalog:
        return catalog
    if getattr(connection, "ingestAllDatabases", True):
        return None
    return getattr(connection, "database", None)


def _only_schema(connection: Any) -> str | None:
    return getattr(connection, "databaseSchema", None)


def _matches(expressions: Iterable[str], name: str) -> bool:
    return any(re.match(expression, name, re.IGNORECASE) for expression in expressions)
