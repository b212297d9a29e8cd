"""The files in ``deploy``, as far as they can be checked without the engines that run them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance import InstanceRef
from dagster_k8s.job import UserDefinedDagsterK8sConfig
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict
from kubernetes import client

from data_platform.environment import ENVIRONMENTS, VARIABLES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def valid(model: type, document: dict[str, Any]) -> Any:
    """What Kubernetes' own client makes of a document; it refuses what the model does not know."""
    return k8s_model_from_dict(model, k8s_snake_case_dict(model, document))


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "USER", "PASSWORD", "DB"):
        monkeypatch.setenv(f"DAGSTER_PG_{name}", "x")


def test_dagster_accepts_the_production_instance() -> None:
    ref = InstanceRef.from_dir(str(DEPLOY))
    assert ref.run_storage_data is not None
    assert ref.run_storage_data.class_name == "PostgresRunStorage"
    assert ref.settings["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}


def test_every_setting_of_the_production_instance_has_its_reason() -> None:
    lines = (DEPLOY / "dagster.yaml").read_text().splitlines()
    blocks = re.split(r"\n(?=\S)", "\n".join(line for line in lines if line))
    settings = [block for block in blocks if not block.startswith("#")]
    assert len(settings) > 8
    assert [block.splitlines()[0] for block in settings if "#" not in block] == []


def test_the_chart_is_told_the_same_as_dagster_yaml() -> None:
    instance, values = read("dagster.yaml"), read("values.yaml")
    daemon = values["dagsterDaemon"]
    runs = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert runs["maxConcurrentRuns"] == instance["concurrency"]["runs"]["max_concurrent_runs"]
    assert runs["tagConcurrencyLimits"] == instance["concurrency"]["runs"]["tag_concurrency_limits"]
    monitoring = {_snake(key): value for key, value in daemon["runMonitoring"].items()}
    assert monitoring == instance["run_monitoring"]
    for kind in ("schedule", "sensor"):
        assert values["retention"][kind]["purgeAfterDays"] == instance["retention"][kind]["purge_after_days"]


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", name)


def test_kubernetes_knows_every_field_of_the_values() -> None:
    values = read("values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    for variable in deployment["env"]:
        valid(client.V1EnvVar, variable)
    valid(client.V1ResourceRequirements, deployment["resources"])
    assert valid(client.V1PodSecurityContext, deployment["podSecurityContext"]).run_as_non_root
    assert valid(client.V1SecurityContext, deployment["securityContext"]).allow_privilege_escalation is False
    runs = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    UserDefinedDagsterK8sConfig.from_dict({_snake(key): value for key, value in runs.items()})


def test_what_the_values_set_is_a_setting_of_ours_and_no_secret() -> None:
    (deployment,) = read("values.yaml")["dagster-user-deployments"]["deployments"]
    set_here = {variable["name"]: variable.get("value") for variable in deployment["env"]}
    assert set_here.keys() <= VARIABLES.keys()
    assert not set_here.keys() & {"VAULT_TOKEN", "VAULT_SECRET_ID"}
    own = ENVIRONMENTS[str(set_here["DAGSTER_ENVIRONMENT"])].vault_auth
    assert (set_here["VAULT_AUTH_METHOD"], set_here["VAULT_AUTH_ROLE"]) == (own.method, own.role)


def test_kubernetes_knows_every_field_of_the_manifests() -> None:
    models = {"ServiceAccount": client.V1ServiceAccount, "Role": client.V1Role, "RoleBinding": client.V1RoleBinding}
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    made = [valid(models[document["kind"]], document) for document in documents]
    accounts = {one.metadata.name for one in made if one.kind == "ServiceAccount"}
    assert accounts == {"data-platform", "data-platform-ingestion"}
    binding = made[-1]
    assert binding.subjects[0].name == read("values.yaml")["global"]["serviceAccountName"]
    assert binding.role_ref.name == made[2].metadata.name


def test_the_vault_role_is_for_the_accounts_of_the_manifests() -> None:
    script = (DEPLOY / "vault.sh").read_text()
    assert subprocess.run(["sh", "-n", DEPLOY / "vault.sh"], check=False).returncode == 0
    assert "bound_service_account_names=data-platform,data-platform-ingestion " in script
    assert f"role/{ENVIRONMENTS['production'].vault_auth.role}" in script


def test_services_of_the_compose_file_fit_together() -> None:
    compose = read("compose.yaml")
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= services.keys(), name
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} can be reached from outside"
    for needed in ("location", "webserver", "daemon", "postgres", "catalog"):
        assert needed in services
    server = read("workspace.yaml")["load_from"][0]["grpc_server"]
    assert server["host"] in services
    assert str(server["port"]) in services["location"]["healthcheck"]["test"]


def test_settings_of_the_compose_file_are_documented_and_hold_no_secret() -> None:
    for name, value in read("compose.yaml")["x-dagster"]["environment"].items():
        assert name in VARIABLES or name.startswith("DAGSTER_PG_"), name
        if any(word in name for word in ("PASSWORD", "SECRET", "TOKEN")):
            assert re.fullmatch(r"\$\{[A-Z_]+:.*\}", value), name


def test_the_images_run_without_root_and_copy_what_there_is() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    stages = {
        match[1]: match[0] for match in re.finditer(r"^FROM \S+ AS (\S+)\n(?:(?!FROM ).*\n?)*", text, re.MULTILINE)
    }
    assert {"ingestion", "location", "together"} < stages.keys()
    assert "USER 10001" in stages["ingestion"]
    assert "USER 10001" in stages["location"]
    assert stages["together"].startswith("FROM location ")
    assert "USER" not in stages["together"]
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert source in sent, f"{source} is kept from the images by .dockerignore"


def test_the_ci_workflow_loads_every_environment() -> None:
    jobs = read("github/definitions.yml")["jobs"]
    assert jobs["definitions"]["strategy"]["matrix"]["environment"] == list(ENVIRONMENTS)
    assert any(step.get("run") == "make ci-defs" for step in jobs["committed"]["steps"])
    assert re.search(r"^ci-defs:", (ROOT / "Makefile").read_text(), re.MULTILINE)
