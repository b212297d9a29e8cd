"""A source as a component: its assets, what they ask the launcher for, and how both can be changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from data_platform.components import MetadataSource
from data_platform.ingestion.spec import Ownership, Workflow
from data_platform_tests.components.conftest import WORKING, Project

METADATA = dg.AssetKey(["openmetadata", "shop", "metadata"])
PROFILING = dg.AssetKey(["openmetadata", "shop", "profiling"])


def spec_of(project: Project, key: dg.AssetKey = METADATA) -> dg.AssetSpec:
    return {spec.key: spec for spec in project.load().resolve_all_asset_specs()}[key]


def run(
    project: Project,
    *keys: dg.AssetKey,
    run_config: dict[str, object] | None = None,
    tags: dict[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    job = project.load().resolve_implicit_global_asset_job_def()
    selection = list(keys) or None
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, asset_selection=selection, run_config=run_config, tags=tags)


def test_each_workflow_is_an_asset_with_an_op_named_after_it(project: Project) -> None:
    project.write(WORKING)
    defs = project.load()
    assert {spec.key: defs.resolve_assets_def(spec.key).op.name for spec in defs.resolve_all_asset_specs()} == {
        METADATA: "openmetadata__shop__metadata",
        PROFILING: "openmetadata__shop__profiling",
    }


def test_materializing_an_asset_runs_its_workflow_with_the_connection_of_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "qa")
    monkeypatch.setenv("DATA_PLATFORM_CATALOG_URL", "http://catalog.example.org/api/")
    project.write(WORKING.replace("profiling: {}", "profiling: {computeTableMetrics: false}") + "  timeout: 60\n")
    result = run(project, PROFILING)
    assert result.success
    (spec,) = project.launcher.specs
    assert spec.connection == {
        "database": "shop",
        "username": "reader",
        "hostPort": "shop-qa.example.org:5432",
        "authType": {"password": "vault:secret-data/dagster/shop#password"},
    }
    assert (spec.service, spec.connector, spec.kind) == ("shop", "Postgres", Workflow.PROFILING)
    assert (spec.environment, spec.catalog_url) == ("qa", "http://catalog.example.org/api")
    assert spec.catalog_token == "vault:secret-data/dagster/openmetadata#jwt_token"
    assert spec.options == {"computeTableMetrics": False}
    assert (spec.timeout, spec.run_id) == (60, result.run_id)


def test_metadata_runs_before_the_workflows_that_need_it_and_both_report_their_checks(project: Project) -> None:
    project.write(WORKING)
    result = run(project)
    assert [spec.kind for spec in project.launcher.specs] == [Workflow.METADATA, Workflow.PROFILING]
    assert {(check.asset_key, check.check_name) for check in result.get_asset_check_evaluations()} == {
        (METADATA, "completed"),
        (METADATA, "catalog_matches_source"),
        (METADATA, "no_mass_deletion"),
        (PROFILING, "completed"),
    }


def test_a_catalog_that_does_not_match_its_source_stops_what_depends_on_the_metadata(project: Project) -> None:
    project.write(WORKING)
    checks = list(project.load().resolve_assets_def(METADATA).check_specs)
    assert {check.name for check in checks if check.blocking} == {"catalog_matches_source"}


def test_a_run_may_be_launched_with_the_limit_on_deletions_lifted(project: Project) -> None:
    project.write(WORKING + "  deletion: {max_share: 5}\n")
    run(project, METADATA)
    config = {"ops": {"openmetadata__shop__metadata": {"config": {"allow_deletions": True}}}}
    run(project, METADATA, run_config=config)
    assert [spec.allow_deletions for spec in project.launcher.specs] == [False, True]
    assert [spec.deletion.max_share for spec in project.launcher.specs] == [5, 5]


def test_a_lifted_limit_counts_once_and_not_when_dagster_does_the_same_again(project: Project) -> None:
    project.write(WORKING.replace("retries: 0", "retries: 1"))
    config = {"ops": {"openmetadata__shop__metadata": {"config": {"allow_deletions": True}}}}
    again = {"dagster/parent_run_id": "the first", "dagster/root_run_id": "the first"}
    run(project, METADATA, run_config=config, tags=again)
    project.launcher.failing = 1
    run(project, METADATA, run_config=config)
    assert [spec.allow_deletions for spec in project.launcher.specs] == [False, True, False]


def test_what_an_environment_says_goes_over_what_is_shared_and_mappings_are_merged(project: Project) -> None:
    shared = "    authType: {password: env:SHOP}\n    connectionOptions: {a: '1', b: '2'}\n"
    own = "localhost:5432\n      username: developer\n      connectionOptions: {b: '3'}"
    project.write(WORKING.replace("  environments:", f"{shared}  environments:").replace("localhost:5432", own))
    run(project, METADATA)
    (spec,) = project.launcher.specs
    assert spec.connection["username"] == "developer"
    assert spec.connection["connectionOptions"] == {"a": "1", "b": "3"}
    assert spec.connection["authType"] == {"password": "env:SHOP"}


def test_a_quoted_number_stays_a_string(project: Project) -> None:
    """Dagster's templates made an account id a number, which OpenMetadata refuses."""
    project.write(WORKING.replace("database: shop", "database: '0123'"))
    run(project, METADATA)
    assert project.launcher.specs[0].connection["database"] == "0123"


