"""What Dagster finds in each environment."""

import importlib.util
from typing import Any

import dagster as dg
import pytest

from data_platform.components.cadence import Cadence
from data_platform.defs.resources import PRELOADED
from data_platform.defs.schedules import SCHEDULES
from data_platform.environment import ENVIRONMENTS
from data_platform_tests.definitions import committed, found, loaded

every_environment = pytest.mark.parametrize("environment", list(ENVIRONMENTS))

THE_TWELVE = {
    "openmetadata/trino/metadata",
    "openmetadata/dbt/metadata",
    "openmetadata/dagster/metadata",
    "openmetadata/superset/metadata",
    "openmetadata/airbyte/metadata",
    "openmetadata/s3/metadata",
    "openmetadata/iceberg/metadata",
    "openmetadata/redash/metadata",
    "openmetadata/trino/lineage",
    "openmetadata/dbt/lineage",
    "openmetadata/trino/profiling",
    "openmetadata/iceberg/profiling",
}
THE_QUERY_LOG = "openmetadata/trino/query_log"
READS_IT = "openmetadata/trino/lineage"
THE_DEMOS = {f"openmetadata/postgres/{workflow}" for workflow in ("metadata", "lineage", "profiling", "tests")}
CONNECTED_IN_THE_DEMO = THE_DEMOS | {
    "openmetadata/dbt/metadata",
    "openmetadata/dbt/lineage",
    "openmetadata/s3/metadata",
    "openmetadata/dagster/metadata",
    "openmetadata/iceberg/metadata",
    "openmetadata/iceberg/profiling",
}
THE_MODELS = {
    f"nycflights/{name}"
    for name in (
        "airline_names",
        "airline_punctuality",
        "busiest_routes",
        "daily_delays",
        "delay_bands",
        "stg_airlines",
        "stg_airports",
        "stg_flights",
    )
}
THEIR_SOURCES = {f"nycflights/aviation/{name}" for name in ("airlines", "airports", "flights")}
CRITICAL = {
    "openmetadata/trino/metadata",
    "openmetadata/dbt/metadata",
    "openmetadata/dbt/lineage",
    "openmetadata/dagster/metadata",
}


def specs(environment: str) -> list[dg.AssetSpec]:
    """What fills the catalog; the demo also has what fills its database."""
    every = loaded(environment).resolve_all_asset_specs()
    return [spec for spec in every if spec.key.path[0] == "openmetadata"]


def workflows(environment: str) -> dict[str, dict[str, Any]]:
    assets = found(environment)["assets"]
    return {key: asset for key, asset in assets.items() if key.startswith("openmetadata/")}


def connected(environment: str) -> set[str]:
    return {key for key, asset in found(environment)["assets"].items() if asset["connected"]}


@every_environment
def test_the_definitions_are_the_committed_ones(environment: str) -> None:
    """After a wanted change: ``.venv/bin/python -m data_platform_tests.definitions``."""
    assert found(environment) == committed(environment)


@every_environment
def test_every_asset_is_listed_in_every_environment(environment: str) -> None:
    assert workflows(environment).keys() == THE_TWELVE | THE_DEMOS | {THE_QUERY_LOG}


@pytest.mark.parametrize("environment", ["dev", "qa", "production"])
def test_the_twelve_assets_and_the_query_log_are_connected_where_people_work(environment: str) -> None:
    assert connected(environment) == THE_TWELVE | {THE_QUERY_LOG}


def test_the_demo_is_connected_to_its_own_servers_only_and_builds_its_models() -> None:
    assert connected("demo") == CONNECTED_IN_THE_DEMO | THE_MODELS
    assert found("demo")["assets"].keys() == (THE_TWELVE | {THE_QUERY_LOG} | THE_DEMOS | THE_MODELS | THEIR_SOURCES)


def test_names_of_checks_are_plain_text() -> None:
    """An enum passes every comparison and is refused when a run's plan is written down."""
    checks = loaded("demo").resolve_asset_graph().asset_check_keys
    assert {type(check.name) for check in checks} == {str}


def test_models_come_before_the_metadata_of_their_tables_and_that_before_dbts() -> None:
    assets = found("demo")["assets"]
    assert set(assets["openmetadata/postgres/metadata"]["after"]) == THE_MODELS
    for part in ("metadata", "lineage"):
        assert "openmetadata/postgres/metadata" in assets[f"openmetadata/dbt/{part}"]["after"]
    assert assets["nycflights/stg_flights"]["after"] == ["nycflights/aviation/flights"]


def test_every_model_names_its_table_its_owner_and_what_it_is() -> None:
    for spec in loaded("demo").resolve_all_asset_specs():
        if spec.key.to_user_string() in THE_MODELS:
            assert spec.metadata["dagster/table_name"] == f"nycflights.analytics.{spec.key.path[-1]}"
            assert spec.owners, spec.key
            assert spec.description, spec.key
            assert spec.kinds == {"dbt", "postgres"}
            assert Cadence.DAILY.tag in spec.tags


def test_both_parts_of_dbt_are_one_step() -> None:
    assets = found("production")["assets"]
    (op,) = {assets[f"openmetadata/dbt/{part}"]["op"] for part in ("metadata", "lineage")}
    assert op == "openmetadata__dbt__metadata_and_lineage"


