"""Which environment this process runs in, and every setting it takes from environment variables.

The only module that reads ``os.environ``: whoever wants to know what can be set looks at
:data:`VARIABLES`, and whoever needs a value gets it from :func:`current`. Secrets are never read
here; an :class:`Environment` holds references to them (see ``data_platform.secrets``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from data_platform.errors import ConfigurationError, InsecureAddressError, UnknownEnvironmentError

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent

CATALOG_TOKEN: Final = "vault:secret-data/dagster/openmetadata#jwt_token"  # noqa: S105 - a reference, not a secret
DEMO_CATALOG_TOKEN: Final = "file:.demo/secrets/catalog_token"  # noqa: S105 - a reference, not a secret

AUTH_METHODS: Final = ("token", "approle", "kubernetes", "jwt", "aws")
_SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"

VARIABLES: Final[Mapping[str, str]] = {
    "DAGSTER_ENVIRONMENT": "which environment to load: dev (default), qa, production or demo",
    "DATA_PLATFORM_CATALOG_URL": "URL of the catalog's API, in place of the environment's own",
    "DATA_PLATFORM_DAGSTER_URL": "URL of Dagster's UI, for links to runs, in place of the environment's own",
    "DATA_PLATFORM_INGESTION_PYTHON": "interpreter that runs the workflows, in place of .venv-ingestion/bin/python",
    "DATA_PLATFORM_INGESTION_IMAGE": "image of the ingestion environment; with it each workflow runs in a pod",
    "DATA_PLATFORM_INGESTION_SERVICE_ACCOUNT": "service account of those pods, in place of data-platform-ingestion",
    "VAULT_ADDR": "address of the Vault server, in place of the environment's own",
    "VAULT_NAMESPACE": "Vault Enterprise namespace of the secrets",
    "VAULT_CACERT": "file with the certificate authorities to verify Vault with, in place of the system's",
    "VAULT_AUTH_METHOD": f"how to log in to Vault: {', '.join(AUTH_METHODS)}; in place of the environment's own",
    "VAULT_AUTH_MOUNT": "where the method is enabled in Vault, in place of auth/<method>",
    "VAULT_AUTH_ROLE": "role to log in to Vault as, with kubernetes, jwt and aws",
    "VAULT_TOKEN": "token for Vault, in place of ~/.vault-token; with it the method is token unless another is set",
    "VAULT_ROLE_ID": "role id, with approle",
    "VAULT_SECRET_ID": "secret id, with approle",
    "VAULT_SECRET_ID_FILE": "file with the secret id, in place of VAULT_SECRET_ID",
    "VAULT_JWT_FILE": "file with the signed token, with jwt; with kubernetes in place of the pod's service account",
    "DATA_PLATFORM_STORE_SERVICE_CONNECTION": "true or false: whether the catalog is sent sources' connections",
}

_SECRETS: Final = frozenset({"VAULT_TOKEN", "VAULT_SECRET_ID"})

# What a child process needs of its surroundings to run at all; everything else stays behind.
_PASSED_ON: Final = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    # the role that a machine or a pod has on AWS, for sources whose connection holds no keys
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    *(name for name in VARIABLES if name.startswith("VAULT_")),
)  # fmt: skip


@dataclass(frozen=True)
class VaultAuth:
    """How to log in to Vault.

    Attributes:
        method: one of :data:`AUTH_METHODS`.
        mount: where it is enabled, below ``auth/``.
        role: with kubernetes, jwt and aws; empty otherwise.
    """

    method: str
    mount: str
    role: str


@dataclass(frozen=True)
class Environment:
    """What differs between environments, beside what sources say of themselves.

    Attributes:
        name: one of :data:`ENVIRONMENTS`.
        catalog_url: the catalog's API, without a slash at its end, for example ``http://localhost:8585/api``.
        catalog_token: reference to the token of the catalog's ingestion bot.
        vault_address: where ``vault:`` references are resolved.
        vault_auth: how to log in there.
        dagster_url: Dagster's UI, without a slash at its end.
        encrypted: whether Vault and the catalog must be reached by TLS; loopback addresses need none.
        store_service_connection: whether the catalog is sent sources' connections, secrets included.
        schedules: names of the schedules that it may have; somebody still has to start them.
    """

    name: str
    catalog_url: str
    catalog_token: str
    vault_address: str
    vault_auth: VaultAuth
    dagster_url: str
    encrypted: bool
    store_service_connection: bool
    schedules: tuple[str, ...] = (
        "metadata_ingestion_schedule",
        "critical_metadata_schedule",
        "query_log_schedule",
    )

    def require_encryption(self, setting: str, url: str) -> None:
        """Refuse an address where secrets would cross the network in the clear.

        Args:
            setting: what sets the address, for the error; the address itself may hold a password.
            url: the address.

        Raises:
            InsecureAddressError: this environment wants TLS, and the address has none and is not this machine.
        """
        parts = urlsplit(url)
        if self.encrypted and parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            raise InsecureAddressError(
                f"the {self.name} environment wants an encrypted connection",
                source=setting,
                remedy="set it to an address that begins with https://",
            )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


_LOCAL: Final = Environment(
    "dev",
    catalog_url="http://localhost:8585/api",
    catalog_token=CATALOG_TOKEN,
    vault_address="http://localhost:8200",
    vault_auth=VaultAuth("token", "token", ""),
    dagster_url="http://localhost:3000",
    encrypted=False,
    store_service_connection=True,
)


def _deployed(name: str, suffix: str) -> Environment:
    return Environment(
        name,
        catalog_url=f"https://openmetadata{suffix}.odl.mit.edu/api",
        catalog_token=CATALOG_TOKEN,
        vault_address=f"https://vault{suffix}.odl.mit.edu",
        vault_auth=VaultAuth("kubernetes", "kubernetes", "data-platform"),
        dagster_url=f"https://pipelines{suffix}.odl.mit.edu",
        encrypted=True,
        store_service_connection=False,
    )


ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    environment.name: environment
    for environment in (
        _LOCAL,
        _deployed("qa", "-qa"),
        _deployed("production", ""),
        replace(_LOCAL, name="demo", catalog_token=DEMO_CATALOG_TOKEN),
    )
}


def current() -> Environment:
    """The environment that ``DAGSTER_ENVIRONMENT`` names, with its overrides.

    Raises:
        UnknownEnvironmentError: the name is not a known one.
        ConfigurationError: an override cannot be read.
    """
    return named(os.environ.get("DAGSTER_ENVIRONMENT") or "dev")


def named(name: str) -> Environment:
    """An environment with the overrides of this process.

    Raises:
        UnknownEnvironmentError: the name is not a known one.
        ConfigurationError: an override cannot be read.
    """
    known = ENVIRONMENTS.get(name)
    if known is None:
        raise UnknownEnvironmentError(
            f"there is no environment {name!r}",
            source="DAGSTER_ENVIRONMENT",
            remedy=f"set it to one of {', '.join(ENVIRONMENTS)}",
        )
    return replace(
        known,
        catalog_url=_address("DATA_PLATFORM_CATALOG_URL", known.catalog_url).rstrip("/"),
        vault_address=_address("VAULT_ADDR", known.vault_address),
        dagster_url=(os.environ.get("DATA_PLATFORM_DAGSTER_URL") or known.dagster_url).rstrip("/"),
        vault_auth=_vault_auth(known.vault_auth),
        store_service_connection=_switch("DATA_PLATFORM_STORE_SERVICE_CONNECTION", known.store_service_connection),
    )


def choose(name: str) -> None:
    """Let the rest of this process work in another environment, as if ``DAGSTER_ENVIRONMENT`` had named it."""
    os.environ["DAGSTER_ENVIRONMENT"] = name


def _vault_auth(own: VaultAuth) -> VaultAuth:
    """The environment's own way into Vault, unless another is set; a token that is set wants to be used."""
    method = os.environ.get("VAULT_AUTH_METHOD") or ("token" if os.environ.get("VAULT_TOKEN") else own.method)
    same = method == own.method
    return VaultAuth(
        method=method,
        mount=os.environ.get("VAULT_AUTH_MOUNT") or (own.mount if same else method),
        role=os.environ.get("VAULT_AUTH_ROLE") or (own.role if same else ""),
    )


