"""HashiCorp's Vault as tests use it: one node with raft storage, with and without TLS."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import hvac
import hvac.exceptions
import jwt
import requests.exceptions
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_platform_tests.fakes import Answer, Request, listening
from data_platform_tests.vaults.certificates import Certificates, server_certificate
from data_platform_tests.vaults.server import ROLE, Ids, VaultServer

_CONFIG = """
disable_mlock = true
api_addr = "{address}"
cluster_addr = "http://127.0.0.1:{cluster}"
storage "raft" {{
  path = "{data}"
  node_id = "one"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "127.0.0.1:{plain}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
listener "tcp" {{
  address = "127.0.0.1:{secure}"
  cluster_address = "127.0.0.1:{secure_cluster}"
  tls_cert_file = "{certificates.certificate}"
  tls_key_file = "{certificates.key}"
}}
"""

_ACCOUNT = {"namespace": "dagster", "serviceaccount": {"name": "data-platform", "uid": "u-1"}}


class RealVault(VaultServer):
    """A running node.

    Args:
        address: where it listens, without TLS.
        secure_address: where it listens with TLS.
        certificates: of the latter.
        cluster: address of the API server that it asks about service accounts.
    """

    short = 3.0  # Vault counts in whole seconds

    def __init__(self, address: str, secure_address: str, certificates: Certificates, cluster: str) -> None:
        self.address = address
        self.secure_address = secure_address
        self.authority = certificates.authority
        self._cluster = cluster
        self._root = hvac.Client(address)
        _until(lambda: self._root.sys.is_initialized() is False)
        keys = self._root.sys.initialize(secret_shares=1, secret_threshold=1)
        self._key = keys["keys"][0]
        self._root.token = keys["root_token"]
        self.recover()
        for mount, version in {"secret-data": "2", "team/kv": "2", "old": "1"}.items():
            self._root.sys.enable_secrets_engine("kv", path=mount, options={"version": version})
        # A new mount of version 2 is not ready at once.
        _until(lambda: self._wrote("secret-data") and self._wrote("team/kv"))
        for method in ("approle", "kubernetes", "jwt"):
            self._root.sys.enable_auth_method(method)
        self._signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._configure_signed_tokens()

    def close(self) -> None:
        """Give its connections back."""
        self._root.adapter.close()

    def write(self, path: str, fields: Mapping[str, Any]) -> None:
        mount, within = _split(path)
        if mount == "old":
            self._root.secrets.kv.v1.create_or_update_secret(within, dict(fields), mount_point=mount)
        else:
            self._root.secrets.kv.v2.create_or_update_secret(within, dict(fields), mount_point=mount)

    def delete(self, path: str) -> None:
        mount, within = _split(path)
        self._root.secrets.kv.v2.delete_latest_version_of_secret(within, mount_point=mount)

    def token(self, *paths: str, ttl: float = 3600, renewable: bool = False) -> str:
        return self.token_with(_rules(paths), ttl=ttl, renewable=renewable)

    def token_with(self, rules: str, ttl: float = 3600, renewable: bool = False) -> str:
        """A token with a policy."""
        answer = self._root.auth.token.create(
            policies=[self._policy(rules)], ttl=f"{ttl:g}s", renewable=renewable, no_parent=True
        )
        return answer["auth"]["client_token"]

    def app_role(self, *paths: str, ttl: float = 3600, longest: float = 3600) -> Ids:
        name = uuid4().hex
        self._root.auth.approle.create_or_update_approle(
            name, token_policies=[self._policy(_rules(paths))], token_ttl=f"{ttl:g}s", token_max_ttl=f"{longest:g}s"
        )
        return Ids(
            self._root.auth.approle.read_role_id(name)["data"]["role_id"],
            self._root.auth.approle.generate_secret_id(name)["data"]["secret_id"],
        )

    def signed(self, method: str, *paths: str) -> str:
        policies = [self._policy(_rules(paths))]
        if method == "kubernetes":
            self._root.auth.kubernetes.create_role(
                ROLE, ["data-platform"], ["dagster"], policies=policies, audience="vault"
            )
        else:
            self._root.auth.jwt.create_role(
                ROLE, "sub", [], role_type="jwt", bound_audiences=["vault"], token_policies=policies
            )
        now = int(time.time())
        life = {"iat": now, "nbf": now, "exp": now + 3600}
        claims = {"sub": "data-platform", "aud": ["vault"], "kubernetes.io": _ACCOUNT, **life}
        return jwt.encode(claims, self._signer, algorithm="RS256")

    def seal(self) -> None:
        self._root.sys.seal()

    def stand_by(self) -> None:
        """A node that steps down waits for ten seconds before it takes over again."""
        self._root.sys.step_down()

    def recover(self) -> None:
        if self._health()["sealed"]:
            self._root.sys.submit_unseal_key(self._key)
        _until(lambda: not self._health()["standby"])

    def _health(self) -> dict[str, Any]:
        answer = self._root.sys.read_health_status(method="GET")
        return answer if isinstance(answer, dict) else answer.json()

    def _wrote(self, mount: str) -> bool:
        try:
            self.write(f"{mount}/ready", {"x": "y"})
        except (hvac.exceptions.InvalidRequest, hvac.exceptions.InvalidPath):
            return False
        return True

    def _policy(self, rules: str) -> str:
        name = uuid4().hex
        self._root.sys.create_or_update_policy(name, rules)
        return name

    def _configure_signed_tokens(self) -> None:
        public = self._signer.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._root.auth.jwt.configure(jwt_validation_pubkeys=[public.decode()])
        self._root.auth.kubernetes.configure(self._cluster, token_reviewer_jwt="reviewer", disable_local_ca_jwt=True)

    def review(self, request: Request) -> Answer:
        """What a cluster's API server says of a service account's token; the one thing that Vault asks it."""
        token = request.json["spec"]["token"]
        try:
            jwt.decode(token, self._signer.public_key(), algorithms=["RS256"], audience="vault")
        except jwt.InvalidTokenError:
            return 201, {"status": {"authenticated": False}}
        user = {"username": "system:serviceaccount:dagster:data-platform", "uid": "u-1"}
        return 201, {"status": {"authenticated": True, "user": user, "audiences": ["vault"]}}


@contextmanager
def running_real_vault(program: Path, folder: Path) -> Iterator[RealVault]:
    """A Vault that runs until the block is left.

    Args:
        program: the program ``vault``.
        folder: an empty folder for its data.
    """
    plain, secure, cluster, secure_cluster = _free_ports(4)
    certificates = server_certificate(folder)
    data = folder / "data"
    data.mkdir()
    config = folder / "vault.hcl"
    address = f"http://127.0.0.1:{plain}"
    config.write_text(_CONFIG.format(**locals()))
    reviewers: list[RealVault] = []
    with ExitStack() as stack:
        log = stack.enter_context((folder / "vault.log").open("wb"))
        process = subprocess.Popen([program, "server", f"-config={config}"], stdout=log, stderr=subprocess.STDOUT)
        stack.callback(_end, process)
        api = stack.enter_context(listening(lambda request: reviewers[0].review(request)))
        vault = RealVault(address, f"https://127.0.0.1:{secure}", certificates, api)
        stack.callback(vault.close)
        reviewers.append(vault)
        yield vault


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


def _split(path: str) -> tuple[str, str]:
    mount = next(mount for mount in ("secret-data", "team/kv", "old") if path.startswith(f"{mount}/"))
    return mount, path.removeprefix(f"{mount}/")


def _data(path: str) -> str:
    mount, within = _split(path)
    return path if mount == "old" else f"{mount}/data/{within}"


def _rules(paths: tuple[str, ...]) -> str:
    allowed = [_data(path) for path in paths] or ["secret-data/*", "team/kv/*", "old/*"]
    return "".join(f'path "{path}" {{ capabilities = ["read", "list"] }}\n' for path in allowed)


def _until(condition: Callable[[], bool], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with suppress(requests.exceptions.ConnectionError):
            if condition():
                return
        time.sleep(0.1)
    raise TimeoutError(f"Vault was not ready in {timeout:g} seconds")


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [probe.getsockname()[1] for probe in probes]
