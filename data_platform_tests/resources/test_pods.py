"""Workflows in pods, as far as they can be seen without a cluster: a small API server plays one, and its pods are real
children."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from data_platform import environment
from data_platform.defs.resources import launcher
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.resources.launcher import WorkflowLauncher
from data_platform.resources.pods import PodLauncher
from data_platform_tests.fakes import Answer, Request, listening

KEY = dg.AssetKey(["openmetadata", "shop", "metadata"])
INGESTION = Path(__file__).parents[2] / ".venv-ingestion" / "bin" / "python"


@dataclass
class Cluster:
    """A cluster of one machine: its pods are processes of the ingestion environment.

    Attributes:
        folder: where pods' logs go.
        pods: every pod that was made.
        deleted: names of those that were deleted.
        variables: what the image itself has in its environment.
    """

    folder: Path
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        """What the API server answers."""
        parts = request.path.strip("/").split("/")
        if request.method == "POST":
            return 201, self._made(request.json)
        name = request.query.get("fieldSelector", "").removeprefix("metadata.name=") or parts[5]
        if parts[-1] == "log":
            self._running[name].wait(60)
            lines = (self.folder / name).read_bytes().splitlines(keepends=True)
            # As the kubelet writes them: no two lines have the same time.
            return 200, b"".join(b"2026-01-01T00:00:00.%09dZ %b" % numbered for numbered in enumerate(lines))
        if request.method == "DELETE":
            self.deleted.append(name)
            return 200, {"kind": "Status", "status": "Success"}
        pod = self._seen(name)
        return 200, pod if parts[-1] == name else {"kind": "PodList", "metadata": {}, "items": [pod]}

    def _made(self, pod: dict[str, Any]) -> dict[str, Any]:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        self.pods[name] = pod
        variables = {one["name"]: one["value"] for one in container["env"]}
        with (self.folder / name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [INGESTION, *container["command"][1:]],
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.variables, **variables},
                stdout=log,
                stderr=log,
            )
        return pod

    def _seen(self, name: str) -> dict[str, Any]:
        code = self._running[name].poll()
        state = {"running": {}} if code is None else {"terminated": {"exitCode": code, "reason": "Completed"}}
        container = self.pods[name]["spec"]["containers"][0]["name"]
        status = {
            "name": container, "ready": True, "state": state, "image": "i", "imageID": "i", "restartCount": 0
        }  # fmt: skip
        phase = "Running" if code is None else "Succeeded" if code == 0 else "Failed"
        return self.pods[name] | {"status": {"phase": phase, "containerStatuses": [status]}}

    def end(self) -> None:
        """No process of it goes on."""
        for process in self._running.values():
            process.kill()
            process.wait()


@contextmanager
def running_cluster(folder: Path, home: Path) -> Iterator[Cluster]:
    """A cluster to which the kubeconfig of a home folder leads."""
    cluster = Cluster(folder)
    with listening(cluster.answer) as address:
        config = home / ".kube" / "config"
        config.parent.mkdir()
        config.write_text(
            yaml.safe_dump(
                {
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "dagster"}}],
                    "clusters": [{"name": "c", "cluster": {"server": address}}],
                    "users": [{"name": "u", "user": {}}],
                }
            )
        )
        try:
            yield cluster
        finally:
            cluster.end()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster, and secrets in the variables of whoever starts its pods."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("VAULT_TOKEN", "s3cret")
    monkeypatch.setenv("VAULT_SECRET_ID", "s3cret")
    monkeypatch.setenv("VAULT_AUTH_METHOD", "kubernetes")
    monkeypatch.setenv("VAULT_AUTH_ROLE", "data-platform")
    with running_cluster(tmp_path, home) as running:
        yield running


def spec(**fields: Any) -> WorkflowSpec:
    defaults: dict[str, Any] = {
        "environment": "dev",
        "service": "shop",
        "connector": "Postgres",
        "workflows": (Workflow.METADATA,),
        "connection": {"authType": {"password": "vault:secret-data/dagster/shop#password"}},
        "catalog_url": "http://127.0.0.1:1/api",
        "catalog_token": "vault:secret-data/dagster/openmetadata#jwt_token",
        "vault_address": "http://127.0.0.1:1",
        "run_id": str(uuid.uuid4()),
    }
    return WorkflowSpec(**{**defaults, **fields})


PODS = PodLauncher(image="registry.example.org/ingestion:1", service_account="data-platform-ingestion")


def materialize(asked: WorkflowSpec) -> dg.ExecuteInProcessResult:
    @dg.asset(key=KEY, check_specs=[dg.AssetCheckSpec("completed", asset=KEY)])
    def shop(context: dg.AssetExecutionContext, launcher: WorkflowLauncher) -> Iterator[Any]:
        yield from launcher.run(context=context, spec=asked, assets={Workflow.METADATA: KEY})

    return dg.materialize([shop], resources={"launcher": PODS}, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.get_step_failure_events()
    return str(event.step_failure_data.error_display_string)


def test_a_workflow_is_one_pod_and_its_verdict_is_the_steps(cluster: Cluster) -> None:
    result = materialize(spec())
    # There is no service account's token here: the child says so, over its pod's log.
    assert "there is no token to log in to Vault at auth/kubernetes with" in failure(result)
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert list(cluster.pods) == cluster.deleted
    (pod,) = cluster.pods.values()
    assert pod["spec"]["containers"][0]["image"] == "registry.example.org/ingestion:1"
    assert pod["spec"]["serviceAccountName"] == "data-platform-ingestion"
    assert "s3cret" not in str(pod)


def test_a_pod_that_dies_fails_the_step_and_the_check(cluster: Cluster) -> None:
    cluster.variables["DATA_PLATFORM_LIFELINE"] = "no descriptor"
    result = materialize(spec())
    assert "the pod of the metadata workflow" in failure(result)
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed


def test_a_reference_to_a_variable_is_refused_before_a_pod_is_made(cluster: Cluster) -> None:
    result = materialize(spec(connection={"authType": {"password": "env:SHOP_PASSWORD"}}))
    assert "env:SHOP_PASSWORD: a pod has no variables of whoever starts it: store the secret in Vault" in failure(
        result
    )
    assert cluster.pods == {}


@pytest.mark.parametrize("workflow", list(Workflow))
def test_kubernetes_knows_every_field_of_a_pod_and_each_kind_of_workflow_has_limits(workflow: Workflow) -> None:
    from dagster_k8s.pipes import build_pod_body

    pod = build_pod_body("pod", PODS.image, ["python"], {}, None, PODS.pod(spec(workflows=(workflow,), timeout=90.5)))
    assert pod.spec.active_deadline_seconds == 91
    assert pod.spec.security_context.run_as_non_root
    (container,) = pod.spec.containers
    assert container.security_context.read_only_root_filesystem
    assert container.resources.limits["memory"]
    assert container.resources.requests["memory"]


def test_an_image_is_what_moves_workflows_into_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATA_PLATFORM_INGESTION_IMAGE", raising=False)
    assert type(launcher()) is WorkflowLauncher
    monkeypatch.setenv("DATA_PLATFORM_INGESTION_IMAGE", "registry.example.org/ingestion:2")
    moved = launcher()
    assert isinstance(moved, PodLauncher)
    assert moved.image == "registry.example.org/ingestion:2"
    assert moved.service_account == environment.ingestion_service_account()
