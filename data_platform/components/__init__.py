"""Dagster components: YAML in, assets, checks and jobs out."""
