"""The job that the demo runs: the one that the daily schedule runs, unchanged."""

from __future__ import annotations

import dagster as dg

from data_platform.definitions import defs

NAME = "metadata_ingestion"


def metadata_ingestion() -> dg.JobDefinition:
    """The job as the current environment defines it; Dagster calls this in every process that runs a step."""
    return defs().resolve_job_def(NAME)
