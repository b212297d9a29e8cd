"""What ``dg scaffold defs data_platform.components.MetadataSource`` writes: a definition that loads as it is.

The example is made from the connector's own schema: every field that it needs, each with what OpenMetadata says about
it, and a reference wherever a secret belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import dagster as dg
import yaml
from pydantic import BaseModel, Field

from data_platform import environment
from data_platform.errors import ConfigurationError
from data_platform.ingestion.schemas import Connector, Schema, connectors
from data_platform.ingestion.schemas.check import closest
from data_platform.ingestion.spec import Workflow

_INDENT: Final = "  "
# What stands for a value that only the reader knows.
_EXAMPLES: Final[Mapping[str, str]] = {
    "uri": "https://{service}.example.org",
    "hostPort": "{service}.example.org:443",
    "username": "openmetadata",
}
# Fields that no schema requires, because some sources let anybody in.
_CREDENTIALS: Final = frozenset({"auth", "authType", "password", "token"})
# A workflow of which nothing runs until somebody has said what.
_WORKFLOWS: Final[Mapping[Workflow, str]] = {
    Workflow.QUERY_LOG: """
    # Keeps in the connection's queryHistoryTable, for lineage and usage, what the source itself forgets.
    # query_log: {retentionDays: 30}""",
    Workflow.TESTS: """
    # Data-quality tests by table; each is an asset check.
    # tests:
    #   sales.orders:
    #     - {definition: tableRowCountToBeBetween, parameters: {minValue: 1}}
    #     - {definition: columnValuesToBeNotNull, column: id, severity: warn}""",
}


class ScaffoldParams(BaseModel):
    """What can be chosen when a source is scaffolded."""

    connector: str = Field(default="Postgres", description="OpenMetadata's connector type, or one of ours.")


class MetadataSourceScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Writes the ``defs.yaml`` of a source; the folder's name becomes the service's."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        """The options of the command."""
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        """Write the file.

        Raises:
            ConfigurationError: the connector is not known, or something other than YAML is asked for.
        """
        if request.scaffold_format != "yaml":
            raise ConfigurationError("a source is defined in YAML", remedy="leave --format out")
        name = request.params.connector
        connector = connectors().get(name)
        if connector is None:
            raise ConfigurationError(
                f"there is no connector {name!r}",
                source="--connector",
                remedy=closest(name, list(connectors()), "connectors"),
            )
        service = re.sub(r"\W", "_", request.target_path.name, flags=re.ASCII)
        text = example(connector, service, type_name=request.type_name)
        if request.append:
            with request.target_path.open("a", encoding="utf-8") as file:
                file.write(f"---\n{text}")
        else:
            (request.target_path / "defs.yaml").write_text(text, encoding="utf-8")


def example(connector: Connector, service: str, *, type_name: str) -> str:
    """The text of a definition of one source that loads in every environment."""
    workflows = "".join(_WORKFLOWS.get(each, f"\n    {each.value}: {{}}") for each in connector.workflows)
    connection = "\n".join(_fields(connector.connection_schema(), service, depth=3))
    first, *others = environment.ENVIRONMENTS
    return f"""\
type: {type_name}

attributes:
  service: {service}
  connector: {connector.name}
  # What differs between environments; fields that are the same everywhere can go under `connection`.
  # The environments are {first}, {", ".join(others)}.
  # Secrets are references: vault:<mount>/<path>#<field>, env:<NAME> or file:<path>.
  environments:
    {first}:
{connection}
  # Sources whose metadata must be in the catalog first, for example [postgres].
  after: []
  # How often each workflow runs; daily unless said.
  schedules:
    metadata: [daily]
  # Who owns it, in Dagster and, where nobody does yet, in the catalog; the same goes for `domain` and `tier`.
  # owners: ["team:data-platform"]
  # The workflows that run, each with OpenMetadata's own options.
  workflows:{workflows}
"""


def _fields(schema: Schema, service: str, *, depth: int) -> Iterator[str]:
    """The lines of every field that a connection needs, with comments."""
    definitions = cast(dict[str, Schema], schema.get("$defs", {}))
    schema = _resolved(schema, definitions)
    indent = _INDENT * depth
    properties = cast(dict[str, Schema], schema.get("properties", {}))
    needed = [name for name in properties if name in schema.get("required", ()) or name in _CREDENTIALS]
    if not needed:
        yield f"{indent}{{}}"
    for name in needed:
        field = properties[name]
        target = _resolved(field, definitions)
        if len(target.get("enum", ())) > 1:
            yield f"{indent}# one of {', '.join(map(str, target['enum']))}"
        if target.get("type") == "object" and "properties" in target:
            yield f"{indent}{name}:"
            yield from _fields({**target, "$defs": definitions}, service, depth=depth + 1)
        else:
            yield f"{indent}{name}: {_flow(_value(name, target, service))}"


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """What a reference refers to; of several alternatives the first."""
    while True:
        if "$ref" in schema:
            schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = schema["anyOf"][0]
        else:
            return schema


def _value(name: str, schema: Schema, service: str) -> Any:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "password":
        return f"vault:secret-data/dagster/{service}#{name}"
    match schema.get("type"):
        case "boolean":
            return True
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "array":
            return []
        case "object":
            return {}
        case _:
            text = _EXAMPLES.get("uri" if schema.get("format") == "uri" else name, name)
            return text.format(service=service)


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")
