"""Vaults that tests run against: one of the tests' own, a real one, and what both must do alike."""
