"""Dagster resources: the catalog's client, Vault, the workflow launcher."""
