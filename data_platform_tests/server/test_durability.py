"""What was acknowledged survives kill -9; what was not leaves nothing half-written; folders are migrated."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx
import pytest

from data_platform.errors import ServerError
from data_platform.server.app import create_app
from data_platform.server.migrations import MIGRATIONS
from data_platform.server.serve import listening_socket
from data_platform.server.store import Store
from data_platform.server.testing import running_server
from data_platform.server.tokens import issue_token
from data_platform_tests.server.conftest import Api

_SERVE = "import sys, pathlib; from data_platform.server.serve import serve; "
_SERVE += "serve(port=int(sys.argv[1]), data=pathlib.Path(sys.argv[2]))"


def free_port() -> int:
    with listening_socket("127.0.0.1", 0) as taken:
        return taken.getsockname()[1]


def start(port: int, data: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _SERVE, str(port), str(data)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "catalog ready" in process.stderr.readline()
    return process


def rows(number: int) -> list[dict[str, object]]:
    columns = [{"name": f"c{each}", "dataType": "INT"} for each in range(5)]
    return [{"name": f"t{number}_{each}", "databaseSchema": "s.d.x", "columns": columns} for each in range(20)]


@pytest.mark.fault(
    "the catalog: (embedded) is killed (SIGKILL) during bulk writes",
    "What it acknowledged is there; a bulk request is there as a whole or not at all.",
)
def test_kill_9_in_the_middle_of_bulk_writes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    port, acknowledged = free_port(), set[str]()
    token = {"Authorization": f"Bearer {issue_token(tmp_path, 'ingestion-bot')}"}
    number = 0
    for round_ in range(4):
        process = start(port, tmp_path)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=token) as client:
            if round_ == 0:
                client.post("/services/databaseServices", json={"name": "s", "serviceType": "Mysql"})
                client.post("/databases", json={"name": "d", "service": "s"})
                client.post("/databaseSchemas", json={"name": "x", "database": "s.d"}).raise_for_status()
            # The first request builds the validators; after it, the clock runs.
            killer = threading.Timer(0.05 + 0.07 * round_, process.kill)
            try:
                while True:
                    number += 1
                    result = client.put("/tables/bulk", json=rows(number)).json()
                    acknowledged.update(each["request"] for each in result["successRequest"])
                    if killer.ident is None:
                        killer.start()
            except httpx.HTTPError:
                pass
            killer.join()
        process.wait(10)
        process.stderr.close()  # type: ignore[union-attr]
    assert len(acknowledged) >= 4 * 20
    with running_server(tmp_path) as server, httpx.Client(base_url=server.url + "/v1", headers=token) as client:
        tables = client.get("/tables?limit=100000").json()["data"]
        assert acknowledged <= {table["fullyQualifiedName"] for table in tables}
        assert len(tables) % 20 == 0  # a bulk request is there as a whole or not at all
        assert all(len(table["columns"]) == 5 for table in tables)
    database = sqlite3.connect(tmp_path / "catalog.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_in_peace_when_asked_to(tmp_path: Path, stop: signal.Signals) -> None:
    process = start(free_port(), tmp_path)
    process.send_signal(stop)
    _, log = process.communicate(timeout=10)
    assert process.returncode in (0, -stop)
    assert "Traceback" not in log
    assert not (tmp_path / "catalog.sqlite-wal").exists()


def test_a_server_starts_within_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    process = start(free_port(), tmp_path)
    assert time.monotonic() - started < 10
    process.terminate()
    process.communicate(timeout=10)


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "catalog.sqlite").close()
    database = sqlite3.connect(tmp_path / "catalog.sqlite")
    database.execute("INSERT INTO migrations VALUES ('9999-future', 0)")
    database.commit()
    database.close()
    with pytest.raises(ServerError, match="newer version \\(9999-future\\)"):
        create_app(tmp_path)


def test_an_older_folder_is_migrated_and_seeded_once(tmp_path: Path) -> None:
    with running_server(tmp_path):
        pass
    with running_server(tmp_path) as server:
        token = {"Authorization": f"Bearer {server.token('admin')}"}
        tier = httpx.get(f"{server.url}/v1/classifications/name/Tier", headers=token).json()
        assert tier["version"] == 0.1


def test_a_failed_change_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    store = Store(tmp_path / "catalog.sqlite")

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO settings VALUES ('half', '1')")
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        store.write(half)
    assert store.reader.execute("SELECT count(*) FROM settings").fetchone()[0] == 0
    store.write(lambda connection: connection.execute("INSERT INTO settings VALUES ('whole', '1')"))
    assert store.reader.execute("SELECT count(*) FROM settings").fetchone()[0] == 1
    store.close()


@pytest.mark.fault(
    "the catalog: (embedded) has a full disk",
    "It answers 507, writes nothing by half, and goes on when there is space.",
)
def test_a_full_disk_is_507_in_json_and_recovers(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        token = {"Authorization": f"Bearer {server.token('admin')}"}
        store = server.app.state.application.store
        limit = store.write(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0]) + 2
        store.write(lambda connection: connection.execute(f"PRAGMA max_page_count = {limit}").fetchone())
        body = {"name": "big", "serviceType": "Mysql", "description": "x" * 60_000}
        with httpx.Client(base_url=server.url + "/v1", headers=token) as client:
            reply = client.post("/services/databaseServices", json=body)
            assert (reply.status_code, reply.json()["code"]) == (507, 507)
            assert client.get("/services/databaseServices/name/big").status_code == 404
            store.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone())
            assert client.post("/services/databaseServices", json=body).status_code == 201


def test_a_folder_of_the_first_release_opens_with_what_it_holds(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "catalog.sqlite")
    name, script = MIGRATIONS[0]
    document = {"id": str(uuid.uuid4()), "name": "old", "fullyQualifiedName": "old", "serviceType": "Mysql"}
    document |= {"version": 0.1, "updatedAt": 1, "updatedBy": "admin", "deleted": False}
    database.executescript(f"CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL); {script}")
    database.execute("INSERT INTO migrations VALUES (?, 0)", (name,))
    database.execute(
        "INSERT INTO entities (id, type, fqn, name, updated_at, json)"
        " VALUES (?, 'databaseService', 'old', 'old', 1, ?)",
        (document["id"], json.dumps(document)),
    )
    database.commit()
    database.close()
    with running_server(tmp_path) as server, Api(server, "admin") as admin:
        assert admin.ok("GET", "/services/databaseServices/name/old")["id"] == document["id"]
        assert admin.ok("GET", "/metadata/types/name/table")["category"] == "entity"
        assert admin.ok("POST", "/feed", {"message": "m", "about": "<#E::databaseService::old>"})
    opened = sqlite3.connect(tmp_path / "catalog.sqlite")
    applied = [row[0] for row in opened.execute("SELECT name FROM migrations ORDER BY name")]
    opened.close()
    assert applied == [each for each, _ in MIGRATIONS]
