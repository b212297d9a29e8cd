"""pyiceberg's catalog of a Hive metastore, for tables that are read at the same time.

pyiceberg's own has one connection, which threads take away from each other, and waits for its answers without end. With
Kerberos it still waits without end.
"""

# What it has of its own is what has to be another.
# pyright: reportPrivateUsage=false, reportIncompatibleVariableOverride=false, reportUnknownMemberType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from pyiceberg.catalog.hive import HiveCatalog
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport

from data_platform.ingestion.sources.iceberg_catalog import TIMEOUT

_PORT: Final = 9083


class TimedHiveCatalog(HiveCatalog):
    """A Hive catalog with a connection for each question, which ends."""

    @property
    def _client(self) -> Any:
        client: Any = self._create_hive_client(self.properties)
        if not client._kerberos_auth:
            where = urlsplit(str(client._uri))
            socket = TSocket(where.hostname or "localhost", where.port or _PORT)
            socket.setTimeout(1000 * float(self.properties[TIMEOUT]))
            client._transport = TBufferedTransport(socket)
        return client

    @_client.setter
    def _client(self, client: Any) -> None:
        """Leave the one for all threads that pyiceberg makes."""
