"""Every entity type the server knows, one row each: what differs between them is data.

A row names the route, the generated classes, and the fields that say where an entity hangs. Rules that
only one type has are hooks, registered by the module that owns them (``rules``).
"""

from __future__ import annotations

from data_platform.server.entity_row import EntityType, asset, service
from data_platform.server.problems import BadRequestError

_ROWS = [
    service("databaseService", "databaseService", "DatabaseService"),
    service("dashboardService", "dashboardService", "DashboardService"),
    service("messagingService", "messagingService", "MessagingService"),
    service("pipelineService", "pipelineService", "PipelineService"),
    service("mlmodelService", "mlmodelService", "MlModelService"),
    service("metadataService", "metadataService", "MetadataService"),
    service("storageService", "storageService", "StorageService"),
    service("searchService", "searchService", "SearchService"),
    service("securityService", "securityService", "SecurityService"),
    service("apiService", "apiService", "ApiService"),
    service("driveService", "driveService", "DriveService"),
    service("mcpService", "mcpService", "McpService"),
    asset("database", "/databases", "Database", "databaseService"),
    asset(
        "databaseSchema",
        "/databaseSchemas",
        "DatabaseSchema",
        "databaseService",
        (("database", "database"),),
        ("service", "serviceType"),
    ),
    asset(
        "table",
        "/tables",
        "Table",
        "databaseService",
        (("databaseSchema", "databaseSchema"),),
        ("database", "service", "serviceType"),
    ),
    asset(
        "storedProcedure",
        "/storedProcedures",
        "StoredProcedure",
        "databaseService",
        (("databaseSchema", "databaseSchema"),),
        ("database", "service", "serviceType"),
    ),
    asset("query", "/queries", "Query", "databaseService", carried=()),
    asset("dashboard", "/dashboards", "Dashboard", "dashboardService"),
    asset("chart", "/charts", "Chart", "dashboardService"),
    asset("dashboardDataModel", "/dashboard/datamodels", "DashboardDataModel", "dashboardService"),
    asset("topic", "/topics", "Topic", "messagingService"),
    asset("pipeline", "/pipelines", "Pipeline", "pipelineService"),
    asset("mlmodel", "/mlmodels", "MlModel", "mlmodelService"),
    asset(
        "container",
        "/containers",
        "Container",
        "storageService",
        (("parent", "container"), ("service", "storageService")),
        ("service", "serviceType"),
    ),
    asset("searchIndex", "/searchIndexes", "SearchIndex", "searchService"),
    asset("apiCollection", "/apiCollections", "APICollection", "apiService"),
    asset(
        "apiEndpoint",
        "/apiEndpoints",
        "APIEndpoint",
        "apiService",
        (("apiCollection", "apiCollection"),),
        ("service", "serviceType"),
    ),
    asset(
        "directory",
        "/drives/directories",
        "Directory",
        "driveService",
        (("parent", "directory"), ("service", "driveService")),
        ("service", "serviceType"),
    ),
    asset(
        "file",
        "/drives/files",
        "File",
        "driveService",
        (("directory", "directory"), ("service", "driveService")),
        ("service", "serviceType"),
    ),
    asset(
        "spreadsheet",
        "/drives/spreadsheets",
        "Spreadsheet",
        "driveService",
        (("directory", "directory"), ("service", "driveService")),
        ("service", "serviceType"),
    ),
    asset(
        "worksheet",
        "/drives/worksheets",
        "Worksheet",
        "driveService",
        (("spreadsheet", "spreadsheet"),),
        ("service", "serviceType"),
    ),
    asset("metric", "/metrics", "Metric"),
    asset("glossary", "/glossaries", "Glossary"),
    asset(
        "glossaryTerm", "/glossaryTerms", "GlossaryTerm", parents=(("parent", "glossaryTerm"), ("glossary", "glossary"))
    ),
    asset("dataContract", "/dataContracts", "DataContract", parents=(("entity", "*"),)),
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
    EntityType(
        "type",
        "/metadata/types",
        "entity.type:Type",
        "api.createType:CreateType",
    ),
    EntityType(
        "mcpServer",
        "/mcpServers",
        "entity.ai.mcpServer:McpServer",
        "api.ai.createMcpServer:CreateMcpServerRequest",
        (("service", "mcpService"),),
        (),
        "mcpService",
    ),
    EntityType(
        "report",
        "/reports",
        "entity.data.report:Report",
        "entity.data.report:Report",
        (("service", "dashboardService"),),
    ),
    EntityType(
        "dataInsightChart",
        "/analytics/dataInsights/charts",
        "dataInsight.dataInsightChart:DataInsightChart",
        "api.dataInsight.createDataInsightChart:CreateDataInsightChart",
    ),
    EntityType("kpi", "/kpi", "dataInsight.kpi.kpi:Kpi", "api.dataInsight.kpi.createKpiRequest:CreateKpiRequest"),
    EntityType(
        "webAnalyticEvent",
        "/analytics/web/events",
        "analytics.webAnalyticEvent:WebAnalyticEvent",
        "api.analytics.createWebAnalyticEvent:CreateWebAnalyticEvent",
    ),
    EntityType("app", "/apps", "entity.applications.app:App", "entity.applications.createAppRequest:CreateAppRequest"),
    EntityType(
        "appMarketPlaceDefinition",
        "/apps/marketplace",
        "entity.applications.marketplace.appMarketPlaceDefinition:AppMarketPlaceDefinition",
        "entity.applications.marketplace.createAppMarketPlaceDefinitionReq:CreateAppMarketPlaceDefinitionRequest",
    ),
    EntityType("task", "/tasks", "entity.tasks.task:Task", "api.tasks.createTask:CreateTaskRequest"),
    EntityType(
        "announcement",
        "/announcements",
        "entity.feed.announcement:Announcement",
        "api.feed.createAnnouncement:CreateAnnouncementRequest",
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
