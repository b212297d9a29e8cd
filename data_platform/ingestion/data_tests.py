"""The data-quality tests that a source's definition declares: what each is called, and what it is to OpenMetadata.

Shared by the Dagster side, which makes an asset check of each, and the child, which runs them. Whether a definition
exists and takes the parameters is not asked here; the schema of ``workflows.tests`` says so when definitions load.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from data_platform.ingestion.schemas import test_definitions


class DataTest(BaseModel):
    """One test of a table or a column.

    Attributes:
        table: the table, as ``schema.table`` or ``database.schema.table``, quoted as OpenMetadata quotes names.
        definition: OpenMetadata's test definition, for example ``columnValuesToBeNotNull``.
        column: the column that is tested, or None when it is the table.
        parameters: the definition's parameters.
        name: name of the test case in the catalog; made from definition and column unless given.
        description: what people read about it.
        severity: how bad it is when the data does not pass.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    definition: str
    column: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: str | None = None
    description: str | None = None
    severity: Literal["warn", "error"] = "error"

    @property
    def case(self) -> str:
        """Name of the test case in the catalog, one of its table's."""
        return self.name or "__".join(part for part in (self.definition, self.column) if part)

    @property
    def check(self) -> str:
        """Name of the asset check: the table and the case, without what Dagster does not allow in it."""
        return re.sub(r"\W", "_", f"{self.table}__{self.case}", flags=re.ASCII)

    @property
    def subject(self) -> str:
        """What is tested: a table, or a column of one."""
        return f"{self.table}.{self.column}" if self.column else self.table

    def definition_in_openmetadata(self) -> dict[str, Any]:
        """The same as OpenMetadata's ``TestCaseDefinition``, which takes every value as text."""
        given = {**_defaults(self.definition), **self.parameters}
        return {
            "name": self.case,
            "description": self.description,
            "testDefinitionName": self.definition,
            "columnName": self.column,
            "parameterValues": [
                {"name": name, "value": _text(name, value)} for name, value in given.items() if value is not False
            ],
            "computePassedFailedRowCount": self.column is not None,
        }


@dataclass(frozen=True)
class Tested:
    """What became of one test.

    Attributes:
        test: the test.
        passed: whether the data passed, or None when the test could not run.
        message: what OpenMetadata says of it, or why it could not run.
        case: fully qualified name of the test case in the catalog, or None when there is none.
        values: what was measured, by OpenMetadata's names.
        passed_rows: number of rows that passed, where the test is one of rows.
        failed_rows: number of rows that did not.
        recorded: whether the result is in the catalog.
    """

    test: DataTest
    passed: bool | None
    message: str
    case: str | None = None
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    passed_rows: int | None = None
    failed_rows: int | None = None
    recorded: bool = False


def declared(options: Mapping[str, Any]) -> tuple[DataTest, ...]:
    """The tests of a definition's ``workflows.tests``, in the order in which they are written.

    Args:
        options: lists of tests by table, as the schema accepts them.
    """
    by_table = cast("Mapping[str, list[dict[str, Any]]]", options)
    return tuple(DataTest(table=table, **test) for table, tests in by_table.items() for test in tests)


def _defaults(definition: str) -> dict[str, Any]:
    """Values that the catalog insists on and a definition need not give."""
    parameters = test_definitions()[definition]["properties"].get("parameters", {}).get("properties", {})
    return {name: schema["default"] for name, schema in parameters.items() if "default" in schema}


def _text(name: str, value: Any) -> str:
    # One validator reads its list with commas only, all others as Python would write it.
    return ",".join(map(str, value)) if name == "columnNames" else str(value)
