"""What the definition of an Iceberg source says, for both of its workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

_PARALLEL: Final = 8


class Settings:
    """What a source's definition says; it travels in OpenMetadata's connection, which has no fields of its own.

    Args:
        service_connection: OpenMetadata's.

    Attributes:
        connection: the source's, with its secrets.
        options: those of the workflow that are ours.
    """

    def __init__(self, service_connection: Any) -> None:
        given = cast(dict[str, Any], service_connection.model_extra)
        self.connection: Mapping[str, Any] = given["given"]
        self.options: Mapping[str, Any] = given["options"]

    @property
    def name(self) -> str:
        """The Iceberg catalog's name."""
        return str(self.connection["name"])

    @property
    def parallel(self) -> int:
        """Number of tables that are read at the same time."""
        return int(self.options.get("parallelTables", _PARALLEL))
