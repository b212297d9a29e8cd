"""A source that keeps its own query log: where it stands among the source's assets, and who reads it."""

from __future__ import annotations

import dagster as dg
import pytest

from data_platform.ingestion import listing
from data_platform.ingestion.spec import Workflow
from data_platform_tests.components.conftest import Project

TRINO = """\
type: data_platform.components.MetadataSource
attributes:
  service: engine
  connector: Trino
  connection: {username: reader}
  environments:
    dev: {hostPort: "localhost:8080", queryHistoryTable: lakehouse.openmetadata.query_history}
    qa: {hostPort: "trino-qa:8080", queryHistoryTable: lakehouse_qa.logs.queries}
  schedules: {query_log: [daily, quarter_hourly]}
  workflows:
    metadata: {}
    query_log: {retentionDays: 14}
    lineage: {queryLogDuration: 7}
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


@pytest.mark.parametrize(
    ("environment", "history"),
    [("dev", "lakehouse.openmetadata.query_history"), ("qa", "lakehouse_qa.logs.queries")],
)
def test_lineage_and_usage_read_the_environments_table_that_the_query_log_keeps(
    project: Project, monkeypatch: pytest.MonkeyPatch, environment: str, history: str
) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", environment)
    project.write(TRINO)
    defs = project.load()
    with dg.DagsterInstance.ephemeral() as instance:
        assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    used = {spec.kind: spec.connection["queryHistoryTable"] for spec in project.launcher.specs}
    assert {used[workflow] for workflow in (Workflow.QUERY_LOG, Workflow.LINEAGE, Workflow.USAGE)} == {history}
    (kept,) = [spec for spec in defs.resolve_all_asset_specs() if spec.key == key("query_log")]
    assert kept.description and f"`{history}`" in kept.description


def test_where_queries_are_read_from_says_nothing_of_what_is_listed(project: Project) -> None:
    """Else one who moves the history would be told that what was dropped may only be listed no longer."""
    words: set[str] = set()
    for history in ("lakehouse.openmetadata.query_history", "lakehouse.logs.queries"):
        project.write(TRINO.replace("lakehouse.openmetadata.query_history", history))
        with dg.DagsterInstance.ephemeral() as instance:
            project.load().resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
        words |= {listing.word(spec) for spec in project.launcher.specs if spec.kind is Workflow.METADATA}
    assert len(words) == 1


QA = ", queryHistoryTable: lakehouse_qa.logs.queries"
REFUSED = {
    "no table in one environment": (QA, "", "environments.qa.queryHistoryTable: is missing"),
    "a table without its catalog": (
        QA,
        ", queryHistoryTable: logs.queries",
        "environments.qa.queryHistoryTable: must be catalog.schema.table",
    ),
    "Trino's own memory": (
        QA,
        ", queryHistoryTable: system.runtime.queries",
        "environments.qa.queryHistoryTable: is Trino's own, and the workflow query_log cannot write to it",
    ),
    "a table that only a secret names": (
        QA,
        ", queryHistoryTable: env:HISTORY",
        "environments.qa.queryHistoryTable: must be catalog.schema.table",
    ),
    "days that are none": ("retentionDays: 14", "retentionDays: 0", "workflows.query_log.retentionDays: must be at"),
    "fewer days than are read": (
        "retentionDays: 14",
        "retentionDays: 7",
        "workflows.query_log.retentionDays: is 7, and lineage reads 7 days",
    ),
    "an option that is the connection's": (
        "{retentionDays: 14}",
        "{table: lakehouse.logs.queries}",
        "workflows.query_log.table: is not a known field: known fields are retentionDays",
    ),
    "a schedule of its own for another workflow": (
        "schedules: {query_log: [daily, quarter_hourly]}",
        "schedules: {metadata: [quarter_hourly]}",
        "schedules.metadata[0]: quarter_hourly is for query_log only: known schedules of metadata are daily, critical",
    ),
}


@pytest.mark.parametrize(("written", "instead", "told"), list(REFUSED.values()), ids=list(REFUSED))
def test_a_query_log_that_cannot_work_is_refused_when_definitions_load(
    project: Project, written: str, instead: str, told: str
) -> None:
    assert written in TRINO
    project.write(TRINO.replace(written, instead))
    assert told in project.refusal()


def test_a_history_that_the_platform_keeps_itself_may_have_any_name(project: Project) -> None:
    """A view of Starburst Galaxy's, or of system's: it is only read."""
    text = TRINO.replace("    query_log: {retentionDays: 14}\n", "")
    text = text.replace("  schedules: {query_log: [daily, quarter_hourly]}\n", "")
    project.write(text.replace("lakehouse_qa.logs.queries", '\'"system"."runtime"."queries"\''))
    assert key("query_log") not in {spec.key for spec in project.load().resolve_all_asset_specs()}


def test_only_trino_has_a_query_log_of_ours(project: Project) -> None:
    project.write(TRINO.replace("connector: Trino", "connector: Mysql"))
    assert "Mysql has no query_log workflow" in project.refusal()
