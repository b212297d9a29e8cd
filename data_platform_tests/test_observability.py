"""What is printed and logged never shows a known secret."""

from __future__ import annotations

import io
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable

import pytest

from data_platform.observability import PLACEHOLDER, RedactingFilter, RedactingStream, Redactor

SECRET = "p@ss/w0rd \"quoted\" and 'more'"


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        "p%40ss%2Fw0rd%20%22quoted%22%20and%20%27more%27",
        "p%40ss%2Fw0rd+%22quoted%22+and+%27more%27",
        r"p@ss/w0rd \"quoted\" and 'more'",
        repr(SECRET),
    ],
    ids=["plain", "url", "form", "json", "repr"],
)
def test_a_secret_is_replaced_however_it_is_spelled(shown: str) -> None:
    text = Redactor([SECRET]).text(f"before {shown} after")
    assert "w0rd" not in text
    assert PLACEHOLDER in text
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_the_lines_of_a_key_are_secret_too() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    assert "kiG9w0BAQEFAASC" not in Redactor([key]).text("line 3: kiG9w0BAQEFAASC")


def test_a_long_part_of_a_secret_that_a_url_took_apart_is_secret_too() -> None:
    redactor = Redactor(["longenough1234/and@more"])
    assert redactor.text("invalid port: 'longenough1234'") == f"invalid port: '{PLACEHOLDER}'"
    assert redactor.text("and there is more") == "and there is more"


@pytest.mark.parametrize("beside", ["", "u:", "user:", "me:"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_secret_in_base64_is_replaced_wherever_it_stands(beside: str, encode: Callable[[bytes], bytes]) -> None:
    shown = encode(f"{beside}{SECRET}".encode()).decode()
    cleaned = Redactor([SECRET]).text(f"Authorization: Basic {shown}")
    assert PLACEHOLDER in cleaned
    left = cleaned.removeprefix("Authorization: Basic ").replace(PLACEHOLDER, "")
    assert len(left) <= 4 + len(beside) + 4


@pytest.mark.parametrize(
    "shown",
    ["input_value='Zq8vLk2mNx4rTy...9wBc3dFg7hJ', input_type=str", "the source says Zq8vLk2mNx4rTy…"],
    ids=["by pydantic", "at its end"],
)
def test_what_a_cut_message_shows_of_a_secret_is_secret_too(shown: str) -> None:
    cleaned = Redactor(["Zq8vLk2mNx4rTy6pQs1uWd5eRf0gHa9wBc3dFg7hJ"]).text(shown)
    assert "Zq8v" not in cleaned
    assert "7hJ" not in cleaned
    assert PLACEHOLDER in cleaned
    assert Redactor(["Zq8vLk2mNx4rTy"]).text("and so on ... and on …") == "and so on ... and on …"


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert Redactor(["hunter2", "hunter2-and-more"]).text("hunter2-and-more") == PLACEHOLDER


def test_short_values_do_not_blank_ordinary_words() -> None:
    assert Redactor(["", "a", "abc"]).text("an abacus") == "an abacus"


def test_nested_data_is_cleaned_in_keys_and_values() -> None:
    data = {"hunter2": ["hunter2", {"x": "a hunter2"}], "n": 3, "none": None}
    assert Redactor(["hunter2"]).data(data) == {
        PLACEHOLDER: [PLACEHOLDER, {"x": f"a {PLACEHOLDER}"}],
        "n": 3,
        "none": None,
    }


def test_what_a_stream_is_told_after_it_was_installed_is_cleaned_too() -> None:
    redactor, out = Redactor(), io.StringIO()
    stream = RedactingStream(out, redactor)
    redactor.add(["hunter2"])
    print("password:", "hunter2", file=stream)
    assert out.getvalue() == f"password: {PLACEHOLDER}\n"


def test_a_log_record_is_cleaned_with_its_arguments_and_its_stack_trace() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter(Redactor(["hunter2"])))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("cannot log in with hunter2")
    except ValueError:
        logger.exception("user %s failed with %s", "x", "hunter2")
    assert "hunter2" not in out.getvalue()
    assert f"user x failed with {PLACEHOLDER}" in out.getvalue()
    assert f"cannot log in with {PLACEHOLDER}" in out.getvalue()
