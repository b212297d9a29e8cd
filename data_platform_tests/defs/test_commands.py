"""The commands that people type, in processes of their own."""

from __future__ import annotations

import pytest

from data_platform.environment import ENVIRONMENTS
from data_platform_tests.definitions import found
from data_platform_tests.defs.conftest import Copy


@pytest.mark.parametrize("environment", list(ENVIRONMENTS))
def test_dg_check_defs_passes(copy: Copy, environment: str) -> None:
    done = copy.dg("check", "defs", environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully." in done.stdout


def test_dg_list_defs_lists_assets_checks_jobs_schedules_and_resources(copy: Copy) -> None:
    listed = copy.listed("production")
    assets = found("production")["assets"]
    assert {asset["asset_key"] for asset in listed["assets"]} == assets.keys()
    assert {asset["asset_key"] for asset in listed["assets"] if asset["is_executable"]} == {
        key for key, asset in assets.items() if asset["connected"]
    }
    assert {check["name"] for check in listed["asset_checks"]} == {
        "completed",
        "catalog_matches_source",
        "no_mass_deletion",
        # of the state of Iceberg's tables
        "small_files",
        "snapshots",
        "orphan_deletes",
        "table_freshness",
    }
    assert {job["name"] for job in listed["jobs"]} == {"metadata_ingestion", "critical_metadata", "query_log"}
    assert {schedule["name"] for schedule in listed["schedules"]} == {
        "metadata_ingestion_schedule",
        "critical_metadata_schedule",
        "query_log_schedule",
    }
    assert {resource["name"] for resource in listed["resources"]} == {"openmetadata", "vault", "workflow_launcher"}
    trino = next(asset for asset in listed["assets"] if asset["asset_key"] == "openmetadata/trino/metadata")
    assert trino["source"].startswith("data_platform/defs/sources/trino/defs.yaml:")


def test_a_scaffolded_source_is_listed(bare_copy: Copy) -> None:
    component = "data_platform.components.MetadataSource"
    done = bare_copy.dg("scaffold", "defs", component, "sources/ledger", "--connector", "Mysql")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [asset["asset_key"] for asset in bare_copy.listed()["assets"]] == [
        "openmetadata/ledger/lineage",
        "openmetadata/ledger/metadata",
        "openmetadata/ledger/profiling",
        "openmetadata/ledger/usage",
    ]


def test_bad_input_reaches_the_person_at_the_terminal(copy: Copy) -> None:
    file = copy.sources / "redash" / "defs.yaml"
    file.write_text(file.read_text().replace("connector: Redash", "connector: Redahs"))
    done = copy.dg("check", "defs")
    assert done.returncode == 1
    assert (
        "data_platform/defs/sources/redash/defs.yaml:5: connector: there is no connector 'Redahs':"
        " the nearest of 125 known connectors are Redash"
    ) in done.stdout + done.stderr


BYSTANDER = """
import dagster as dg


@dg.asset
def bystander() -> None:
    pass
"""
ELSEWHERE = """\
type: data_platform.components.MetadataSource
attributes:
  service: elsewhere
  connector: Postgres
  environments:
    production: {hostPort: "localhost:5432", username: reader, database: shop}
  workflows: {metadata: {}}
"""
POST_PROCESSING = """
post_processing:
  assets:
    - target: "group:elsewhere and kind:postgres"
      attributes:
        tags: {selected: "by-a-string"}
"""


def materialized(output: str) -> bool:
    return "bystander - ASSET_MATERIALIZATION" in output


def test_a_selection_in_yaml_selects(bare_copy: Copy) -> None:
    """With the ingestion client's antlr no selection that is a string works."""
    (bare_copy.sources / "elsewhere").mkdir()
    (bare_copy.sources / "elsewhere" / "defs.yaml").write_text(ELSEWHERE + POST_PROCESSING)
    (asset,) = bare_copy.listed("production")["assets"]
    assert {"key": "selected", "value": "by-a-string"} in asset["tags"]


def test_dg_launch_selects_by_a_string(bare_copy: Copy) -> None:
    (bare_copy.sources / "bystander.py").write_text(BYSTANDER)
    done = bare_copy.dg("launch", "--assets", "group:default and key:by*")
    assert done.returncode == 0, done.stdout + done.stderr
    assert materialized(done.stdout + done.stderr)


def test_known_limitation_a_launch_of_nothing_but_unconnected_sources_launches_everything(bare_copy: Copy) -> None:
    """Dagster takes the empty selection for no selection. When this fails, take it out of "Known limitations"."""
    (bare_copy.sources / "bystander.py").write_text(BYSTANDER)
    (bare_copy.sources / "elsewhere").mkdir()
    (bare_copy.sources / "elsewhere" / "defs.yaml").write_text(ELSEWHERE)
    done = bare_copy.dg("launch", "--assets", "group:elsewhere")
    assert materialized(done.stdout + done.stderr), done.stdout + done.stderr


def test_the_step_of_a_source_fails_with_one_sentence_when_nothing_is_set_up(copy: Copy) -> None:
    """What can be selected is run; that it cannot work is said by the run, not by loading."""
    done = copy.dg(
        "launch",
        "--assets",
        "group:s3",
        DATA_PLATFORM_INGESTION_PYTHON="/nonexistent/python",
        VAULT_ADDR="http://127.0.0.1:1",
    )
    assert done.returncode != 0
    assert (
        "dagster._core.definitions.events.Failure: /nonexistent/python: the ingestion environment's interpreter does"
        " not exist: run 'make setup', or set DATA_PLATFORM_INGESTION_PYTHON."
    ) in done.stdout + done.stderr
