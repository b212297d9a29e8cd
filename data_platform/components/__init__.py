"""Dagster components: YAML in, assets, checks and jobs out."""

from data_platform.components.dbt_models import DbtModels
from data_platform.components.metadata_source import MetadataSource

__all__ = ["DbtModels", "MetadataSource"]
