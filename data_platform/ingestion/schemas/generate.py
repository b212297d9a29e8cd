"""Take the schemas that ``data_platform.ingestion.schemas`` ships from the installed OpenMetadata client.

``.venv-ingestion/bin/python -m data_platform.ingestion.schemas.generate`` rewrites them; a test in the ingestion
environment fails when they are stale. The schemas keep every field, type, value and default that a definition can
set, and lose what no check needs: titles, descriptions, null defaults.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from data_platform.ingestion import query_log
from data_platform.ingestion.schemas import FOLDER, MINUTES, OURS, TABLES, TESTS, data_tests
from data_platform.ingestion.spec import DESCRIBED

if TYPE_CHECKING:
    from pydantic import BaseModel

_GENERATED: Final = "metadata.generated.schema"
# Category: the module below entity.services and the class in it that unites the category's connections.
_SERVICES: Final = {
    "api": ("apiService", "ApiConnection"),
    "dashboard": ("dashboardService", "DashboardConnection"),
    "database": ("databaseService", "DatabaseConnection"),
    "messaging": ("messagingService", "MessagingConnection"),
    "mlmodel": ("mlmodelService", "MlModelConnection"),
    "pipeline": ("pipelineService", "PipelineConnection"),
    "search": ("searchService", "SearchConnection"),
    "storage": ("storageService", "StorageConnection"),
}
_PROFILING: Final = "databaseServiceProfilerPipeline"
# Workflows of a database connector, each with the fields of its connection that say that it has it.
_DATABASE_WORKFLOWS: Final = {
    "lineage": ("databaseServiceQueryLineagePipeline", {"supportsLineageExtraction", "supportsViewLineageExtraction"}),
    "usage": ("databaseServiceQueryUsagePipeline", {"supportsUsageExtraction"}),
    "profiling": (_PROFILING, {"supportsProfiler"}),
    "tests": (TESTS, {"supportsProfiler"}),
}
_DBT: Final = "dbtPipeline"
_QUERY_LOG: Final = "queryLog"
# Workflows of ours that connectors of OpenMetadata's have.
_OURS: Final = {"Trino": {"query_log": _QUERY_LOG}}


def generate() -> dict[str, str]:
    """The text of every generated file by its path below this package."""
    index: dict[str, Any] = {}
    documents: dict[str, Any] = {}
    for category, (module, union) in _SERVICES.items():
        for model in _members(module, union):
            name = _connector_type(model)
            index[name] = {"category": category, "workflows": _workflows(category, model) | _OURS.get(name, {})}
            documents[f"connections/{name}.json"] = _schema(model)
    index["dbt"] = {"category": "database", "workflows": {"metadata": _DBT, "lineage": _DBT}}
    for options in sorted(
        {name for entry in index.values() for name in entry["workflows"].values()} - {TESTS, _QUERY_LOG}
    ):
        documents[f"options/{options}.json"] = _schema(_pipeline_model(options))
    profiling = documents[f"options/{_PROFILING}.json"]["properties"]
    profiling[TABLES] = _single_tables(profiling["profileSampleConfig"])
    profiling[MINUTES] = {"type": "number", "exclusiveMinimum": 0}
    documents[f"options/{TESTS}.json"] = data_tests.schema()
    documents[f"options/{_QUERY_LOG}.json"] = query_log.OPTIONS
    documents["connections/dbt.json"] = _split_dbt(documents[f"options/{_DBT}.json"])
    documents["index.json"] = {name: index[name] for name in sorted(index, key=str.casefold)}
    return {path: _text(document) for path, document in documents.items()}


def write(folder: Path = FOLDER) -> None:
    """Replace the generated files below ``folder``."""
    texts = generate()
    for stale in generated_files(folder) - texts.keys():
        (folder / stale).unlink()
    for path, text in texts.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def generated_files(folder: Path = FOLDER) -> set[str]:
    """Paths, below ``folder``, of the generated files that are there."""
    patterns = ("index.json", "connections/*.json", "options/*.json")
    return {file.relative_to(folder).as_posix() for pattern in patterns for file in folder.glob(pattern)}


def _members(module: str, union: str) -> Iterator[type[BaseModel]]:
    from pydantic import BaseModel

    config = getattr(importlib.import_module(f"{_GENERATED}.entity.services.{module}"), union).model_fields["config"]
    for member in get_args(config.annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member


def _connector_type(model: type[BaseModel]) -> str:
    """The one value of the connection's ``type``: an enum, optional for all but the custom connectors."""
    annotation = model.model_fields["type"].annotation
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Enum):
            (member,) = candidate
            return str(member.value)
    raise TypeError(f"{model.__name__}.type is {annotation}, not an enum")


