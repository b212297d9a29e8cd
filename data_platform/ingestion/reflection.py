"""What a database can say of a whole schema, asked once per schema instead of once per table.

OpenMetadata's client asks for the primary key and the unique constraints of one table at a time: four of its eight
statements for each table, and as many journeys to a database that is far away. What comes of it is the same. A table
that the schema did not have yet when it was asked is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_AT_ONCE: Final = {
    "get_pk_constraint": "get_multi_pk_constraint",
    "get_unique_constraints": "get_multi_unique_constraints",
}


def constraints_by_schema() -> None:
    """Let SQLAlchemy's inspector keep the constraints of a schema, where its dialect can ask for all of them."""
    from sqlalchemy.engine.reflection import Inspector

    for one, every in _AT_ONCE.items():
        setattr(Inspector, one, _looked_up(one, every))


def _looked_up(one: str, every: str) -> Callable[..., Any]:
    from sqlalchemy.engine import ObjectKind, ObjectScope
    from sqlalchemy.engine.reflection import Inspector

    ask_for_one: Callable[..., Any] = getattr(Inspector, one)

    def look_up(self: Any, table_name: str, schema: str | None = None, **options: Any) -> Any:
        # A dialect that is made from another, as Redshift's from PostgreSQL's, may have its own way for one table only.
        if _defined_by(self.dialect, one) is not _defined_by(self.dialect, every):
            return ask_for_one(self, table_name, schema, **options)
        kept = self.info_cache.get((every, schema))
        if kept is None:
            kept = getattr(self, every)(schema, kind=ObjectKind.ANY, scope=ObjectScope.ANY)
            self.info_cache[every, schema] = kept
        found = kept.get((schema, table_name))
        return ask_for_one(self, table_name, schema, **options) if found is None else found

    return look_up


def _defined_by(dialect: Any, method: str) -> type | None:
    classes: tuple[type, ...] = dialect.__class__.__mro__
    return next((each for each in classes if method in vars(each)), None)
