"""OpenMetadata's dbt source, done in parts and held to account.

The source writes metadata and lineage in one go, and what it cannot place it only logs. Here each of its stages belongs
to a part, so that what was not asked for is left out, and everything that came to nothing is noted: artifacts that
cannot be read, models whose table the catalog does not have, owners and exposures that it does not know.

The source itself is not changed: what is replaced are attributes of the one instance that the run uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from data_platform.ingestion import dbt_artifacts
from data_platform.ingestion.dbt_artifacts import Described
from data_platform.ingestion.spec import Workflow
from data_platform.ingestion.traffic import Account
from data_platform.ingestion.verdict import ARTIFACTS, Failure, Unmatched

CONNECTOR: Final = "dbt"
"""The connector that this module is about."""

# What each part writes, by the method of ``metadata.ingestion.source.database.dbt.metadata.DbtSource`` that writes it.
# The methods that are not listed read the artifacts and match models with tables, which every part needs.
_STAGES: Final[dict[Workflow, frozenset[str]]] = {
    Workflow.METADATA: frozenset(
        {
            "yield_dbt_tags",
            "process_dbt_descriptions",
            "process_dbt_owners",
            "process_dbt_custom_properties",
            "process_dbt_domain",
            "create_dbt_tests_definition",
            "create_dbt_test_case",
            "add_dbt_test_result",
            "yield_dbt_metrics",
        }
    ),
    Workflow.LINEAGE: frozenset(
        {
            "create_dbt_lineage",
            "create_dbt_query_lineage",
            "create_dbt_exposures_lineage",
            "create_dbt_metric_lineage",
        }
    ),
}
_UNREADABLE: Final = "DBT Configuration Error"

MATCHED_BY: Final[dict[Workflow, frozenset[str]]] = {
    Workflow.METADATA: frozenset({"model", "seed", "snapshot", "source", "owner"}),
    Workflow.LINEAGE: frozenset({"model", "seed", "snapshot", "source", "exposure"}),
}
"""Kinds of what each part has to match with what the catalog has."""


@dataclass
class Findings:
    """What the run found beside what it wrote.

    Attributes:
        models: number of models, seeds, snapshots and sources whose table the catalog has.
        tests: number of tests that the artifacts have.
        unmatched: what refers to something that the catalog does not have.
        names: fully qualified names of the tables that were found, by their id.
        failures: what failed, by the only part that it concerns, or by None when it concerns all.
        described: what the manifests describe.
    """

    models: int = 0
    tests: int = 0
    unmatched: dict[str, Unmatched] = field(default_factory=dict[str, Unmatched])
    names: dict[str, str] = field(default_factory=dict[str, str])
    failures: dict[Workflow | None, list[Failure]] = field(default_factory=dict[Workflow | None, list[Failure]])
    described: Described = field(default_factory=Described)

    def entities(self, account: Account) -> dict[str, int]:
        """Numbers of what the metadata of a project consists of, by OpenMetadata's names for it."""
        return {
            "dataModel": account.other_writes["dataModel"],
            "tag": len(account.written.get("tags", ())),
            "testCase": self.tests,
            "testCaseResult": account.other_writes["testCaseResults"],
        }

    def concerns(self, failure: Failure, workflow: Workflow) -> bool:
        """Whether a failure that one of the workflow's steps reported belongs to a part."""
        if failure.name == "AddLineageRequestError":
            return workflow is Workflow.LINEAGE
        only = [part for part, failures in self.failures.items() if any(_same(failure, one) for one in failures)]
        if not only:
            # A producer reads the artifacts, and they are everybody's; any other stage that reports by itself is
            # one of the metadata's.
            shared = failure.name.startswith(("Producer ", _UNREADABLE))
            return shared or workflow is Workflow.METADATA
        return None in only or workflow in only


def prepare(source: Any, workflows: tuple[Workflow, ...]) -> Findings:
    """Make the source do what is asked for, and note what comes of it.

    Args:
        source: OpenMetadata's ``DbtSource``, before it runs.
        workflows: the parts that are asked for.
    """
    findings = Findings()
    _leave_out(source, workflows)
    _note_failures(source, findings)
    _match(source, findings)
    _read_incremental_models(source)
    dbt_artifacts.guard(source, findings.failures.setdefault(None, []).append, findings.described.add)
    if Workflow.METADATA not in workflows:
        _keep_models_to_itself(source)
    return findings


def told(failure: Failure) -> Failure:
    """A failure that a step reported, as what it is: the client's name for unreadable artifacts says little."""
    if failure.name == _UNREADABLE:
        return Failure("artifacts", ARTIFACTS, failure.error)
    return failure


def _leave_out(source: Any, workflows: tuple[Workflow, ...]) -> None:
    """Take the stages of what is not asked for, and the nodes that are then empty, out of the source's topology."""
    unasked = frozenset[str]().union(*(stages for part, stages in _STAGES.items() if part not in workflows))
    topology = source.topology.model_copy(deep=True)
    for name in cast(Any, type(topology)).model_fields:
        node = getattr(topology, name)
        node.stages = [stage for stage in node.stages if stage.processor not in unasked]
    topology.root.children = [name for name in topology.root.children if getattr(topology, name).stages]
    source.topology = topology


def _keep_models_to_itself(source: Any) -> None:
    """Match models with tables without writing data models, which is what lineage alone needs of that stage."""
    inner = source.yield_data_models

    def yield_data_models(artifacts: Any) -> Iterator[Any]:
        for outcome in inner(artifacts):
            # What the source does after each is part of its generator, so that all have to be taken.
            if outcome.left is not None:
                yield outcome

    source.yield_data_models = yield_data_models


