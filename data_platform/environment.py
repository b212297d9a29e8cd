"""Which environment this process runs in, and every setting it takes from environment variables.

The only module that reads ``os.environ``: whoever wants to know what can be set looks at
:data:`VARIABLES`, and whoever needs a value gets it from :func:`current`. Secrets are never read
here; an :class:`Environment` holds references to them (see ``data_platform.secrets``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_platform.errors import ConfigurationError, UnknownEnvironmentError

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent

CATALOG_TOKEN: Final = "vault:secret-data/dagster/openmetadata#jwt_token"  # noqa: S105 - a reference, not a secret
DEMO_CATALOG_TOKEN: Final = "file:.demo/secrets/catalog_token"  # noqa: S105 - a reference, not a secret

VARIABLES: Final[Mapping[str, str]] = {
    "DAGSTER_ENVIRONMENT": "which environment to load: dev (default), qa, production or demo",
    "DATA_PLATFORM_CATALOG_URL": "URL of the catalog's API, in place of the environment's own",
    "DATA_PLATFORM_DAGSTER_URL": "URL of Dagster's UI, for links to runs, in place of the environment's own",
    "DATA_PLATFORM_INGESTION_PYTHON": "interpreter that runs the workflows, in place of .venv-ingestion/bin/python",
    "VAULT_ADDR": "address of the Vault server, in place of the environment's own",
    "VAULT_TOKEN": "token to authenticate to Vault with, in place of ~/.vault-token",
    "VAULT_NAMESPACE": "Vault Enterprise namespace of the secrets",
    "VAULT_CACERT": "file with the certificate authorities to verify Vault with",
}

# What a child process needs of its surroundings to run at all; everything else stays behind.
_PASSED_ON: Final = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    # the role that a machine or a pod has on AWS, for sources whose connection holds no keys
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT",
)  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """What differs between environments.

    Attributes:
        name: one of :data:`ENVIRONMENTS`.
        catalog_url: the catalog's API, without a slash at its end, for example ``http://localhost:8585/api``.
        catalog_token: reference to the token of the catalog's ingestion bot.
        vault_address: where ``vault:`` references are resolved.
        dagster_url: Dagster's UI, without a slash at its end.
    """

    name: str
    catalog_url: str
    catalog_token: str
    vault_address: str
    dagster_url: str = "http://localhost:3000"


ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    environment.name: environment
    for environment in (
        Environment("dev", "http://localhost:8585/api", CATALOG_TOKEN, "http://localhost:8200"),
        Environment(
            "qa",
            "https://openmetadata-qa.odl.mit.edu/api",
            CATALOG_TOKEN,
            "https://vault-qa.odl.mit.edu",
            "https://pipelines-qa.odl.mit.edu",
        ),
        Environment(
            "production",
            "https://openmetadata.odl.mit.edu/api",
            CATALOG_TOKEN,
            "https://vault.odl.mit.edu",
            "https://pipelines.odl.mit.edu",
        ),
        Environment("demo", "http://localhost:8585/api", DEMO_CATALOG_TOKEN, "http://localhost:8200"),
    )
}


def current() -> Environment:
    """The environment that ``DAGSTER_ENVIRONMENT`` names, with its overrides.

    Raises:
        UnknownEnvironmentError: the name is not a known one.
    """
    name = os.environ.get("DAGSTER_ENVIRONMENT") or "dev"
    known = ENVIRONMENTS.get(name)
    if known is None:
        raise UnknownEnvironmentError(
            f"there is no environment {name!r}",
            source="DAGSTER_ENVIRONMENT",
            remedy=f"set it to one of {', '.join(ENVIRONMENTS)}",
        )
    return Environment(
        name=known.name,
        catalog_url=(os.environ.get("DATA_PLATFORM_CATALOG_URL") or known.catalog_url).rstrip("/"),
        catalog_token=known.catalog_token,
        vault_address=os.environ.get("VAULT_ADDR") or known.vault_address,
        dagster_url=(os.environ.get("DATA_PLATFORM_DAGSTER_URL") or known.dagster_url).rstrip("/"),
    )


def choose(name: str) -> None:
    """Let the rest of this process work in another environment, as if ``DAGSTER_ENVIRONMENT`` had named it."""
    os.environ["DAGSTER_ENVIRONMENT"] = name


def ingestion_python() -> Path:
    """The interpreter of the ingestion environment; it need not exist."""
    chosen = os.environ.get("DATA_PLATFORM_INGESTION_PYTHON")
    return Path(chosen) if chosen else PROJECT_ROOT / ".venv-ingestion" / "bin" / "python"


def vault_token() -> str | None:
    """The token for Vault: ``VAULT_TOKEN``, else what ``vault login`` left in the home folder."""
    token = os.environ.get("VAULT_TOKEN")
    if token:
        return token
    file = Path.home() / ".vault-token"
    return file.read_text().strip() if file.is_file() else None


def vault_namespace() -> str | None:
    """Vault Enterprise namespace, or None."""
    return os.environ.get("VAULT_NAMESPACE") or None


def vault_certificates() -> str | None:
    """Path of the CA bundle to verify Vault with, or None for the system's."""
    return os.environ.get("VAULT_CACERT") or None


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


def for_child(extra: Iterable[str]) -> dict[str, str]:
    """The environment of a child process: what it needs to run, and the variables its references name."""
    return {name: os.environ[name] for name in (*_PASSED_ON, *extra) if name in os.environ}
