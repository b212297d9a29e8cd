"""What the inventories of databases have in common: a connection of their own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine


@contextmanager
def connected(connection: Any) -> Generator[Connection]:
    """A connection beside the connector's, which may be in the middle of something.

    Args:
        connection: OpenMetadata's parsed connection.
    """
    from metadata.ingestion.source.connections import get_connection

    engine: Engine = get_connection(connection)
    try:
        with engine.connect() as opened:
            yield opened
    finally:
        engine.dispose()
