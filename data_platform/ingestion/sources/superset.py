"""Superset: dashboards, charts and datasets by its API, with owners, tags and lineage.

Derived from OpenMetadata's connector. Different here:

- What Superset fails at or refuses is reported. To OpenMetadata's connector a dashboard whose details fail has no
  charts, a dataset that fails is one that is called ``None``, and a page of the list that fails is the end of it.
- The charts of a dashboard are those that Superset says are on it, by one list of all charts, not those that its
  layout mentions, by one request for each dashboard; a deleted chart stays in a layout.
- Tags arrive, of dashboards and charts; and every owner whom the catalog knows, of datasets and charts, too.
- Lineage goes from the dataset over the chart to the dashboard.
- Columns without a type arrive, and filters of charts and datasets are followed.
- The token is renewed; Superset's is good for a quarter of an hour.

A connection to Superset's own database is left to OpenMetadata's connector.
"""

# What a class inherits from OpenMetadata's has no types; unknown ones are allowed here, missing ones are not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from metadata.generated.schema.api.data.createDashboardDataModel import CreateDashboardDataModelRequest
from metadata.generated.schema.entity.data.chart import Chart
from metadata.generated.schema.entity.data.dashboard import Dashboard
from metadata.generated.schema.entity.data.dashboardDataModel import DataModelType
from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
from metadata.generated.schema.entity.utils.supersetApiConnection import SupersetApiConnection
from metadata.generated.schema.metadataIngestion.workflow import Source as WorkflowSource
from metadata.generated.schema.type.entityReferenceList import EntityReferenceList
from metadata.ingestion.api.models import Either
from metadata.ingestion.source.dashboard.superset.api_source import SupersetAPISource
from metadata.ingestion.source.dashboard.superset.connection import (
    SupersetConnection as OpenMetadataSupersetConnection,
)
from metadata.ingestion.source.dashboard.superset.db_source import SupersetDBSource
from metadata.ingestion.source.dashboard.superset.models import (
    ChartResult,
    DashboardResult,
    ListDatabaseResult,
    SupersetDatasource,
)
from metadata.utils import fqn
from metadata.utils.filters import filter_by_chart, filter_by_datamodel
from metadata.utils.helpers import clean_uri
from metadata.utils.tag_utils import get_ometa_tag_and_classification, get_tag_labels

from data_platform.errors import SourceError, SourceRefusedError
from data_platform.ingestion import names
from data_platform.ingestion.superset_api import Row, SupersetApi, SupersetFailedError

CLASSIFICATION: Final = "SupersetTags"
_GIVEN_BY_PEOPLE: Final = 1
"""Type of the tags that are not Superset's own (``owner:1``, ``type:dashboard``)."""
_SHARED: Final = ("owners.id", "owners.email", "tags.name", "tags.type")
_OF_DASHBOARDS: Final = ("dashboard_title", "url", "published", *_SHARED)
_OF_CHARTS: Final = ("slice_name", "description", "viz_type", "url", "datasource_id", "dashboards.id", *_SHARED)
_UNKNOWN_TYPE: Final = "UNKNOWN"


class Client:
    """What the connector asks of Superset's API; datasets and databases once in a run.

    Args:
        connection: OpenMetadata's parsed connection.
    """

    def __init__(self, connection: Any) -> None:
        self.api = SupersetApi(connection)
        self._datasets: dict[Any, Row] = {}
        self._databases: dict[Any, ListDatabaseResult] = {}

    def dataset(self, dataset_id: Any) -> Row:
        """A dataset as Superset answers it."""
        if dataset_id not in self._datasets:
            self._datasets[dataset_id] = self.api.get(f"dataset/{dataset_id}")
        return self._datasets[dataset_id]

    def fetch_datasource(self, dataset_id: Any) -> SupersetDatasource:
        """A dataset as OpenMetadata's connector takes it."""
        return SupersetDatasource.model_validate(self.dataset(dataset_id))

    def fetch_database(self, database_id: Any) -> ListDatabaseResult:
        """A database; one that the user may not see has no name, and its tables are found without."""
        if database_id not in self._databases:
            try:
                answer = self.api.get(f"database/{database_id}")
            except SourceRefusedError:
                answer: Row = {}
            self._databases[database_id] = ListDatabaseResult.model_validate(answer)
        return self._databases[database_id]


