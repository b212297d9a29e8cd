"""What a database can say of a whole schema, asked once per schema instead of once per table.

OpenMetadata's client asks for the primary key, the unique constraints and the partitions of one table at a time: five
of its eight statements for each table, and as many journeys to a database that is far away. What comes of it is the
same. A table that the schema did not have yet when it was asked is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_AT_ONCE: Final = {
    "get_pk_constraint": "get_multi_pk_constraint",
    "get_unique_constraints": "get_multi_unique_constraints",
}
_PARTITIONED: Final = """
    SELECT namespace.nspname, class.relname
    FROM pg_partitioned_table AS partitioned
    JOIN pg_class AS class ON class.oid = partitioned.partrelid
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
"""


def constraints_by_schema() -> None:
    """Let SQLAlchemy's inspector keep the constraints of a schema, where its dialect can ask for all of them."""
    from sqlalchemy.engine.reflection import Inspector

    for one, every in _AT_ONCE.items():
        setattr(Inspector, one, _looked_up(getattr(Inspector, one), every))


def _looked_up(ask_for_one: Callable[..., Any], every: str) -> Callable[..., Any]:
    from sqlalchemy.engine import ObjectKind, ObjectScope
    from sqlalchemy.engine.default import DefaultDialect

    one_by_one = vars(DefaultDialect)[every]

    def look_up(self: Any, table_name: str, schema: str | None = None, **options: Any) -> Any:
        if getattr(self.dialect.__class__, every) is one_by_one:
            return ask_for_one(self, table_name, schema, **options)
        kept = self.info_cache.get((every, schema))
        if kept is None:
            kept = getattr(self, every)(schema, kind=ObjectKind.ANY, scope=ObjectScope.ANY)
            self.info_cache[every, schema] = kept
        found = kept.get((schema, table_name))
        return ask_for_one(self, table_name, schema, **options) if found is None else found

    return look_up


def partitions_by_database(source: Any) -> None:
    """Let the client's source of PostgreSQL ask for the partitions of those tables only that have some.

    Args:
        source: the workflow's source.
    """
    from sqlalchemy import Engine, text

    ask_for_one = source.get_table_partition_details
    kept: dict[Engine, set[tuple[str, str]]] = {}

    def get_table_partition_details(table_name: str, schema_name: str, inspector: Any) -> Any:
        if source.engine not in kept:
            with source.engine.connect() as connection:
                kept[source.engine] = {(schema, table) for schema, table in connection.execute(text(_PARTITIONED))}
        if (schema_name, table_name) not in kept[source.engine]:
            return False, None
        return ask_for_one(table_name=table_name, schema_name=schema_name, inspector=inspector)

    source.get_table_partition_details = get_table_partition_details
