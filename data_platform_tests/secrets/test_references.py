"""What a reference looks like, what it resolves to, and which setting is named when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_platform import environment
from data_platform.errors import MalformedReferenceError, SecretNotFoundError, SecretUnusableError
from data_platform.secrets import (
    Resolver,
    Token,
    Vault,
    contains_reference,
    is_reference,
    malformed,
    references,
    variables,
)

NOWHERE = Vault("http://127.0.0.1:1", Token(lambda: None))
CATALOG = "vault:secret-data/dagster/openmetadata#jwt_token"


def resolver(root: Path = Path("/nonexistent")) -> Resolver:
    return Resolver(variable=environment.variable, vault=NOWHERE, root=root)


@pytest.mark.parametrize(
    "text", [CATALOG, "vault:mount/path#field", "env:NAME", "file:/run/secrets/x", "file:.demo/x", "${env:NAME}"]
)
def test_references_are_told_from_other_strings(text: str) -> None:
    assert is_reference(text)
    assert contains_reference(text)
    assert not malformed(text)


@pytest.mark.parametrize("value", ["", "hunter2", "x env:NAME", "file:///etc/x", "$NAME", "${NAME}", "{{ env.X }}", 5])
def test_other_values_are_none_and_not_meant_as_any(value: object) -> None:
    assert not is_reference(value)
    assert not contains_reference(value)
    assert not malformed(value)
    assert resolver().resolve(value) == value


MALFORMED = [
    "vault:",
    "vault:mount#field",
    "vault:mount/path",
    "vault:mount/path#",
    "vault:mount/folder/#field",
    "vault:/path#field",
    "vault: mount/path#field",
    " vault:mount/path#field",
    "Vault:mount/path#field",
    "ENV:NAME",
    "${ENV:NAME}",
    "env:",
    "env:1X",
    "env:MY-NAME",
    "file:",
    "postgresql://reader:${env:}@host",
    "Bearer ${vault:mount#field}",
    "${vault:mount/path#field",
    "postgresql://reader:${env:PASSWORD@host/${env:SHOP}",
    "${env:${env:NAME}}",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_meant_as_a_reference_and_is_none_is_refused_without_being_shown(text: str) -> None:
    assert malformed(text)
    assert not is_reference(text)
    with pytest.raises(MalformedReferenceError) as caught:
        resolver().resolve({"authType": {"password": text}}, where="connection")
    assert caught.value.sentence.startswith("connection.authType.password: malformed ")
    assert caught.value.permanent
    assert text.endswith(":") or text not in str(caught.value)


def test_a_reference_is_resolved_inside_a_longer_string(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_USER", "reader")
    monkeypatch.setenv("SHOP_PASSWORD", "s3cret")
    url = "postgresql://${env:SHOP_USER}:${env:SHOP_PASSWORD}@host/shop?x=${y}"
    asking = resolver()
    assert asking.resolve([url]) == ["postgresql://reader:s3cret@host/shop?x=${y}"]
    assert asking.values == {"reader", "s3cret"}


def test_references_are_found_wherever_they_are() -> None:
    value = {"a": ["env:ONE", {"b": "${env:TWO}"}], "c": "plain", "d": CATALOG, "e": "x${env:THREE}y${file:z}"}
    assert list(references(value)) == ["env:ONE", "env:TWO", CATALOG, "env:THREE", "file:z"]
    assert variables(value) == ["ONE", "TWO", "THREE"]


def test_a_variable_that_is_not_set_is_named_with_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    with pytest.raises(SecretNotFoundError) as caught:
        resolver().resolve({"hosts": [{"password": "env:SHOP_PASSWORD"}]}, where="connection")
    assert caught.value.sentence == (
        "connection.hosts[0].password = env:SHOP_PASSWORD: the environment variable SHOP_PASSWORD is not set:"
        " export SHOP_PASSWORD where Dagster runs."
    )


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_variable_is_no_secret(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", value)
    with pytest.raises(SecretUnusableError, match=r"password = env:SHOP_PASSWORD: the value is empty"):
        resolver().resolve({"password": "env:SHOP_PASSWORD"})


def test_a_file_is_read_from_the_root_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("line\n\n")
    assert resolver(tmp_path).resolve("file:secret") == "line\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretNotFoundError, match=r"file:none: the file .*/none cannot be read \(No such file"):
        resolver(tmp_path).resolve("file:none")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretNotFoundError, match=r"the file .* cannot be read \(Is a directory\)"):
        resolver(tmp_path).resolve(f"file:{tmp_path}")


def test_a_file_that_is_no_text_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s3cret\xff\xfe")
    with pytest.raises(SecretUnusableError, match="file:secret: the value is binary, not text") as caught:
        resolver(tmp_path).resolve("file:secret")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert "s3cret" not in str(caught.value.__cause__)
