"""What a run deleted is taken back by the command line, in a real catalog."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import httpx
import pytest

from data_platform.ingestion.catalog import CatalogClient, Entity
from data_platform_tests.catalogs import issued, running_catalog
from data_platform_tests.vaults.fake import running_vault

COMMAND = Path(sys.executable).with_name("data-platform")
ROOT = Path(__file__).parents[2]
AGAIN = "What the source still lacks, the next run of its metadata deletes again."


@dataclass(frozen=True)
class Shop:
    """A service of its own in the catalog.

    Attributes:
        name: the service's.
        client: of the catalog.
        token: an admin's.
        entities: what was made, by its name below the service.
    """

    name: str
    client: CatalogClient
    token: str
    entities: dict[str, Entity]

    def row(self, name: str) -> dict[str, str]:
        """How a run lists an entity that it deleted."""
        kind = {1: "database", 2: "databaseSchema", 3: "table"}[len(name.split("."))]
        return {"kind": kind, "name": f"{self.name}.{name}", "id": self.entities[name]["id"]}

    def delete(self, name: str) -> None:
        """Delete an entity with all in it."""
        collection = {"databaseSchema": "databaseSchemas", "table": "tables"}[self.row(name)["kind"]]
        self.client.delete(collection, self.entities[name]["id"])

    def tables(self) -> set[str]:
        """Those that are not deleted."""
        found = self.client.list("tables", database=f"{self.name}.main")
        return {each["fullyQualifiedName"].removeprefix(f"{self.name}.main.") for each in found}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of a catalog, and a token for it."""
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "faults.yaml").write_text("faults: []\n")
    with running_catalog(folder, "--faults", folder / "faults.yaml") as (_, url):
        yield url, issued(folder / "catalog", "admin")


@pytest.fixture
def shop(catalog: tuple[str, str]) -> Iterator[Shop]:
    """A service with two schemas."""
    url, token = catalog
    name = f"shop_{uuid.uuid4().hex[:8]}"
    with CatalogClient(url, token) as client:
        client.put("services/databaseServices", {"name": name, "serviceType": "Postgres"})
        made = {"main": client.put("databases", {"name": "main", "service": name})}
        for schema in ("sales", "old"):
            own = {"name": schema, "database": f"{name}.main"}
            made[f"main.{schema}"] = client.put("databaseSchemas", own)
        for table in ("sales.orders", "sales.returns", "old.notes", "old.letters"):
            schema, _, own_name = table.partition(".")
            columns = [{"name": "id", "dataType": "INT"}]
            body = {"name": own_name, "databaseSchema": f"{name}.main.{schema}", "columns": columns}
            made[f"main.{table}"] = client.put("tables", body)
        yield Shop(name, client, token, made)


def run_that_deleted(home: Path, *rows: dict[str, str]) -> str:
    """A run in a Dagster home whose asset lists what it deleted."""

    @dg.asset
    def metadata() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"deletions": dg.JsonMetadataValue(list(rows))} if rows else {})

    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return dg.materialize([metadata], instance=instance).run_id


def undo(home: Path, shop: Shop, run_id: str, **overrides: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "deletions", "undo", "--run", run_id]
    with running_vault() as vault:
        vault.write("secret-data/dagster/openmetadata", {"jwt_token": shop.token})
        variables = {
            "DAGSTER_HOME": str(home),
            "DATA_PLATFORM_CATALOG_URL": shop.client.url,
            "VAULT_ADDR": vault.address,
            "VAULT_TOKEN": vault.token(),
        }
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | variables | overrides
        )


def test_what_a_run_deleted_is_restored_and_what_earlier_ones_deleted_in_it_is_not(tmp_path: Path, shop: Shop) -> None:
    shop.delete("main.old.letters")
    deleted = [shop.row(name) for name in ("main.old", "main.old.notes", "main.sales.returns")]
    shop.delete("main.old")
    shop.delete("main.sales.returns")
    ended = undo(tmp_path, shop, run_that_deleted(tmp_path, *deleted))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        f"restored: databaseSchema {shop.name}.main.old",
        f"restored: table {shop.name}.main.old.notes",
        f"restored: table {shop.name}.main.sales.returns",
        AGAIN,
    ]
    assert shop.tables() == {"sales.orders", "sales.returns", "old.notes"}


def test_what_is_there_already_and_what_the_catalog_no_longer_has_are_named_and_the_rest_is_restored(
    tmp_path: Path, shop: Shop
) -> None:
    gone = {"kind": "table", "name": f"{shop.name}.main.a", "id": "99999999-9999-9999-9999-999999999999"}
    deleted = [gone, shop.row("main.old.notes"), shop.row("main.sales.orders")]
    shop.delete("main.sales.orders")
    ended = undo(tmp_path, shop, run_that_deleted(tmp_path, *deleted))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[:-1] == [
        f"is gone for good: table {shop.name}.main.a",
        f"is there already: table {shop.name}.main.old.notes",
        f"restored: table {shop.name}.main.sales.orders",
    ]
    assert "sales.orders" in shop.tables()


def test_what_the_catalog_refuses_to_restore_does_not_stop_the_rest(tmp_path: Path, shop: Shop) -> None:
    deleted = [shop.row("main.old"), shop.row("main.sales.orders")]
    shop.delete("main.old")
    shop.delete("main.sales.orders")
    fault = {"method": "PUT", "path": "databaseSchemas/restore", "status": 403, "times": 1}
    headers = {"Authorization": f"Bearer {shop.token}"}
    admin = f"{shop.client.url}/v1/faults"
    httpx.post(admin, json=fault, headers=headers).raise_for_status()
    run_id = run_that_deleted(tmp_path, *deleted)
    ended = undo(tmp_path, shop, run_id)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[0].startswith(f"could not be restored: databaseSchema {shop.name}.main.old (")
    assert ended.stdout.splitlines()[1] == f"restored: table {shop.name}.main.sales.orders"
    assert f"{run_id}: 1 entities are not as they were before the run" in ended.stderr
    assert "sales.orders" in shop.tables()


def test_a_run_that_deleted_nothing_or_is_unknown_is_said_to_be(tmp_path: Path, shop: Shop) -> None:
    run_id = run_that_deleted(tmp_path)
    ended = undo(tmp_path, shop, run_id)
    assert (ended.returncode, ended.stderr) == (1, f"Error: {run_id}: the run deleted nothing.\n")
    ended = undo(tmp_path, shop, "nonsense")
    assert ended.returncode == 1
    assert "nonsense: Dagster knows no such run" in ended.stderr


def test_no_token_is_sent_in_the_clear_where_encryption_is_required(tmp_path: Path, shop: Shop) -> None:
    url = "http://catalog.invalid/api"
    ended = undo(tmp_path, shop, "any", DAGSTER_ENVIRONMENT="qa", DATA_PLATFORM_CATALOG_URL=url)
    assert ended.returncode == 1
    assert "DATA_PLATFORM_CATALOG_URL: the qa environment wants an encrypted connection" in ended.stderr