def _address(name: str, default: str) -> str:
    """An address that errors may quote, and so one without a secret."""
    value = os.environ.get(name) or default
    if "@" in urlsplit(value).netloc:
        raise ConfigurationError(
            "holds a user or a password, which errors would show", source=name, remedy="set it to the address alone"
        )
    return value


def _switch(name: str, default: bool) -> bool:
    value = (os.environ.get(name) or str(default)).lower()
    if value not in {"true", "false"}:
        raise ConfigurationError("is neither true nor false", source=name, remedy="set it to one of them")
    return value == "true"


def ingestion_python() -> Path:
    """The interpreter of the ingestion environment; it need not exist."""
    chosen = os.environ.get("DATA_PLATFORM_INGESTION_PYTHON")
    return Path(chosen) if chosen else PROJECT_ROOT / ".venv-ingestion" / "bin" / "python"


def vault_token() -> str | None:
    """The token for Vault: ``VAULT_TOKEN``, else what ``vault login`` left in the home folder."""
    return os.environ.get("VAULT_TOKEN") or _contents(Path.home() / ".vault-token")


def vault_role_id() -> str | None:
    """The role id for Vault's AppRole, or None."""
    return os.environ.get("VAULT_ROLE_ID")


def vault_secret_id() -> str | None:
    """The secret id for Vault's AppRole, or None."""
    file = os.environ.get("VAULT_SECRET_ID_FILE")
    return _contents(Path(file)) if file else os.environ.get("VAULT_SECRET_ID")


