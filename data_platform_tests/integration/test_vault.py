"""HashiCorp's Vault does what the Vault of the hermetic tests does, and a workflow runs with its secrets."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_platform.environment import PROJECT_ROOT
from data_platform.errors import SecretRefusedError
from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.server.testing import running_server
from data_platform_tests.ingestion.child import Child
from data_platform_tests.integration.cache import obtained
from data_platform_tests.integration.real_vault import RealVault, running_real_vault
from data_platform_tests.integration.vault_program import vault_program
from data_platform_tests.vaults.contract import VaultContract, asking, by_token, refusal
from examples.demo.postgres import READER, Server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealVault]:
    """A Vault that was built on this machine, by an earlier run or now."""
    program = obtained(request, vault_program)
    with running_real_vault(program, tmp_path_factory.mktemp("vault")) as vault:
        yield vault


class TestRealVault(VaultContract):
    pass


def test_the_policy_of_the_deployment_lets_read_what_is_the_platforms_and_nothing_else(server: RealVault) -> None:
    script = (PROJECT_ROOT / "deploy" / "vault.sh").read_text()
    rules = script.partition("<<'POLICY'\n")[2].partition("POLICY\n")[0]
    server.write("secret-data/dagster/trino", {"password": "tr1no"})
    server.write("secret-data/others/trino", {"password": "0ther"})
    resolver = asking(server, by_token(server.token_with(rules)))
    assert resolver.resolve("vault:secret-data/dagster/trino#password") == "tr1no"
    assert type(refusal(resolver, "vault:secret-data/others/trino#password")) is SecretRefusedError
    server.write("secret-data/dagster/folder/one", {"x": "y"})
    assert "Vault has a folder at this path, with one" in refusal(resolver, "vault:secret-data/dagster/folder#x").what


def test_a_workflow_takes_longer_than_the_token_that_it_got_its_secrets_with(
    server: RealVault, debian_postgres: Server, tmp_path: Path
) -> None:
    password = debian_postgres.reader_password.read_text().strip()
    with running_server(tmp_path / "catalog") as catalog:
        token = catalog.token()
        server.write("secret-data/dagster/openmetadata", {"jwt_token": token})
        server.write("old/shop", {"password": password})
        ids = server.app_role("secret-data/dagster/openmetadata", "old/shop", ttl=server.short, longest=server.short)
        spec = WorkflowSpec(
            environment="dev",
            service="shop",
            connector="Postgres",
            workflows=(Workflow.METADATA,),
            connection={
                "hostPort": f"127.0.0.1:{debian_postgres.port}",
                "database": "shop",
                "username": READER,
                "authType": {"password": "vault:old/shop#password"},
            },
            options={"schemaFilterPattern": {"includes": ["^sales$"]}},
            catalog_url=catalog.url,
            catalog_token="vault:secret-data/dagster/openmetadata#jwt_token",
            vault_address=server.secure_address,
            run_id=str(uuid.uuid4()),
        )
        started = time.monotonic()
        variables = {
            "VAULT_AUTH_METHOD": "approle",
            "VAULT_ROLE_ID": ids.role_id,
            "VAULT_SECRET_ID": ids.secret_id,
            "VAULT_CACERT": str(server.authority),
        }
        # Resolves its secrets and imports OpenMetadata's client then, which takes longer than the token lives.
        ended = Child(spec, tmp_path / "children", variables, python=Path(sys.executable)).end(timeout=240)
    assert ended.verdict["outcome"] == "ok", ended.output
    assert time.monotonic() - started > server.short
    for secret in (password, token, ids.secret_id):
        assert secret not in ended.everything
