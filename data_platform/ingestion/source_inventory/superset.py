"""Superset: dashboards, the charts on them and the datasets of those, by the lists of its API.

Charts on no dashboard, and datasets of no such chart, are none of the connector's, either. The user sees what Superset
lets the user see; what else there is, nobody says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from data_platform.errors import SourceRefusedError
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.source_inventory import Listed
from data_platform.ingestion.superset_api import SupersetApi


def listing(source: Any, filters: Filters) -> Iterator[Listed]:
    """Everything on the dashboards that the source's options and filters let in.

    Raises:
        SourceRefusedError: the connection is to Superset's own database.
    """
    service = str(source.config.serviceName)
    if not hasattr(source.service_connection.connection, "provider"):
        raise SourceRefusedError(
            "Superset's own database cannot be asked what is in it",
            source=service,
            remedy="connect to Superset's API",
        )
    with closing(SupersetApi(source.service_connection)) as api:
        api.service = service
        yield from _everything(api, source.source_config, filters)


def _everything(api: SupersetApi, options: Any, filters: Filters) -> Iterator[Listed]:
    shown: set[int] = set()
    for row in api.rows("dashboard", ("dashboard_title", "published")):
        dashboard = Listed("dashboard", (str(row["id"]),), shown=row["dashboard_title"])
        if (row["published"] or options.includeDraftDashboard) and _admits(filters, dashboard):
            shown.add(row["id"])
            yield dashboard
    datasets: set[int] = set()
    for row in api.rows("chart", ("slice_name", "datasource_id", "dashboards.id")):
        chart = Listed("chart", (str(row["id"]),), shown=row["slice_name"])
        if _admits(filters, chart) and not shown.isdisjoint(each["id"] for each in row["dashboards"]):
            datasets.add(row["datasource_id"])
            yield chart
    if options.includeDataModels:
        for row in api.rows("dataset", ("table_name",)):
            if row["id"] in datasets:
                yield Listed("dashboardDataModel", ("model", str(row["id"])), shown=row["table_name"])


def _admits(filters: Filters, listed: Listed) -> bool:
    return filters.admits(listed.kind, listed.path, shown=listed.shown)
