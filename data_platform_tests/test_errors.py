"""Errors are sentences, and each knows whether trying again makes sense."""

from __future__ import annotations

import inspect

from data_platform import errors
from data_platform.errors import DataPlatformError, SourceRefusedError


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = SourceRefusedError("the source refuses the credentials.", source="trino", remedy="check the user.")
    assert str(error) == error.sentence == "trino: the source refuses the credentials: check the user."
    assert str(SourceRefusedError("just that")) == "just that."


def test_there_is_one_tree_and_every_error_in_it_is_documented() -> None:
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Exception)]
    assert all(issubclass(one, DataPlatformError) for one in found)
    assert all(one.__doc__ and isinstance(one.permanent, bool) for one in found)