def _workflows(category: str, model: type[BaseModel]) -> dict[str, str]:
    workflows = {"metadata": f"{category}ServiceMetadataPipeline"}
    if category == "database":
        for workflow, (options, flags) in _DATABASE_WORKFLOWS.items():
            if flags & model.model_fields.keys():
                workflows[workflow] = options
    return workflows


def _pipeline_model(options: str) -> type[BaseModel]:
    module = importlib.import_module(f"{_GENERATED}.metadataIngestion.{options}")
    (model,) = (value for name, value in vars(module).items() if name.casefold() == options.casefold())
    return cast("type[BaseModel]", model)


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = _without_noise(model.model_json_schema())
    properties = schema["properties"]
    for name in [name for name in properties if name == "type" or name.startswith(tuple(OURS))]:
        del properties[name]
    schema["required"] = [name for name in schema.get("required", []) if name in properties]
    return _without_unused(schema)


def _single_tables(sample: dict[str, Any]) -> dict[str, Any]:
    """What can be said of single tables: how many of their rows are profiled, and which of their columns."""
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    table = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"profileSampleConfig": sample, "includeColumns": names, "excludeColumns": names},
    }
    return {"type": "object", "additionalProperties": table}


def _split_dbt(options: dict[str, Any]) -> dict[str, Any]:
    """Move dbt's one connection-like option out of its options: it is what differs between environments.

    What OpenMetadata calls ``serviceName`` of the workflow's source is the source's own service everywhere else, and
    here one of another source; so it is part of the connection.
    """
    connection = options["properties"].pop("dbtConfigSource")
    options["required"].remove("dbtConfigSource")
    service = {
        "type": "string",
        "minLength": 1,
        "description": "Database service whose tables the models are; its metadata must be in the catalog first.",
    }
    schema = _without_unused({**connection, "$defs": json.loads(json.dumps(options["$defs"]))})
    for alternative in connection["anyOf"]:
        model = schema["$defs"][alternative["$ref"].rpartition("/")[2]]
        model["properties"] = {DESCRIBED: service, **model["properties"]}
        model["required"] = [DESCRIBED, *model["required"]]
    options.update(_without_unused(options))
    return schema


def _without_noise(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_noise(inner) for inner in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    schema = cast(dict[str, Any], schema)
    kept: dict[str, Any] = {}
    for key, inner in schema.items():
        if key in {"properties", "$defs"}:
            kept[key] = {name: _without_noise(field) for name, field in inner.items()}
        elif key not in {"title", "description", "writeOnly"} and not (key == "default" and inner is None):
            kept[key] = inner if key == "default" else _without_noise(inner)
    return kept


def _without_unused(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` without the shared definitions that nothing in it refers to."""
    definitions = cast(dict[str, Any], schema.get("$defs", {}))
    used: set[str] = set()
    pending = [_text({key: inner for key, inner in schema.items() if key != "$defs"})]
    while pending:
        text = pending.pop()
        for name in definitions:
            if name not in used and f'"#/$defs/{name}"' in text:
                used.add(name)
                pending.append(_text(definitions[name]))
    return {**schema, "$defs": {name: definitions[name] for name in definitions if name in used}}


def _text(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{len(generated_files())} files in {FOLDER}\n")
