"""What every Vault must do: the same tests for the one of the tests' own and for HashiCorp's.

A module that runs them has a fixture ``server`` that gives a :class:`VaultServer`, and a subclass of
:class:`VaultContract` whose name begins with ``Test``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from data_platform.environment import PROJECT_ROOT
from data_platform.errors import (
    SecretError,
    SecretFieldNotFoundError,
    SecretNotFoundError,
    SecretRefusedError,
    SecretUnusableError,
    VaultCertificateError,
    VaultLoginError,
    VaultSealedError,
    VaultStandbyError,
)
from data_platform.secrets import AppRole, Jwt, Login, Resolver, Token, Vault
from data_platform_tests.vaults.certificates import server_certificate
from data_platform_tests.vaults.server import ROLE, VaultServer

SECRET = "secret-data/dagster/trino"
PASSWORD = f"vault:{SECRET}#password"


def asking(server: VaultServer, login: Login | None = None, **settings: Any) -> Resolver:
    """A resolver; by default with a token that may read everything."""
    vault = Vault(settings.pop("address", server.address), login or by_token(server.token()), **settings)
    return Resolver(variable=lambda name: name, vault=vault, root=PROJECT_ROOT)


def by_token(token: str) -> Token:
    return Token(lambda: token)


def refusal(resolver: Resolver, reference: str = PASSWORD) -> SecretError:
    """The error that asking ends in."""
    with pytest.raises(SecretError) as caught:
        resolver.resolve({"authType": {"password": reference}}, where="connection")
    assert caught.value.sentence.startswith(f"connection.authType.password = {reference}: ")
    return caught.value


class VaultContract:
    @pytest.fixture(autouse=True)
    def stored(self, server: VaultServer) -> None:
        server.write(SECRET, {"password": "tr1no", "user": "bot"})

    @pytest.mark.parametrize("path", [SECRET, "team/kv/dagster/trino", "old/dagster/trino"])
    def test_a_secret_is_read_from_either_version_of_the_kv_engine_wherever_it_is_mounted(
        self, server: VaultServer, path: str
    ) -> None:
        server.write(path, {"password": "tr1no"})
        assert asking(server).resolve(f"vault:{path}#password") == "tr1no"

    def test_a_token_that_may_read_one_secret_reads_it(self, server: VaultServer) -> None:
        assert asking(server, by_token(server.token(SECRET))).resolve(PASSWORD) == "tr1no"

    def test_a_secret_that_the_policy_leaves_out_is_refused(self, server: VaultServer) -> None:
        server.write("secret-data/dagster/other", {"x": "y"})
        error = refusal(asking(server, by_token(server.token("secret-data/dagster/other"))))
        assert type(error) is SecretRefusedError
        assert error.permanent
        assert "Vault's policies do not let this token read the secret" in error.sentence

    def test_a_mount_that_does_not_exist_is_refused_and_the_remedy_says_so(self, server: VaultServer) -> None:
        error = refusal(asking(server), "vault:nowhere/dagster/trino#password")
        assert type(error) is SecretRefusedError
        assert "Vault refuses mounts that do not exist, too" in error.sentence

    @pytest.mark.parametrize("mount", ["secret-data", "old"])
    def test_a_secret_that_is_not_there_is_named(self, server: VaultServer, mount: str) -> None:
        error = refusal(asking(server), f"vault:{mount}/dagster/nothing#x")
        assert type(error) is SecretNotFoundError
        assert error.permanent
        assert error.sentence.endswith(f"Vault has no secret at this path: write it to {mount}/dagster/nothing.")

    def test_a_deleted_secret_is_not_there(self, server: VaultServer) -> None:
        server.write("secret-data/dagster/gone", {"password": "old"})
        server.delete("secret-data/dagster/gone")
        assert type(refusal(asking(server), "vault:secret-data/dagster/gone#password")) is SecretNotFoundError

    @pytest.mark.parametrize("mount", ["secret-data", "old"])
    def test_a_folder_is_no_secret_and_what_it_holds_is_said(self, server: VaultServer, mount: str) -> None:
        server.write(f"{mount}/folder/one", {"x": "y"})
        server.write(f"{mount}/folder/two", {"x": "y"})
        error = refusal(asking(server), f"vault:{mount}/folder#x")
        assert type(error) is SecretNotFoundError
        assert "Vault has a folder at this path, with one, two: point at one of its secrets." in error.sentence

    def test_a_missing_field_is_said_with_the_fields_there_are(self, server: VaultServer) -> None:
        error = refusal(asking(server), f"vault:{SECRET}#pasword")
        assert type(error) is SecretFieldNotFoundError
        assert "the secret has no field 'pasword', it has password, user" in error.sentence
        assert "tr1no" not in str(error)

    @pytest.mark.parametrize(
        ("value", "what"),
        [
            (8443, "a number, not text"),
            (True, "a boolean, not text"),
            (None, "null, not text"),
            ({"a": "s3cret"}, "a document, not text"),
            (["s3cret"], "a list, not text"),
            ("", "empty"),
            (" \n", "empty"),
            ("s3cret\x00\x01", "binary, not text"),
        ],
    )
    def test_what_is_no_text_is_refused_and_not_shown(self, server: VaultServer, value: object, what: str) -> None:
        server.write("secret-data/dagster/odd", {"value": value})
        error = refusal(asking(server), "vault:secret-data/dagster/odd#value")
        assert type(error) is SecretUnusableError
        assert f"the value is {what}" in error.sentence
        assert "s3cret" not in error.sentence
        assert error.permanent

    def test_a_token_that_vault_does_not_know_is_not_taken_for_a_missing_permission(self, server: VaultServer) -> None:
        error = refusal(asking(server, by_token("hvs.stolen")))
        assert type(error) is VaultLoginError
        assert error.permanent
        assert "Vault does not accept the token, it may have ended: set VAULT_TOKEN to a new one." in error.sentence
        assert "hvs.stolen" not in str(error)

    def test_a_token_that_ends_in_the_middle_of_a_run_is_an_error_when_nobody_can_get_a_new_one(
        self, server: VaultServer
    ) -> None:
        resolver = asking(server, by_token(server.token(ttl=server.short)))
        assert resolver.resolve(PASSWORD) == "tr1no"
        time.sleep(server.short * 1.5)
        assert type(refusal(resolver, "vault:old/dagster/trino#password")) is VaultLoginError

    def test_a_token_is_prolonged_while_it_is_used(self, server: VaultServer) -> None:
        server.write("old/dagster/one", {"password": "1"})
        server.write("old/dagster/two", {"password": "2"})
        token = server.token(ttl=server.short, renewable=True)
        resolver = asking(server, by_token(token))
        assert resolver.resolve(PASSWORD) == "tr1no"
        for name in ("one", "two"):
            time.sleep(server.short * 0.8)
            assert resolver.resolve(f"vault:old/dagster/{name}#password")
        assert resolver.values == {"tr1no", "1", "2", token}

    def test_a_role_gets_a_new_token_when_its_own_has_ended_in_the_middle_of_a_run(self, server: VaultServer) -> None:
        server.write("old/dagster/one", {"password": "1"})
        ids = server.app_role(ttl=server.short, longest=server.short)
        resolver = asking(server, AppRole(lambda: ids.role_id, lambda: ids.secret_id))
        assert resolver.resolve(PASSWORD) == "tr1no"
        time.sleep(server.short * 1.5)
        assert resolver.resolve("vault:old/dagster/one#password") == "1"
        assert len(resolver.values - {"tr1no", "1", ids.secret_id}) == 2  # the two tokens

    def test_a_role_with_its_secret_id_is_let_in_to_what_it_may_read(self, server: VaultServer) -> None:
        ids = server.app_role(SECRET)
        resolver = asking(server, AppRole(lambda: ids.role_id, lambda: ids.secret_id))
        assert resolver.resolve(PASSWORD) == "tr1no"
        assert type(refusal(resolver, "vault:secret-data/dagster/other#x")) is SecretRefusedError

    def test_a_wrong_secret_id_is_refused_and_not_shown(self, server: VaultServer) -> None:
        ids = server.app_role()
        error = refusal(asking(server, AppRole(lambda: ids.role_id, lambda: "wr0ng")))
        assert type(error) is VaultLoginError
        assert "Vault refuses the login at auth/approle (invalid role or secret ID)" in error.sentence
        assert "wr0ng" not in str(error)

    @pytest.mark.parametrize("method", ["kubernetes", "jwt"])
    def test_a_signed_token_is_let_in(self, server: VaultServer, method: str) -> None:
        signed = server.signed(method, SECRET)
        assert asking(server, Jwt(ROLE, lambda: signed, method)).resolve(PASSWORD) == "tr1no"

    @pytest.mark.parametrize("method", ["kubernetes", "jwt"])
    def test_a_token_that_somebody_else_signed_is_refused_and_not_shown(self, server: VaultServer, method: str) -> None:
        signed = server.signed(method)
        head, _, tail = signed.rpartition(".")
        forged = f"{head}.{tail[::-1]}x"
        error = refusal(asking(server, Jwt(ROLE, lambda: forged, method)))
        assert type(error) is VaultLoginError
        assert f"Vault refuses the login at auth/{method} (" in error.sentence
        assert forged not in str(error)

    def test_a_method_that_is_not_enabled_is_a_refused_login(self, server: VaultServer) -> None:
        error = refusal(asking(server, Jwt(ROLE, lambda: "ey.J.x", "elsewhere")))
        assert type(error) is VaultLoginError
        assert "auth/elsewhere" in error.sentence

    def test_a_sealed_vault_says_so_and_may_be_asked_again(self, server: VaultServer) -> None:
        token = server.token()
        server.seal()
        try:
            error = refusal(asking(server, by_token(token)))
        finally:
            server.recover()
        assert type(error) is VaultSealedError
        assert not error.permanent
        assert f"Vault at {server.address} is sealed: run 'vault operator unseal' there." in error.sentence
        assert asking(server, by_token(token)).resolve(PASSWORD) == "tr1no"

    def test_a_standby_node_without_an_active_one_says_so_and_may_be_asked_again(self, server: VaultServer) -> None:
        token = server.token()
        server.stand_by()
        try:
            error = refusal(asking(server, by_token(token)))
        finally:
            server.recover()
        assert type(error) is VaultStandbyError
        assert not error.permanent
        assert "is a standby node and finds no active one" in error.sentence

    def test_a_private_authority_is_believed_when_it_is_given(self, server: VaultServer) -> None:
        resolver = asking(server, address=server.secure_address, certificates=str(server.authority))
        assert resolver.resolve(PASSWORD) == "tr1no"

    def test_an_authority_that_nobody_knows_is_not_believed(self, server: VaultServer) -> None:
        error = refusal(asking(server, address=server.secure_address))
        assert type(error) is VaultCertificateError
        assert error.permanent
        assert "cannot be verified (unable to get local issuer certificate)" in error.sentence
        assert "set VAULT_CACERT" in error.sentence

    def test_another_authority_is_not_believed(self, server: VaultServer, tmp_path: Path) -> None:
        other = server_certificate(tmp_path).authority
        error = refusal(asking(server, address=server.secure_address, certificates=str(other)))
        assert type(error) is VaultCertificateError
