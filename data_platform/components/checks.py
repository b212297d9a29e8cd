"""The asset checks that every workflow reports; the child of ``data_platform.ingestion`` evaluates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import dagster as dg

from data_platform.ingestion.spec import Workflow

_DESCRIPTIONS: Final = {
    "completed": "The workflow ended, and what it was to bring arrived in the catalog; a warning lists what did not.",
}


def check_specs(key: dg.AssetKey, workflow: Workflow) -> Sequence[dg.AssetCheckSpec]:
    """The checks of one workflow's asset."""
    del workflow  # so far every workflow has the same checks
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in _DESCRIPTIONS.items()]
