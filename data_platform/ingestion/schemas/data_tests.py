"""The JSON Schema of a ``tests`` workflow, from OpenMetadata's own Python interface to its test definitions.

Each class of ``metadata.sdk.data_quality.tests`` stands for one definition: what its constructor takes, and the
parameters that this becomes, are the definition's. That interface leaves some parameters out; these are added by
hand, and generating fails once the client does not read them any more.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

_TESTS: Final = "metadata.sdk.data_quality.tests"
_VALIDATORS: Final = "metadata.data_quality.validations"
_OF_EVERY_TEST: Final = frozenset({"self", "name", "display_name", "description", "column"})
# It compares with a table of another service, and a source has the connection of one.
_LEFT_OUT: Final = frozenset({"tableDiff"})
_ADDED: Final[dict[str, dict[str, Any]]] = {
    "tableCustomSQLQuery": {
        "operator": {"enum": ["==", ">", ">=", "<", "<=", "!="]},
        "threshold": {"type": "integer"},
    },
    "columnValuesToBeInSet": {"matchEnum": {"type": "boolean"}},
}
# Optional to that interface, and without it the test never passes.
_REQUIRED: Final = frozenset({"missingCountValue"})
_KINDS: Final[dict[Any, dict[str, Any]]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    list: {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
}
# Values that can be told from all others in the text of a parameter, and these others.
_SAMPLES: Final[dict[Any, Any]] = {int: 4711, float: 47.11, bool: True, str: "sample", list: ["sample"]}
_OTHERS: Final[dict[Any, Any]] = {int: 1, float: 1.5, bool: False, str: "other", list: ["other"]}


def schema() -> dict[str, Any]:
    """What can be written below ``workflows.tests``: lists of tests by table."""
    definitions = {name: _test(name, level, test) for level in ("table", "column") for name, test in _classes(level)}
    references = [{"$ref": f"#/$defs/{name}"} for name in definitions]
    tests = {"type": "array", "minItems": 1, "items": {"anyOf": references}}
    return {
        "type": "object",
        "properties": {},
        "additionalProperties": tests,
        "minProperties": 1,
        "$defs": definitions,
    }


def _classes(level: str) -> Iterator[tuple[str, type[Any]]]:
    """The tests of a level, ``table`` or ``column``, by the name of their definition."""
    module = importlib.import_module(f"{_TESTS}.{level}_tests")
    for name, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__:
            definition = name[0].lower() + name[1:]
            if definition not in _LEFT_OUT:
                yield definition, value


def _test(name: str, level: str, test: type[Any]) -> dict[str, Any]:
    parameters, required = _parameters(name, level, test)
    properties: dict[str, Any] = {"definition": {"const": name}}
    if level == "column":
        properties["column"] = {"type": "string"}
    if parameters:
        properties["parameters"] = {
            "type": "object",
            "properties": parameters,
            "required": required,
            "additionalProperties": False,
        }
    properties |= {
        "name": {"type": "string", "pattern": r"^\w+$"},
        "description": {"type": "string"},
        "severity": {"enum": ["warn", "error"], "default": "error"},
    }
    needed = ["definition", *(["column"] if level == "column" else []), *(["parameters"] if required else [])]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def _parameters(name: str, level: str, test: type[Any]) -> tuple[dict[str, Any], list[str]]:
    """Schemas of a definition's parameters, and the names of those that are required."""
    arguments = {
        argument: parameter
        for argument, parameter in inspect.signature(test).parameters.items()
        if argument not in _OF_EVERY_TEST
    }
    found: dict[str, Any] = {}
    required: list[str] = []
    for argument, parameter in arguments.items():
        kind = _kind(parameter.annotation)
        default = None if parameter.default is inspect.Parameter.empty else parameter.default
        for each in _of_argument(test, level, arguments, argument, _SAMPLES[kind]):
            # What is false by default is left out by the client's interface, too.
            found[each] = {**_KINDS[kind], **({"default": default} if default else {})}
            if parameter.default is inspect.Parameter.empty or each in _REQUIRED:
                required.append(each)
    return found | _added(name, level), required


def _of_argument(
    test: type[Any], level: str, arguments: dict[str, inspect.Parameter], argument: str, sample: Any
) -> Iterator[str]:
    """Names of the parameters that an argument of the constructor becomes."""
    given: dict[str, Any] = {"column": "c"} if level == "column" else {}
    for other, parameter in arguments.items():
        if parameter.default is inspect.Parameter.empty:
            given[other] = _OTHERS[_kind(parameter.annotation)]
    given[argument] = sample
    for parameter in test(**given).parameters:
        if parameter.value == str(sample):
            yield str(parameter.name)


def _added(name: str, level: str) -> dict[str, Any]:
    added = _ADDED.get(name, {})
    source = inspect.getsource(importlib.import_module(f"{_VALIDATORS}.{level}.base.{name}")) if added else ""
    gone = [parameter for parameter in added if f'"{parameter}"' not in source]
    if gone:
        raise LookupError(f"the client's {name} has no parameter {', '.join(gone)} any more: take it out of _ADDED")
    return added


def _kind(annotation: Any) -> Any:
    """``int`` of ``Optional[int]``, ``list`` of ``List[str]``."""
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
    return get_origin(annotation) or annotation
