"""dbt-trino on a real Trino: its models are the tables that Trino's metadata brought, with their lineage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_platform.ingestion.spec import MATCHES, Workflow, WorkflowSpec
from data_platform_tests.ingestion.child import Child, Ended
from data_platform_tests.integration.real_trino import LAKEHOUSE, RealTrino
from data_platform_tests.integration.trino_runs import TrinoRuns, trino_runs

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0.0"
profile: shop
flags: {send_anonymous_usage_stats: false, version_check: false}
""",
    "profiles.yml": """
shop:
  target: test
  outputs:
    test:
      {type: trino, method: none, host: 127.0.0.1, port: "{{ env_var('TRINO_PORT') | as_number }}", user: admin,
       database: lakehouse, schema: marts, threads: 1, http_scheme: http}
""",
    "models/shop.yml": """
version: 2
sources:
  - name: sold
    database: lakehouse
    schema: sold
    tables: [{name: orders}, {name: customers}]
models:
  - name: paid
    description: Orders that were paid
    config: {tags: [finance], meta: {openmetadata: {owner: accounting, tier: Tier.Tier2}}}
    columns:
      - {name: id, description: The order's number, data_tests: [unique]}
      - {name: amount, description: What was paid, data_tests: [not_null]}
  - name: spending
    description: What each customer spent
snapshots:
  - name: spent
    description: What each customer had spent
    relation: ref('spending')
    config: {strategy: check, unique_key: customer, check_cols: [amount]}
exposures:
  - name: board
    type: dashboard
    owner: {name: Accounting, email: accounting@example.org}
    depends_on: [ref('spending')]
    config: {meta: {open_metadata_fqn: boards.spending}}
""",
    # Iceberg keeps no timestamps but those in microseconds.
    "macros/now.sql": "{% macro trino__current_timestamp() %} current_timestamp(6) {% endmacro %}",
    "models/paid.sql": """
{{ config(materialized='view') }}
select id, customer_id, total as amount from {{ source('sold', 'orders') }} where total > 0
""",
    "models/spending.sql": """
{{ config(materialized='table') }}
select customers.name as customer, sum(paid.amount) as amount
from {{ ref('paid') }} as paid
join {{ source('sold', 'customers') }} as customers on customers.id = paid.customer_id
group by customers.name
""",
    "seeds/bands.csv": "band,least\nsmall,0\nlarge,100\n",
}
# The second snapshot merges into what the first has made.
COMMANDS = (
    ["build"],
    ["snapshot", "--target-path", "again"],
    ["docs", "generate", "--target-path", "documented"],
)
SOLD = (
    "CREATE SCHEMA lakehouse.sold",
    "CREATE TABLE lakehouse.sold.customers (id bigint, name varchar)",
    "CREATE TABLE lakehouse.sold.orders (id bigint, customer_id bigint, total double)",
    "INSERT INTO lakehouse.sold.customers VALUES (1, 'Ada'), (2, 'Emmy')",
    "INSERT INTO lakehouse.sold.orders VALUES (1, 1, 10), (2, 2, 20), (3, 2, 0)",
)
TABLES = {
    "databaseFilterPattern": {"includes": [f"^{LAKEHOUSE}$"]},
    "schemaFilterPattern": {"includes": ["^sold$", "^marts$"]},
}


