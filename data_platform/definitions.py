"""Where Dagster enters: everything in ``data_platform.defs``."""

from pathlib import Path

import dagster as dg

from data_platform.components.compatibility import require_selection_syntax

require_selection_syntax()


@dg.definitions
def defs() -> dg.Definitions:
    """Every definition of the current environment."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