def vault_jwt(method: str) -> str | None:
    """The signed token to log in to Vault with, or None.

    Args:
        method: ``kubernetes`` or ``jwt``.
    """
    file = os.environ.get("VAULT_JWT_FILE") or (_SERVICE_ACCOUNT if method == "kubernetes" else None)
    return _contents(Path(file)) if file else None


def _contents(file: Path) -> str | None:
    return file.read_text().strip() if file.is_file() else None


def vault_namespace() -> str | None:
    """Vault Enterprise namespace, or None."""
    return os.environ.get("VAULT_NAMESPACE") or None


def vault_certificates() -> str | None:
    """Path of the CA bundle to verify Vault with, or None for the system's."""
    return os.environ.get("VAULT_CACERT") or None


def lifeline(name: str) -> int | None:
    """The file descriptor by which a launcher on the same machine holds its child, or None."""
    held = os.environ.get(name)
    return int(held) if held else None


def variable(name: str) -> str:
    """The value of one variable that an ``env:`` reference names.

    Raises:
        ConfigurationError: it is not set.
    """
    value = os.environ.get(name)
    if value is None:
        raise ConfigurationError(
            f"the environment variable {name} is not set", remedy=f"export {name} where Dagster runs"
        )
    return value


def extended(values: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with more variables, for a program that it becomes."""
    return {**os.environ, **values}


def ingestion_image() -> str | None:
    """The image whose pods run the workflows, or None where they run beside Dagster."""
    return os.environ.get("DATA_PLATFORM_INGESTION_IMAGE") or None


def ingestion_service_account() -> str:
    """Name of the service account of the pods that run workflows."""
    return os.environ.get("DATA_PLATFORM_INGESTION_SERVICE_ACCOUNT") or "data-platform-ingestion"


def for_pod() -> dict[str, str]:
    """The variables of a pod that runs a workflow: how to reach Vault, and no secret, for who reads pods reads them."""
    return {
        name: os.environ[name]
        for name in VARIABLES
        if name.startswith("VAULT_") and name not in _SECRETS and name in os.environ
    }


def for_child(extra: Iterable[str]) -> dict[str, str]:
    """The environment of a child process: what it needs to run, and the variables its references name."""
    return {name: os.environ[name] for name in (*_PASSED_ON, *extra) if name in os.environ}
