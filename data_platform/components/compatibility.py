"""What the Python environment must have for definitions to load."""

from __future__ import annotations

from importlib import metadata
from typing import Final

from data_platform.errors import IncompatibleEnvironmentError

_ANTLR: Final = "antlr4-python3-runtime"
_ANTLR_NEEDED: Final = (4, 13)


def require_selection_syntax() -> None:
    """Refuse an environment in which every asset selection written as a string would fail.

    Dagster parses them with a parser generated for antlr 4.13; OpenMetadata's client brings 4.9.

    Raises:
        IncompatibleEnvironmentError: this is the ingestion environment, or a mixture of both.
    """
    version = metadata.version(_ANTLR)
    if tuple(int(part) for part in version.split(".")[:2]) < _ANTLR_NEEDED:
        raise IncompatibleEnvironmentError(
            f"Dagster's asset selections need {_ANTLR} 4.13, this Python environment has {version}",
            remedy="install only the extra 'orchestrator' here and the extra 'ingestion' in an environment of its own",
        )