class SupersetConnection(OpenMetadataSupersetConnection):
    """The connection, with a client that does not keep failures to itself."""

    def _get_client(self) -> Any:
        if not isinstance(self.service_connection.connection, SupersetApiConnection):
            return super()._get_client()
        client = Client(self.service_connection)
        self._on_close(client.api.close)
        return client


class SupersetSource(SupersetAPISource):
    """The connector; OpenMetadata makes one for each workflow."""

    client: Any

    def __init__(self, config: Any, metadata: Any) -> None:
        self._dashboards: dict[int, Row] = {}
        self._charts: dict[int, Row] = {}
        self._on_dashboard: defaultdict[int, list[int]] = defaultdict(list)
        self._emails: dict[int, str] = {}
        self._references: dict[str, Any] = {}
        super().__init__(config, metadata)

    @classmethod
    def create(cls, config_dict: Any, metadata: Any, pipeline_name: str | None = None) -> Any:  # noqa: ARG003
        """The connector of a configuration: this one for the API, OpenMetadata's for Superset's own database."""
        config = WorkflowSource.model_validate(config_dict)
        connection: Any = config.serviceConnection.root.config if config.serviceConnection else None
        made = cls if isinstance(connection.connection, SupersetApiConnection) else SupersetDBSource
        return made(config, metadata)

    def test_connection(self) -> None:
        """Whether dashboards and charts may be listed.

        Raises:
            SourceError: they may not, or Superset does not answer.
        """
        self.client.api.service = str(self.config.serviceName)
        for kind in ("dashboard", "chart"):
            # One that cannot be shown is told of when all are listed.
            with suppress(SupersetFailedError):
                self.client.api.count(kind)

    def prepare(self) -> None:
        """List dashboards and charts."""
        api: SupersetApi = self.client.api
        self._dashboards = {row["id"]: row for row in api.rows("dashboard", _OF_DASHBOARDS, self._failed)}
        for row in api.rows("chart", _OF_CHARTS, self._failed):
            if filter_by_chart(self.source_config.chartFilterPattern, row["slice_name"]):
                self.status.filter(row["slice_name"], "Chart Filtered Out")
                continue
            self._charts[row["id"]] = row
            self.all_charts[row["id"]] = ChartResult.model_validate(row)
            for dashboard in row["dashboards"]:
                self._on_dashboard[dashboard["id"]].append(row["id"])
        for row in (*self._dashboards.values(), *self._charts.values()):
            self._emails.update({owner["id"]: owner["email"] for owner in row["owners"] if owner.get("email")})

    def yield_bulk_tags(self, *_arguments: Any, **_options: Any) -> Iterable[Either[Any]]:
        """Every tag that people have given to a dashboard or a chart."""
        rows = (*self._dashboards.values(), *self._charts.values())
        yield from get_ometa_tag_and_classification(
            tags=sorted({tag for row in rows for tag in _tags(row)}),
            classification_name=CLASSIFICATION,
            tag_description="Tag of Superset",
            classification_description="Tags that people have given to what is in Superset",
            include_tags=bool(self.source_config.includeTags),
        )

    def get_dashboards_list(self) -> Iterator[DashboardResult]:
        """The dashboards; drafts only when they are asked for."""
        for row in self._dashboards.values():
            if row["published"] or self.source_config.includeDraftDashboard:
                yield DashboardResult.model_validate(row)

    def _get_charts_of_dashboard(self, dashboard_details: Any) -> list[int]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._on_dashboard[dashboard_details.id]

    def yield_dashboard(self, dashboard_details: Any) -> Iterable[Either[Any]]:
        """A dashboard, with its tags."""
        for each in super().yield_dashboard(dashboard_details):
            if each.right:
                each.right.tags = self._labels(self._dashboards[dashboard_details.id])
            yield each

    def yield_dashboard_chart(self, dashboard_details: Any) -> Iterable[Either[Any]]:
        """The charts of a dashboard, with their owners and tags."""
        for each in super().yield_dashboard_chart(dashboard_details):
            if each.right:
                row = self._charts[int(each.right.name.root)]
                each.right.tags = self._labels(row)
                each.right.owners = self._owners(row["owners"])
            yield each

    def yield_datamodel(self, dashboard_details: Any) -> Iterable[Either[Any]]:
        """The datasets of a dashboard's charts, each once; one that cannot be read is reported."""
        if not self.source_config.includeDataModels:
            return
        charts = [self._charts[chart] for chart in self._get_charts_of_dashboard(dashboard_details)]
        for dataset in dict.fromkeys(chart["datasource_id"] for chart in charts if chart["datasource_id"]):
            try:
                read: SupersetDatasource = self.client.fetch_datasource(dataset)
                owners = self.client.dataset(dataset)["result"].get("owners") or []
            except SourceError as error:
                self._failed(names.join(str(self.config.serviceName), "model", str(dataset)), error)
                continue
            name = read.result.table_name if read.result else None
            if filter_by_datamodel(self.source_config.dataModelFilterPattern, str(name)):
                self.status.filter(str(name), "Data model filtered out.")
                continue
            request = self._data_model(dataset, read.result, owners)
            yield Either(right=request)  # pyright: ignore[reportCallIssue]
            self.register_record_datamodel(datamodel_request=request)

    def _data_model(self, dataset: int, read: Any, owners: list[Row]) -> CreateDashboardDataModelRequest:
        return CreateDashboardDataModelRequest.model_validate(
            {
                "name": str(dataset),
                "displayName": read.table_name,
                "description": read.description or None,
                "sql": read.sql or None,
                "sourceUrl": f"{clean_uri(str(self.service_connection.hostPort))}{read.url}" if read.url else None,
                "service": self.context.get().dashboard_service,  # pyright: ignore[reportAttributeAccessIssue]
                "columns": self.get_column_info(read.columns) or [],
                "dataModelType": DataModelType.SupersetDataModel,
                "owners": self._owners(owners),
            }
        )

    def get_column_info(self, data_source: list[Any]) -> list[Any] | None:
        """A dataset's columns; one that is calculated may have no type."""
        for column in data_source or []:
            column.type = column.type or _UNKNOWN_TYPE
        return super().get_column_info(data_source)

    def get_owner_ref(self, dashboard_details: Any) -> EntityReferenceList | None:
        """The owners of a dashboard."""
        return self._owners(self._dashboards[dashboard_details.id]["owners"])

    def _owners(self, owners: list[Row]) -> EntityReferenceList | None:
        """Those of some owners whom the catalog knows by their e-mail addresses; a dataset does not say these."""
        if not self.source_config.includeOwners:
            return None
        emails = [self._emails[owner["id"]] for owner in owners if owner["id"] in self._emails]
        found = [reference for email in emails for reference in self._reference(email)]
        return EntityReferenceList(root=found) if found else None

    def _reference(self, email: str) -> list[Any]:
        if email not in self._references:
            known = self.metadata.get_reference_by_email(email)
            self._references[email] = known.root if known else []
        return self._references[email]

    def _labels(self, row: Row) -> Any:
        return get_tag_labels(
            metadata=self.metadata,
            tags=_tags(row),
            classification_name=CLASSIFICATION,
            include_tags=bool(self.source_config.includeTags),
        )

    def _resolve_lineage_database_name(self, datasource_json: Any, db_service_name: str | None) -> str | None:
        """The database that a dataset's table is in; Superset says it for those that have several."""
        catalog = self.client.dataset(datasource_json.id)["result"].get("catalog")
        return catalog or super()._resolve_lineage_database_name(datasource_json, db_service_name)

    def yield_dashboard_lineage(self, dashboard_details: Any) -> Iterable[Either[Any]]:
        """From tables to datasets, from these to charts, and from these to the dashboard."""
        yield from super().yield_dashboard_lineage(dashboard_details)
        dashboard = self._held(Dashboard, dashboard_name=dashboard_details.id)
        for chart_id in self._get_charts_of_dashboard(dashboard_details):
            chart = self._held(Chart, chart_name=chart_id)
            model: Any = self._get_dashboard_data_model_entity(self.all_charts[chart_id])
            for above, below in ((model, chart), (chart, dashboard)):
                yield from self.yield_lineage_request(self._get_add_lineage_request(from_entity=above, to_entity=below))

    def _held(self, kind: Any, **name: Any) -> Any:
        """What the catalog has of the service by a name, or None."""
        path = {key: str(value) for key, value in name.items()}
        found: Any = fqn.build(self.metadata, entity_type=kind, service_name=self.config.serviceName, **path)
        return self.metadata.get_by_name(entity=kind, fqn=found)

    def _failed(self, name: str, error: SourceError) -> None:
        self.status.failed(StackTraceError(name=name, error=error.what, stackTrace=None))


def _tags(row: Row) -> list[str]:
    return sorted(tag["name"] for tag in row["tags"] if tag["type"] == _GIVEN_BY_PEOPLE)
