"""Errors about a component's own attributes that say what would be right.

Dagster derives the model of a component's YAML from its class, adds the file and line to what pydantic finds wrong, and
shows pydantic's text. That text names no known field when one is unknown, and it shows the values at fault, which may
be secrets in the wrong place. The model made here says the same things in the words of ``definition``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError, create_model, model_validator

from data_platform.ingestion.schemas.check import Violation, closest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, InitErrorDetails


def with_clear_errors(model: type[BaseModel]) -> type[BaseModel]:
    """``model`` with clear errors; the same in every other way."""
    return create_model(model.__name__, __base__=(_Clear, model))


class _Clear(dg.Model):
    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, data: Any, handler: ModelWrapValidatorHandler[_Clear]) -> _Clear:
        try:
            return handler(data)
        except ValidationError as error:
            lines = [_line(cls, data, detail) for detail in error.errors() if not _is_about_a_template(detail)]
            raise ValidationError.from_exception_data(error.title, lines) from None


def violations_of(error: ValidationError) -> list[Violation]:
    """What pydantic finds wrong with attributes after their templates were filled in, without the values."""
    return [Violation(detail["loc"], f"is wrong: {detail['msg']}") for detail in error.errors()]


def _is_about_a_template(detail: ErrorDetails) -> bool:
    """Every attribute may also be a template, which is a string; that a value is none is not what is wrong with it."""
    return detail["type"] == "string_type" and detail["loc"][1:] == ("str",)


def _line(model: type[BaseModel], data: Any, detail: ErrorDetails) -> InitErrorDetails:
    path = _path(data, detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            text = f"this is not a known field: {closest(str(path[-1]), list(model.model_fields), 'fields')}"
        case "missing":
            field = model.model_fields[str(path[-1])]
            text = f"this field is missing: {field.description}" if field.description else "this field is missing"
        case _:
            text = detail["msg"]
    # Dagster makes the error anew from these parts; of the types that carry a text only this one survives that.
    return {"type": "value_error", "loc": path, "input": None, "ctx": {"error": ValueError(text)}}


def _path(data: Any, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A pydantic location without the names of the union's members that it tried."""
    path: list[int | str] = []
    for step in location:
        if isinstance(data, dict) and step in data:
            data = cast(dict[Any, Any], data)[step]
            path.append(step)
        elif isinstance(data, list) and isinstance(step, int):
            data = cast(list[Any], data)[step]
            path.append(step)
    return tuple(path) if path else location