def _read_incremental_models(source: Any) -> None:
    """Keep what an incremental model reads of itself out of its lineage.

    Its SQL asks its own table how far it has come. The client makes an edge of that, from the table to itself, which
    the catalog refuses, and loses the lineage of every column that is asked for. So the table has another name there
    while the SQL is parsed, under which the catalog has none.
    """
    inner, rewritten = source.create_dbt_query_lineage, source._map_catalogs_in_sql

    def create_dbt_query_lineage(data_model_link: Any) -> Iterator[Any]:
        *_, database, schema, table = _parts(data_model_link.table_entity.fullyQualifiedName.root)
        itself = r"\s*\.\s*".join(rf'"?{re.escape(part)}"?' for part in (database, schema, table))
        own = re.compile(rf'(?<![\w".]){itself}(?![\w"])', re.IGNORECASE)

        def with_another_name(sql: str) -> str:
            return rewritten(own.sub(lambda _: f'"{database}"."{schema}"."{table} as it was"', sql))

        source._map_catalogs_in_sql = with_another_name
        yield from inner(data_model_link)

    source.create_dbt_query_lineage = create_dbt_query_lineage


def _parts(name: str) -> list[str]:
    from metadata.utils import fqn

    return cast(list[str], cast(Any, fqn).split(name))


def _note_failures(source: Any, findings: Findings) -> None:
    parts: dict[str, Workflow | None] = {stage: part for part, stages in _STAGES.items() for stage in stages}
    for stage, part in {**parts, "yield_data_models": None}.items():
        _wrap(source, stage, lambda failure, part=part: findings.failures.setdefault(part, []).append(failure))


def _wrap(source: Any, stage: str, note: Callable[[Failure], None]) -> None:
    inner = getattr(source, stage)

    def noted(subject: Any) -> Iterator[Any]:
        for outcome in inner(subject) or ():
            if outcome.left is not None:
                note(Failure.of(stage, outcome.left))
            yield outcome

    setattr(source, stage, noted)


def _match(source: Any, findings: Findings) -> None:
    """Note what the catalog does not have. Models are told by their table's name, the rest by its own."""
    find_table, find_owner, find_exposure = source._get_table_entity, source.get_dbt_owner, source.parse_exposure_node
    tests, models = source.get_dbt_tests, source.yield_data_models
    nodes: dict[str, Any] = {}

    def _get_table_entity(table_fqn: str | None) -> Any:
        table = find_table(table_fqn)
        node = nodes.get(str(table_fqn))
        if table is not None:
            findings.names[str(table.id.root)] = str(table.fullyQualifiedName.root)
        elif node is not None:
            findings.unmatched[node.unique_id] = Unmatched(node.unique_id, _kind(node), str(table_fqn))
        return table

    def get_dbt_owner(manifest_node: Any, catalog_node: Any) -> Any:
        owner = find_owner(manifest_node=manifest_node, catalog_node=catalog_node)
        meta = cast(dict[str, Any], manifest_node.meta or {})
        own = cast(dict[str, Any], meta.get("openmetadata") or {})
        wanted = cast(str | list[str], own.get("owner") or meta.get("owner") or [])
        names = [wanted] if isinstance(wanted, str) else wanted
        if len(owner.root if owner else ()) < len(names):
            name = ", ".join(names)
            findings.unmatched[f"owner {name}"] = Unmatched(
                name, "owner", f"user or team that owns {manifest_node.name}"
            )
        return owner

    def parse_exposure_node(exposure_spec: Any) -> Any:
        entity = find_exposure(exposure_spec)
        if entity is None:
            target = exposure_spec.meta.get("open_metadata_fqn", "it names none: meta.open_metadata_fqn is missing")
            findings.unmatched[exposure_spec.unique_id] = Unmatched(exposure_spec.unique_id, "exposure", str(target))
        return entity

    def yield_data_models(artifacts: Any) -> Iterator[Any]:
        nodes.clear()
        nodes.update(_nodes(source, artifacts.dbt_manifest))
        yield from models(artifacts)
        findings.models += len(source.context.get().data_model_links)

    def get_dbt_tests() -> Iterator[Any]:
        for test in tests():
            findings.tests += 1
            yield test

    source._get_table_entity = _get_table_entity
    source.get_dbt_owner = get_dbt_owner
    source.parse_exposure_node = parse_exposure_node
    source.yield_data_models = yield_data_models
    source.get_dbt_tests = get_dbt_tests


def _nodes(source: Any, manifest: Any) -> Iterator[tuple[str, Any]]:
    """Everything in a manifest that has a table, by the name under which the source looks for it."""
    from metadata.generated.schema.entity.data.table import Table
    from metadata.ingestion.source.database.dbt import dbt_utils as client
    from metadata.utils import fqn

    dbt_utils, build = cast(Any, client), cast(Callable[..., str], fqn.build)  # pyright: ignore[reportUnknownMemberType]
    for node in (*manifest.sources.values(), *manifest.nodes.values()):
        kind = _kind(node)
        if kind not in {"model", "seed", "snapshot", "source"} or dbt_utils.check_ephemeral_node(node):
            continue
        place: Any = dbt_utils.get_snapshot_effective_schema_and_database(node) if kind == "snapshot" else node
        name = build(
            None,
            entity_type=Table,
            service_name=source.config.serviceName,
            database_name=dbt_utils.get_corrected_name(place.database),
            schema_name=dbt_utils.get_corrected_name(place.schema_),
            table_name=dbt_utils.get_dbt_model_name(node),
            skip_es_search=True,
        )
        yield str(name), node


def _kind(node: Any) -> str:
    return str(getattr(node.resource_type, "value", node.resource_type))


def _same(failure: Failure, noted: Failure) -> bool:
    return (failure.name, failure.error) == (noted.name, noted.error)
