"""Export and import: a catalog as JSON lines comes back as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from data_platform.cli import commands
from data_platform.errors import ServerError
from data_platform.server.testing import running_server
from data_platform.server.transfer import exported, import_lines
from data_platform_tests.server.conftest import Api, Place

SECRET = "hunter2-secret"
_SHOWN = ("/tables?fields=*&limit=100", "/databaseSchemas?fields=*", "/users?fields=*", "/tags?limit=1000&fields=*")


def fill(api: Api) -> Place:
    place = Place(api)
    tag = [{"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}]
    first, second = place.table("a", tags=tag), place.table("b")
    api.patch_with(f"/tables/{first['id']}", ("add", "/description", "described"))
    ends = {end: {"id": held["id"], "type": "table"} for end, held in (("fromEntity", first), ("toEntity", second))}
    api.ok("PUT", "/lineage", {"edge": ends})
    api.ok("PUT", f"/tables/{first['id']}/tableProfile", {"tableProfile": {"timestamp": 1700000000000, "rowCount": 7}})
    config = {"type": "Postgres", "username": "u", "hostPort": "h:1", "authType": {"password": SECRET}}
    request = {"name": "sealed", "serviceType": "Postgres", "connection": {"config": {**config, "database": "d"}}}
    api.ok("POST", "/services/databaseServices", request)
    return place


def shown(api: Api, place: Place) -> list[Any]:
    """What a reader sees, without the addresses, which have another port."""
    paths = [*_SHOWN, f"/tables/name/{place.fqn('a')}?fields=profile,tags", f"/lineage/table/name/{place.fqn('a')}"]
    table = api.ok("GET", f"/tables/name/{place.fqn('a')}")
    replies = [api.ok("GET", path) for path in [*paths, f"/tables/{table['id']}/versions"]]
    return [json.loads(json.dumps(reply).replace(str(api.base_url.port), "port")) for reply in replies]


def test_a_catalog_comes_back_as_it_was(tmp_path: Path) -> None:
    with running_server(tmp_path / "a") as server, Api(server, "admin") as api:
        place = fill(api)
        before = shown(api, place)
        lines = list(exported(server.data))
    assert SECRET.encode() not in b"".join(lines)
    done = import_lines(tmp_path / "b", lines)
    assert done.entities > 100
    assert done.lost_connections == 1
    with running_server(tmp_path / "b") as server, Api(server, "admin") as api:
        assert shown(api, place) == before
        assert "connection" not in api.ok("GET", "/services/databaseServices/name/sealed")


def test_connections_come_along_with_the_key(tmp_path: Path) -> None:
    with running_server(tmp_path / "a") as server, Api(server, "admin") as api:
        fill(api)
    (tmp_path / "b").mkdir()
    shutil.copytree(tmp_path / "a" / "keys", tmp_path / "b" / "keys")
    assert import_lines(tmp_path / "b", exported(tmp_path / "a")).lost_connections == 0
    with running_server(tmp_path / "b") as server, Api(server, "ingestion-bot") as bot:
        config = bot.ok("GET", "/services/databaseServices/name/sealed")["connection"]["config"]
        assert config["authType"]["password"] == SECRET


def test_the_commands_write_and_read_a_file(tmp_path: Path) -> None:
    with running_server(tmp_path / "a"):
        pass
    target = str(tmp_path / "catalog.jsonl")
    wrote = CliRunner().invoke(commands, ["server", "export", "--data", str(tmp_path / "a"), "--to", target])
    assert wrote.exit_code == 0, wrote.output
    read = CliRunner().invoke(commands, ["server", "import", "--data", str(tmp_path / "b"), "--from", target])
    assert read.exit_code == 0, read.output
    assert "entities and" in read.output


@pytest.mark.parametrize(
    "lines", [[], [b"{}\n"], [b"no json\n"], [b'{"format": "data-platform catalog", "version": 9}\n']]
)
def test_what_is_no_export_is_refused_and_leaves_nothing(tmp_path: Path, lines: list[bytes]) -> None:
    with pytest.raises(ServerError, match="no export of a catalog"):
        import_lines(tmp_path, lines)
    assert not (tmp_path / "catalog.sqlite").exists()


def test_a_broken_line_undoes_the_whole_import(tmp_path: Path) -> None:
    with running_server(tmp_path / "a") as server:
        lines = list(exported(server.data))
    with pytest.raises(ServerError, match="no export of a catalog"):
        import_lines(tmp_path / "b", [*lines, b'{"table": "evil", "row": {}}\n'])
    assert not (tmp_path / "b" / "catalog.sqlite").exists()


def test_a_folder_with_a_catalog_is_not_overwritten_and_one_without_is_not_exported(tmp_path: Path) -> None:
    with running_server(tmp_path / "a"):
        pass
    with pytest.raises(ServerError, match="holds a catalog already"):
        import_lines(tmp_path / "a", [])
    with pytest.raises(ServerError, match="no catalog in this folder"):
        list(exported(tmp_path / "b"))