@pytest.fixture(scope="module")
def artifacts(trino: RealTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the artifacts of a project that was built."""
    trino.run(*SOLD)
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip())
    for command in COMMANDS:
        subprocess.run(
            [Path(sys.executable).with_name("dbt"), *command],
            cwd=folder,
            env={**os.environ, "TRINO_PORT": str(trino.port)},
            check=True,
            stdout=sys.stderr,
        )
    for name in ("manifest.json", "catalog.json"):
        (folder / "documented" / name).replace(folder / "target" / name)
    yield folder / "target"
    trino.empty()


@pytest.fixture(scope="module")
def runs(trino: RealTrino, artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoRuns]:
    """A catalog with Trino's tables, a table of the same name in another service, and nothing of dbt's yet."""
    columns = [{"name": "amount", "dataType": "DOUBLE"}]
    with trino_runs(trino, tmp_path_factory.mktemp("dbt")) as runs:
        for collection, body in (
            ("teams", {"name": "accounting", "teamType": "Group"}),
            ("services/dashboardServices", {"name": "boards", "serviceType": "CustomDashboard"}),
            ("dashboards", {"name": "spending", "service": "boards"}),
            ("services/databaseServices", {"name": "iceberg", "serviceType": "CustomDatabase"}),
            ("databases", {"name": LAKEHOUSE, "service": "iceberg"}),
            ("databaseSchemas", {"name": "marts", "database": f"iceberg.{LAKEHOUSE}"}),
            ("tables", {"name": "paid", "databaseSchema": f"iceberg.{LAKEHOUSE}.marts", "columns": columns}),
        ):
            runs.client.client.put(f"/{collection}", json.dumps(body))
        ended = runs.run(Workflow.METADATA, TABLES)
        assert ended.verdict["outcome"] == "ok", ended.output
        yield runs


@pytest.fixture(scope="module")
def ended(runs: TrinoRuns, artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """How dbt's run ended."""
    files = {"Manifest": "manifest", "Catalog": "catalog", "RunResults": "run_results"}
    spec = WorkflowSpec(
        environment="dev",
        service="dbt",
        connector="dbt",
        workflows=(Workflow.METADATA, Workflow.LINEAGE),
        connection={
            "serviceName": "trino",
            "dbtConfigType": "local",
            **{f"dbt{name}FilePath": str(artifacts / f"{file}.json") for name, file in files.items()},
        },
        options={"dbtUpdateDescriptions": True, "includeTags": True},
        catalog_url=runs.catalog.url,
        catalog_token=runs.token,
        vault_address="http://127.0.0.1:1",
        run_id=str(uuid.uuid4()),
    )
    return Child(spec, tmp_path_factory.mktemp("children")).end(timeout=180)


@pytest.fixture(scope="module")
def tables(runs: TrinoRuns, ended: Ended) -> dict[str, Any]:
    """Trino's tables once dbt has described them."""
    return runs.tables(("dataModel", "columns", "tags", "owners"))


def test_every_model_is_a_table_of_trino(ended: Ended, tables: dict[str, Any]) -> None:
    assert {workflow: each["outcome"] for workflow, each in ended.verdicts.items()} == {
        "metadata": "ok",
        "lineage": "ok",
    }, ended.output
    described = {name: table.dataModel.resourceType for name, table in tables.items() if table.dataModel}
    assert described == {
        "lakehouse.marts.paid": "model",
        "lakehouse.marts.spending": "model",
        "lakehouse.marts.spent": "snapshot",
        "lakehouse.marts.bands": "seed",
        "lakehouse.sold.orders": "source",
        "lakehouse.sold.customers": "source",
    }
    assert ended.check_named(MATCHES)["passed"]


def test_what_dbt_says_of_a_model_is_on_its_table(tables: dict[str, Any]) -> None:
    paid = tables["lakehouse.marts.paid"]
    assert paid.description.root == "Orders that were paid"
    assert {tag.tagFQN.root for tag in paid.tags} == {"dbtTags.finance", "Tier.Tier2"}
    assert [owner.name for owner in paid.owners.root] == ["accounting"]
    assert tables["lakehouse.marts.spent"].description.root == "What each customer had spent"
    assert {column.name.root: column.description and column.description.root for column in paid.columns} == {
        "id": "The order's number",
        "customer_id": None,
        "amount": "What was paid",
    }


def test_a_table_of_the_same_name_in_another_service_is_not_taken_for_the_model(runs: TrinoRuns, ended: Ended) -> None:
    from metadata.generated.schema.entity.data.table import Table

    other = runs.client.get_by_name(Table, f"iceberg.{LAKEHOUSE}.marts.paid", fields=["dataModel"])
    assert ended.materialized
    assert (other.dataModel, other.description) == (None, None)


def test_tests_arrive_with_their_results(runs: TrinoRuns, ended: Ended) -> None:
    from metadata.generated.schema.tests.testCase import TestCase

    listed = runs.client.list_all_entities(TestCase, fields=["testCaseResult"])
    results = {case.name.root: case.testCaseResult.testCaseStatus.value for case in listed if case.testCaseResult}
    assert ended.materialized
    assert results == {"unique_paid_id": "Success", "not_null_paid_amount": "Success"}


def test_a_snapshot_and_an_exposure_are_linked_to_what_they_show(runs: TrinoRuns, ended: Ended) -> None:
    from metadata.generated.schema.entity.data.dashboard import Dashboard

    assert ended.materialized
    columns = runs.upstream(LAKEHOUSE, "marts.spent")["marts.spending"]
    assert {("marts.spending.customer", "marts.spent.customer"), ("marts.spending.amount", "marts.spent.amount")} <= (
        columns
    )
    graph = runs.client.get_lineage_by_name(Dashboard, "boards.spending", up_depth=1, down_depth=0)
    assert [node["fullyQualifiedName"] for node in graph["nodes"]] == [f"trino.{LAKEHOUSE}.marts.spending"]


def test_models_are_linked_to_what_they_read_with_columns(runs: TrinoRuns, ended: Ended) -> None:
    assert runs.upstream("lakehouse", "marts.paid") == {
        "sold.orders": {
            ("sold.orders.id", "marts.paid.id"),
            ("sold.orders.customer_id", "marts.paid.customer_id"),
            ("sold.orders.total", "marts.paid.amount"),
        }
    }
    assert runs.upstream("lakehouse", "marts.spending") == {
        "marts.paid": {("marts.paid.amount", "marts.spending.amount")},
        "sold.customers": {("sold.customers.name", "marts.spending.customer")},
    }
