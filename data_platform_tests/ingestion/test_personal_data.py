"""What a profile shows of a column that the catalog has tagged as PII."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.spec import Workflow
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SpecMaker


def test_no_value_of_a_column_that_is_tagged_as_pii_is_in_its_profile(
    run: Callable[..., Ended], make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    run(make_spec())
    name = f"shop.{database}.sales.orders"
    label = {"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        table = client.get_by_name("tables", name, fields=("columns", "tags"))
        position = [column["name"] for column in table["columns"]].index("total")
        client.patch("tables", table["id"], [{"op": "add", "path": f"/columns/{position}/tags", "value": [label]}])
    ended = run(make_spec(Workflow.PROFILING))
    assert ended.verdict["outcome"] == "ok", ended.output
    answer = httpx.get(
        f"{catalog.url}/v1/tables/{name}/tableProfile/latest",
        headers={"Authorization": f"Bearer {catalog.token()}"},
        timeout=30,
    )
    profiles = {column["name"]: column["profile"] for column in answer.raise_for_status().json()["columns"]}
    assert (profiles["id"]["min"], profiles["id"]["max"]) == (1, 400)
    shown = {"min", "max", "median", "firstQuartile", "thirdQuartile", "histogram", "cardinalityDistribution"}
    assert not shown & profiles["total"].keys()
    assert profiles["total"]["nullCount"] == 40
