"""The part of Vault's HTTP API that reading secrets needs, as its documentation says and the real one does."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from data_platform_tests.fakes import Answer, Request, listening
from data_platform_tests.vaults.certificates import server_certificate
from data_platform_tests.vaults.server import ROLE, Ids, VaultServer

Secret = Mapping[str, Any]
DELETED: Secret = {}
MOUNTS = {"secret-data": 2, "team/kv": 2, "old": 1}


@dataclass
class Ticket:
    """A token's rights and life; times are of the monotonic clock."""

    paths: tuple[str, ...]
    ttl: float
    renewable: bool
    longest: float
    born: float = field(default_factory=time.monotonic)
    ends: float = 0.0

    def __post_init__(self) -> None:
        self.renew()

    @property
    def left(self) -> float:
        """Seconds that it has left."""
        return self.ends - time.monotonic()

    def renew(self) -> None:
        """As long as at its birth, but never beyond its largest age."""
        self.ends = min(time.monotonic() + self.ttl, self.born + self.longest)


@dataclass
class FakeVault(VaultServer):
    """A Vault in this process.

    Attributes:
        sealed: whether it is sealed.
        standby: whether it is a standby node without an active one.
        faults: what the next requests are answered instead, one each.
        requests: the paths that were asked for.
        namespaces: the namespaces that were asked for.
    """

    address: str = ""
    secure_address: str = ""
    authority: Path = Path()
    short: float = 0.6
    sealed: bool = False
    standby: bool = False
    faults: list[Answer] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    namespaces: list[str | None] = field(default_factory=list)
    _secrets: dict[str, Secret] = field(default_factory=dict)
    _tickets: dict[str, Ticket] = field(default_factory=dict)
    _logins: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    @property
    def tokens(self) -> list[str]:
        """Every token that it gave out."""
        return list(self._tickets)

    def write(self, path: str, fields: Mapping[str, Any]) -> None:
        self._secrets[path] = fields

    def delete(self, path: str) -> None:
        self._secrets[path] = DELETED

    def token(self, *paths: str, ttl: float = 3600, renewable: bool = False) -> str:
        return self._issue(paths=paths, ttl=ttl, renewable=renewable, longest=3600)

    def app_role(self, *paths: str, ttl: float = 3600, longest: float = 3600) -> Ids:
        ids = Ids(uuid4().hex, uuid4().hex)
        life = {"paths": paths, "ttl": ttl, "renewable": True, "longest": longest}
        self._logins["approle", ids.role_id, ids.secret_id] = life
        return ids

    def signed(self, method: str, *paths: str) -> str:
        token = f"ey.{uuid4().hex}.x"
        self._logins[method, ROLE, token] = {"paths": paths, "ttl": 3600, "renewable": True, "longest": 3600}
        return token

    def seal(self) -> None:
        self.sealed = True

    def stand_by(self) -> None:
        self.standby = True

    def recover(self) -> None:
        self.sealed = self.standby = False

    def answer(self, request: Request) -> Answer:
        """What a request is answered."""
        path = request.path.removeprefix("/v1/")
        self.requests.append(path)
        self.namespaces.append(request.headers.get("X-Vault-Namespace"))
        if self.faults:
            return self.faults.pop(0)
        if path == "sys/health":
            code = 503 if self.sealed else 429 if self.standby else 200
            return code, {"initialized": True, "sealed": self.sealed, "standby": self.sealed or self.standby}
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if self.standby:
            return 500, {"errors": ["local node not active but active cluster node not found"]}
        if path.startswith("auth/") and path.endswith("/login"):
            return self._log_in(path.split("/")[1], request.json)
        token = request.headers.get("X-Vault-Token", "")
        ticket = self._tickets.get(token)
        if ticket is None or ticket.left <= 0:
            return 403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}
        return self._admitted(request, path, ticket)

    def _admitted(self, request: Request, path: str, ticket: Ticket) -> Answer:
        if path == "auth/token/lookup-self":
            return 200, {"data": {"ttl": ticket.left, "renewable": ticket.renewable}}
        if path == "auth/token/renew-self":
            if not ticket.renewable:
                return 400, {"errors": ["lease is not renewable"]}
            ticket.renew()
            return 200, {"auth": {"lease_duration": ticket.left, "renewable": True}}
        if path.startswith("sys/internal/ui/mounts/"):
            return self._mount(path.removeprefix("sys/internal/ui/mounts/"), ticket)
        listed = request.method == "LIST"
        mount = next(name for name in MOUNTS if path.startswith(f"{name}/"))
        within = path.removeprefix(f"{mount}/")
        if MOUNTS[mount] == 2:
            within = within.removeprefix("metadata/" if listed else "data/")
        name = f"{mount}/{within}"
        if ticket.paths and (listed or name not in ticket.paths):
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        return self._list(name) if listed else self._read(name, MOUNTS[mount])

    def _mount(self, path: str, ticket: Ticket) -> Answer:
        mount = next((name for name in MOUNTS if path.startswith(f"{name}/")), None)
        seen = mount and (not ticket.paths or any(allowed.startswith(f"{mount}/") for allowed in ticket.paths))
        if not seen:
            reason = "preflight capability check returned 403, please ensure client's policies grant access to path"
            return 403, {"errors": [f'{reason} "{path}/"']}
        # Mounts from before there were versions have no options at all.
        options = {"version": "2"} if MOUNTS[mount] == 2 else None
        return 200, {"data": {"type": "kv", "path": f"{mount}/", "options": options}}

    def _list(self, folder: str) -> Answer:
        keys = sorted(
            {path.removeprefix(f"{folder}/").split("/")[0] for path in self._secrets if path.startswith(f"{folder}/")}
        )
        return (200, {"data": {"keys": keys}}) if keys else (404, {"errors": []})

    def _read(self, name: str, version: int) -> Answer:
        if name not in self._secrets:
            return 404, {"errors": []}
        fields = self._secrets[name]
        if version == 1:
            return (404, {"errors": []}) if fields is DELETED else (200, {"data": fields})
        deleted = fields is DELETED
        metadata = {"version": 1, "destroyed": False, "deletion_time": "2026-01-01T00:00:00Z" if deleted else ""}
        return (404 if deleted else 200), {"data": {"data": None if deleted else fields, "metadata": metadata}}

    def _log_in(self, mount: str, body: dict[str, str]) -> Answer:
        who = body.get("role_id") or body.get("role", "")
        life = self._logins.get((mount, who, body.get("secret_id") or body.get("jwt", "")))
        if life is not None:
            auth = {"client_token": self._issue(**life), "lease_duration": life["ttl"], "renewable": life["renewable"]}
            return 200, {"auth": auth}
        if mount == "kubernetes":
            return 403, {"errors": ["permission denied"]}
        if mount == "approle":
            return 400, {"errors": ["invalid role or secret ID"]}
        if mount == "jwt":
            return 400, {"errors": ["error validating token: invalid signature"]}
        return 404, {"errors": [f'no handler for route "auth/{mount}/login". route entry not found.']}

    def _issue(self, **life: Any) -> str:
        token = f"hvs.{uuid4().hex}"
        self._tickets[token] = Ticket(**life)
        return token


@contextmanager
def running_vault(folder: Path | None = None) -> Iterator[FakeVault]:
    """A fake Vault that listens until the block is left.

    Args:
        folder: where its certificate goes; without one it does not speak TLS.
    """
    vault = FakeVault()
    with ExitStack() as stack:
        vault.address = stack.enter_context(listening(vault.answer))
        if folder:
            made = server_certificate(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(made.certificate, made.key)
            vault.authority = made.authority
            vault.secure_address = stack.enter_context(listening(vault.answer, context))
        yield vault
