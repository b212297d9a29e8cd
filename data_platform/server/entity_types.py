"""Every entity type the server knows, one row each: what differs between them is data.

A row names the route, the generated classes, and the fields that say where an entity hangs. Rules that
only one type has are hooks, registered by the module that owns them (``rules``).
"""

from __future__ import annotations

from dataclasses import dataclass

from data_platform.server import models
from data_platform.server.problems import BadRequestError


@dataclass(frozen=True)
class EntityType:
    """One row.

    Attributes:
        name: the type as references carry it, for example ``databaseSchema``.
        route: the collection's path below ``/api/v1``.
        entity: the generated class of what is read.
        create: the generated class of what is written; the entity itself where there is none.
        parents: ``(field, type)`` of the container, the first that is present counts; its fully
            qualified name is the prefix of this one's.
        carried: fields that are copied from the container when the entity is made.
        service: the type of the service at the root of the containment, if any.
    """

    name: str
    route: str
    entity: str
    create: str
    parents: tuple[tuple[str, str], ...] = ()
    carried: tuple[str, ...] = ()
    service: str | None = None

    @property
    def fields(self) -> frozenset[str]:
        return models.fields(self.entity)

    @property
    def references(self) -> dict[str, bool]:
        return models.references(self.entity)

    @property
    def is_service(self) -> bool:
        return self.route.startswith("/services/") and self.name.endswith("Service")


def _service(name: str, module: str, title: str) -> EntityType:
    return EntityType(
        name,
        f"/services/{name}s",
        f"entity.services.{module}:{title}",
        f"api.services.create{title}:Create{title}Request",
    )


def _asset(
    name: str,
    route: str,
    title: str,
    service: str | None = None,
    parents: tuple[tuple[str, str], ...] | None = None,
    carried: tuple[str, ...] = ("serviceType",),
    module: str | None = None,
) -> EntityType:
    return EntityType(
        name,
        route,
        f"entity.data.{module or name}:{title}",
        f"api.data.create{title}:Create{title}Request",
        parents if parents is not None else (("service", service),) if service else (),
        carried if service else (),
        service,
    )


