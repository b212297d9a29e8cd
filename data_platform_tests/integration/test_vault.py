"""HashiCorp's Vault does what the Vault of the hermetic tests does, and a workflow runs with its secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_platform_tests.integration.real_vault import RealVault, running_real_vault
from data_platform_tests.integration.vault_program import CannotBuildError, vault_program
from data_platform_tests.vaults.contract import VaultContract

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealVault]:
    """A Vault that was built on this machine, by an earlier run or now."""
    try:
        program = vault_program()
    except CannotBuildError as reason:
        pytest.skip(str(reason))
    with running_real_vault(program, tmp_path_factory.mktemp("vault")) as vault:
        yield vault


class TestRealVault(VaultContract):
    pass
