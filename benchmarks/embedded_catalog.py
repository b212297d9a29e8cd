"""The embedded catalog at 10,000 tables of 20 columns, in turn with bare SQLite writing the same rows.

Ours is the whole way: HTTP, validation, references, labels, names, versions. Theirs is an INSERT of the document as it
is stored, in the same journal mode and with the same indexes: what the disk and SQLite alone cost.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import parts

TABLES, COLUMNS, BATCH = 10_000, 20, 100
READS, EDGES, GRAPHS = 1_000, 5_000, 300
COMMAND = Path(__file__).parent.parent / ".venv-ingestion" / "bin" / "data-platform"
_SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE entities (id TEXT PRIMARY KEY, type TEXT, fqn TEXT, name TEXT, parent TEXT, json BLOB);
    CREATE UNIQUE INDEX by_fqn ON entities (type, fqn);
    CREATE INDEX by_name ON entities (type, name, id);
    CREATE INDEX by_parent ON entities (parent, type);
"""


@dataclass(frozen=True)
class Catalog:
    """A running server and a client of it."""

    client: httpx.Client
    process: int

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        reply = self.client.request(method, path, json=body, **more)
        reply.raise_for_status()
        return reply.json()

    def peak(self) -> float:
        """The largest resident size so far, in MiB."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


@contextmanager
def catalog(data: Path) -> Iterator[Catalog]:
    """A server in a process of its own."""
    started = subprocess.Popen(
        [COMMAND, "server", "start", "--port", "0", "--data", data], stderr=subprocess.PIPE, text=True
    )
    try:
        assert started.stderr is not None
        address = re.findall(r"http://[\d.:]+", started.stderr.readline())[0]
        token = subprocess.run(
            [COMMAND, "server", "token", "--data", data], check=True, capture_output=True, text=True
        ).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=120) as client:
            yield Catalog(client, started.pid)
    finally:
        started.terminate()
        started.communicate(timeout=30)


def run(folder: Path) -> None:
    """Print the figures."""
    with catalog(folder / "catalog") as server, sqlite3.connect(folder / "bare.sqlite") as bare:
        bare.executescript(_SCHEMA)
        server.ask("PUT", "/services/databaseServices", {"name": "s", "serviceType": "Postgres"})
        server.ask("PUT", "/databases", {"name": "d", "service": "s"})
        server.ask("PUT", "/databaseSchemas", {"name": "x", "database": "s.d"})
        _writes(server, bare)
        _reads(server)
        _lineage(server)
        print(f"  largest resident size {server.peak():.0f} MiB")


def _row(number: int) -> dict[str, Any]:
    columns = [
        {"name": f"column_{each}", "dataType": "VARCHAR", "dataLength": 80, "description": f"Column {each} of it."}
        for each in range(COLUMNS)
    ]
    description = f"Table {number} of the benchmark."
    return {"name": f"table_{number:05d}", "databaseSchema": "s.d.x", "columns": columns, "description": description}


def _writes(server: Catalog, bare: sqlite3.Connection) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for start in range(0, TABLES, BATCH):
        rows = [_row(number) for number in range(start, start + BATCH)]
        began = time.perf_counter()
        result = server.ask("PUT", "/tables/bulk", rows)
        ours.append(time.perf_counter() - began)
        assert result["numberOfRowsPassed"] == BATCH
        began = time.perf_counter()
        with bare:
            bare.executemany(
                "INSERT INTO entities VALUES (?, 'table', ?, ?, 'x', ?)",
                [(row["name"], f"s.d.x.{row['name']}", row["name"], json.dumps(_stored(row))) for row in rows],
            )
        theirs.append(time.perf_counter() - began)
    slower = statistics.median(ours) / statistics.median(theirs)
    per_table = [seconds / BATCH * 1000 for seconds in ours]
    tenth = len(per_table) // 10
    print(f"embedded catalog: {TABLES} tables of {COLUMNS} columns in bulks of {BATCH}")
    print(f"  bulk upsert {parts([seconds * 1000 for seconds in ours], 'ms')}; {BATCH / statistics.median(ours):.0f}/s")
    print(f"  bare SQLite {parts([seconds * 1000 for seconds in theirs], 'ms')}; ours ÷ bare {slower:.1f}")
    print(
        f"  a table costs {statistics.median(per_table[:tenth]):.2f} ms at first,"
        f" {statistics.median(per_table[-tenth:]):.2f} ms at last"
    )


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    """The row with what every stored table and column carries."""
    fqn = f"s.d.x.{row['name']}"
    columns = [
        {**column, "fullyQualifiedName": f"{fqn}.{column['name']}", "tags": [], "ordinalPosition": position}
        for position, column in enumerate(row["columns"], 1)
    ]
    reference = {"id": "0" * 36, "type": "databaseSchema"}
    held = {"database": reference, "databaseSchema": reference, "service": reference, "fullyQualifiedName": fqn}
    return {**row, **held, "columns": columns, "version": 0.1, "updatedAt": 0, "updatedBy": "ingestion-bot"}


def _timed(name: str, times: int, ask: Callable[[int], object]) -> None:
    ask(0)
    seconds: list[float] = []
    for number in range(times):
        began = time.perf_counter()
        ask(number)
        seconds.append((time.perf_counter() - began) * 1000)
    p99 = statistics.quantiles(seconds, n=100)[98]
    print(f"  {name}: p50 {statistics.median(seconds):.1f} ms, p99 {p99:.1f} ms")


def _reads(server: Catalog) -> None:
    chosen = random.Random(1).choices(range(TABLES), k=READS)
    _timed("GET by name", READS, lambda number: server.ask("GET", f"/tables/name/s.d.x.table_{chosen[number]:05d}"))

    def search(number: int) -> None:
        params = {
            "fieldName": "fullyQualifiedName",
            "fieldValue": f"s.d.x.table_{chosen[number]:05d}",
            "index": "table",
        }
        assert server.ask("GET", "/search/fieldQuery", params=params)["hits"]["total"]["value"] == 1

    _timed("search by fully qualified name", READS, search)


def _lineage(server: Catalog) -> None:
    order = random.Random(2)
    ids = [table["id"] for table in server.ask("GET", f"/tables?limit={TABLES}")["data"]]
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < EDGES:
        start = order.randrange(2_000)
        pairs.add((start, start + order.randrange(1, 200)))
    for start, end in sorted(pairs):
        ends = {"fromEntity": {"id": ids[start], "type": "table"}, "toEntity": {"id": ids[end], "type": "table"}}
        server.ask("PUT", "/lineage", {"edge": ends})
    chosen = order.choices(range(2_000), k=GRAPHS)

    def graph(number: int) -> None:
        server.ask("GET", f"/lineage/table/{ids[chosen[number]]}?upstreamDepth=3&downstreamDepth=3")

    _timed(f"lineage of depth 3 over {EDGES} edges", GRAPHS, graph)
