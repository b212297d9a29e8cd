"""Profiles, sample data, joins, data models, usage, queries: what hangs on a table."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from data_platform_tests.server.conftest import Api, Place

NOW = 1_790_000_000_000


def today(days: int = 0) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def profile(at: int, rows: int) -> dict[str, object]:
    return {
        "tableProfile": {"timestamp": at, "rowCount": rows, "columnCount": 2},
        "columnProfile": [{"name": "id", "timestamp": at, "min": rows}],
        "systemProfile": [{"timestamp": at, "operation": "INSERT", "rowsAffected": rows}],
    }


def test_the_latest_profile_is_the_latest_by_timestamp(place: Place, bot: Api) -> None:
    path = f"/tables/{place.table()['id']}/tableProfile"
    bot.ok("PUT", path, profile(NOW, 2))
    bot.ok("PUT", path, profile(NOW - 1000, 1))
    latest = bot.ok("GET", f"/tables/{place.fqn()}/tableProfile/latest")
    assert (latest["profile"]["rowCount"], latest["columns"][0]["profile"]["min"]) == (2, 2)
    assert latest["version"] == 0.1


def test_profiles_are_series_in_which_a_stamp_replaces(place: Place, bot: Api) -> None:
    path = f"/tables/{place.table()['id']}/tableProfile"
    for at, rows in ((NOW, 1), (NOW + 1, 2), (NOW, 3)):
        bot.ok("PUT", path, profile(at, rows))
    span = f"startTs={NOW}&endTs={NOW + 1}"
    listed = bot.ok("GET", f"/tables/{place.fqn()}/tableProfile?{span}")
    assert [each["rowCount"] for each in listed["data"]] == [2, 3]
    assert len(bot.ok("GET", f"/tables/{place.fqn()}/tableProfile?startTs={NOW}&endTs={NOW}")["data"]) == 1
    assert len(bot.ok("GET", f"/tables/{place.fqn()}.id/columnProfile?{span}")["data"]) == 2
    assert len(bot.ok("GET", f"/tables/{place.fqn()}/systemProfile?{span}")["data"]) == 2


def test_a_stamp_in_seconds_is_400(place: Place, bot: Api) -> None:
    bot.refused(400, "PUT", f"/tables/{place.table()['id']}/tableProfile", profile(NOW // 1000, 1))


def test_sample_data_checks_columns_and_row_width(place: Place, bot: Api) -> None:
    path = f"/tables/{place.table()['id']}/sampleData"
    bot.ok("PUT", path, {"columns": ["id", "label"], "rows": [[1, None], [2, "x"]]})
    assert bot.ok("GET", path)["sampleData"]["rows"] == [[1, None], [2, "x"]]
    bot.refused(400, "PUT", path, {"columns": ["id", "nope"], "rows": []})
    bot.refused(400, "PUT", path, {"columns": ["id", "label"], "rows": [[1]]})
    bot.ok("DELETE", path)
    assert "sampleData" not in bot.ok("GET", path)


def test_joins_are_shown_on_both_tables_and_a_repeated_day_replaces(place: Place, bot: Api) -> None:
    left, right = place.table("left"), place.table("right")
    for count in (5, 7):
        joined = [{"fullyQualifiedName": f"{place.fqn('right')}.id", "joinCount": count}]
        request = {"startDate": today(), "dayCount": 1, "columnJoins": [{"columnName": "id", "joinedWith": joined}]}
        bot.ok("PUT", f"/tables/{left['id']}/joins", request)
    for table, other in ((left, "right"), (right, "left")):
        read = bot.ok("GET", f"/tables/{table['id']}?fields=joins")["joins"]["columnJoins"]
        assert read == [
            {"columnName": "id", "joinedWith": [{"fullyQualifiedName": f"{place.fqn(other)}.id", "joinCount": 7}]}
        ]


def test_joins_older_than_30_days_are_400(place: Place, bot: Api) -> None:
    request = {"startDate": today(-31), "dayCount": 1, "columnJoins": []}
    bot.refused(400, "PUT", f"/tables/{place.table()['id']}/joins", request)


def test_a_data_model_brings_its_tags_and_column_tags_onto_the_table(place: Place, bot: Api) -> None:
    def label(fqn: str) -> dict[str, str]:
        return {"tagFQN": fqn, "source": "Classification", "labelType": "Manual", "state": "Confirmed"}

    model = {
        "modelType": "DBT",
        "sql": "select 1",
        "tags": [label("Tier.Tier2")],
        "columns": [{"name": "id", "dataType": "INT", "tags": [label("PII.None")]}],
    }
    table = place.table()
    bot.ok("PUT", f"/tables/{table['id']}/dataModel", model)
    read = bot.ok("GET", f"/tables/{table['id']}?fields=tags,dataModel")
    assert read["dataModel"]["sql"] == "select 1"
    assert [each["tagFQN"] for each in read["tags"]] == ["Tier.Tier2"]
    assert [each["tagFQN"] for each in read["columns"][0]["tags"]] == ["PII.None"]
    bot.ok("PUT", "/tables", place.request(description="again"))
    assert "dataModel" in bot.ok("GET", f"/tables/{table['id']}?fields=dataModel")


def test_the_profiler_config_is_kept_and_removed(place: Place, bot: Api) -> None:
    path = f"/tables/{place.table()['id']}/tableProfilerConfig"
    bot.ok("PUT", path, {"excludeColumns": ["label"]})
    assert bot.ok("GET", path)["tableProfilerConfig"]["excludeColumns"] == ["label"]
    bot.refused(400, "PUT", path, {"excludeColumns": ["nope"]})
    bot.ok("DELETE", path)
    assert "tableProfilerConfig" not in bot.ok("GET", path)


def test_usage_adds_up_over_7_and_30_days(place: Place, bot: Api) -> None:
    path = f"/usage/table/{place.table()['id']}"
    for days, count in ((-20, 100), (-3, 10), (0, 1)):
        bot.ok("PUT", path, {"date": today(days), "count": count})
    bot.ok("PUT", path, {"date": today(), "count": 1})
    usage = bot.ok("GET", f"/tables/name/{place.fqn()}?fields=usageSummary")["usageSummary"]
    assert [usage[each]["count"] for each in ("dailyStats", "weeklyStats", "monthlyStats")] == [2, 12, 112]
    assert usage["date"] == today()
    database = bot.ok("GET", f"/databases/name/{place.database}?fields=usageSummary")["usageSummary"]
    assert database["monthlyStats"]["count"] == 112


def test_usage_of_what_was_never_used_is_zero(place: Place) -> None:
    place.table()
    usage = place.api.ok("GET", f"/tables/name/{place.fqn()}?fields=usageSummary")["usageSummary"]
    assert usage["dailyStats"]["count"] == 0


def test_percentiles_are_ranks(place: Place, bot: Api) -> None:
    for name, count in (("a", 1), ("b", 5), ("c", 9)):
        bot.ok("POST", f"/usage/table/{place.table(name)['id']}", {"date": "2021-01-01", "count": count})
    bot.ok("POST", "/usage/compute.percentile/table/2021-01-01")
    ranks = [
        bot.ok("GET", f"/tables/name/{place.fqn(name)}?fields=usageSummary")["usageSummary"]["dailyStats"]
        for name in "abc"
    ]
    assert [rank["percentileRank"] for rank in ranks] == [0.0, 50.0, 100.0]


def test_an_unnamed_query_is_named_by_the_checksum_of_its_text(place: Place, bot: Api) -> None:
    text = f"select * from {place.fqn()}"
    checksum = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    query = bot.ok("PUT", "/queries", {"query": text, "service": place.service})
    assert (query["name"], query["checksum"]) == (checksum, checksum)
    assert query["fullyQualifiedName"] == f"{place.service}.{checksum}"
    table = place.table()
    bot.ok("PUT", f"/queries/{query['id']}/usage", [{"id": table["id"], "type": "table"}])
    bot.ok("PUT", f"/queries/{query['id']}/users", ["admin"])
    bot.ok("PUT", f"/queries/{query['id']}/usedBy", ["somebody"])
    found = bot.ok("GET", f"/queries?entityId={table['id']}&fields=queryUsedIn,users")["data"]
    assert [(each["id"], each["queryUsedIn"][0]["name"], each["usedBy"]) for each in found] == [
        (query["id"], "t", ["somebody"])
    ]
    cost = {"timestamp": NOW, "queryReference": {"id": query["id"], "type": "query"}, "cost": 1.5, "count": 2}
    bot.ok("POST", "/queryCostRecord", {**cost, "jsonSchema": "queryCostRecord", "totalDuration": 3.0})


def test_a_constraint_on_an_unknown_column_is_400(place: Place) -> None:
    constraint = {"constraintType": "PRIMARY_KEY", "columns": ["nope"]}
    place.api.refused(400, "POST", "/tables", place.request(tableConstraints=[constraint]))


def test_usage_that_is_reported_again_replaces_the_tables_and_adds_to_what_holds_it(place: Place) -> None:
    table = place.table()

    def count(path: str) -> int:
        return place.api.ok("GET", f"{path}?fields=usageSummary")["usageSummary"]["dailyStats"]["count"]

    for _ in range(2):
        told = place.api.ok("POST", f"/usage/table/{table['id']}", {"date": "2026-01-02", "count": 5})
    assert (told["eventType"], told["entity"]["id"]) == ("entityUpdated", table["id"])
    schema, database = f"/databaseSchemas/name/{place.schema}", f"/databases/name/{place.database}"
    assert [count(each) for each in (f"/tables/{table['id']}", schema, database)] == [5, 10, 10]
    place.api.ok("PUT", f"/usage/table/{table['id']}", {"date": "2026-01-02", "count": 1})
    assert [count(each) for each in (f"/tables/{table['id']}", schema)] == [6, 11]


def test_usage_is_read_for_as_many_days_as_are_asked(place: Place) -> None:
    path = f"/usage/table/{place.table()['id']}"
    for day in ("2026-01-01", "2026-01-05"):
        place.api.ok("POST", path, {"date": day, "count": 1})
    read = place.api.ok("GET", f"{path}?date=2026-01-05&days=3")
    assert [each["date"] for each in read["usage"]] == ["2026-01-05"], "three days, not three reports"


def test_custom_metrics_are_of_a_table_or_of_a_column_and_make_no_version(place: Place) -> None:
    path = f"/tables/{place.table()['id']}"
    metrics = f"{path}/customMetric"
    first = place.api.ok("PUT", metrics, {"name": "whole", "expression": "SELECT 1"})
    again = place.api.ok("PUT", metrics, {"name": "whole", "expression": "SELECT 2"})
    assert again["customMetrics"][0]["id"] == first["customMetrics"][0]["id"]
    place.api.ok("PUT", metrics, {"name": "part", "expression": "SELECT 3", "columnName": "id"})
    read = place.api.ok("GET", f"{path}?fields=customMetrics")
    assert [each["expression"] for each in read["customMetrics"]] == ["SELECT 2"]
    assert [each["name"] for each in read["columns"][0]["customMetrics"]] == ["part"]
    assert read["version"] == 0.1
    place.api.refused(404, "PUT", metrics, {"name": "x", "expression": "SELECT 1", "columnName": "nope"})
    place.api.ok("DELETE", f"{metrics}/id/part")
    place.api.ok("DELETE", f"{metrics}/whole")
    place.api.refused(404, "DELETE", f"{metrics}/whole")
    assert place.api.ok("GET", f"{path}?fields=customMetrics")["customMetrics"] == []


def test_a_profile_is_forgotten_by_its_time(place: Place, bot: Api) -> None:
    table, at = place.table(), 1_790_000_000_000
    columns = [{"name": name, "timestamp": at} for name in ("id", "label")]
    bot.ok("PUT", f"/tables/{table['id']}/tableProfile", {**profile(at, 1), "columnProfile": columns})
    assert bot.delete(f"/tables/{place.fqn()}.id/column/{at}/profile").status_code == 200
    assert bot.ok("GET", f"/tables/{place.fqn()}.id/columnProfile")["data"] == []
    assert len(bot.ok("GET", f"/tables/{place.fqn()}.label/columnProfile")["data"]) == 1
    assert bot.delete(f"/tables/{place.fqn()}/table/{at}/profile").status_code == 200
    bot.refused(404, "DELETE", f"/tables/{place.fqn()}/table/{at}/profile")
    bot.refused(400, "DELETE", f"/tables/{place.fqn()}/nonsense/{at}/profile")
