"""The steps of OpenMetadata's connection tests, by connector type.

The names are those that each connector's ``connection.py`` answers to: a name it does not know would
end its test with an error, so a connector that is not listed is not tested.
"""

from __future__ import annotations

_STEPS: list[tuple[str, str]] = [
    # connectors, steps in their order
    (
        "Athena AzureSQL Cassandra Db2 Doris Druid Hive Impala Iomete MariaDB PinotDB QuestDB SQLite SapHana SingleStore",
        "CheckAccess GetSchemas GetTables GetViews",
    ),
    ("Airbyte Dagster DomoPipeline Fivetran Flink GluePipeline Nifi Spline", "GetPipelines"),
    ("Grafana Lightdash Metabase QlikCloud QlikSense QuickSight Redash", "GetDashboards"),
    ("AlationSink Amundsen Atlas SAS Salesforce", "CheckAccess"),
    ("Clickhouse Exasol Mysql StarRocks", "CheckAccess GetSchemas GetTables GetViews GetQueries"),
    ("Cockroach Greenplum Trino", "CheckAccess GetSchemas GetTables GetViews GetDatabases"),
    ("Kafka PubSub Redpanda", "GetTopics CheckSchemaRegistry"),
    ("Omni PowerBI Ssrs", "CheckAccess GetDashboards"),
    ("DeltaLake Glue", "GetDatabases GetTables"),
    ("ElasticSearch OpenSearch", "CheckAccess GetSearchIndexes"),
    ("Mlflow SageMaker", "GetModels"),
    ("Mssql Redshift", "CheckAccess GetDatabases GetSchemas GetTables GetViews GetQueries"),
    ("Airflow", "CheckAccess PipelineDetailsAccess TaskDetailAccess"),
    ("BigQuery", "CheckAccess GetSchemas GetTables GetViews GetTags GetQueries"),
    ("BigTable", "GetInstances GetTables ReadRows"),
    ("BurstIQ", "CheckAccess ValidateSystemWallet GetDictionaries GetEdges"),
    ("Couchbase", "GetDatabases GetCollections"),
    ("DBTCloud", "CheckAccess GetJobs GetRuns"),
    (
        "Databricks",
        "CheckAccess GetDatabases GetSchemas GetTables GetViews GetQueries GetViewDefinitions GetCatalogTags GetSchemaTags GetTableTags GetColumnTags GetTableLineage GetColumnLineage",
    ),
    ("DatabricksPipeline", "GetPipelines GetLineage"),
    ("Datalake", "ListBuckets"),
    ("DomoDashboard", "GetDashboards GetCharts"),
    ("DomoDatabase", "GetTables"),
    ("DynamoDB", "ListTables"),
    ("GCS", "ListBuckets GetBucket ListBlobs GetBlob GetMetrics"),
    ("GoogleDrive", "CheckAccess GetDriveFiles GetSpreadsheets"),
    ("Hex", "GetProjects"),
    ("KafkaConnect", "GetClusterInfo GetPipelines GetPlugins CheckConfluentTelemetry"),
    ("Kinesis", "GetTopics"),
    ("Looker", "CheckAccess ValidateVersion ListDashboards ListLookMLModels"),
    ("Mcp", ""),
    ("MicroStrategy", "GetToken GetProjects"),
    ("Mode", "CheckDashboards"),
    ("MongoDB", "CheckAccess GetDatabases GetCollections"),
    ("OpenLineage", "CheckBrokerConnectivity"),
    ("Oracle", "CheckAccess GetSchemas GetTables GetViews PackageAccess GetMaterializedViews GetQueryHistory"),
    (
        "Postgres",
        "CheckAccess GetDatabases GetSchemas GetTables GetViews GetTags GetQueries GetColumnMetadata GetTableComments GetInformationSchemaColumns",
    ),
    ("Prefect", "CheckAccess GetPipelines"),
    ("Presto", "CheckAccess GetDatabases GetSchemas GetTables"),
    ("Rest", "CheckURL CheckSchema"),
    ("S3", "ListBuckets GetMetrics"),
    ("SapErp", "GetTables GetColumns"),
    ("Sftp", "CheckAccess ListDirectories"),
    ("Sigma", "GetToken GetWorkbooks"),
    (
        "Snowflake",
        "CheckAccess GetDatabases GetSchemas GetTables GetViews GetStreams GetTags GetQueries GetAccessHistory",
    ),
    ("Superset", "CheckAccess GetDashboards GetCharts"),
    (
        "Tableau",
        "ServerInfo ValidateApiVersion ValidateSiteUrl GetWorkbooks GetViews GetOwners GetDataModels GetSourceTables",
    ),
    ("Teradata", "CheckAccess GetDatabases GetSchemas GetTables GetViews"),
    ("Timescale", "CheckAccess GetSchemas GetTables GetViews GetQueries GetDatabases GetTags"),
    ("UnityCatalog", "CheckAccess GetDatabases GetSchemas GetTables GetViews GetQueries GetTags"),
    ("Vertica", "CheckAccess GetSchemas GetTables GetViews GetQueries GetDatabases"),
]

OPTIONAL = frozenset(
    """GetViews GetQueries GetTags GetStreams GetAccessHistory GetColumnMetadata GetTableComments
    GetInformationSchemaColumns GetViewDefinitions GetCatalogTags GetSchemaTags GetTableTags GetColumnTags
    GetTableLineage GetColumnLineage GetMaterializedViews GetQueryHistory PackageAccess CheckSchemaRegistry
    GetMetrics GetCharts GetLineage GetPlugins CheckConfluentTelemetry GetOwners GetDataModels GetSourceTables
    ListLookMLModels GetEdges TaskDetailAccess GetSpreadsheets""".split()
)
"""Steps whose failure costs some metadata but not the run."""

CONNECTION_STEPS = {connector: steps.split() for connectors, steps in _STEPS for connector in connectors.split()}
"""The steps of every connector that has a test."""

UNTESTED = """
    MicrosoftAccess QueryLog CustomDatabase Dbt SapSuccessFactors Synapse SSAS Epic ServiceNow Dremio MicrosoftFabric Informix SapBw4Hana
    PowerBIReportServer CustomDashboard ThoughtSpot SapS4Hana
    CustomMessaging
    KinesisFirehose CustomPipeline Spark Matillion Stitch DataFactory Wherescape SSIS Snowplow Mulesoft MicrosoftFabricPipeline SapBw4HanaPipeline
    ADLS CustomStorage
    Sklearn CustomMlModel VertexAI
    MetadataES OpenMetadata Alation Collibra
    CustomSearch
    WEBHOOK
    SharePoint CustomDrive
    Ranger
""".split()
"""Connector types that have no test of their own: their definition has no steps."""
