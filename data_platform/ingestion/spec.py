"""What a workflow is to do: the whole input of a child process, and nothing secret in it.

Shared by the Dagster side, which builds it, and the child, which carries it out. Both send
:data:`PROTOCOL` and the package's version first; with different ones they do not work together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import BaseModel, ConfigDict, Field

from data_platform import __version__

PROTOCOL: Final = 6
"""Raised whenever the spec or what the child reports changes in a way that the other side must know of."""

LIFELINE: Final = "DATA_PLATFORM_LIFELINE"
"""Variable that tells the child the file descriptor of its lifeline."""

CATALOG_TOKEN: Final = "catalog_token"  # noqa: S105 - a name
"""Name under which a script gets the catalog's token."""

DESCRIBED: Final = "serviceName"
"""Field of dbt's connection: the database service whose tables the models are. Models are looked up there first, their
SQL is read in its dialect, and the run's status is filed under it; dbt has no service of its own in the catalog."""

COMPLETED: Final = "completed"
"""The check that every workflow's asset has: did everything arrive?"""

MATCHES: Final = "catalog_matches_source"
"""The check that the metadata of a source has which can be asked what it has: does the catalog hold just that?"""

NO_MASS_DELETION: Final = "no_mass_deletion"
"""The check that the metadata of a source has whose entities are deleted with it: did too much disappear?"""

DELETIONS: Final = "deletions"
"""Key of what lists the entities that a run deleted, ``{kind, name, id}`` of each: the asset metadata of what it
materialized, the message with which the child says it before (``{asset, entities}``), and the observation of that."""

REPORTS: Final = "reports"
"""Key of what the launcher sends beside the spec: the folder for lists that are too long for the event log."""

HISTORY: Final = "queryHistoryTable"
"""The field of a connection that names the table from which lineage and usage read queries; a query log keeps it."""

DEFAULT_TIMEOUT: Final = 2 * 60 * 60
DEFAULT_CATALOG_RETRY_TIMEOUT: Final = 60.0
DEFAULT_MIN_SUCCESS: Final = 90.0
DEFAULT_MAX_SHARE: Final = 20.0


class Workflow(StrEnum):
    """The workflows of a source, in the order in which they run; the query log is no workflow of OpenMetadata's."""

    METADATA = "metadata"
    QUERY_LOG = "query_log"
    LINEAGE = "lineage"
    USAGE = "usage"
    PROFILING = "profiling"
    TESTS = "tests"


class Ownership(BaseModel):
    """A rule: what is written to the catalog where nobody has said otherwise.

    Attributes:
        tables: regular expression on ``database.schema.table`` that the rule is for; without it, the whole source.
        owners: ``team:<name>`` or a user's name or e-mail address, as the catalog knows them.
        domain: fully qualified name of a domain.
        tier: a tag of the classification Tier, for example ``Tier1``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: str | None = None
    owners: tuple[str, ...] = ()
    domain: str | None = None
    tier: str | None = None


class Deletion(BaseModel):
    """How much may be deleted of what disappeared from a source.

    Attributes:
        max_share: percent of the entities of a type in a scope (a schema, a database, a service) that one run deletes
            at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_share: Annotated[float, Ge(0), Le(100)] = DEFAULT_MAX_SHARE


class WorkflowSpec(BaseModel):
    """One run of OpenMetadata for one source.

    Attributes:
        protocol: :data:`PROTOCOL` of the sender.
        version: version of the sender's package.
        environment: name of the environment, for messages.
        service: the service's name in the catalog.
        connector: OpenMetadata's connector type, for example ``Postgres``.
        workflows: which of the source's workflows are asked for. More than one only where OpenMetadata does several in
            one run, as for dbt; what is not asked for is left out of the run.
        connection: the connector's connection fields, secrets as references.
        options: OpenMetadata's ``sourceConfig.config`` for the run, without its ``type``.
        catalog_url: the catalog's API, for example ``http://localhost:8585/api``.
        catalog_token: reference to the catalog's token.
        vault_address: where ``vault:`` references are resolved.
        store_service_connection: whether the catalog is sent the connection, secrets included.
        min_success_percent: share of records that must arrive, 0 to 100; below it the workflow has failed.
        deletion: how much of what disappeared from the source is deleted from the catalog.
        allow_deletions: whether this run may delete more than that.
        timeout: seconds after which the workflow is ended.
        catalog_retry_timeout: seconds for which a request that the catalog fails is repeated; when they are over, the
            workflow is ended. With 0 nothing is repeated.
        run_id: Dagster's run, a UUID, under which the catalog files the pipeline's status.
        run_url: where people look at that run, for example ``https://dagster.example.org/runs/<run_id>``, if anywhere.
        schedules: when each workflow runs by itself, in cron's words and UTC.
        ownership: what is written to what a metadata workflow listed; the first rule that gives something decides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: int = PROTOCOL
    version: str = __version__
    environment: str
    service: str
    connector: str
    workflows: Annotated[tuple[Workflow, ...], MinLen(1)]
    connection: dict[str, Any]
    options: dict[str, Any] = Field(default_factory=dict)
    catalog_url: str
    catalog_token: str
    vault_address: str
    store_service_connection: bool = True
    min_success_percent: Annotated[float, Ge(0), Le(100)] = DEFAULT_MIN_SUCCESS
    deletion: Deletion = Deletion()
    allow_deletions: bool = False
    timeout: Annotated[float, Gt(0)] = DEFAULT_TIMEOUT
    catalog_retry_timeout: Annotated[float, Ge(0)] = DEFAULT_CATALOG_RETRY_TIMEOUT
    run_id: str
    run_url: str | None = None
    schedules: dict[Workflow, str] = Field(default_factory=dict[Workflow, str])
    ownership: tuple[Ownership, ...] = ()

    @property
    def kind(self) -> Workflow:
        """The workflow that decides how OpenMetadata is run: all that a spec asks for are done by one run of it."""
        return self.workflows[0]

    @property
    def target(self) -> str:
        """The catalog's service whose entities the run writes: the source's own, or for dbt the one it describes."""
        return str(self.connection.get(DESCRIBED, self.service))

    @property
    def asked(self) -> str:
        """How messages name what is asked for: ``metadata``, or ``metadata and lineage``."""
        return " and ".join(self.workflows)

    @property
    def name(self) -> str:
        """How messages name this run: ``trino/metadata``."""
        return f"{self.service}/{'+'.join(self.workflows)}"
