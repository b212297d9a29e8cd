"""Whether every source of an environment could run now: the preflight of all of them, without running anything.

Secret references are resolved like a run's child does; no value of theirs is in what comes back.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import click
import dagster as dg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data_platform import environment
from data_platform.components.metadata_source import MetadataSource
from data_platform.environment import Environment
from data_platform.errors import (
    ConfigurationError,
    DataPlatformError,
    IncompatibleEnvironmentError,
    InsecureAddressError,
    VaultUnreachableError,
)
from data_platform.ingestion import preflight
from data_platform.ingestion.preflight import Finding, Grade
from data_platform.ingestion.schemas import Category, connectors
from data_platform.ingestion.spec import WorkflowSpec
from data_platform.observability import Redactor
from data_platform.resources.vault import VaultResource
from data_platform.secrets import Resolver

PATIENCE: Final = 10.0
"""Seconds for all that is asked of others: Vault lets one in after the other."""

ALL: Final = "all"
"""What stands for the source in findings that concern each of them."""

_STYLES: Final[dict[Grade, str]] = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAILED: "bold red"}
_VERSION: Final = "from importlib.metadata import version; print(version('openmetadata-ingestion'))"


@dataclass(frozen=True)
class Diagnosis:
    """A finding and the source that it concerns."""

    source: str
    finding: Finding


def run(*, as_json: bool) -> int:
    """Print what is found in the current environment.

    Args:
        as_json: a list of objects instead of a table.

    Returns:
        The exit code: 1 when something would stop a run.
    """
    sources = dg.ComponentTree.for_project(environment.PROJECT_ROOT).get_all_components(MetadataSource)
    found = examine(sources, environment.current())
    if as_json:
        rows = [{"source": one.source, **_fields(one.finding)} for one in found]
        click.echo(json.dumps(rows, indent=2))
    else:
        Console().print(_table(found))
    return int(any(one.finding.grade is Grade.FAILED for one in found))


def _fields(finding: Finding) -> dict[str, str | None]:
    return {"check": finding.check, "outcome": finding.grade, "found": finding.text, "remedy": finding.remedy}


def _table(found: Sequence[Diagnosis]) -> Table:
    table = Table("source", "check", "outcome", "found", "what to do", title=environment.current().name)
    for one in found:
        finding = one.finding
        texts = (Text(finding.text), Text(finding.remedy or ""))
        table.add_row(one.source, finding.check, Text(finding.grade, style=_STYLES[finding.grade]), *texts)
    return table


def examine(sources: Iterable[MetadataSource], here: Environment) -> list[Diagnosis]:
    """Everything that runs of the sources which have a connection in an environment need.

    Args:
        sources: the project's sources.
        here: the current environment.

    Raises:
        ConfigurationError: no source has a connection here.
    """
    specs = [_spec(source) for source in sources if here.name in source.environments]
    if not specs:
        raise ConfigurationError(f"no source has a connection in {here.name}", source="environments")
    resolver = VaultResource.of(here).resolver()
    silent_vault = VaultUnreachableError(
        f"Vault at {here.vault_address} did not answer within {PATIENCE:g} seconds",
        remedy="check VAULT_ADDR and that Vault is up",
    )
    late = {spec.service: preflight.of_error("secrets", silent_vault) for spec in specs}
    late[ALL] = preflight.of_error("token", silent_vault)
    client, version = _client()
    groups: dict[str, preflight.Check] = {ALL: lambda: list(_catalog(specs, here, resolver, version, late))}
    for spec in sorted(specs, key=lambda one: one.service):
        groups[spec.service] = partial(_own, spec, resolver, late)
    found = [Diagnosis(ALL, client), Diagnosis(ALL, preflight.disk())]
    found += [Diagnosis(source, finding) for source, finding in preflight.together(groups, late, PATIENCE)]
    redactor = Redactor(resolver.values)
    return [
        Diagnosis(
            each.source,
            replace(each.finding, text=redactor.text(each.finding.text), remedy=_clean(redactor, each.finding.remedy)),
        )
        for each in found
    ]


def _clean(redactor: Redactor, text: str | None) -> str | None:
    return None if text is None else redactor.text(text)


def _spec(source: MetadataSource) -> WorkflowSpec:
    """What the first of a source's workflows would do."""
    return source.workflow_spec(next(iter(source.workflows)), run_id="")


def _client() -> tuple[Finding, str | None]:
    """Whether OpenMetadata's client is there, and its version."""
    try:
        version = client_version(environment.ingestion_python())
    except DataPlatformError as error:
        return preflight.of_error("client", error), None
    return Finding("client", Grade.OK, f"openmetadata-ingestion {version} is installed"), version


def _catalog(
    specs: Sequence[WorkflowSpec], here: Environment, resolver: Resolver, version: str | None, late: dict[str, Finding]
) -> Iterator[Finding]:
    try:
        here.require_encryption("DATA_PLATFORM_CATALOG_URL", here.catalog_url)
        token = str(resolver.resolve(here.catalog_token))
    except InsecureAddressError as error:
        yield preflight.of_error("catalog", error)
    except DataPlatformError as error:
        yield preflight.of_error("token", error)
    else:
        late[ALL] = preflight.of_error("catalog", preflight.silent_catalog(here.catalog_url, PATIENCE))
        categories: list[Category] = [connectors()[spec.connector].category for spec in specs]
        yield from preflight.catalog(here.catalog_url, token, version, categories)


def _own(spec: WorkflowSpec, resolver: Resolver, late: dict[str, Finding]) -> list[Finding]:
    try:
        connection = resolver.resolve(spec.connection)
        resolver.resolve(spec.options)
    except DataPlatformError as error:
        return [preflight.of_error("secrets", error)]
    late[spec.service] = preflight.of_error("source", preflight.silent_source(spec.service, PATIENCE))
    found = Finding("secrets", Grade.OK, "every secret reference can be resolved")
    return [found, preflight.source(spec.service, connection)]


def client_version(python: Path) -> str:
    """Version of openmetadata-ingestion in another Python environment.

    Raises:
        IncompatibleEnvironmentError: there is none.
    """
    try:
        asked = subprocess.run([str(python), "-I", "-c", _VERSION], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    except (OSError, subprocess.CalledProcessError) as error:
        raise IncompatibleEnvironmentError(
            "there is no ingestion environment with OpenMetadata's client",
            source=str(python),
            remedy="run 'make setup', or set DATA_PLATFORM_INGESTION_PYTHON",
        ) from error
    return asked.stdout.strip()
