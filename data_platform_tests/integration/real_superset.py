"""Superset as tests use it: one worker on 127.0.0.1, and what is made in it by its own API."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from data_platform_tests.integration.superset_program import ADMIN, PASSWORD, Superset, environment
from examples.demo.processes import running

_TAGGED = {"chart": 2, "dashboard": 3}
"""Superset's numbers of the types of what can be tagged."""


class RealSuperset:
    """A running Superset, asked as its administrator."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = httpx.Client(base_url=f"{address}/api/v1", timeout=60)

    def sign_in(self) -> None:
        """Get a token; good for a quarter of an hour."""
        body = {"username": ADMIN, "password": PASSWORD, "provider": "db"}
        answer = self._http.post("/security/login", json=body).raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What the API answers."""
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def make(self, kind: str, **body: Any) -> int:
        """Make an object; returns its id."""
        return int(self.ask("POST", f"/{kind}/", body)["id"])

    def change(self, kind: str, key: int, **body: Any) -> None:
        self.ask("PUT", f"/{kind}/{key}", body)

    def delete(self, kind: str, key: int) -> None:
        self.ask("DELETE", f"/{kind}/{key}")

    def tag(self, kind: str, key: int, *tags: str) -> None:
        """Tag a chart or a dashboard."""
        self.ask("POST", f"/tag/{_TAGGED[kind]}/{key}/", {"properties": {"tags": list(tags)}})

    def role(self, name: str, *permissions: tuple[str, str]) -> None:
        """Make a role of permissions, each the name of one and of what it is for."""
        listed = self._all("security/permissions-resources")
        keys = {(each["permission"]["name"], each["view_menu"]["name"]): each["id"] for each in listed}
        role = self.make("security/roles", name=name)
        body = {"permission_view_menu_ids": [keys[each] for each in permissions]}
        self.ask("POST", f"/security/roles/{role}/permissions", body)

    def user(self, name: str, password: str, email: str, role: str) -> int:
        """Make a user who has a role."""
        (key,) = (each["id"] for each in self._all("security/roles") if each["name"] == role)
        names = {"username": name, "first_name": name.title(), "last_name": "Noether"}
        return self.make("security/users", active=True, roles=[key], email=email, password=password, **names)

    def _all(self, kind: str) -> Iterator[dict[str, Any]]:
        for page in count():
            answer = self.ask("GET", f"/{kind}/?q=(page:{page},page_size:100)")
            yield from answer["result"]
            if (page + 1) * 100 >= answer["count"]:
                return


@contextmanager
def running_superset(program: Superset, folder: Path) -> Iterator[RealSuperset]:
    """A Superset that runs until the block is left.

    Args:
        program: what there is of it on this machine.
        folder: an empty folder for its database and its log.
    """
    database = folder / "superset.db"
    shutil.copyfile(program.template, database)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    # One process that answers several at a time.
    options = ("--workers=1", "--worker-class=gthread", "--threads=4", f"--bind={address}", "--timeout=120")
    command = [program.programs / "gunicorn", *options, "superset.app:create_app()"]
    with ExitStack() as stack:
        variables = environment(folder, database)
        started = stack.enter_context(running("superset", command, logs=folder / "logs", environment=variables))
        superset = RealSuperset(f"http://{address}")
        stack.callback(superset.close)
        started.wait_until(lambda: _answers(superset.address))
        superset.sign_in()
        yield superset


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5).is_success
    except httpx.TransportError:
        return False
