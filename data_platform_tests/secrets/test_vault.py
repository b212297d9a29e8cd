"""What a Vault does that a healthy real one cannot be made to do, and what is decided before it is asked."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data_platform.errors import (
    ConfigurationError,
    VaultCertificateError,
    VaultLoginError,
    VaultRedirectError,
    VaultSealedError,
    VaultUnreachableError,
)
from data_platform.secrets import AppRole, Aws, Jwt, Login, Token
from data_platform_tests.fakes import listening
from data_platform_tests.vaults.certificates import server_certificate
from data_platform_tests.vaults.contract import PASSWORD, SECRET, asking, by_token, refusal
from data_platform_tests.vaults.fake import FakeVault


@pytest.fixture(autouse=True)
def stored(server: FakeVault) -> None:
    server.write(SECRET, {"password": "tr1no", "user": "bot"})
    server.requests.clear()
    server.namespaces.clear()


@pytest.mark.parametrize("status", [429, 500, 502, 412])
def test_what_passes_is_asked_again(server: FakeVault, status: int) -> None:
    resolver = asking(server)
    server.faults.append((status, {"errors": ["busy"]}))
    assert resolver.resolve(PASSWORD) == "tr1no"
    assert server.faults == []


def test_what_does_not_pass_in_four_attempts_is_left_to_dagster(server: FakeVault) -> None:
    resolver = asking(server)
    server.faults += [(502, {"errors": ["busy"]})] * 4
    error = refusal(resolver)
    assert type(error) is VaultUnreachableError
    assert not error.permanent
    assert "does not answer (BadGateway): check VAULT_ADDR and that Vault is up." in error.sentence


def test_a_vault_that_was_never_initialized_says_so(server: FakeVault) -> None:
    server.faults += [(501, {"errors": ["not initialized"]}), (501, {"initialized": False, "sealed": True})]
    error = refusal(asking(server))
    assert type(error) is VaultSealedError
    assert "is not initialized: run 'vault operator init' there." in error.sentence


def test_a_vault_that_does_not_listen_may_be_asked_again(server: FakeVault) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    error = refusal(asking(server, address=address))
    assert type(error) is VaultUnreachableError
    assert f"Vault at {address} does not answer (ConnectionError)" in error.sentence


@pytest.mark.parametrize("address", ["vault.example.org:8200", "http://", "https://vault.example.org:port"])
def test_an_address_that_is_none_is_said_and_not_asked_again(server: FakeVault, address: str) -> None:
    with pytest.raises(ConfigurationError, match="VAULT_ADDR: is no address that Vault could have") as caught:
        asking(server, address=address).resolve(PASSWORD)
    assert caught.value.permanent


def test_a_vault_that_is_silent_is_given_up(server: FakeVault) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        error = refusal(asking(server, address=address, timeout=0.1))
    assert type(error) is VaultUnreachableError
    assert "does not answer (ReadTimeout)" in error.sentence


def test_redirects_in_circles_are_not_followed(server: FakeVault) -> None:
    server.faults += [(307, f"{server.address}/v1/auth/token/lookup-self")] * 5
    error = refusal(asking(server))
    server.faults.clear()
    assert type(error) is VaultRedirectError
    assert error.permanent
    assert "redirects in circles: set VAULT_ADDR to the address that Vault itself has." in error.sentence


def test_a_redirect_to_the_active_node_is_followed(server: FakeVault) -> None:
    with listening(lambda request: (307, f"{server.address}{request.path}")) as standby:
        assert asking(server, address=standby).resolve(PASSWORD) == "tr1no"


def test_a_redirect_out_of_tls_is_not_followed(server: FakeVault) -> None:
    server.faults.append((307, f"{server.address}/v1/auth/token/lookup-self"))
    error = refusal(asking(server, address=server.secure_address, certificates=str(server.authority)))
    assert type(error) is VaultRedirectError
    assert error.permanent
    assert server.requests == ["auth/token/lookup-self"]


def test_an_expired_authority_is_named_as_what_is_wrong(server: FakeVault, tmp_path: Path) -> None:
    made = server_certificate(tmp_path, authority_days=-1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with listening(server.answer, context) as address:
        error = refusal(asking(server, address=address, certificates=str(made.authority)))
    assert type(error) is VaultCertificateError
    assert "cannot be verified (certificate has expired): set VAULT_CACERT" in error.sentence


@pytest.mark.parametrize("contents", [None, "no certificate"])
def test_a_file_of_authorities_that_cannot_be_read_is_named(
    server: FakeVault, tmp_path: Path, contents: str | None
) -> None:
    file = tmp_path / "authority.pem"
    if contents:
        file.write_text(contents)
    with pytest.raises(ConfigurationError, match="VAULT_CACERT: the file with Vault's certificate authorities"):
        asking(server, address=server.secure_address, certificates=str(file)).resolve(PASSWORD)


@pytest.mark.parametrize(
    ("login", "sentence"),
    [
        (Token(lambda: None), "there is no token for Vault: set VAULT_TOKEN or run 'vault login'."),
        (AppRole(lambda: None, lambda: "s"), "there is no role id for Vault's AppRole: set VAULT_ROLE_ID."),
        (AppRole(lambda: "r", lambda: ""), "there is no secret id for Vault's AppRole: set VAULT_SECRET_ID"),
        (Jwt("r", lambda: None, "kubernetes"), "there is no token to log in to Vault at auth/kubernetes with"),
    ],
)
def test_missing_credentials_are_said_before_vault_is_asked(server: FakeVault, login: Login, sentence: str) -> None:
    error = refusal(asking(server, login))
    assert type(error) is VaultLoginError
    assert error.permanent
    assert sentence in error.sentence
    assert server.requests == []


def test_aws_without_credentials_is_said(server: FakeVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "there are no AWS credentials to log in to Vault with" in refusal(asking(server, Aws("role"))).sentence


def test_the_namespace_is_sent_with_every_request(server: FakeVault) -> None:
    asking(server, namespace="team/data").resolve(PASSWORD)
    assert set(server.namespaces) == {"team/data"}


def test_the_fields_of_a_secret_are_read_together(server: FakeVault) -> None:
    resolver = asking(server, by_token(token := server.token()))
    assert resolver.resolve([PASSWORD, f"vault:{SECRET}#user", PASSWORD]) == ["tr1no", "bot", "tr1no"]
    assert [path for path in server.requests if "trino" in path] == [
        "sys/internal/ui/mounts/secret-data/dagster/trino",
        "secret-data/data/dagster/trino",
    ]
    assert resolver.values == {"tr1no", "bot", token}


def test_credentials_are_among_what_logs_must_not_show(server: FakeVault) -> None:
    ids = server.app_role()
    resolver = asking(server, AppRole(lambda: ids.role_id, lambda: ids.secret_id))
    resolver.resolve(PASSWORD)
    assert {"tr1no", ids.secret_id} < resolver.values
    assert any(value.startswith("hvs.") for value in resolver.values)


def test_many_threads_log_in_once(server: FakeVault) -> None:
    server.write("old/dagster/many", {str(number): f"value {number}" for number in range(8)})
    ids = server.app_role()
    resolver = asking(server, AppRole(lambda: ids.role_id, lambda: ids.secret_id))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(resolver.resolve, [f"vault:old/dagster/many#{number}" for number in range(8)]))
    assert found == [f"value {number}" for number in range(8)]
    assert server.requests.count("auth/approle/login") == 1
