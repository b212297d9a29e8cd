"""From an environment's settings to what resolves its references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data_platform.environment import ENVIRONMENTS, VARIABLES, VaultAuth, named
from data_platform.errors import ConfigurationError, InsecureAddressError
from data_platform.ingestion.credentials import resolver
from data_platform_tests.vaults.fake import FakeVault, running_vault

SECRET = "vault:secret-data/shop#password"


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVault]:
    """A Vault with one secret; no variable says how to log in to it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with running_vault() as running:
        running.write("secret-data/shop", {"password": "s3cret"})
        yield running


def test_the_environments_own_way_in_is_used(vault: FakeVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    account = tmp_path / "token"
    account.write_text(vault.signed("kubernetes") + "\n")
    monkeypatch.setenv("VAULT_JWT_FILE", str(account))
    assert resolver(named("production"), vault_address=vault.address).resolve(SECRET) == "s3cret"


def test_a_signed_token_is_read_from_its_file(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(vault.signed("jwt"))
    for name, value in {"METHOD": "jwt", "ROLE": "data-platform"}.items():
        monkeypatch.setenv(f"VAULT_AUTH_{name}", value)
    monkeypatch.setenv("VAULT_JWT_FILE", str(file))
    assert resolver(named("dev"), vault_address=vault.address).resolve(SECRET) == "s3cret"


@pytest.mark.parametrize("from_file", [False, True])
def test_a_secret_id_is_read_from_a_variable_or_a_file(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, from_file: bool
) -> None:
    ids = vault.app_role()
    monkeypatch.setenv("VAULT_AUTH_METHOD", "approle")
    monkeypatch.setenv("VAULT_ROLE_ID", ids.role_id)
    if from_file:
        (tmp_path / "id").write_text(f"{ids.secret_id}\n")
        monkeypatch.setenv("VAULT_SECRET_ID_FILE", str(tmp_path / "id"))
    else:
        monkeypatch.setenv("VAULT_SECRET_ID", ids.secret_id)
    assert resolver(named("dev"), vault_address=vault.address).resolve(SECRET) == "s3cret"


def test_a_vault_without_tls_is_not_asked_where_tls_is_required(vault: FakeVault) -> None:
    with pytest.raises(InsecureAddressError, match="VAULT_ADDR"):
        resolver(named("qa"), vault_address="http://vault.example.org:8200")


@pytest.mark.parametrize(
    ("auth", "sentence"),
    [
        (
            VaultAuth("ldap", "ldap", ""),
            "VAULT_AUTH_METHOD: there is no way 'ldap' to log in to Vault: set it to one of",
        ),
        (VaultAuth("jwt", "jwt", ""), "VAULT_AUTH_ROLE: Vault's jwt method needs a role"),
        (VaultAuth("aws", "aws", ""), "VAULT_AUTH_ROLE: Vault's aws method needs a role"),
    ],
)
def test_a_way_in_that_cannot_work_is_refused_with_the_setting(auth: VaultAuth, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        resolver(replace(ENVIRONMENTS["dev"], vault_auth=auth))
