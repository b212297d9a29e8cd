"""Starts one pod per workflow, where Dagster runs on Kubernetes.

The same child as on one machine, from the ingestion image, through Dagster's own client for pods. A pod gets no secret:
it logs in to Vault with its service account. What one machine does by itself is the cluster's here: a pod that takes
too long is ended by its deadline, and only pools keep two workflows of a source apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

import dagster as dg
from pydantic import Field

from data_platform import environment
from data_platform.errors import ChildCrashedError, ConfigurationError
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.resources.announced import Noting
from data_platform.resources.launcher import CHILD, WorkflowLauncher, check_protocol, gave_verdict, told
from data_platform.secrets import variables

_USER: Final = 10001
"""Of the images in ``deploy/Dockerfile``."""

_GRACE: Final = 30
_POLL: Final = 2.0

_RESOURCES: Final[Mapping[Workflow, Mapping[str, Mapping[str, str]]]] = {
    # A beginning: OpenMetadata's client alone takes 290 MB, and the asset's peak memory says what a source needs.
    Workflow.METADATA: {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    Workflow.QUERY_LOG: {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    Workflow.LINEAGE: {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    Workflow.USAGE: {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    Workflow.TESTS: {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    Workflow.PROFILING: {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
}


class PodLauncher(WorkflowLauncher):
    """Runs OpenMetadata's workflows in pods of the ingestion image."""

    image: str = Field(description="The ingestion image, by digest or a tag that never moves.")
    service_account: str = Field(description="Service account of the pods, whose token opens Vault.")

    def pod(self, spec: WorkflowSpec) -> dict[str, Any]:
        """The pod of a workflow, as Kubernetes spells a PodSpec; image, command and variables come to it later."""
        return {
            "serviceAccountName": self.service_account,
            "activeDeadlineSeconds": ceil(spec.timeout),
            "terminationGracePeriodSeconds": _GRACE,
            "securityContext": {"runAsNonRoot": True, "runAsUser": _USER, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "containers": [
                {
                    "name": "workflow",
                    "resources": _RESOURCES[spec.kind],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 - a volume of its own
                }
            ],
        }

    def session(
        self, context: dg.AssetExecutionContext, spec: WorkflowSpec, assets: Mapping[Workflow, dg.AssetKey]
    ) -> dg.PipesSession:
        """Run the pod to the verdict of its child.

        Raises:
            DataPlatformError: it gave none.
        """
        from dagster_k8s import PipesK8sClient
        from dagster_k8s.client import DagsterK8sError
        from dagster_k8s.pipes import PipesK8sPodLogsMessageReader

        asked = variables([spec.connection, spec.options, spec.catalog_token])
        if asked:
            raise ConfigurationError(
                "a pod has no variables of whoever starts it",
                source=f"env:{asked[0]}",
                remedy="store the secret in Vault and write its reference",
            )

        class Reader(Noting, PipesK8sPodLogsMessageReader):
            """Reads what a child writes to its pod's log."""

        client = PipesK8sClient(poll_interval=_POLL, message_reader=Reader(context))
        try:
            done = client.run(  # pyright: ignore[reportUnknownMemberType]
                context=context,
                extras=self.extras(spec, assets, reports="/tmp/reports"),  # noqa: S108 - a volume of its own
                image=self.image,
                command=["python", "-I", "-m", CHILD],
                env=environment.for_pod(),
                base_pod_meta={"labels": {"data-platform/service": spec.service, "data-platform/workflow": spec.kind}},
                base_pod_spec=self.pod(spec),
            )
        except DagsterK8sError as error:
            raise ChildCrashedError(
                f"the pod of the {spec.asked} workflow did not end as it should",
                source=spec.service,
                remedy="look at the run's log for its state; OOMKilled means that its memory limit is too low",
            ) from error
        session: dg.PipesSession = done._session  # pyright: ignore[reportPrivateUsage]
        messages = told(session)
        check_protocol(messages)
        if not gave_verdict(messages):
            raise ChildCrashedError(
                f"the pod of the {spec.asked} workflow ended without a verdict",
                source=spec.service,
                remedy="look at the pod's log in the run's log",
            )
        return session