@every_environment
def test_every_asset_says_whose_it_is_and_what_it_does(environment: str) -> None:
    for spec in specs(environment):
        _, service, _ = spec.key.path
        assert spec.owners, spec.key
        assert any(key.startswith("schedule/") for key in spec.tags), spec.key
        assert "openmetadata" in spec.kinds, spec.key
        assert spec.group_name == service
        assert spec.description and spec.description.endswith("."), spec.key


@every_environment
def test_an_asset_that_is_not_connected_says_what_to_do(environment: str) -> None:
    for key, asset in workflows(environment).items():
        advice = f"Not connected in {environment}: add `environments.{environment}` to data_platform/defs/sources/"
        assert (advice in asset["description"]) is not asset["connected"], key


@every_environment
def test_workflows_of_a_source_follow_its_metadata(environment: str) -> None:
    for key, asset in workflows(environment).items():
        if not key.endswith("/metadata") and asset["group"] != "dbt" and key not in {THE_QUERY_LOG, READS_IT}:
            assert asset["after"] == [f"{key.rpartition('/')[0]}/metadata"], key


@every_environment
def test_lineage_of_queries_follows_their_log_which_waits_for_nothing(environment: str) -> None:
    assets = workflows(environment)
    assert assets[THE_QUERY_LOG]["after"] == []
    assert assets[READS_IT]["after"] == ["openmetadata/trino/metadata", THE_QUERY_LOG]


def test_sources_follow_the_sources_they_build_on() -> None:
    assets = found("production")["assets"]
    for part in ("metadata", "lineage"):
        assert assets[f"openmetadata/dbt/{part}"]["after"] == [
            "openmetadata/postgres/metadata",
            "openmetadata/trino/metadata",
        ]
    assert assets["openmetadata/superset/metadata"]["after"] == [
        "openmetadata/dbt/metadata",
        "openmetadata/trino/metadata",
    ]


@every_environment
def test_workflows_that_write_to_one_service_share_a_pool_and_no_others_have_it(environment: str) -> None:
    """dbt has no service of its own, and writes to that of its tables."""
    written = {"dbt": "postgres" if environment == "demo" else "trino"}
    for key, asset in workflows(environment).items():
        if asset["connected"] and key != THE_QUERY_LOG:
            assert asset["pool"] == f"openmetadata/{written.get(asset['group'], asset['group'])}", key


@every_environment
def test_the_three_schedules_exist_and_wait_to_be_started(environment: str) -> None:
    schedules = found(environment)["schedules"]
    assert schedules.keys() == {
        "metadata_ingestion_schedule",
        "critical_metadata_schedule",
        "query_log_schedule",
    }
    for schedule in schedules.values():
        assert (schedule["status"], schedule["timezone"]) == ("STOPPED", "Etc/UTC")


@every_environment
def test_every_connected_workflow_runs_daily_at_two(environment: str) -> None:
    schedule = found(environment)["schedules"]["metadata_ingestion_schedule"]
    assert schedule["cron"] == "0 2 * * *"
    assert set(found(environment)["jobs"][schedule["job"]]) == connected(environment)


@every_environment
def test_exactly_four_workflows_run_every_four_hours_where_they_are_connected(environment: str) -> None:
    schedule = found(environment)["schedules"]["critical_metadata_schedule"]
    assert schedule["cron"] == "0 */4 * * *"
    assert set(found(environment)["jobs"][schedule["job"]]) == CRITICAL & connected(environment)


@every_environment
def test_exactly_the_query_log_runs_every_fifteen_minutes_where_it_is_connected(environment: str) -> None:
    schedule = found(environment)["schedules"]["query_log_schedule"]
    assert schedule["cron"] == "*/15 * * * *"
    assert set(found(environment)["jobs"][schedule["job"]]) == {THE_QUERY_LOG} & connected(environment)


def test_a_job_of_a_cadence_that_no_connected_source_has_does_nothing() -> None:
    """Where a schedule's job selects nothing it is there, empty, and succeeds."""
    job = dg.Definitions(schedules=SCHEDULES).resolve_job_def("critical_metadata")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
        assert result.success
        assert result.get_asset_materialization_events() == []


@every_environment
def test_each_job_has_a_tag_that_selects_the_same_assets(environment: str) -> None:
    graph = loaded(environment).resolve_asset_graph()
    jobs = {
        "metadata_ingestion": Cadence.DAILY,
        "critical_metadata": Cadence.CRITICAL,
        "query_log": Cadence.QUARTER_HOURLY,
    }
    for job, cadence in jobs.items():
        selection = dg.AssetSelection.from_string(f'tag:"{cadence.tag}"')
        selected = selection.resolve(graph) & graph.executable_asset_keys
        assert sorted(key.to_user_string() for key in selected) == found(environment)["jobs"][job]


@every_environment
def test_links_lead_into_the_catalog_of_the_environment(environment: str) -> None:
    site = ENVIRONMENTS[environment].catalog_url.removesuffix("/api")
    for key, asset in found(environment)["assets"].items():
        if asset["connected"] and key.startswith("openmetadata/") and "/dbt/" not in key:
            assert asset["link"].startswith(f"{site}/service/"), key
            assert asset["link"].endswith(f"Services/{asset['group']}"), key


def test_steps_are_processes_of_their_own() -> None:
    assert loaded("production").resolve_job_def("metadata_ingestion").executor_def.name == "multiprocess"


def test_every_module_to_preload_exists() -> None:
    """The process that steps are forked from passes over a module it cannot import, in silence."""
    for module in PRELOADED:
        assert importlib.util.find_spec(module), module
