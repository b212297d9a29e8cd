"""A source that keeps its own query log: where it stands among the source's assets, and who reads it."""

from __future__ import annotations

import dagster as dg
import pytest

from data_platform.ingestion.spec import Workflow
from data_platform_tests.components.conftest import Project

TRINO = """\
type: data_platform.components.MetadataSource
attributes:
  service: engine
  connector: Trino
  connection: {username: reader}
  environments:
    dev: {hostPort: "localhost:8080"}
  workflows:
    metadata: {}
    query_log: {table: lakehouse.openmetadata.query_history, retentionDays: 14}
    lineage: {}
    usage: {}
    profiling: {}
"""


def key(workflow: str) -> dg.AssetKey:
    return dg.AssetKey(["openmetadata", "engine", workflow])


def test_lineage_and_usage_come_after_the_query_log_which_waits_for_nothing(project: Project) -> None:
    project.write(TRINO)
    specs = {spec.key: {dep.asset_key for dep in spec.deps} for spec in project.load().resolve_all_asset_specs()}
    assert specs[key("query_log")] == set()
    assert specs[key("lineage")] == specs[key("usage")] == {key("metadata"), key("query_log")}
    assert specs[key("profiling")] == {key("metadata")}


def test_a_long_run_of_the_source_does_not_keep_the_query_log_waiting(project: Project) -> None:
    project.write(TRINO)
    defs = project.load()
    pools = {name: defs.resolve_assets_def(key(name)).op.pool for name in ("query_log", "profiling")}
    assert pools == {"query_log": "openmetadata/engine/query_log", "profiling": "openmetadata/engine"}


def test_lineage_and_usage_read_the_table_that_the_query_log_keeps(project: Project) -> None:
    project.write(TRINO)
    job = project.load().resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    read = {spec.kind: spec.connection.get("queryHistoryTable") for spec in project.launcher.specs}
    history = "lakehouse.openmetadata.query_history"
    assert read == {
        Workflow.METADATA: None,
        Workflow.QUERY_LOG: None,
        Workflow.LINEAGE: history,
        Workflow.USAGE: history,
        Workflow.PROFILING: None,
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{}", "workflows.query_log"),
        ("{table: history}", "workflows.query_log.table"),
        ("{table: a.b.c, retentionDays: 0}", "workflows.query_log.retentionDays"),
    ],
)
def test_a_query_log_that_cannot_work_is_refused_when_definitions_load(
    project: Project, options: str, told: str
) -> None:
    project.write(TRINO.replace("{table: lakehouse.openmetadata.query_history, retentionDays: 14}", options))
    assert told in project.refusal()


def test_only_trino_has_a_query_log_of_ours(project: Project) -> None:
    project.write(TRINO.replace("connector: Trino", "connector: Mysql"))
    assert "Mysql has no query_log workflow" in project.refusal()
