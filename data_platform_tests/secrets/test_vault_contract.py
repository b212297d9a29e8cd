"""The Vault of the tests' own does what the real one does; see ``integration/test_vault.py``."""

from __future__ import annotations

from data_platform_tests.vaults.contract import VaultContract


class TestFakeVault(VaultContract):
    pass
