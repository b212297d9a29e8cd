"""Environments and the variables that choose between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import data_platform
from data_platform import environment
from data_platform.environment import ENVIRONMENTS, VARIABLES, current
from data_platform.errors import UnknownEnvironmentError
from data_platform.secrets import is_reference

PACKAGE = Path(data_platform.__file__).parent
README = PACKAGE.parent / "README.md"


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


def test_every_variable_is_documented() -> None:
    text = README.read_text()
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []


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
