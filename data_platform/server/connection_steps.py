"""The steps of OpenMetadata's connection tests, by connector type.

The names are those that each connector's ``connection.py`` answers to: a name it does not know would
end its test with an error, so a connector that is not listed is not tested.
"""

from __future__ import annotations

_STEPS = """
Athena AzureSQL Cassandra Db2 Doris Druid Hive Impala Iomete MariaDB PinotDB QuestDB SQLite SapHana
SingleStore
    CheckAccess GetSchemas GetTables GetViews
Airbyte Dagster DomoPipeline Fivetran Flink GluePipeline Nifi Spline
    GetPipelines
Grafana Lightdash Metabase QlikCloud QlikSense QuickSight Redash
    GetDashboards
AlationSink Amundsen Atlas SAS Salesforce
    CheckAccess
Clickhouse Exasol Mysql StarRocks
    CheckAccess GetSchemas GetTables GetViews GetQueries
Cockroach Greenplum Trino
    CheckAccess GetSchemas GetTables GetViews GetDatabases
Kafka PubSub Redpanda
    GetTopics CheckSchemaRegistry
Omni PowerBI Ssrs
    CheckAccess GetDashboards
DeltaLake Glue
    GetDatabases GetTables
ElasticSearch OpenSearch
    CheckAccess GetSearchIndexes
Mlflow SageMaker
    GetModels
Mssql Redshift
    CheckAccess GetDatabases GetSchemas GetTables GetViews GetQueries
Airflow
    CheckAccess PipelineDetailsAccess TaskDetailAccess
BigQuery
    CheckAccess GetSchemas GetTables GetViews GetTags GetQueries
BigTable
    GetInstances GetTables ReadRows
BurstIQ
    CheckAccess ValidateSystemWallet GetDictionaries GetEdges
Couchbase
    GetDatabases GetCollections
DBTCloud
    CheckAccess GetJobs GetRuns
Databricks
    CheckAccess GetDatabases GetSchemas GetTables GetViews GetQueries GetViewDefinitions GetCatalogTags
    GetSchemaTags GetTableTags GetColumnTags GetTableLineage GetColumnLineage
DatabricksPipeline
    GetPipelines GetLineage
Datalake
    ListBuckets
DomoDashboard
    GetDashboards GetCharts
DomoDatabase
    GetTables
DynamoDB
    ListTables
GCS
    ListBuckets GetBucket ListBlobs GetBlob GetMetrics
GoogleDrive
    CheckAccess GetDriveFiles GetSpreadsheets
Hex
    GetProjects
KafkaConnect
    GetClusterInfo GetPipelines GetPlugins CheckConfluentTelemetry
Kinesis
    GetTopics
Looker
    CheckAccess ValidateVersion ListDashboards ListLookMLModels
MicroStrategy
    GetToken GetProjects
Mode
    CheckDashboards
MongoDB
    CheckAccess GetDatabases GetCollections
OpenLineage
    CheckBrokerConnectivity
Oracle
    CheckAccess GetSchemas GetTables GetViews PackageAccess GetMaterializedViews GetQueryHistory
Postgres
    CheckAccess GetDatabases GetSchemas GetTables GetViews GetTags GetQueries GetColumnMetadata
    GetTableComments GetInformationSchemaColumns
Prefect
    CheckAccess GetPipelines
Presto
    CheckAccess GetDatabases GetSchemas GetTables
Rest
    CheckURL CheckSchema
S3
    ListBuckets GetMetrics
SapErp
    GetTables GetColumns
Sftp
    CheckAccess ListDirectories
Sigma
    GetToken GetWorkbooks
Snowflake
    CheckAccess GetDatabases GetSchemas GetTables GetViews GetStreams GetTags GetQueries GetAccessHistory
Superset
    CheckAccess GetDashboards GetCharts
Tableau
    ServerInfo ValidateApiVersion ValidateSiteUrl GetWorkbooks GetViews GetOwners GetDataModels
    GetSourceTables
Teradata
    CheckAccess GetDatabases GetSchemas GetTables GetViews
Timescale
    CheckAccess GetSchemas GetTables GetViews GetQueries GetDatabases GetTags
UnityCatalog
    CheckAccess GetDatabases GetSchemas GetTables GetViews GetQueries GetTags
Vertica
    CheckAccess GetSchemas GetTables GetViews GetQueries GetDatabases
"""
# Connectors at the margin, the steps of all of them indented below, in their order.

_OPTIONAL = """
GetViews GetQueries GetTags GetStreams GetAccessHistory GetColumnMetadata GetTableComments
GetInformationSchemaColumns GetViewDefinitions GetCatalogTags GetSchemaTags GetTableTags GetColumnTags
GetTableLineage GetColumnLineage GetMaterializedViews GetQueryHistory PackageAccess CheckSchemaRegistry
GetMetrics GetCharts GetLineage GetPlugins CheckConfluentTelemetry GetOwners GetDataModels GetSourceTables
ListLookMLModels GetEdges TaskDetailAccess GetSpreadsheets
"""

_UNTESTED = """
MicrosoftAccess QueryLog CustomDatabase Dbt SapSuccessFactors Synapse SSAS Epic ServiceNow Dremio
MicrosoftFabric Informix SapBw4Hana PowerBIReportServer CustomDashboard ThoughtSpot SapS4Hana CustomMessaging
KinesisFirehose CustomPipeline Spark Matillion Stitch DataFactory Wherescape SSIS Snowplow Mulesoft
MicrosoftFabricPipeline SapBw4HanaPipeline ADLS CustomStorage Sklearn CustomMlModel VertexAI MetadataES
OpenMetadata Alation Collibra CustomSearch WEBHOOK SharePoint CustomDrive Ranger Mcp
"""


def _parsed(table: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    connectors: list[str] = []
    above_were_steps = True
    for line in table.strip().splitlines():
        indented = line.startswith(" ")
        if indented:
            for connector in connectors:
                found.setdefault(connector, []).extend(line.split())
        else:
            connectors = [*([] if above_were_steps else connectors), *line.split()]
        above_were_steps = indented
    return found


CONNECTION_STEPS = _parsed(_STEPS)
"""The steps of every connector that has a test."""

OPTIONAL = frozenset(_OPTIONAL.split())
"""Steps whose failure costs some metadata but not the run."""

UNTESTED = _UNTESTED.split()
"""Connector types that have no test of their own: their definition has no steps."""
