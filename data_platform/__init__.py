"""A Dagster code location that keeps an OpenMetadata catalog true."""

from typing import Final

__version__: Final = "0.1.0"
