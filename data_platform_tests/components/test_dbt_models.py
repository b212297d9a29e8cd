"""dbt models as assets: what is built, where its artifacts go, and what a manifest that is missing costs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from data_platform_tests.components.conftest import Project
from examples.demo.models import PROJECT
from examples.demo.postgres import Server, running_postgres

MODELS = """\
type: data_platform.components.DbtModels
attributes:
  service: shop
  project: {project}
  environments:
    dev: {{DBT_ENV_SECRET_PASSWORD: "file:{password}"}}
  artifacts: {artifacts}
"""
SOURCE = """\
type: data_platform.components.MetadataSource
attributes:
  service: shop
  connector: Postgres
  environments: {dev: {hostPort: "localhost:5432", username: reader, database: shop}}
  workflows: {metadata: {}, profiling: {}}
"""
METADATA = dg.AssetKey(["openmetadata", "shop", "metadata"])
FILES = {
    "dbt_project.yml": "name: marts\nversion: 1.0.0\nprofile: marts\nflags: {send_anonymous_usage_stats: false}\n",
    "profiles.yml": """
marts:
  target: test
  outputs:
    test: {type: postgres, host: 127.0.0.1, port: PORT, threads: 1, schema: marts, dbname: postgres, user: postgres,
           password: "{{ env_var('DBT_ENV_SECRET_PASSWORD', '') }}"}
""",
    "models/orders.sql": "select 1 as id, 10 as amount",
    "models/large.sql": "select id from {{ ref('orders') }} where amount > 5",
    "models/schema.yml": """
version: 2
models:
  - {name: orders, description: What was ordered, columns: [{name: id, data_tests: [unique]}]}
  - {name: large, description: Large orders, columns: [{name: id, data_tests: [not_null]}]}
""",
}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An empty server."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_postgres(tmp_path_factory.mktemp("postgres"), port) as server:
        yield server


@pytest.fixture(scope="module")
def parsed(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project with its manifest."""
    folder = tmp_path_factory.mktemp("dbt")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text.replace("PORT", str(postgres.port)).lstrip())
    command = [Path(sys.executable).with_name("dbt"), "--quiet", "parse"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


class Models:
    """The project's models and the source whose tables they are."""

    def __init__(self, project: Project, folder: Path, password: Path, artifacts: Path) -> None:
        self.folder, self.artifacts = folder, artifacts
        self._project = project
        project.write(MODELS.format(project=folder, password=password, artifacts=artifacts), "models")
        project.write(SOURCE, "shop")

    def load(self) -> dg.Definitions:
        """What Dagster finds."""
        return self._project.load()

    def build(self, *names: str) -> dg.ExecuteInProcessResult:
        """Build some models, or all."""
        wanted = dg.AssetSelection.assets(*(dg.AssetKey(["marts", name]) for name in names))
        job = dg.define_asset_job("build", selection=wanted if names else dg.AssetSelection.groups("marts"))
        defs = self.load()
        merged = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        return merged.resolve_job_def("build").execute_in_process(raise_on_error=False)


@pytest.fixture
def models(project: Project, parsed: Path, postgres: Server, tmp_path: Path) -> Models:
    """The models, to be built."""
    shutil.copytree(parsed, tmp_path / "dbt")
    return Models(project, tmp_path / "dbt", postgres.superuser_password, tmp_path / "artifacts")


def keys(defs: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}


def test_models_are_assets_that_come_before_the_metadata_of_their_tables(models: Models) -> None:
    graph = models.load().resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get(METADATA).parent_keys} == {"marts/orders", "marts/large"}
    orders = graph.get(dg.AssetKey(["marts", "orders"]))
    assert orders.metadata["dagster/table_name"] == "postgres.marts.orders"
    assert {key.name for key in orders.check_keys} == {"unique_orders_id"}
    assert "schedule/daily" in orders.tags