_ROWS = [
    _service("databaseService", "databaseService", "DatabaseService"),
    _service("dashboardService", "dashboardService", "DashboardService"),
    _service("messagingService", "messagingService", "MessagingService"),
    _service("pipelineService", "pipelineService", "PipelineService"),
    _service("mlmodelService", "mlmodelService", "MlModelService"),
    _service("metadataService", "metadataService", "MetadataService"),
    _service("storageService", "storageService", "StorageService"),
    _service("searchService", "searchService", "SearchService"),
    _service("securityService", "securityService", "SecurityService"),
    _service("apiService", "apiService", "ApiService"),
    _service("driveService", "driveService", "DriveService"),
    _service("mcpService", "mcpService", "McpService"),
    _asset("database", "/databases", "Database", "databaseService"),
    _asset(
        "databaseSchema",
        "/databaseSchemas",
        "DatabaseSchema",
        "databaseService",
        (("database", "database"),),
        ("service", "serviceType"),
    ),
    _asset(
        "table",
        "/tables",
        "Table",
        "databaseService",
        (("databaseSchema", "databaseSchema"),),
        ("database", "service", "serviceType"),
    ),
    _asset(
        "storedProcedure",
        "/storedProcedures",
        "StoredProcedure",
        "databaseService",
        (("databaseSchema", "databaseSchema"),),
        ("database", "service", "serviceType"),
    ),
    _asset("query", "/queries", "Query", "databaseService", carried=()),
    _asset("dashboard", "/dashboards", "Dashboard", "dashboardService"),
    _asset("chart", "/charts", "Chart", "dashboardService"),
    _asset("dashboardDataModel", "/dashboard/datamodels", "DashboardDataModel", "dashboardService"),
    _asset("topic", "/topics", "Topic", "messagingService"),
    _asset("pipeline", "/pipelines", "Pipeline", "pipelineService"),
    _asset("mlmodel", "/mlmodels", "MlModel", "mlmodelService"),
    _asset(
        "container",
        "/containers",
        "Container",
        "storageService",
        (("parent", "container"), ("service", "storageService")),
        ("service", "serviceType"),
    ),
    _asset("searchIndex", "/searchIndexes", "SearchIndex", "searchService"),
    _asset("apiCollection", "/apiCollections", "APICollection", "apiService"),
    _asset(
        "apiEndpoint",
        "/apiEndpoints",
        "APIEndpoint",
        "apiService",
        (("apiCollection", "apiCollection"),),
        ("service", "serviceType"),
    ),
    _asset(
        "directory",
        "/drives/directories",
        "Directory",
        "driveService",
        (("parent", "directory"), ("service", "driveService")),
        ("service", "serviceType"),
    ),
    _asset(
        "file",
        "/drives/files",
        "File",
        "driveService",
        (("directory", "directory"), ("service", "driveService")),
        ("service", "serviceType"),
    ),
    _asset(
        "spreadsheet",
        "/drives/spreadsheets",
        "Spreadsheet",
        "driveService",
        (("directory", "directory"), ("service", "driveService")),
        ("service", "serviceType"),
    ),
    _asset(
        "worksheet",
        "/drives/worksheets",
        "Worksheet",
        "driveService",
        (("spreadsheet", "spreadsheet"),),
        ("service", "serviceType"),
    ),
    _asset("metric", "/metrics", "Metric"),
    _asset("glossary", "/glossaries", "Glossary"),
    _asset(
        "glossaryTerm", "/glossaryTerms", "GlossaryTerm", parents=(("parent", "glossaryTerm"), ("glossary", "glossary"))
    ),
    _asset("dataContract", "/dataContracts", "DataContract"),
    EntityType(
        "classification",
        "/classifications",
        "entity.classification.classification:Classification",
        "api.classification.createClassification:CreateClassificationRequest",
    ),
    EntityType(
        "tag",
        "/tags",
        "entity.classification.tag:Tag",
        "api.classification.createTag:CreateTagRequest",
        (("parent", "tag"), ("classification", "classification")),
        ("classification",),
    ),
    EntityType(
        "domain",
        "/domains",
        "entity.domains.domain:Domain",
        "api.domains.createDomain:CreateDomainRequest",
        (("parent", "domain"),),
    ),
    EntityType(
        "dataProduct",
        "/dataProducts",
        "entity.domains.dataProduct:DataProduct",
        "api.domains.createDataProduct:CreateDataProductRequest",
    ),
    EntityType("team", "/teams", "entity.teams.team:Team", "api.teams.createTeam:CreateTeamRequest"),
    EntityType("user", "/users", "entity.teams.user:User", "api.teams.createUser:CreateUserRequest"),
    EntityType("persona", "/personas", "entity.teams.persona:Persona", "api.teams.createPersona:CreatePersonaRequest"),
    EntityType("role", "/roles", "entity.teams.role:Role", "api.teams.createRole:CreateRoleRequest"),
    EntityType("policy", "/policies", "entity.policies.policy:Policy", "api.policies.createPolicy:CreatePolicyRequest"),
    EntityType("bot", "/bots", "entity.bot:Bot", "api.createBot:CreateBot"),
    EntityType(
        "ingestionPipeline",
        "/services/ingestionPipelines",
        "entity.services.ingestionPipelines.ingestionPipeline:IngestionPipeline",
        "api.services.ingestionPipelines.createIngestionPipeline:CreateIngestionPipelineRequest",
        (("service", "*"),),
    ),
    EntityType(
        "testConnectionDefinition",
        "/services/testConnectionDefinitions",
        "entity.services.connections.testConnectionDefinition:TestConnectionDefinition",
        "entity.services.connections.testConnectionDefinition:TestConnectionDefinition",
    ),
    EntityType(
        "testDefinition",
        "/dataQuality/testDefinitions",
        "tests.testDefinition:TestDefinition",
        "api.tests.createTestDefinition:CreateTestDefinitionRequest",
    ),
    EntityType(
        "testSuite",
        "/dataQuality/testSuites",
        "tests.testSuite:TestSuite",
        "api.tests.createTestSuite:CreateTestSuiteRequest",
        (("basicEntityReference", "table"),),
    ),
    EntityType(
        "testCase",
        "/dataQuality/testCases",
        "tests.testCase:TestCase",
        "api.tests.createTestCase:CreateTestCaseRequest",
        (("testSuite", "testSuite"),),
    ),
    EntityType(
        "workflow",
        "/automations/workflows",
        "entity.automations.workflow:Workflow",
        "api.automations.createWorkflow:CreateWorkflowRequest",
    ),
    EntityType(
        "eventSubscription",
        "/events/subscriptions",
        "events.eventSubscription:EventSubscription",
        "events.api.createEventSubscription:CreateEventSubscription",
    ),
    EntityType(
        "document",
        "/docStore",
        "entity.docStore.document:Document",
        "api.docStore.createDocument:CreateDocumentRequest",
    ),
]

ENTITY_TYPES = {row.name: row for row in _ROWS}
"""All rows by name."""

SERVICE_TYPES = tuple(row.name for row in _ROWS if row.is_service)


def entity_type(name: str) -> EntityType:
    """The row of ``name``.

    Raises:
        BadRequestError: no such type.
    """
    row = ENTITY_TYPES.get(name)
    if row is None:
        raise BadRequestError(f"Entity type {name} not found")
    return row
