"""The resource that gives Dagster's own code its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_platform.environment import ENVIRONMENTS
from data_platform.errors import ConfigurationError, SecretError
from data_platform.resources.vault import VaultResource
from data_platform_tests.vaults.fake import running_vault


def test_secrets_are_resolved_with_the_token_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_vault() as vault:
        vault.write("secret-data/shop", {"password": "s3cret"})
        monkeypatch.setenv("VAULT_TOKEN", vault.token())
        assert VaultResource(address=vault.address).resolve("vault:secret-data/shop#password") == "s3cret"


def test_the_token_of_vault_login_is_used_when_no_other_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with running_vault() as vault:
        vault.write("old/shop", {"password": "s3cret"})
        monkeypatch.delenv("VAULT_TOKEN", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        resource = VaultResource(address=vault.address)
        with pytest.raises(SecretError, match="there is no token for Vault"):
            resource.resolve("vault:old/shop#password")
        (tmp_path / ".vault-token").write_text(f"{vault.token()}\n")
        assert resource.resolve("vault:old/shop#password") == "s3cret"


def test_the_values_it_resolved_are_known_to_keep_them_out_of_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "s3cret")
    resolver = VaultResource(address="http://127.0.0.1:1").resolver()
    resolver.resolve({"password": "env:SHOP_PASSWORD"})
    assert "s3cret" in resolver.values


def test_a_literal_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        VaultResource(address="http://127.0.0.1:1").resolve("hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", list(ENVIRONMENTS))
def test_each_environment_has_its_vault(name: str) -> None:
    assert VaultResource.of(ENVIRONMENTS[name]).address == ENVIRONMENTS[name].vault_address
