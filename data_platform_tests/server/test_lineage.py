"""Lineage edges with columns, graphs by depth, deletion by edge and by source."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from typing import Any

import pytest

from data_platform_tests.server.conftest import Place

Json = dict[str, Any]


def connect(place: Place, start: Json, end: Json, **details: Any) -> None:
    ends = {name: {"id": each["id"], "type": "table"} for name, each in (("fromEntity", start), ("toEntity", end))}
    place.api.ok("PUT", "/lineage", {"edge": {**ends, "lineageDetails": details}})


@pytest.fixture
def chain(place: Place) -> list[Json]:
    """Five tables, each made from the one before."""
    tables = [place.table(name) for name in "abcde"]
    for start, end in pairwise(tables):
        connect(place, start, end, source="ViewLineage")
    return tables


def names(graph: Json) -> set[str]:
    return {node["name"] for node in graph["nodes"]}


def test_depth_decides_how_far_a_graph_reaches(place: Place, chain: list[Json]) -> None:
    path = f"/lineage/table/{chain[2]['id']}"
    assert names(place.api.ok("GET", path)) == {"b", "d"}
    assert names(place.api.ok("GET", f"{path}?upstreamDepth=2&downstreamDepth=0")) == {"a", "b"}
    assert names(place.api.ok("GET", f"{path}?upstreamDepth=0&downstreamDepth=3")) == {"d", "e"}
    assert names(place.api.ok("GET", f"{path}?upstreamDepth=0&downstreamDepth=0")) == set()
    for depth in (-1, 4):
        place.api.refused(400, "GET", f"{path}?upstreamDepth={depth}")


def test_edges_carry_ids_and_details(place: Place, chain: list[Json]) -> None:
    graph = place.api.ok("GET", f"/lineage/table/name/{place.fqn('b')}?downstreamDepth=0")
    assert graph["entity"]["fullyQualifiedName"] == place.fqn("b")
    edge = graph["upstreamEdges"][0]
    assert (edge["fromEntity"], edge["toEntity"]) == (chain[0]["id"], chain[1]["id"])
    assert edge["lineageDetails"]["source"] == "ViewLineage"


def test_one_edge_a_pair_and_a_put_replaces_its_details(place: Place) -> None:
    start, end = place.table("a"), place.table("b")
    connect(place, start, end, sqlQuery="select 1")
    connect(place, start, end, sqlQuery="select 2")
    edge = place.api.ok("GET", f"/lineage/getLineageEdge/{start['id']}/{end['id']}")["edge"]
    assert (edge["sqlQuery"], edge["source"]) == ("select 2", "Manual")
    assert len(place.api.ok("GET", f"/lineage/table/{start['id']}")["downstreamEdges"]) == 1


def test_column_lineage_keeps_only_columns_that_exist(place: Place) -> None:
    start, end = place.table("a"), place.table("b")
    real = {"fromColumns": [f"{place.fqn('a')}.id"], "toColumn": f"{place.fqn('b')}.id"}
    connect(place, start, end, columnsLineage=[real, {"fromColumns": ["x.y.z.a.no"], "toColumn": real["toColumn"]}])
    edge = place.api.ok("GET", f"/lineage/getLineageEdge/{start['id']}/{end['id']}")["edge"]
    assert edge["columnsLineage"] == [real]


def test_edges_by_name_are_put_patched_and_deleted(place: Place) -> None:
    place.table("a")
    place.table("b")
    ends = f"table/name/{place.fqn('a')}/table/name/{place.fqn('b')}"
    place.api.refused(404, "GET", f"/lineage/getLineageEdge/{ends}")
    place.api.ok("PUT", f"/lineage/{ends}", {"sqlQuery": "select 1", "source": "QueryLineage"})
    place.api.patch_with(f"/lineage/{ends}", ("replace", "/sqlQuery", "select 2"))
    edge = place.api.ok("GET", f"/lineage/getLineageEdge/{ends}")["edge"]
    assert (edge["sqlQuery"], edge["source"]) == ("select 2", "QueryLineage")
    place.api.ok("DELETE", f"/lineage/{ends}")
    place.api.refused(404, "DELETE", f"/lineage/{ends}")


def test_deleting_by_source_removes_upstream_edges_only(place: Place, chain: list[Json]) -> None:
    place.api.ok("DELETE", f"/lineage/table/{chain[2]['id']}/type/ViewLineage")
    assert names(place.api.ok("GET", f"/lineage/table/{chain[2]['id']}")) == {"d"}
    place.api.ok("DELETE", f"/lineage/source/name/table/{place.fqn('d')}/type/QueryLineage")
    assert names(place.api.ok("GET", f"/lineage/table/{chain[3]['id']}")) == {"c", "e"}


def test_a_soft_deleted_neighbour_stays_as_a_node(place: Place, chain: list[Json]) -> None:
    place.api.ok("DELETE", f"/tables/{chain[1]['id']}")
    nodes = place.api.ok("GET", f"/lineage/table/{chain[2]['id']}")["nodes"]
    assert {node["name"]: node["deleted"] for node in nodes} == {"b": True, "d": False}


def test_a_cycle_ends(place: Place, chain: list[Json]) -> None:
    connect(place, chain[4], chain[0])
    graph = place.api.ok("GET", f"/lineage/table/{chain[0]['id']}?upstreamDepth=3&downstreamDepth=3")
    assert names(graph) == {"b", "c", "d", "e"}


def test_an_edge_to_nothing_or_to_itself_is_refused(place: Place) -> None:
    table = place.table()
    nobody = "00000000-0000-0000-0000-000000000000"
    ends = {"fromEntity": {"id": table["id"], "type": "table"}, "toEntity": {"id": nobody, "type": "table"}}
    place.api.refused(404, "PUT", "/lineage", {"edge": ends})
    ends["toEntity"]["id"] = table["id"]
    place.api.refused(400, "PUT", "/lineage", {"edge": ends})
    place.api.refused(404, "GET", f"/lineage/table/{nobody}")


def by_columns(place: Place, *names: str) -> None:
    """Tables that each come from the one before it, column by column."""
    for start, end in pairwise([place.table(name) for name in names]):
        source, target = f"{start['fullyQualifiedName']}.id", f"{end['fullyQualifiedName']}.id"
        columns = [{"fromColumns": [source], "toColumn": target}]
        connect(place, start, end, source="QueryLineage", columnsLineage=columns)


def test_the_graph_by_name_has_nodes_with_their_depth_and_edges_by_a_key(place: Place) -> None:
    by_columns(place, "a", "b", "c", "d")
    path = f"/lineage/getLineage?fqn={place.fqn('b')}&type=table&upstreamDepth=1&downstreamDepth=2"
    graph = place.api.ok("GET", path)
    depths = {node["entity"]["name"]: node["nodeDepth"] for node in graph["nodes"].values()}
    assert depths == {"b": 0, "a": 1, "c": 1, "d": 2}
    assert graph["nodes"][place.fqn("b")]["paging"] == {"entityUpstreamCount": 1, "entityDownstreamCount": 1}
    (upstream,) = graph["upstreamEdges"].values()
    assert (upstream["fromEntity"]["fullyQualifiedName"], upstream["source"]) == (place.fqn("a"), "QueryLineage")
    assert upstream["columns"][0]["toColumn"] == f"{place.fqn('b')}.id"
    assert len(graph["downstreamEdges"]) == 2
    one_way = place.api.ok("GET", f"/lineage/getLineage/Downstream?fqn={place.fqn('b')}")
    assert (len(one_way["downstreamEdges"]), one_way["upstreamEdges"]) == (1, {})
    place.api.refused(400, "GET", f"/lineage/getLineage/Sideways?fqn={place.fqn('b')}")
    place.api.refused(400, "GET", "/lineage/getLineage")
    place.api.refused(404, "GET", "/lineage/getLineage?fqn=no.such.table")


def test_lineage_is_exported_as_a_row_for_each_pair_of_columns(place: Place) -> None:
    by_columns(place, "a", "b", "c")
    path = f"?fqn={place.fqn('b')}&type=table&upstreamDepth=1&downstreamDepth=1"
    rows = list(csv.DictReader(io.StringIO(place.api.get(f"/lineage/export{path}").text)))
    assert [(row["fromEntityFQN"], row["toEntityFQN"]) for row in rows] == [
        (place.fqn("a"), place.fqn("b")),
        (place.fqn("b"), place.fqn("c")),
    ]
    assert (rows[0]["fromServiceName"], rows[0]["toServiceType"]) == (place.service, "Postgres")
    assert rows[0]["fromChildEntityFQN"] == f"{place.fqn('a')}.id"
    reply = place.api.get(f"/lineage/exportAsync{path}")
    assert (reply.status_code, "jobId" in reply.json()) == (202, True)
