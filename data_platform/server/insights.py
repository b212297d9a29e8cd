"""Data insights: results of KPIs, report data and web analytics, kept and read by time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from data_platform.server import documents, models, records, series
from data_platform.server.calls import Reply
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import new_id
from data_platform.server.permissions import may_write
from data_platform.server.problems import BadRequestError, NotFoundError
from data_platform.server.rules import COMPUTED

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

KPI, CHART = ENTITY_TYPES["kpi"], ENTITY_TYPES["dataInsightChart"]
_REPORT, _EVENT = "reportData", "webAnalyticEventData"
_DATA = "/analytics/dataInsights/data"
_COLLECT = "/analytics/web/events/collect"


def register(router: Router, keys: Keys) -> None:
    del keys
    router.add("PUT", "/kpi/{fqn}/kpiResult", _put_kpi_result)
    router.add("GET", "/kpi/{fqn}/kpiResult", _kpi_results)
    router.add("GET", "/kpi/{fqn}/latestKpiResult", _latest_kpi_result)
    router.add("POST", _DATA, _add_report)
    router.add("GET", _DATA, _reports)
    router.add("DELETE", f"{_DATA}/{{kind}}", _delete_reports)
    router.add("DELETE", f"{_DATA}/{{kind}}/{{date}}", _delete_reports)
    router.add("PUT", _COLLECT, _collect)
    router.add("GET", _COLLECT, _events)
    router.add("DELETE", "/analytics/web/events/{kind}/{timestamp}/collect", _delete_events)
    router.add("GET", "/analytics/dataInsights/charts/aggregate", _aggregate)


def _put_kpi_result(call: Call) -> Json:
    may_write(call, KPI, "EditAll")
    result = call.object
    models.check("dataInsight.kpi.basic:KpiResult", result)
    stamp = series.stamped(result.get("timestamp"))

    def work(connection: Connection) -> Json:
        kpi = documents.need(connection, KPI, call.params["fqn"])
        stored = {**result, "kpiFqn": kpi["fullyQualifiedName"]}
        series.put(connection, kpi["id"], "kpiResult", "", stamp, stored)
        return stored

    return call.store.write(work)


def _kpi_results(call: Call) -> Json:
    return series.between(call, documents.need(call.reader, KPI, call.params["fqn"])["id"], "kpiResult")


def _latest_kpi_result(call: Call) -> Json:
    kpi = documents.need(call.reader, KPI, call.params["fqn"])
    found = series.latest(call.reader, kpi["id"], "kpiResult")
    if found is None:
        raise NotFoundError(f"kpiResult instance for {call.params['fqn']} not found")
    return found


def _add_report(call: Call) -> Reply:
    may_write(call, CHART, "EditAll")
    report = call.object
    models.check("analytics.reportData:ReportData", report)
    stored = {"id": new_id(), **report, "timestamp": series.stamped(report.get("timestamp"))}
    call.store.write(lambda connection: records.put(connection, _REPORT, str(report.get("reportDataType")), stored))
    return Reply(201, stored)


def _reports(call: Call) -> Json:
    kind = call.arg("reportDataType")
    if not kind:
        raise BadRequestError("[query param reportDataType must not be null]")
    return records.between(call, _REPORT, kind)


def _delete_reports(call: Call) -> Json:
    may_write(call, CHART, "Delete")
    start, end = 0, 2**62
    if "date" in call.params:
        try:
            day = datetime.combine(date.fromisoformat(call.params["date"]), time(), UTC)
        except ValueError:
            raise BadRequestError(f"Invalid date {call.params['date']!r}: expected YYYY-MM-DD") from None
        start, end = (int(moment.timestamp() * 1000) for moment in (day, day + timedelta(days=1)))

    def work(connection: Connection) -> int:
        where = "timestamp >= ? AND timestamp < ?"
        return records.remove(connection, _REPORT, call.params["kind"], where, start, end)

    return {"code": 200, "message": f"{call.store.write(work)} reports deleted"}


def _collect(call: Call) -> Json:
    event = call.object
    models.check("analytics.webAnalyticEventData:WebAnalyticEventData", event)
    stored = {"eventId": new_id(), **event, "timestamp": series.stamped(event.get("timestamp"))}
    kept = {**stored, "id": stored["eventId"]}
    call.store.write(lambda connection: records.put(connection, _EVENT, event["eventType"], kept))
    return stored


def _events(call: Call) -> Json:
    reply = records.between(call, _EVENT, call.arg("eventType"))
    return {**reply, "data": [{k: v for k, v in event.items() if k != "id"} for event in reply["data"]]}


def _delete_events(call: Call) -> Json:
    may_write(call, ENTITY_TYPES["webAnalyticEvent"], "Delete")
    try:
        stamp = int(call.params["timestamp"])
    except ValueError:
        raise NotFoundError("HTTP 404 Not Found") from None
    done = call.store.write(
        lambda connection: records.remove(connection, _EVENT, call.params["kind"], "timestamp < ?", stamp)
    )
    return {"code": 200, "message": f"{done} events deleted"}


def _aggregate(call: Call) -> Json:
    """The shape of an aggregation; nothing computes insights here, so it is always empty."""
    name = call.arg("dataInsightChartName")
    if not name:
        raise BadRequestError("[query param dataInsightChartName must not be null]")
    return {"chartType": name, "data": []}


COMPUTED["kpi"]["kpiResult"] = lambda connection, kpi: series.latest(connection, kpi["id"], "kpiResult")
