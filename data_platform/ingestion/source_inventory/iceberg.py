"""Iceberg: namespaces and tables by pyiceberg's own list, with the columns that each table's metadata has now.

A table whose metadata cannot be read is listed without columns: it is there, whatever the connector makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Everything in the Iceberg catalog that the connection is for."""
    from data_platform.ingestion.sources.iceberg_catalog import in_parallel, open_catalog

    settings: Any = source.settings
    database = str(settings.name)
    yield Listed("database", (database,))
    with closing(open_catalog(settings.connection)) as catalog:
        for namespace in _walk(catalog, ()):
            schema = ".".join(namespace)
            yield Listed("databaseSchema", (database, schema))
            if not filters.admits("databaseSchema", (database, schema)):
                continue
            identifiers: list[Any] = catalog.list_tables(namespace)
            for identifier, columns in in_parallel(
                lambda each: [field.name for field in catalog.load_table(each).schema().fields],
                identifiers,
                settings.parallel,
            ):
                known = None if isinstance(columns, Exception) else frozenset(columns)
                yield Listed("table", (database, schema, identifier[-1]), known)


def _walk(catalog: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for namespace in catalog.list_namespaces(above):
        whole = namespace if namespace[: len(above)] == above else (*above, *namespace)
        yield whole
        yield from _walk(catalog, whole)
