"""OpenMetadata's generated models as this server uses them: as a schema, never as objects.

Two costs are avoided. ``import metadata`` runs the client's package initializer, which imports every connector
helper (8 s); the generated models need none of it, so they are imported below a stand-in without that initializer.
And the models' validators rename entities and import the profiler; the server validates plain JSON, so it builds its
own validators from the models' core schemas with the Python functions left out.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import CoreSchema, SchemaValidator, ValidationError

from data_platform.errors import IncompatibleEnvironmentError
from data_platform.server.problems import BadRequestError

_ROOT = "metadata.generated.schema."
_loading = threading.Lock()
_put_away: dict[str, ModuleType] = {}


def load(path: str) -> type[BaseModel]:
    """The generated class at ``module:Class``, for example ``entity.data.table:Table``.

    Raises:
        IncompatibleEnvironmentError: openmetadata-ingestion is not installed here.
    """
    module, _, name = path.partition(":")
    with _loading, _light_package():
        return cast("type[BaseModel]", getattr(importlib.import_module(_ROOT + module), name))


@contextmanager
def _light_package() -> Generator[None]:
    """Stand in for the package ``metadata`` while something below it is imported, unless it is imported already.

    What was imported below the stand-in is put away afterwards, so that whoever imports the client in this process
    gets all of it from the beginning; halves of both would not fit together.
    """
    if "metadata" in sys.modules:
        yield
        return
    sys.modules.update(_put_away or {"metadata": _stand_in()})
    try:
        yield
    finally:
        ours = {name: module for name, module in sys.modules.items() if f"{name}.".startswith("metadata.")}
        for name in ours:
            del sys.modules[name]
        _put_away.update(ours)


def _stand_in() -> ModuleType:
    spec = importlib.util.find_spec("metadata")
    if spec is None or spec.submodule_search_locations is None:
        raise IncompatibleEnvironmentError(
            "the embedded server needs openmetadata-ingestion, which this environment lacks",
            remedy="run it in the ingestion environment (make setup)",
        )
    package = ModuleType("metadata")
    package.__spec__, package.__file__ = spec, spec.origin
    package.__path__ = list(spec.submodule_search_locations)
    return package


def check(path: str, data: Any) -> None:
    """Validate plain JSON data against the generated class at ``path``.

    Raises:
        BadRequestError: naming the first fields that do not fit.
    """
    try:
        _validator(path).validate_python(data)
    except ValidationError as error:
        raise BadRequestError("; ".join(_sentences(error))) from None


@cache
def fields(path: str) -> frozenset[str]:
    """The field names of the generated class at ``path``."""
    return frozenset(info.alias or name for name, info in load(path).model_fields.items())


@cache
def defaults(path: str) -> dict[str, bool | int | float | str]:
    """What the class at ``path`` assumes of single values that are not given, as JSON; not the version."""
    found: dict[str, bool | int | float | str] = {}
    for name, info in load(path).model_fields.items():
        value = getattr(info.default, "value", info.default)
        if not isinstance(value, bool | int | float | str) or name == "version":
            continue
        # Some defaults of the schemas are texts where the field is none.
        if isinstance(value, str) and "bool" in str(info.annotation):
            value = value == "true"
        elif isinstance(value, str) and "float" in str(info.annotation):
            value = float(value)
        found[info.alias or name] = value
    return found


@cache
def references(path: str) -> dict[str, bool]:
    """The fields of a class that refer to entities; true for those that hold a list."""
    found: dict[str, bool] = {}
    for name, info in load(path).model_fields.items():
        annotation = str(info.annotation)
        if (
            "entityReferenceList.EntityReferenceList" in annotation
            or "list[metadata.generated.schema.type.entityReference" in annotation
        ):
            found[name] = True
        elif "entityReference.EntityReference" in annotation:
            found[name] = False
    return found


@cache
def secret_fields(path: str) -> frozenset[str]:
    """The names of all fields below the class at ``path`` that hold a secret."""
    found: set[str] = set()
    seen: set[type[BaseModel]] = set()

    def visit(model: type[BaseModel]) -> None:
        if model in seen:
            return
        seen.add(model)
        for name, info in model.model_fields.items():
            if "_CustomSecretStr" in f"{info.annotation}{info.metadata}":
                found.add(name)
            for nested in _models_in(info.annotation):
                visit(nested)

    visit(load(path))
    return frozenset(found)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models_in(argument)]


def _sentences(error: ValidationError) -> list[str]:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    # A union reports what is wrong with every branch; the one whose ``type`` fits is the one that was meant.
    others = {
        branch
        for problem in problems
        if problem["loc"] and problem["loc"][-1] == "type"
        for branch in _branches(problem["loc"])[-1:]
    }
    meant = [problem for problem in problems if not others & set(_branches(problem["loc"]))] or problems
    return [
        f"{'.'.join(str(part) for part in problem['loc'] if not _is_branch(part))}: {problem['msg']}"
        for problem in meant[:3]
    ]


def _branches(location: tuple[int | str, ...]) -> list[str]:
    return [part for part in location if isinstance(part, str) and _is_branch(part)]


def _is_branch(part: int | str) -> bool:
    # The tried branch of a union stands in the path of an error; a reader of JSON does not know it.
    return isinstance(part, str) and part.startswith("<")


@cache
def _validator(path: str) -> SchemaValidator:
    model = load(path)
    model.model_rebuild()
    return SchemaValidator(cast("CoreSchema", _plain(model.__pydantic_core_schema__)))


def _plain(schema: Any) -> Any:
    """A core schema that accepts the same JSON, builds plain data and calls no Python function."""
    kind = schema["type"]
    if kind == "model":
        inner = _plain(schema["schema"])
        extra = schema.get("config", {}).get("extra_fields_behavior")
        if inner["type"] == "typed-dict" and extra:
            inner["extra_behavior"] = extra
    elif kind == "model-fields":
        inner = {
            "type": "typed-dict",
            "fields": {
                field.get("validation_alias", name) if isinstance(field.get("validation_alias", name), str) else name: {
                    "type": "typed-dict-field",
                    "schema": _plain(field["schema"]),
                    "required": field["schema"]["type"] != "default",
                }
                for name, field in schema["fields"].items()
            },
        }
    elif kind in ("default", "function-after", "function-before", "function-wrap"):
        inner = _plain(schema["schema"])
    elif kind in ("function-plain", "is-instance", "is-subclass", "callable"):
        inner = {"type": "any"}
    elif kind == "enum":
        inner = {"type": "literal", "expected": [member.value for member in schema["members"]]}
    elif kind == "json-or-python":
        inner = _plain(schema["json_schema"])
    elif kind == "lax-or-strict":
        inner = _plain(schema["lax_schema"])
    elif kind == "definitions":
        inner = {
            "type": "definitions",
            "schema": _plain(schema["schema"]),
            "definitions": [_plain(definition) for definition in schema["definitions"]],
        }
    else:
        inner = {key: value for key, value in schema.items() if key not in ("serialization", "metadata", "ref")}
        for key in ("schema", "items_schema", "keys_schema", "values_schema"):
            if isinstance(inner.get(key), dict):
                inner[key] = _plain(inner[key])
        if kind == "union":
            inner["choices"] = [
                (_plain(choice), f"<{number} {choice.get('schema_ref', choice['type']).split(':')[0]}>")
                for number, choice in enumerate(
                    cast("Any", each[0] if isinstance(each, tuple) else each) for each in schema["choices"]
                )
            ]
        elif kind == "tagged-union":
            inner["choices"] = {tag: _plain(choice) for tag, choice in inner["choices"].items()}
        elif kind == "tuple":
            inner["items_schema"] = [_plain(item) for item in schema["items_schema"]]
    if schema.get("ref") and inner["type"] != "definition-ref":
        inner = {**inner, "ref": schema["ref"]}
    return inner
