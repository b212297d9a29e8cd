"""Workflows on the tests' Trino, and what of them the catalog has by OpenMetadata's own Python client."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import RunningServer, running_server
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.integration.real_trino import READER, RealTrino

Options = Mapping[str, Any]

NO_SYSTEM = {"schemaFilterPattern": {"excludes": ["^information_schema$", "^system$"]}}


class TrinoRuns:
    """A catalog, and the workflows that fill it from Trino.

    Args:
        trino: the source.
        catalog: where they write.
        folder: for what they leave behind.

    Attributes:
        client: OpenMetadata's, of the catalog.
    """

    def __init__(self, trino: RealTrino, catalog: RunningServer, folder: Path, client: Any) -> None:
        self.catalog, self.client = catalog, client
        self._trino, self._folder = trino, folder
        self._token, self._password, self._jwt = folder / "token", folder / "password", folder / "jwt"
        self._token.write_text(catalog.token())
        self._password.write_text(trino.password)
        self._jwt.write_text(trino.token())

    @property
    def token(self) -> str:
        """Reference to the catalog's token."""
        return f"file:{self._token}"

    @property
    def by_password(self) -> dict[str, Any]:
        """A connection with TLS and a password."""
        return {**self._secure, "authType": {"password": f"file:{self._password}"}}

    @property
    def by_token(self) -> dict[str, Any]:
        """A connection with TLS and a signed token."""
        return {**self._secure, "authType": {"jwt": f"file:{self._jwt}"}}

    @property
    def plain(self) -> dict[str, Any]:
        """A connection without TLS."""
        return {"hostPort": self._trino.address, "username": READER}

    def with_history(self, table: str) -> dict[str, Any]:
        """A connection whose queries are read from a table."""
        return {**self.plain, "queryHistoryTable": table}

    @property
    def _secure(self) -> dict[str, Any]:
        return {"hostPort": self._trino.secure_address, "username": READER, "verify": str(self._trino.authority)}

    def run(
        self,
        workflow: Workflow,
        options: Options,
        connection: Mapping[str, Any] | None = None,
        timeout: float = 180,
        **fields: Any,
    ) -> Ended:
        """Run a workflow to its end."""
        spec = WorkflowSpec(
            environment="dev",
            service="trino",
            connector="Trino",
            workflows=(workflow,),
            connection=dict(connection or self.plain),
            options=dict(options),
            catalog_url=self.catalog.url,
            catalog_token=self.token,
            vault_address="http://127.0.0.1:1",
            run_id=str(uuid.uuid4()),
            **fields,
        )
        return Child(spec, self._folder / "children").end(timeout)

    def tables(self, fields: tuple[str, ...] = ()) -> dict[str, Any]:
        """Every table of the catalog by its name below the service."""
        from metadata.generated.schema.entity.data.table import Table

        found = self.client.list_all_entities(Table, fields=list(fields), params={"service": "trino"})
        return {each.fullyQualifiedName.root.removeprefix("trino."): each for each in found}

    def upstream(self, schema: str, table: str) -> dict[str, set[tuple[str, str]]]:
        """Column edges into a table, by the table they come from; names are without the schema they share."""
        from metadata.generated.schema.entity.data.table import Table

        prefix = f"trino.{schema}."
        graph = self.client.get_lineage_by_name(Table, f"{prefix}{table}", up_depth=1, down_depth=0)
        names = {node["id"]: node["fullyQualifiedName"].removeprefix(prefix) for node in graph["nodes"]}
        return {
            names[edge["fromEntity"]]: {
                (source.removeprefix(prefix), columns["toColumn"].removeprefix(prefix))
                for columns in edge["lineageDetails"].get("columnsLineage") or []
                for source in columns["fromColumns"]
            }
            for edge in graph["upstreamEdges"]
        }

    def profile(self, table: str) -> dict[str, Any]:
        """The newest profile of a table, with those of its columns by their names."""
        found = self.client.get_latest_table_profile(f"trino.{table}")
        columns = {each.name.root: each.profile.model_dump(mode="json") for each in found.columns if each.profile}
        return {**found.profile.model_dump(mode="json"), "columns": columns}

    def tag(self, table: str, column: str, tag: str) -> None:
        """Tag a column, as people do."""
        from metadata.generated.schema.entity.data.table import Table
        from metadata.generated.schema.type.tagLabel import TagLabel
        from metadata.ingestion.models.table_metadata import ColumnTag

        label = {"tagFQN": tag, "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
        found = self.client.get_by_name(Table, f"trino.{table}")
        of = ColumnTag(column_fqn=f"trino.{table}.{column}", tag_label=TagLabel.model_validate(label))
        assert self.client.patch_column_tags(entity=found, column_tags=[of])

    def connect(self, origin: str, target: str, source: str) -> None:
        """Draw an edge between two tables, given as database.schema.table."""
        from metadata.generated.schema.type.entityLineage import LineageDetails

        self.client.add_lineage_by_name(
            f"trino.{origin}", "table", f"trino.{target}", "table", LineageDetails.model_validate({"source": source})
        )

    def names(self, kind: str) -> set[str]:
        """The names below the service of every ``Database`` or ``DatabaseSchema`` of the catalog."""
        from metadata.generated.schema.entity.data.database import Database
        from metadata.generated.schema.entity.data.databaseSchema import DatabaseSchema

        found = self.client.list_all_entities({"Database": Database, "DatabaseSchema": DatabaseSchema}[kind])
        return {each.fullyQualifiedName.root.removeprefix("trino.") for each in found}


@contextmanager
def trino_runs(trino: RealTrino, folder: Path) -> Iterator[TrinoRuns]:
    """An empty catalog for workflows on Trino."""
    with running_server(folder / "data") as catalog, closing(_client(catalog)) as client:
        yield TrinoRuns(trino, catalog, folder, client)


def _client(catalog: RunningServer) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
            OpenMetadataConnection,
        )
        from metadata.ingestion.ometa.ometa_api import OpenMetadata

        connection = {
            "hostPort": catalog.url,
            "authProvider": "openmetadata",
            "securityConfig": {"jwtToken": catalog.token()},
        }
        return OpenMetadata(OpenMetadataConnection.model_validate(connection))
