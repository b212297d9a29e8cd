"""What children import; the fork server imports this module and nothing else."""

import gc
import importlib

for _module in (
    "data_platform.ingestion.child",
    "metadata.workflow.metadata",
    "metadata.workflow.profiler",
    "metadata.workflow.usage",
    "metadata.ingestion.source.database.postgres.metadata",
    "metadata.ingestion.source.database.postgres.lineage",
    "metadata.ingestion.source.database.dbt.metadata",
    "metadata.ingestion.sink.metadata_rest",
    "metadata.ingestion.processor.query_parser",
    "metadata.profiler.processor.processor",
    "metadata.sampler.sqlalchemy.sampler",
    "metadata.profiler.interface.sqlalchemy.profiler_interface",
    "data_platform.ingestion.sources.s3",
    "data_platform.ingestion.sources.dagster",
    "data_platform.ingestion.sources.iceberg",
    "data_platform.ingestion.sources.iceberg_profiles",
):
    importlib.import_module(_module)
# Every child collects garbage before it runs, and would walk all of this.
gc.collect()
gc.freeze()
