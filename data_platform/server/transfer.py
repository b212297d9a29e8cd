"""A catalog as JSON lines, to keep and to move: every row of every table, and nothing that follows from them.

The first line says what it is. Connections of services stay sealed: they open only where the data folder has the same
``keys/connections.key``; importing elsewhere leaves them out, and says how many. Export reads one moment of a catalog
that may be running; import fills a folder that holds none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from data_platform.errors import ServerError
from data_platform.server import documents
from data_platform.server.connections import field_of
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.keys import Keys
from data_platform.server.store import Store

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.store import Connection

_FORMAT = "data-platform catalog"
_VERSION = 1
_TABLES = (
    "versions", "followers", "votes", "edges", "series", "attachments", "usage", "joins", "suite_members", "settings",
    "records", "events",
)  # fmt: skip
"""What is carried over as it is; ``entities`` comes first, and its indexes follow from it."""


@dataclass
class Imported:
    """What an import did: rows of entities and of all else, and connections that could not be taken."""

    entities: int = 0
    rows: int = 0
    lost_connections: int = 0


def exported(data: Path) -> Iterator[bytes]:
    """The lines of the catalog in ``data``.

    Raises:
        ServerError: there is no catalog in the folder.
    """
    path = data / "catalog.sqlite"
    if not path.exists():
        raise ServerError("there is no catalog in this folder", source=str(data), remedy="give a catalog's data folder")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield _line({"format": _FORMAT, "version": _VERSION})
        for row in connection.execute("SELECT json FROM entities ORDER BY rowid"):
            document = orjson.loads(row["json"])
            kind = connection.execute("SELECT type FROM entities WHERE id = ?", (document["id"],)).fetchone()["type"]
            yield _line({"entity": kind, "json": document})
        # A folder that an older version wrote, and that no server has opened since, lacks what came later.
        present = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in (name for name in _TABLES if name in present):
            for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name of ours
                yield _line({"table": table, "row": {name: _opened(name, row[name]) for name in row.keys()}})  # noqa: SIM118
    finally:
        connection.close()


def _line(value: Any) -> bytes:
    return orjson.dumps(value) + b"\n"


def _opened(name: str, value: Any) -> Any:
    return orjson.loads(value) if name == "json" else value


def import_lines(data: Path, lines: Iterable[bytes]) -> Imported:
    """Fill the folder ``data``, which holds no catalog yet, from the lines of an export; all of it or nothing.

    Raises:
        ServerError: the folder holds a catalog, or the lines are no export.
    """
    path = data / "catalog.sqlite"
    if path.exists():
        raise ServerError("the folder holds a catalog already", source=str(data), remedy="give an empty folder")
    keys = Keys(data)
    store = Store(path)
    try:
        done = store.write(lambda connection: _import(connection, keys, iter(lines)))
    except (orjson.JSONDecodeError, KeyError, TypeError, sqlite3.Error, StopIteration) as error:
        raise ServerError(
            f"this is no export of a catalog: {error!r}", remedy="give a file of 'server export'"
        ) from None
    finally:
        store.close()
        if not _filled(path):
            path.unlink()
    return done


def _filled(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM entities)").fetchone()[0])
    finally:
        connection.close()


def _import(connection: Connection, keys: Keys, lines: Iterator[bytes]) -> Imported:
    head = orjson.loads(next(lines))
    if head.get("format") != _FORMAT or head.get("version") != _VERSION:
        raise TypeError("its first line is of another kind")
    done = Imported()
    for line in lines:
        item = orjson.loads(line)
        if "entity" in item:
            document = item["json"]
            row = ENTITY_TYPES[item["entity"]]
            done.lost_connections += not _can_open(keys, row, document)
            documents.save(connection, row, document, fresh=True)
            done.entities += 1
        else:
            _insert(connection, item["table"], item["row"], keys)
            done.rows += 1
    return done


def _insert(connection: Connection, table: str, row: Json, keys: Keys) -> None:
    if table not in _TABLES:
        raise KeyError(table)
    known = [line["name"] for line in connection.execute(f"PRAGMA table_info({table})")]
    if set(row) != set(known):
        raise KeyError(f"columns of {table}")
    if table == "versions":
        kind = documents.type_of(connection, row["entity"])
        if kind is not None:
            _can_open(keys, ENTITY_TYPES[kind], row["json"])
    values = [orjson.dumps(row[name]) if name == "json" else row[name] for name in known]
    connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(known))})", values)  # noqa: S608


def _can_open(keys: Keys, row: EntityType, document: Json) -> bool:
    """Whether this folder's key opens the document's connection; one that it does not open is taken out."""
    from cryptography.fernet import InvalidToken

    secret = field_of(row)
    sealed = document.get(secret)
    if not isinstance(sealed, str):
        return True
    try:
        keys.seal.decrypt(sealed.encode())
    except InvalidToken:
        del document[secret]
        return False
    return True
