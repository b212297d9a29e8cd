"""What a child says that it will delete, noted in Dagster's event log however its step ends.

A step that ends well lists what was deleted with what it materialized. One that is terminated, or whose child crashes,
materializes nothing, and what it deleted until then could not be taken back. So the child says what it will delete
before it does, and that becomes an observation of the asset.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from data_platform.ingestion.spec import DELETIONS


class Noting(dg.PipesMessageReader):
    """Mixed into a reader of Pipes messages: notes announced deletions at the latest when the reading ends.

    Args:
        context: of the step.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        super().__init__()
        self._context = context
        self._reading: dg.PipesMessageHandler | None = None
        self._noted = 0

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Generator[Mapping[str, Any]]:
        """Read what a child says; Dagster calls it."""
        self._reading = handler
        try:
            with super().read_messages(handler) as params:  # pyright: ignore[reportAbstractUsage]
                yield params
        finally:
            self.note()

    def note(self) -> None:
        """Note what has been announced since the last time."""
        messages = self._reading.get_custom_messages() if self._reading else ()
        announced = [message[DELETIONS] for message in messages if DELETIONS in message]
        for each in announced[self._noted :]:
            self._context.log_event(
                dg.AssetObservation(
                    dg.AssetKey.from_user_string(each["asset"]),
                    description=f"{len(each['entities'])} entities will be deleted from the catalog.",
                    metadata={DELETIONS: dg.MetadataValue.json(each["entities"])},
                )
            )
        self._noted = len(announced)
