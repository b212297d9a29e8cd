"""The part of the comparison that is about dbt: tags, owners, SQL, table lineage, tests and exposures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(catalog: Any, tables: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    """Every way in which the catalog is not what dbt says, one sentence each.

    Args:
        catalog: a ``Catalog`` of ``examples.demo.compare``.
        tables: its tables.
        expected: what ``examples.demo.expected_dbt`` found, without the descriptions.
    """
    for name, model in expected["models"].items():
        if name in tables:
            yield from _model(name, tables[name], model)
            yield from _set(f"{name} comes from", catalog.upstream(name), model["upstream"])
    for name, upstream in expected["exposures"].items():
        yield from _set(f"The dashboard {name} shows", catalog.shown_by(name), upstream)


def _model(name: str, table: Any, model: dict[str, Any]) -> Iterator[str]:
    yield from _set(f"{name} is tagged", _tags(table), model["tags"])
    for column in table.columns:
        expected = model["column_tags"].get(column.name.root, [])
        yield from _set(f"{name}.{column.name.root} is tagged", _tags(column), expected)
    owners = [owner.name for owner in (table.owners.root if table.owners else [])]
    yield from _set(f"{name} is owned by", owners, model["owners"])
    if table.dataModel is None:
        yield f"{name} has no dbt model in the catalog."
    elif model["kind"] == "model" and not (table.dataModel.sql and table.dataModel.rawSql):
        yield f"The dbt model of {name} has no SQL in the catalog."


def test_differences(
    found: dict[str, Any], expected: dict[str, dict[str, str]], tables: dict[str, Any]
) -> Iterator[str]:
    """Every way in which the catalog's tests are not those of dbt and of the source's definition, one sentence each."""
    for name, test in expected.items():
        if ".".join(test["of"].split(".")[:2]) not in tables:
            continue
        if name not in found:
            yield f"The test {name} is missing in the catalog."
            continue
        subject, status = found[name]
        if subject != test["of"]:
            yield f"The test {name} is one of {subject} in the catalog, it is one of {test['of']}."
        if status != test["status"]:
            yield f"The test {name} was {status} according to the catalog, it was {test['status']}."
    for name in sorted(set(found) - set(expected)):
        yield f"The test {name} is in the catalog, and nobody has declared one of that name."


def _tags(entity: Any) -> list[str]:
    return [label.tagFQN.root for label in entity.tags or []]


def _set(phrase: str, found: Any, expected: Any) -> Iterator[str]:
    """``phrase`` completes to a sentence with one of what is compared."""
    for each in sorted(set(expected) - set(found)):
        yield f"{phrase} {each}: the catalog does not say so."
    for each in sorted(set(found) - set(expected)):
        yield f"{phrase} {each}: only the catalog says so."
