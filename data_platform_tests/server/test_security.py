"""Tokens, who may do what, and what becomes of secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from data_platform.errors import ConfigurationError, ServerError
from data_platform.server import serve
from data_platform.server.app import create_app
from data_platform.server.testing import RunningServer
from data_platform.server.tokens import issue_token
from data_platform_tests.server.conftest import Api, Place

CONNECTION = {
    "config": {
        "type": "Postgres",
        "username": "reader",
        "hostPort": "db:5432",
        "database": "d",
        "authType": {"password": "hunter2-secret"},
    }
}
MASK = "*********"


def status(server: RunningServer, header: str | None, path: str = "/tables") -> httpx.Response:
    headers = {"Authorization": header} if header else {}
    return httpx.get(server.url + "/v1" + path, headers=headers)


def test_no_token_and_a_bad_one_are_401_in_json(server: RunningServer) -> None:
    other = jwt.encode({"sub": "admin", "exp": 9_999_999_999}, "x" * 32, algorithm="HS256")
    none = jwt.encode({"sub": "admin", "exp": 9_999_999_999}, None, algorithm="none")
    for header in (None, "Bearer", "Bearer nonsense", "Basic abc", f"Bearer {other}", f"Bearer {none}"):
        reply = status(server, header)
        assert (reply.status_code, reply.json()["code"]) == (401, 401)


def test_an_expired_token_is_401(server: RunningServer) -> None:
    reply = status(server, f"Bearer {server.token('admin', lifetime=timedelta(seconds=-5))}")
    assert (reply.status_code, reply.json()["message"]) == (401, "Expired token!")


def test_a_token_of_another_data_folder_is_401(server: RunningServer, tmp_path: Path) -> None:
    assert status(server, f"Bearer {issue_token(tmp_path, 'admin')}").status_code == 401


def test_version_and_health_need_no_token(server: RunningServer) -> None:
    assert status(server, None, "/system/version").json()["version"] == "2.0.6"
    assert status(server, None, "/system/health").status_code == 200


def test_an_unknown_subject_is_refused_naming_the_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="admin, ingestion-bot"):
        issue_token(tmp_path, "nobody")


def test_keys_are_readable_by_their_owner_alone(server: RunningServer) -> None:
    for key in (server.data / "keys").iterdir():
        assert key.stat().st_mode & 0o077 == 0


@pytest.fixture
def reader(server: RunningServer, admin: Api, unique: str) -> Iterator[Api]:
    """Somebody who is neither a bot nor an administrator."""
    user = admin.ok("POST", "/users", {"name": unique, "email": f"{unique}@example.com"})
    token = admin.ok("PUT", f"/users/generateToken/{user['id']}")["JWTToken"]
    with Api(server, "admin") as api:
        api.headers["Authorization"] = f"Bearer {token}"
        yield api


def test_a_reader_reads_and_may_not_write(reader: Api, place: Place) -> None:
    place.table()
    assert reader.ok("GET", f"/tables/name/{place.fqn()}")["name"] == "t"
    assert "not allowed" in reader.refused(403, "PUT", "/tables", place.request(description="x"))
    reader.refused(403, "DELETE", f"/tables/name/{place.fqn()}")


def test_a_deleted_users_token_stops_working(reader: Api, admin: Api, server: RunningServer) -> None:
    me = reader.ok("GET", "/users/loggedInUser")
    admin.ok("DELETE", f"/users/{me['id']}?hardDelete=true")
    reader.refused(401, "GET", "/tables")


def test_connections_are_unmasked_for_bots_and_masked_for_people(admin: Api, bot: Api, unique: str) -> None:
    made = admin.ok("POST", "/services/databaseServices", service(unique))
    path = f"/services/databaseServices/{made['id']}"
    assert made["connection"]["config"]["authType"]["password"] == MASK
    assert admin.ok("GET", path)["connection"]["config"]["authType"]["password"] == MASK
    assert admin.ok("GET", path)["connection"]["config"]["username"] == "reader"
    assert bot.ok("GET", path)["connection"]["config"]["authType"]["password"] == "hunter2-secret"
    listed = admin.ok("GET", "/services/databaseServices?limit=1000")["data"]
    assert "hunter2" not in str(listed)


def service(name: str) -> dict[str, object]:
    return {"name": name, "serviceType": "Postgres", "connection": CONNECTION}


def test_writing_a_masked_connection_back_keeps_the_secret(admin: Api, bot: Api, unique: str) -> None:
    made = admin.ok("POST", "/services/databaseServices", service(unique))
    request = {"name": unique, "serviceType": "Postgres", "connection": made["connection"]}
    assert admin.ok("PUT", "/services/databaseServices", request)["version"] == 0.1
    path = f"/services/databaseServices/{made['id']}"
    admin.patch_with(path, ("replace", "/connection/config/hostPort", "other:5432"))
    config = bot.ok("GET", path)["connection"]["config"]
    assert (config["hostPort"], config["authType"]["password"]) == ("other:5432", "hunter2-secret")


def test_no_secret_is_in_the_data_folder_the_history_or_a_log(
    server: RunningServer, admin: Api, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = admin.ok("POST", "/services/databaseServices", service(unique))
        admin.ok("PUT", "/services/databaseServices", {**service(unique), "description": "x"})
        admin.patch_with(
            f"/services/databaseServices/{made['id']}", ("replace", "/connection/config/authType/password", "hunter2-b")
        )
    history = admin.get(f"/services/databaseServices/{made['id']}/versions").text
    assert "old-encrypted-value" in history
    for file in server.data.rglob("*"):
        if file.is_file():
            assert b"hunter2" not in file.read_bytes()
    assert "hunter2" not in history + caplog.text


def test_a_file_as_data_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ServerError, match="cannot use the data folder"):
        create_app(file)
    (tmp_path / "catalog.sqlite").write_bytes(b"this is no database at all, but long enough to be read as one" * 20)
    with pytest.raises(ServerError, match="file is not a database"):
        create_app(tmp_path)


def test_a_taken_port_is_refused_in_one_sentence(server: RunningServer, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="cannot listen"):
        serve.serve(port=server.port, data=tmp_path)


def test_an_oversized_body_is_413(server: RunningServer, admin: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_platform.server.app.LARGEST_BODY", 1000)
    admin.refused(413, "PUT", "/tables/bulk", ["x" * 2000])
