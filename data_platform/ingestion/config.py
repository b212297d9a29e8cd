"""From a spec with resolved secrets to the configuration of OpenMetadata's workflow.

The shapes are those of OpenMetadata's ``metadataIngestion/workflow.json``. Deletion is never left to the
connector: every ``markDeleted…`` option of a source's configuration is turned off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Final, Protocol, cast

from data_platform.environment import PROJECT_ROOT
from data_platform.errors import IncompatibleEnvironmentError
from data_platform.ingestion import dbt
from data_platform.ingestion.data_tests import DataTest
from data_platform.ingestion.schemas import MINUTES, TABLES, Category, connectors
from data_platform.ingestion.sources import CUSTOM
from data_platform.ingestion.spec import DESCRIBED, Workflow, WorkflowSpec

Config = dict[str, Any]

_PATIENCE: Final = 60
"""Seconds that a PostgreSQL has to let the user in, where its definition does not say."""


class ClientWorkflow(Protocol):
    """What is used of OpenMetadata's ``IngestionWorkflow``.

    Attributes:
        metadata: the workflow's client of the catalog.
        source: its first step, which reads the source.
        execute_internal: the loop that passes records from the source to the sink.
    """

    metadata: Any
    source: Any
    execute_internal: Callable[[], None]

    def execute(self) -> None:
        """Run to the end and report to the catalog."""
        ...

    def workflow_steps(self) -> list[Any]:
        """The source and what its records pass through, each with a status."""
        ...


Create = Callable[[Config], ClientWorkflow]

# OpenMetadata's name for the configuration of each kind of source, by the service's category.
_METADATA_TYPES: Final[dict[str, str]] = {
    "api": "ApiMetadata",
    "dashboard": "DashboardMetadata",
    "database": "DatabaseMetadata",
    "messaging": "MessagingMetadata",
    "mlmodel": "MlModelMetadata",
    "pipeline": "PipelineMetadata",
    "search": "SearchMetadata",
    "storage": "StorageMetadata",
}

_CUSTOM_TYPE: Final = "CustomDatabase"

_OTHER_TYPES: Final[dict[Workflow, str]] = {
    Workflow.LINEAGE: "DatabaseLineage",
    Workflow.USAGE: "DatabaseUsage",
    Workflow.PROFILING: "Profiler",
    Workflow.TESTS: "TestSuite",
}


def category(spec: WorkflowSpec) -> Category:
    """Category of the source's service; dbt belongs to the database that it describes."""
    return connectors()[spec.connector].category


def workflow_factory(spec: WorkflowSpec) -> Create:
    """What makes OpenMetadata's workflow of a spec; importing it takes seconds."""
    match spec.kind:
        case Workflow.USAGE:
            from metadata.workflow.usage import UsageWorkflow as Kind
        case Workflow.PROFILING if spec.connector not in CUSTOM:
            from metadata.workflow.profiler import ProfilerWorkflow as Kind
        case Workflow.TESTS:
            from metadata.workflow.data_quality import TestSuiteWorkflow as Kind
        case _:
            from metadata.workflow.metadata import MetadataWorkflow as Kind
    return cast(Create, Kind.create)  # pyright: ignore[reportUnknownMemberType]


def build(spec: WorkflowSpec, connection: Config, token: str, scratch: Path) -> Config:
    """The configuration of a workflow.

    Args:
        spec: what to do.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        scratch: an empty folder for what the workflow writes while it runs.
    """
    return {"source": _source(spec, connection), **_steps(spec, scratch), **_catalog(spec, token)}


def build_tests(spec: WorkflowSpec, connection: Config, token: str, table: str, tests: Sequence[DataTest]) -> Config:
    """The configuration of a workflow that tests one table.

    Args:
        spec: what to do.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        table: fully qualified name of the table.
        tests: its tests.
    """
    service = {
        "serviceName": spec.service,
        "serviceConnection": {"config": _taken(spec, connection)},
    }
    options = {
        "type": options_type(spec, spec.kind),
        "entityFullyQualifiedName": table,
        "serviceConnections": [service],
        # Those that people have made of the table in the catalog are the catalog's to run.
        "testCases": [test.case for test in tests],
    }
    cases = [test.definition_in_openmetadata() for test in tests]
    return {
        "source": {"type": "TestSuite", "serviceName": spec.service, "sourceConfig": {"config": options}},
        "processor": {"type": "orm-test-runner", "config": {"forceUpdate": True, "testCases": cases}},
        "sink": {"type": "metadata-rest", "config": {}},
        **_catalog(spec, token),
    }


def _catalog(spec: WorkflowSpec, token: str) -> Config:
    """Where the workflow writes to, and the pipeline under which the catalog files the run's status."""
    return {
        "workflowConfig": {
            "loggerLevel": "INFO",
            "openMetadataServerConfig": {
                "hostPort": spec.catalog_url,
                "authProvider": "openmetadata",
                "securityConfig": {"jwtToken": token},
                # Every workflow brings its own connection; nothing reads the one in the catalog.
                "storeServiceConnection": spec.store_service_connection,
            },
        },
        "ingestionPipelineFQN": pipeline(spec, spec.kind),
        "pipelineRunId": spec.run_id,
    }


def pipeline_name(spec: WorkflowSpec, workflow: Workflow) -> str:
    """Name of the catalog's pipeline of one workflow, below the service that it fills."""
    return f"{spec.service}_{workflow}" if spec.connector == dbt.CONNECTOR else workflow.value


def pipeline(spec: WorkflowSpec, workflow: Workflow) -> str:
    """Fully qualified name of the catalog's pipeline of one workflow, under which its runs are filed."""
    target = f'"{spec.target}"' if "." in spec.target else spec.target
    return f"{target}.{pipeline_name(spec, workflow)}"


