"""One Vault for all tests of secrets; each writes what it needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_platform_tests.vaults.fake import FakeVault, running_vault


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeVault]:
    """A Vault of the tests' own, with TLS as well."""
    with running_vault(tmp_path_factory.mktemp("vault")) as vault:
        yield vault
