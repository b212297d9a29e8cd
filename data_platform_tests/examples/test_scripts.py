"""The example of a script with OpenMetadata's official client, on a real catalog."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import httpx
import pytest

from data_platform_tests.catalogs import issued, running_catalog
from data_platform_tests.vaults.fake import running_vault
from examples.scripts.definitions import definitions

TABLE = {"name": "orders", "columns": [{"name": "id", "dataType": "INT"}], "databaseSchema": "shop.shop.sales"}


def put(url: str, token: str, path: str, body: dict[str, object]) -> None:
    answer = httpx.put(f"{url}/v1/{path}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    answer.raise_for_status()


def test_the_script_reads_the_catalog_with_the_official_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_catalog(tmp_path) as (_, url), running_vault() as vault:
        token = issued(tmp_path / "catalog")
        vault.write("secret-data/dagster/openmetadata", {"jwt_token": token})
        for name, value in {
            "DATA_PLATFORM_CATALOG_URL": url,
            "VAULT_ADDR": vault.address,
            "VAULT_TOKEN": vault.token(),
        }.items():
            monkeypatch.setenv(name, value)
        put(url, token, "services/databaseServices", {"name": "shop", "serviceType": "Postgres"})
        put(url, token, "databases", {"name": "shop", "service": "shop"})
        put(url, token, "databaseSchemas", {"name": "sales", "database": "shop.shop"})
        put(url, token, "tables", TABLE)
        put(url, token, "tables", {**TABLE, "name": "customers", "description": "Who buys"})
        defs = definitions()
        assert isinstance(defs, dg.Definitions)
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process()
    assert result.success
    (told,) = result.asset_materializations_for_node("undescribed_tables")
    assert told.metadata["tables"].value == 2
    assert told.metadata["names"].value == ["shop.shop.sales.orders"]
    (counted,) = result.asset_materializations_for_node("table_count")
    assert counted.metadata["tables"].value == 2
