"""Secret references: what they look like, what they resolve to, and which error says what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_platform import environment
from data_platform.errors import SecretError, VaultUnreachableError
from data_platform.secrets import Resolver, Vault, is_reference, references, variables
from data_platform_tests.fakes import DELETED, FakeVault, running_vault

TOKEN_OF_THE_CATALOG = "vault:secret-data/dagster/openmetadata#jwt_token"


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    """A Vault with both versions of the KV engine."""
    with running_vault(
        versions={"secret-data": 2, "old": 1},
        secrets={
            "secret-data/dagster/openmetadata": {"jwt_token": "ey.J.x", "user": "bot"},
            "secret-data/dagster/gone": DELETED,
            "old/trino": {"password": "tr1no", "port": 8443},
        },
    ) as running:
        yield running


def resolver(vault: Vault, root: Path = Path("/nonexistent")) -> Resolver:
    return Resolver(variable=environment.variable, vault=vault, root=root)


def reach(fake: FakeVault, token: str | None = "s.token", namespace: str | None = None) -> Vault:
    return Vault(fake.address, token=lambda: token, namespace=namespace, timeout=2)


@pytest.mark.parametrize(
    "text", ["vault:secret-data/dagster/openmetadata#jwt_token", "env:NAME", "file:/run/secrets/x", "file:.demo/x"]
)
def test_references_are_told_from_other_strings(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize("text", ["", "hunter2", "x env:NAME", "vault:", "vault:mount#field", "vault:mount/path"])
def test_other_strings_are_no_references(text: str) -> None:
    assert not is_reference(text)


@pytest.mark.parametrize("text", ["env:", "env:1X", "file:", "file:///etc/x", 5, None])
def test_other_values_are_no_references(text: object) -> None:
    assert not is_reference(text)


def test_references_are_found_wherever_they_are() -> None:
    value = {"a": ["env:ONE", {"b": "env:TWO"}], "c": "plain", "d": TOKEN_OF_THE_CATALOG}
    assert list(references(value)) == ["env:ONE", "env:TWO", TOKEN_OF_THE_CATALOG]
    assert variables(value) == ["ONE", "TWO"]


def test_a_secret_of_either_version_of_the_kv_engine_is_read(vault: FakeVault) -> None:
    assert resolver(reach(vault)).resolve({"new": TOKEN_OF_THE_CATALOG, "old": "vault:old/trino#password"}) == {
        "new": "ey.J.x",
        "old": "tr1no",
    }


def test_a_field_that_is_no_string_becomes_one(vault: FakeVault) -> None:
    assert resolver(reach(vault)).resolve("vault:old/trino#port") == "8443"


def test_the_namespace_is_sent(vault: FakeVault) -> None:
    resolver(reach(vault, namespace="team/data")).resolve(TOKEN_OF_THE_CATALOG)
    assert set(vault.namespaces) == {"team/data"}


def test_each_reference_is_asked_for_once_and_its_value_is_known_afterwards(vault: FakeVault) -> None:
    asking = resolver(reach(vault))
    asking.resolve([TOKEN_OF_THE_CATALOG, TOKEN_OF_THE_CATALOG])
    assert len(vault.requests) == 2  # the mount's version, and the secret
    assert asking.values == {"ey.J.x"}


def test_values_without_a_reference_ask_nobody(vault: FakeVault) -> None:
    value = {"hostPort": "localhost:5432", "threads": 4, "tags": [True, None]}
    assert resolver(reach(vault)).resolve(value) == value
    assert vault.requests == []


def refusal(vault: Vault, reference: str = TOKEN_OF_THE_CATALOG) -> SecretError:
    with pytest.raises(SecretError) as caught:
        resolver(vault).resolve({"authType": {"password": reference}}, where="connection")
    assert caught.value.__notes__ == ["needed for connection.authType.password"]
    return caught.value


def test_no_token_is_said_before_vault_is_asked(vault: FakeVault) -> None:
    error = refusal(reach(vault, token=None))
    assert error.sentence == (
        f"{TOKEN_OF_THE_CATALOG}: there is no token for Vault: set VAULT_TOKEN or run 'vault login'."
    )
    assert error.permanent
    assert vault.requests == []


def test_a_token_that_vault_refuses_is_permanent(vault: FakeVault) -> None:
    error = refusal(reach(vault, token="s.stolen"))
    assert error.sentence == (
        f"{TOKEN_OF_THE_CATALOG}: Vault refuses the token this secret: renew the token or extend its policy."
    )
    assert error.permanent
    assert "s.stolen" not in str(error)


def test_a_secret_that_the_policy_leaves_out_is_permanent(vault: FakeVault) -> None:
    vault.forbidden.add("secret-data/dagster/openmetadata")
    assert "refuses the token this secret" in refusal(reach(vault)).sentence


def test_a_mount_that_does_not_exist_looks_forbidden_as_vault_answers_it(vault: FakeVault) -> None:
    assert "refuses the token this secret" in refusal(reach(vault), "vault:nowhere/dagster#x").sentence


@pytest.mark.parametrize("reference", ["vault:secret-data/dagster/nothing#x", "vault:secret-data/dagster/gone#x"])
def test_a_secret_that_is_not_there_or_was_deleted_is_permanent(vault: FakeVault, reference: str) -> None:
    error = refusal(reach(vault), reference)
    path = reference.removeprefix("vault:").removesuffix("#x")
    assert error.sentence == f"{reference}: Vault has no secret at this path: write it to {path}."
    assert error.permanent


def test_a_missing_field_is_said_with_the_fields_there_are(vault: FakeVault) -> None:
    error = refusal(reach(vault), "vault:secret-data/dagster/openmetadata#jwt")
    assert error.what == "the secret has no field 'jwt', it has jwt_token, user"
    assert "ey.J.x" not in str(error)


def test_a_sealed_vault_may_be_asked_again(vault: FakeVault) -> None:
    vault.sealed = True
    error = refusal(reach(vault))
    assert isinstance(error, VaultUnreachableError)
    assert not error.permanent
    assert f"Vault at {vault.address} is sealed or not initialized" in error.sentence


def test_a_vault_that_does_not_answer_may_be_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = refusal(Vault(f"http://127.0.0.1:{port}", token=lambda: "s.token", timeout=2))
    assert isinstance(error, VaultUnreachableError)
    assert not error.permanent
    assert error.sentence == (
        f"{TOKEN_OF_THE_CATALOG}: Vault at http://127.0.0.1:{port} does not answer (ConnectionError):"
        " check VAULT_ADDR and that Vault is up."
    )


def test_a_variable_is_read_where_it_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "")
    nowhere = Vault("http://127.0.0.1:1", token=lambda: None)
    assert resolver(nowhere).resolve("env:SHOP_PASSWORD") == ""
    monkeypatch.delenv("SHOP_PASSWORD")
    assert refusal(nowhere, "env:SHOP_PASSWORD").sentence == (
        "env:SHOP_PASSWORD: the environment variable SHOP_PASSWORD is not set: export SHOP_PASSWORD where Dagster runs."
    )


def test_a_file_is_read_from_the_root_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("line\n\n")
    asking = resolver(Vault("http://127.0.0.1:1", token=lambda: None), root=tmp_path)
    assert asking.resolve("file:secret") == "line\n"
    with pytest.raises(SecretError, match=r"file:none: the file .*/none cannot be read \(No such file or directory\)"):
        asking.resolve("file:none")
