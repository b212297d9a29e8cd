"""The seeded test definitions: one line each, of OpenMetadata's own validators."""

from __future__ import annotations

from typing import Any

_NUMBERS = "NUMBER TINYINT SMALLINT INT BIGINT BYTEINT FLOAT DOUBLE DECIMAL NUMERIC"
_TEXTS = "BYTES STRING MEDIUMTEXT TEXT CHAR VARCHAR"
_TIMES = "TIMESTAMP TIMESTAMPZ TIME DATE DATETIME"
_ANY = f"{_NUMBERS} {_TEXTS} {_TIMES} BOOLEAN ARRAY JSON UUID"

# name | what must hold | data types | parameters, a required one with an exclamation mark
_TABLE = """
tableColumnCountToBeBetween | The number of columns is in a range || minColValue:INT maxColValue:INT
tableColumnCountToEqual | The number of columns is a value || columnCount:INT!
tableColumnNameToExist | A column of that name is there || columnName:STRING!
tableColumnToMatchSet | The columns are exactly a set of names || columnNames:STRING! ordered:BOOLEAN
tableCustomSQLQuery | A query finds none || sqlExpression:STRING! strategy:ARRAY operator:STRING threshold:NUMBER
tableRowCountToBeBetween | The number of rows is between two values || minValue:INT maxValue:INT
tableRowCountToEqual | The number of rows is a value || value:INT!
tableRowInsertedCountToBeBetween | Rows came || min:INT max:INT columnName:STRING! rangeType:STRING! rangeInterval:INT!
"""

_LOCATION = "locationReferenceType:ARRAY! longitudeColumnName:STRING! latitudeColumnName:STRING! radius:FLOAT!"

_COLUMN = f"""
columnValueLengthsToBeBetween | Lengths are between two values | texts | minLength:INT maxLength:INT
columnValueMaxToBeBetween | The maximum is in a range | numbers | minValueForMaxInCol:INT maxValueForMaxInCol:INT
columnValueMeanToBeBetween | The mean is in a range | numbers | minValueForMeanInCol:INT maxValueForMeanInCol:INT
columnValueMedianToBeBetween | The median is so | numbers | minValueForMedianInCol:INT maxValueForMedianInCol:INT
columnValueMinToBeBetween | The minimum is in a range | numbers | minValueForMinInCol:INT maxValueForMinInCol:INT
columnValueStdDevToBeBetween | The spread is so | numbers | minValueForStdDevInCol:INT maxValueForStdDevInCol:INT
columnValuesMissingCount | As many values are missing | any | missingCountValue:INT! missingValueMatch:STRING
columnValuesSumToBeBetween | The sum is between two values | numbers | minValueForColSum:INT maxValueForColSum:INT
columnValuesToBeAtExpectedLocation | Places are right | any | {_LOCATION}
columnValuesToBeBetween | All values are between two values | numbers times | minValue:NUMBER maxValue:NUMBER
columnValuesToBeInSet | All values are of a set | any | allowedValues:ARRAY! matchEnum:BOOLEAN
columnValuesToBeNotInSet | No value is of a set | any | forbiddenValues:ARRAY!
columnValuesToBeNotNull | No value is null | any |
columnValuesToBeUnique | No value is there twice | any |
columnValuesToMatchRegex | All values match an expression | texts | regex:STRING!
columnValuesToNotMatchRegex | No value matches an expression | texts | forbiddenRegex:STRING!
"""

_KINDS = {"numbers": _NUMBERS, "texts": _TEXTS, "times": _TIMES, "any": _ANY}


def definitions() -> list[dict[str, Any]]:
    """A create request for every definition."""
    found: list[dict[str, Any]] = []
    for entity, table in (("TABLE", _TABLE), ("COLUMN", _COLUMN)):
        for line in table.strip().splitlines():
            name, text, kinds, parameters = (part.strip() for part in line.split("|"))
            request: dict[str, Any] = {
                "name": name,
                "displayName": "".join(f" {letter}" if letter.isupper() else letter for letter in name).capitalize(),
                "description": f"{text}.",
                "entityType": entity,
                "testPlatforms": ["OpenMetadata"],
                "validatorClass": f"{name[0].upper()}{name[1:]}Validator",
                "parameterDefinition": [_parameter(each) for each in parameters.split()],
            }
            if kinds:
                request["supportedDataTypes"] = [one for kind in kinds.split() for one in _KINDS[kind].split()]
            found.append(request)
    return found


def _parameter(text: str) -> dict[str, Any]:
    name, _, kind = text.partition(":")
    return {
        "name": name,
        "displayName": name,
        "dataType": kind.rstrip("!"),
        "required": kind.endswith("!"),
        "description": f"The test's {name}.",
    }
