"""What is written of the server's compatibility is what the client calls and the server serves."""

from __future__ import annotations

import pytest

from docs.compatibility import PAGE, calls, page

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: .venv-ingestion/bin/python -m docs.compatibility"


def test_the_clients_source_is_understood() -> None:
    found = calls()
    assert len(found) > 120
    assert ("PUT", "/tables/{…}/tableProfile") in found
    assert ("GET", "/system/version") in found or ("GET", "/system/settings/profilerConfiguration") in found
