"""A Hive metastore, as its Thrift interface is documented; what Iceberg's catalogs ask of it, and no more.

https://github.com/apache/hive/blob/master/standalone-metastore/metastore-common/src/main/thrift/hive_metastore.thrift
"""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from hive_metastore import ThriftHiveMetastore, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TTransportException


@dataclass
class Hive:
    """The metastore; its methods are those of the interface.

    Attributes:
        databases: what it has, by name.
        tables: what is in them, by database and name.
        broken: names of tables that it fails at.
        address: where it listens.
    """

    databases: dict[str, Any] = field(default_factory=dict[str, Any])
    tables: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])
    broken: set[str] = field(default_factory=set[str])
    address: str = ""

    @contextmanager
    def running(self) -> Iterator[Hive]:
        """It listens until the block ends."""
        processor = ThriftHiveMetastore.Processor(self)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                channel = TSocket()
                channel.setHandle(self.request)
                protocol = TBinaryProtocol(TBufferedTransport(channel))
                try:
                    while True:
                        processor.process(protocol, protocol)
                except TTransportException:
                    """The client has what it wanted."""

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            self.address = f"thrift://127.0.0.1:{server.server_address[1]}"
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def get_all_databases(self) -> list[str]:
        return sorted(self.databases)

    def get_database(self, name: str) -> Any:
        if name not in self.databases:
            raise ttypes.NoSuchObjectException(f"database hive.{name}")
        return self.databases[name]

    def create_database(self, database: Any) -> None:
        self.databases[database.name] = database

    def get_all_tables(self, db_name: str) -> list[str]:
        return sorted(name for database, name in self.tables if database == db_name)

    def get_table_objects_by_name(self, dbname: str, tbl_names: list[str]) -> list[Any]:
        return [self.tables[dbname, name] for name in tbl_names if (dbname, name) in self.tables]

    def get_table(self, dbname: str, tbl_name: str) -> Any:
        if tbl_name in self.broken:
            raise ttypes.MetaException("out of order")
        if (dbname, tbl_name) not in self.tables:
            raise ttypes.NoSuchObjectException(f"hive.{dbname}.{tbl_name} table not found")
        return self.tables[dbname, tbl_name]

    def create_table(self, tbl: Any) -> None:
        self.tables[tbl.dbName, tbl.tableName] = tbl

    def alter_table_with_environment_context(self, dbname: str, tbl_name: str, new_tbl: Any, _context: Any) -> None:
        self.tables[dbname, tbl_name] = new_tbl

    def lock(self, _request: Any) -> Any:
        return ttypes.LockResponse(lockid=1, state=ttypes.LockState.ACQUIRED)

    def unlock(self, _request: Any) -> None:
        """Nobody else waits for it."""
