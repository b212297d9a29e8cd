"""Workflows of any source, and what the catalog has of them by OpenMetadata's own Python client."""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child, Ended


@dataclass(frozen=True)
class Source:
    """A source as its definition has it."""

    service: str
    connector: str
    connection: Mapping[str, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Runs:
    """A catalog, and the workflows that fill it.

    Attributes:
        server: the catalog.
        client: OpenMetadata's, of the catalog.
        folder: for what workflows leave behind, and for their secrets.
    """

    server: RunningServer
    client: Any
    folder: Path

    def run(
        self,
        source: Source,
        workflow: Workflow = Workflow.METADATA,
        *,
        connection: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Ended:
        """Run a workflow to its end.

        Args:
            source: of which.
            workflow: which.
            connection: fields in place of the source's.
            options: in place of the source's.
            fields: of the spec.
        """
        spec = WorkflowSpec(
            environment="dev",
            service=source.service,
            connector=source.connector,
            workflows=(workflow,),
            connection={**source.connection, **(connection or {})},
            options=dict(source.options if options is None else options),
            catalog_url=self.server.url,
            catalog_token=self.secret("token", self.server.token()),
            vault_address="http://127.0.0.1:1",
            run_id=str(uuid.uuid4()),
            **fields,
        )
        return Child(spec, self.folder / "children").end(timeout=180)

    def put(self, collection: str, body: Mapping[str, Any]) -> None:
        """Make an entity, as its people would."""
        self.client.client.put(f"/{collection}", data=json.dumps(body))

    def tables(self, service: str, schema: str, *tables: str) -> None:
        """Make tables of one column; the schema is named with its database."""
        database, _, name = schema.partition(".")
        self.put("services/databaseServices", {"name": service, "serviceType": "Postgres"})
        self.put("databases", {"name": database, "service": service})
        self.put("databaseSchemas", {"name": name, "database": f"{service}.{database}"})
        for table in tables:
            columns = [{"name": "id", "dataType": "INT"}]
            self.put("tables", {"name": table, "databaseSchema": f"{service}.{schema}", "columns": columns})

    def upstream(self, fqn: str, kind: str = "table") -> set[tuple[str, str | None]]:
        """Fully qualified names of what an entity comes from, each with that of the edge's pipeline."""
        graph = self.client.client.get(f"/lineage/{kind}/name/{fqn}?upstreamDepth=1&downstreamDepth=0")
        nodes = {node["id"]: node["fullyQualifiedName"] for node in graph["nodes"]}
        return {
            (nodes[edge["fromEntity"]], (edge["lineageDetails"].get("pipeline") or {}).get("fullyQualifiedName"))
            for edge in graph["upstreamEdges"]
        }

    def secret(self, name: str, value: str) -> str:
        """A reference to a secret."""
        (self.folder / name).write_text(value)
        return f"file:{self.folder / name}"


def assert_stopped(ended: Ended, *, permanent: bool, sentence: str, secret: str) -> None:
    """A run failed with one sentence that has some words in it, and nowhere the secret.

    Args:
        ended: the run.
        permanent: whether a retry is pointless.
        sentence: the words.
        secret: what is not to be found.
    """
    assert (ended.verdict["outcome"], ended.verdict["permanent"]) == ("failed", permanent), ended.output
    assert sentence in ended.verdict["sentence"], ended.verdict["sentence"]
    assert "\n" not in ended.verdict["sentence"], ended.verdict["sentence"]
    assert secret not in ended.everything, "the secret was shown"


@contextmanager
def catalog_for_runs(folder: Path) -> Iterator[Runs]:
    """An empty catalog until the block ends."""
    with running_server(folder / "catalog") as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
            OpenMetadataConnection,
        )
        from metadata.ingestion.ometa.ometa_api import OpenMetadata

        connection = {
            "hostPort": server.url,
            "authProvider": "openmetadata",
            "securityConfig": {"jwtToken": server.token("admin")},
        }
        with closing(OpenMetadata(OpenMetadataConnection.model_validate(connection))) as client:
            yield Runs(server, client, folder)