def test_a_build_makes_and_checks_what_is_selected_and_leaves_artifacts_of_all(
    models: Models, postgres: Server
) -> None:
    result = models.build()
    assert result.success
    built = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert built == {"marts/orders", "marts/large"}
    assert {each.check_name: each.passed for each in result.get_asset_check_evaluations()} == {
        "unique_orders_id": True,
        "not_null_large_id": True,
    }
    left = {file.name for file in models.artifacts.iterdir()}
    assert left == {"catalog.json", "manifest.json", "run_results.json"}
    with postgres.connect("postgres") as connection, connection.cursor() as statement:
        statement.execute("SELECT count(*) FROM marts.large")
        assert statement.fetchone() == (1,)
    password = postgres.superuser_password.read_text().strip()
    assert password not in os.environ.values()
    assert password not in "".join(file.read_text() for file in models.artifacts.iterdir())

    # A build of one model compiles no other, but the catalog is to have the SQL of all.
    assert models.build("large").success
    manifest = json.loads((models.artifacts / "manifest.json").read_text())
    assert all(node["compiled_code"] for node in manifest["nodes"].values() if node["resource_type"] == "model")
    results = json.loads((models.artifacts / "run_results.json").read_text())["results"]
    assert {result["unique_id"].split(".")[2] for result in results} == {"large", "not_null_large_id"}


def test_a_test_that_fails_fails_the_step_and_the_artifacts_say_so(models: Models) -> None:
    (models.folder / "models" / "large.sql").write_text("select cast(null as integer) as id from {{ ref('orders') }}")
    result = models.build()
    assert not result.success
    assert {each.check_name: each.passed for each in result.get_asset_check_evaluations()}["not_null_large_id"] is False
    results = json.loads((models.artifacts / "run_results.json").read_text())["results"]
    assert {each["status"] for each in results if "not_null" in each["unique_id"]} == {"fail"}


@pytest.mark.parametrize("manifest", [None, "{", "[]"], ids=["missing", "cut", "something else"])
def test_without_a_manifest_that_can_be_read_everything_else_loads(
    models: Models, manifest: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = models.folder / "target" / "manifest.json"
    file.unlink()
    if manifest is not None:
        file.write_text(manifest)
    defs = models.load()
    assert keys(defs) == {"openmetadata/shop/metadata", "openmetadata/shop/profiling"}
    assert defs.resolve_asset_graph().get(METADATA).parent_keys == set()
    assert "the models of" in caplog.text
    assert "make setup" in caplog.text


def test_models_are_built_only_in_environments_that_are_named(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "qa")
    assert not any(key.startswith("marts/") for key in keys(models.load()))


def test_a_literal_password_and_an_unknown_environment_are_refused(project: Project, tmp_path: Path) -> None:
    text = MODELS.format(project=PROJECT, password="x", artifacts=tmp_path)
    project.write(text.replace('"file:x"', "hunter2"), "models")
    assert "environments.dev.DBT_ENV_SECRET_PASSWORD: must be a secret reference" in project.refusal()
    assert "hunter2" not in project.refusal()
    project.write(text.replace("    dev:", "    prod:"), "models")
    assert "there is no environment 'prod'" in project.refusal()


def test_models_cannot_be_on_the_query_logs_schedule(project: Project, tmp_path: Path) -> None:
    text = MODELS.format(project=PROJECT, password="x", artifacts=tmp_path)
    project.write(f"{text}  schedules: [daily, quarter_hourly]\n", "models")
    assert (
        "schedules[1]: quarter_hourly is for query_log only: known schedules are daily, critical" in project.refusal()
    )


def test_a_secret_that_cannot_be_had_fails_the_build_and_is_named(models: Models, project: Project) -> None:
    models = Models(project, models.folder, models.folder / "nowhere", models.artifacts)
    result = models.build()
    assert not result.success
    (event,) = result.get_step_failure_events()
    said = str(event.step_failure_data.error_display_string)
    assert "nowhere" in said, said
