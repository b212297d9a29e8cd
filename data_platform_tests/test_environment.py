"""Environments and the variables that choose between them."""

from __future__ import annotations

import ast
import re
from contextlib import nullcontext
from pathlib import Path

import pytest

import data_platform
from data_platform import environment
from data_platform.environment import ENVIRONMENTS, VARIABLES, VaultAuth, current
from data_platform.errors import ConfigurationError, InsecureAddressError, UnknownEnvironmentError
from data_platform.secrets import is_reference

PACKAGE = Path(data_platform.__file__).parent
DOCUMENT = PACKAGE.parent / "docs" / "environments.md"


def test_dev_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert current().name == "dev"
    assert current().catalog_url == "http://localhost:8585/api"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("qa", "https://openmetadata-qa.odl.mit.edu/api"),
        ("production", "https://openmetadata.odl.mit.edu/api"),
    ],
)
def test_each_environment_has_its_catalog(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", name)
    monkeypatch.delenv("DATA_PLATFORM_CATALOG_URL", raising=False)
    assert current().catalog_url == url
    assert current().catalog_token == "vault:secret-data/dagster/openmetadata#jwt_token"


def test_the_catalogs_url_can_be_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_PLATFORM_CATALOG_URL", "http://elsewhere:1/api/")
    assert current().catalog_url == "http://elsewhere:1/api"


@pytest.mark.parametrize("setting", ["DATA_PLATFORM_CATALOG_URL", "VAULT_ADDR"])
def test_an_address_with_a_password_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv(setting, "https://reader:hunter2@elsewhere/api")
    with pytest.raises(ConfigurationError) as caught:
        current()
    assert caught.value.sentence.startswith(f"{setting}: holds a user or a password")
    assert "hunter2" not in caught.value.sentence


def test_an_unknown_environment_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "staging")
    with pytest.raises(UnknownEnvironmentError, match="'staging'.*dev, qa, production, demo"):
        current()


def test_no_environment_holds_a_secret() -> None:
    assert all(is_reference(one.catalog_token) for one in ENVIRONMENTS.values())


def test_a_child_gets_what_it_needs_and_what_it_is_given_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("MINE", "1")
    monkeypatch.setenv("OTHERS", "2")
    passed = environment.for_child(["MINE", "NOT_SET"])
    assert passed["MINE"] == "1"
    assert passed["PATH"] == "/bin"
    assert not {"OTHERS", "NOT_SET"} & passed.keys()


def test_only_one_module_reads_environment_variables() -> None:
    readers = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert readers == {"environment.py"}


def test_the_document_lists_every_variable_and_no_other() -> None:
    table = DOCUMENT.read_text().partition("## Settings")[2].partition("##")[0]
    assert sorted(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == sorted(VARIABLES)


@pytest.mark.parametrize("name", list(ENVIRONMENTS))
def test_the_document_says_what_differs(name: str) -> None:
    here = ENVIRONMENTS[name]
    row = re.search(rf"^\| `{name}`.*$", DOCUMENT.read_text(), re.MULTILINE)
    assert row is not None
    *_, catalog, vault, login, tls, connections = (cell.strip() for cell in row[0].strip("|").split("|"))
    if name != "demo":
        assert (catalog, vault) == (f"`{here.catalog_url}`", f"`{here.vault_address}`")
    assert here.vault_auth.method in login.lower()
    assert (tls == "required") == here.encrypted
    assert (connections == "yes") == here.store_service_connection


@pytest.mark.parametrize(
    ("name", "url", "refused"),
    [
        ("qa", "http://vault.example.org", True),
        ("production", "http://user:s3cret@10.0.0.1:8200", True),
        ("production", "vault.example.org", True),
        ("production", "https://vault.example.org", False),
        ("production", "http://127.0.0.1:8200", False),
        ("qa", "http://localhost:8200", False),
        ("dev", "http://vault.example.org", False),
    ],
)
def test_qa_and_production_want_tls_beyond_this_machine(name: str, url: str, refused: bool) -> None:
    with nullcontext() if not refused else pytest.raises(InsecureAddressError) as caught:
        ENVIRONMENTS[name].require_encryption("VAULT_ADDR", url)
    if refused:
        assert str(caught.value) == (
            f"VAULT_ADDR: the {name} environment wants an encrypted connection:"
            " set it to an address that begins with https://."
        )


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, VaultAuth("kubernetes", "kubernetes", "data-platform")),
        ({"VAULT_TOKEN": "t"}, VaultAuth("token", "token", "")),
        ({"VAULT_TOKEN": "t", "VAULT_AUTH_METHOD": "kubernetes"}, ENVIRONMENTS["qa"].vault_auth),
        ({"VAULT_AUTH_METHOD": "approle"}, VaultAuth("approle", "approle", "")),
        (
            {"VAULT_AUTH_METHOD": "jwt", "VAULT_AUTH_MOUNT": "ci", "VAULT_AUTH_ROLE": "builder"},
            VaultAuth("jwt", "ci", "builder"),
        ),
        ({"VAULT_AUTH_MOUNT": "cluster-2"}, VaultAuth("kubernetes", "cluster-2", "data-platform")),
    ],
)
def test_the_way_into_vault_is_the_environments_own_unless_another_is_set(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: VaultAuth
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert environment.named("qa").vault_auth == expected


def test_connections_are_stored_in_the_catalog_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATA_PLATFORM_STORE_SERVICE_CONNECTION", raising=False)
    stored = {name: environment.named(name).store_service_connection for name in ENVIRONMENTS}
    assert stored == {"dev": True, "qa": False, "production": False, "demo": True}
    monkeypatch.setenv("DATA_PLATFORM_STORE_SERVICE_CONNECTION", "true")
    assert environment.named("production").store_service_connection
    monkeypatch.setenv("DATA_PLATFORM_STORE_SERVICE_CONNECTION", "perhaps")
    with pytest.raises(ConfigurationError, match="DATA_PLATFORM_STORE_SERVICE_CONNECTION: is neither true nor false"):
        environment.named("production")


def test_every_variable_that_is_read_is_in_the_list() -> None:
    tree = ast.parse((PACKAGE / "environment.py").read_text())
    read = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "os.environ.get"
        and isinstance(node.args[0], ast.Constant)
    }
    assert read <= VARIABLES.keys()
    assert read