def options_type(spec: WorkflowSpec, workflow: Workflow) -> str:
    """OpenMetadata's name for the configuration of a workflow."""
    if spec.connector == dbt.CONNECTOR:
        return "DBT"
    return _OTHER_TYPES.get(workflow) or _METADATA_TYPES[category(spec)]


def announced(spec: WorkflowSpec, workflow: Workflow) -> Config:
    """What the catalog has to be told of a workflow's configuration; secrets are references."""
    required = {"dbtConfigSource": _artifacts(spec.connection)} if spec.connector == dbt.CONNECTOR else {}
    return {"type": options_type(spec, workflow), **required}


def _artifacts(connection: Config) -> Config:
    return {name: _absolute(name, value) for name, value in connection.items() if name != DESCRIBED}


def _source(spec: WorkflowSpec, connection: Config) -> Config:
    if spec.connector == dbt.CONNECTOR:
        options = {"type": options_type(spec, spec.kind), "dbtConfigSource": _artifacts(connection), **spec.options}
        return {"type": "dbt", "serviceName": spec.target, "sourceConfig": {"config": options}}
    custom = spec.connector in CUSTOM
    return {
        "type": _CUSTOM_TYPE if custom else _source_type(spec),
        "serviceName": spec.service,
        "serviceConnection": {"config": _custom(spec, connection) if custom else _taken(spec, connection)},
        "sourceConfig": {"config": _options(spec, connection)},
    }


def _taken(spec: WorkflowSpec, connection: Config) -> Config:
    """A connection as the client takes it; PostgreSQL's driver would wait without end to be let in."""
    taken: Config = {"type": spec.connector, **connection}
    if spec.connector == "Postgres":
        patience = {"connect_timeout": ceil(min(_PATIENCE, spec.timeout))}
        taken["connectionArguments"] = patience | cast(Config, connection.get("connectionArguments") or {})
    return taken


def _custom(spec: WorkflowSpec, connection: Config) -> Config:
    """The connection of a connector that OpenMetadata has no type for, with the options that only it knows."""
    ours = {*connectors()[spec.connector].own_options(spec.kind), TABLES, MINUTES}
    return {
        "type": _CUSTOM_TYPE,
        "sourcePythonClass": CUSTOM[spec.connector][spec.kind],
        "given": connection,
        "options": {name: value for name, value in spec.options.items() if name in ours},
    }


def _absolute(name: str, value: Any) -> Any:
    """A path of dbt's artifacts: relative ones start at the project root, like those of secret references."""
    return str(PROJECT_ROOT / value) if name.endswith("FilePath") and isinstance(value, str) else value


def _source_type(spec: WorkflowSpec) -> str:
    suffix = f"-{spec.kind}" if spec.kind in {Workflow.LINEAGE, Workflow.USAGE} else ""
    return spec.connector.lower() + suffix


def _options(spec: WorkflowSpec, connection: Config) -> Config:
    kind = options_type(spec, spec.kind)
    ours = {*connectors()[spec.connector].own_options(spec.kind), TABLES, MINUTES}
    options = {"type": kind, **{name: value for name, value in spec.options.items() if name not in ours}}
    if spec.kind is not Workflow.METADATA:
        return options
    return {**_filters_of(spec.connector, connection), **options, **dict.fromkeys(_deleting_options(kind), False)}


def _filters_of(connector: str, connection: Config) -> Config:
    """A connection's filters, most of them its defaults: it is OpenMetadata's UI that makes options of them."""
    known = connectors()[connector].options_schema(Workflow.METADATA)["properties"]
    fields = cast(Config, connectors()[connector].connection_schema()["properties"])
    filters = {name: connection.get(name, field.get("default")) for name, field in fields.items() if name in known}
    return {name: value for name, value in filters.items() if name.endswith("FilterPattern") and value is not None}


def _deleting_options(kind: str) -> list[str]:
    from metadata.generated.schema.metadataIngestion import workflow

    models: Any = workflow.SourceConfig.model_fields["config"].annotation
    for model in models.__args__:
        default: Any = getattr(model, "model_fields", {}).get("type")
        if default is not None and getattr(default.default, "value", None) == kind:
            return [name for name in model.model_fields if name.startswith("markDeleted")]
    raise IncompatibleEnvironmentError(
        f"openmetadata-ingestion has no configuration of type {kind}, so that its deletions cannot be turned off",
        remedy="install the version that data-platform's 'ingestion' extra names",
    )


def _steps(spec: WorkflowSpec, scratch: Path) -> Config:
    if spec.kind is Workflow.USAGE:
        stage = {"filename": str(scratch / "usage")}
        return {
            "processor": {"type": "query-parser", "config": {}},
            "stage": {"type": "table-usage", "config": stage},
            "bulkSink": {"type": "metadata-usage", "config": stage},
        }
    sink: Config = {"sink": {"type": "metadata-rest", "config": {}}}
    if spec.kind is Workflow.PROFILING and spec.connector not in CUSTOM:
        tables = cast(dict[str, Config], spec.options.get(TABLES, {}))
        singly = [_single_table(spec.service, name, own) for name, own in tables.items()]
        sink["processor"] = {"type": "orm-profiler", "config": {"tableConfig": singly} if singly else {}}
    return sink


def _single_table(service: str, name: str, own: Config) -> Config:
    """What OpenMetadata's profiler is told of one table."""
    columns: Config = {"excludeColumns": own.get("excludeColumns")}
    if "includeColumns" in own:
        columns["includeColumns"] = [{"columnName": each} for each in own["includeColumns"]]
    sample = {each: own[each] for each in ("profileSampleConfig",) if each in own}
    return {"fullyQualifiedName": f"{service}.{name}", "columnConfig": columns, **sample}