def test_templates_are_filled_in(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOST", "shop.example.org")
    project.write(WORKING.replace("localhost:5432", "\"{{ env('SHOP_HOST') }}:5432\""))
    run(project, METADATA)
    assert project.launcher.specs[0].connection["hostPort"] == "shop.example.org:5432"


def test_a_source_without_a_connection_here_is_listed_and_cannot_be_materialized(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "production")
    file = project.write(WORKING)
    defs = project.load()
    specs = list(defs.resolve_all_asset_specs())
    assert [spec.key for spec in specs] == [METADATA, PROFILING]
    assert defs.resolve_asset_graph().executable_asset_keys == set()
    relative = str(file)[str(file).index("src/") :]
    for spec in specs:
        assert spec.description
        assert spec.description.endswith(
            f"Not connected in production: add `environments.production` to {relative} to run it here."
        )


def test_an_environment_may_need_nothing_of_its_own(project: Project) -> None:
    text = WORKING.replace("    username: reader", "    username: reader\n    hostPort: shop:5432")
    project.write(text.replace("dev:\n      hostPort: localhost:5432", "dev: {}"))
    run(project, METADATA)
    assert project.launcher.specs[0].connection["hostPort"] == "shop:5432"


def test_a_workflow_is_daily_unless_said(project: Project) -> None:
    project.write(WORKING + "  schedules: {profiling: [critical]}\n")
    assert set(spec_of(project).tags) >= {"schedule/daily"}
    profiling = spec_of(project, PROFILING)
    assert "schedule/critical" in profiling.tags
    assert "schedule/daily" not in profiling.tags


def test_a_workflow_may_run_on_no_schedule_and_is_then_never_late(project: Project) -> None:
    project.write(WORKING + "  schedules: {profiling: []}\n")
    spec = spec_of(project, PROFILING)
    assert not any(tag.startswith("schedule/") for tag in spec.tags)
    assert spec.freshness_policy is None


@pytest.mark.parametrize(
    ("cadences", "late", "stale"),
    [
        ("[daily]", timedelta(hours=26), timedelta(hours=50)),
        ("[critical]", timedelta(hours=6), timedelta(hours=10)),
        ("[daily, critical]", timedelta(hours=6), timedelta(hours=10)),
    ],
)
def test_an_asset_is_late_after_one_missed_run_and_stale_after_two(
    project: Project, cadences: str, late: timedelta, stale: timedelta
) -> None:
    project.write(WORKING + f"  schedules: {{metadata: {cadences}}}\n")
    policy: Any = spec_of(project).freshness_policy
    assert (policy.warn_window.to_timedelta(), policy.fail_window.to_timedelta()) == (late, stale)


def test_sources_come_after_the_metadata_of_the_ones_they_build_on(project: Project) -> None:
    project.write(WORKING + "  after: [warehouse]\n")
    project.write(WORKING.replace("service: shop", "service: warehouse"), folder="warehouse")
    assert [dep.asset_key for dep in spec_of(project).deps] == [dg.AssetKey(["openmetadata", "warehouse", "metadata"])]
    assert [dep.asset_key for dep in spec_of(project, PROFILING).deps] == [METADATA]


def test_retries_and_owners_are_the_definitions(project: Project) -> None:
    project.write(WORKING.replace("retries: 0", "retries: 5") + "  owners: [shop@example.org]\n")
    policy = project.load().resolve_assets_def(METADATA).op.retry_policy
    assert policy is not None
    assert policy.max_retries == 5
    assert list(spec_of(project).owners) == ["shop@example.org"]


def test_owners_domain_and_tier_go_to_the_catalog_with_the_metadata_the_narrower_ones_first(project: Project) -> None:
    project.write(
        WORKING + "  owners: [team:shop]\n  domain: Sales\n  tier: Tier3\n"
        "  ownership: [{tables: 'shop[.]a[.].*', tier: Tier1}]\n"
    )
    assert run(project).success
    metadata, profiling = project.launcher.specs
    assert metadata.ownership == (
        Ownership(tables="shop[.]a[.].*", tier="Tier1"),
        Ownership(owners=("team:shop",), domain="Sales", tier="Tier3"),
    )
    assert profiling.ownership == ()


def test_every_declared_test_is_a_check_of_the_tests_asset_which_comes_after_the_metadata(project: Project) -> None:
    project.write(
        WORKING.replace(
            "profiling: {}",
            "tests:\n      sales.orders:\n"
            "      - {definition: tableRowCountToBeBetween, parameters: {minValue: 1}}\n"
            "      - {definition: columnValuesToBeNotNull, column: total, severity: warn, description: Not free}",
        )
    )
    key = dg.AssetKey(["openmetadata", "shop", "tests"])
    spec = spec_of(project, key)
    assert [dep.asset_key for dep in spec.deps] == [METADATA]
    assert spec.description
    assert spec.description.startswith("Results of data-quality tests of tables and columns of Postgres")
    checks = project.load().resolve_assets_def(key).check_specs
    assert {check.name: check.description for check in checks if check.name != "completed"} == {
        "sales_orders__tableRowCountToBeBetween": "OpenMetadata's tableRowCountToBeBetween of sales.orders.",
        "sales_orders__columnValuesToBeNotNull__total": "Not free",
    }
    run(project, key)
    (sent,) = project.launcher.specs
    assert sent.kind is Workflow.TESTS
    assert sent.options["sales.orders"][1]["column"] == "total"


def test_only_owners_that_the_definition_states_go_to_the_catalog(project: Project) -> None:
    project.write(WORKING)
    assert list(spec_of(project).owners) == ["team:data-platform"]
    run(project, METADATA)
    assert project.launcher.specs[0].ownership == ()


DBT = """\
type: data_platform.components.MetadataSource
attributes:
  service: dbt
  connector: dbt
  environments:
    dev: {serviceName: trino, dbtConfigType: local, dbtManifestFilePath: target/manifest.json}
  workflows: {metadata: {}, lineage: {}}
"""


def test_owners_of_a_source_without_a_service_own_its_assets_only(project: Project) -> None:
    project.write(DBT + "  owners: [team:models]\n")
    key = dg.AssetKey(["openmetadata", "dbt", "metadata"])
    assert list(spec_of(project, key).owners) == ["team:models"]
    run(project, key)
    assert project.launcher.specs[0].ownership == ()


def test_a_domain_of_a_source_without_a_service_is_refused(project: Project) -> None:
    project.write(DBT + "  domain: Sales\n")
    assert "domain: dbt has no service of its own in the catalog: write it at the source" in project.refusal()


def test_translation_changes_assets_in_yaml(project: Project) -> None:
    project.write(
        WORKING + "  translation: {tags: {workflow: '{{ workflow }}'}, description: '{{ spec.group_name }}!'}\n"
    )
    spec = spec_of(project, PROFILING)
    assert spec.tags["workflow"] == "profiling"
    assert spec.description == "shop!"
    assert "schedule/daily" in spec.tags


def test_a_translated_key_keeps_its_check(project: Project) -> None:
    project.write(WORKING + "  translation: {key_prefix: catalog}\n")
    result = run(project)
    assert {check.asset_key.path[0] for check in result.get_asset_check_evaluations()} == {"catalog"}
    assert result.success


class Quiet(MetadataSource):
    """A subclass, as somebody who needs more than YAML writes it."""

    def get_asset_spec(self, workflow: Workflow) -> dg.AssetSpec:
        return super().get_asset_spec(workflow).merge_attributes(tags={"quiet": "yes"})

    def execute(self, context: dg.AssetExecutionContext, workflow: Workflow, launcher: Any) -> Any:
        context.log.info("quiet")
        yield from super().execute(context, workflow, launcher)


def test_a_subclass_changes_assets_and_execution_in_python(project: Project) -> None:
    project.write(WORKING.replace("data_platform.components.MetadataSource", f"{__name__}.Quiet"))
    assert spec_of(project).tags["quiet"] == "yes"
    assert run(project).success
    assert len(project.launcher.specs) == 2


def test_a_source_can_be_made_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "dev")
    source = MetadataSource(
        service="shop",
        connector="Postgres",
        environments={"dev": {"hostPort": "localhost:5432", "username": "reader", "database": "shop"}},
        workflows={Workflow.METADATA: {}},
    )
    assert source.get_asset_spec(Workflow.METADATA).key == METADATA
    checks = ["completed", "catalog_matches_source", "no_mass_deletion"]
    assert [check.name for check in source.get_check_specs(Workflow.METADATA)] == checks


def test_no_link_is_given_where_the_catalog_has_no_service_of_that_name(project: Project) -> None:
    """dbt adds to the tables of other services."""
    project.write(DBT)
    spec = spec_of(project, dg.AssetKey(["openmetadata", "dbt", "metadata"]))
    assert "catalog" not in spec.metadata
    assert spec.description == (
        "Descriptions, tags and tests of the models of dbt at `target/manifest.json`, in the catalog's tables."
    )
