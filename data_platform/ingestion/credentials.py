"""How this process gets at secrets: an environment's settings, put together to a resolver.

Nothing is asked of Vault before the first ``vault:`` reference is resolved.
"""

from __future__ import annotations

from data_platform import environment
from data_platform.environment import AUTH_METHODS, Environment, VaultAuth
from data_platform.errors import ConfigurationError
from data_platform.secrets import AppRole, Aws, Jwt, Login, Resolver, Token, Vault


def resolver(here: Environment, *, vault_address: str | None = None) -> Resolver:
    """What resolves references in an environment.

    Args:
        here: the environment.
        vault_address: in place of the environment's.

    Raises:
        ConfigurationError: Vault is to be reached without TLS where that is not allowed, or logged in to in a way
            that there is not.
    """
    address = vault_address or here.vault_address
    here.require_encryption("VAULT_ADDR", address)
    vault = Vault(
        address,
        login(here.vault_auth),
        namespace=environment.vault_namespace(),
        certificates=environment.vault_certificates(),
    )
    return Resolver(variable=environment.variable, vault=vault, root=environment.PROJECT_ROOT)


def login(auth: VaultAuth) -> Login:
    """How to log in to Vault.

    Raises:
        ConfigurationError: there is no such method, or it needs a role and has none.
    """
    if auth.method in {"kubernetes", "jwt", "aws"} and not auth.role:
        raise ConfigurationError(
            f"Vault's {auth.method} method needs a role", source="VAULT_AUTH_ROLE", remedy="set it to the role's name"
        )
    match auth.method:
        case "token":
            return Token(environment.vault_token)
        case "approle":
            return AppRole(environment.vault_role_id, environment.vault_secret_id, auth.mount)
        case "kubernetes" | "jwt":
            return Jwt(auth.role, lambda: environment.vault_jwt(auth.method), auth.mount)
        case "aws":
            return Aws(auth.role, auth.mount)
        case unknown:
            raise ConfigurationError(
                f"there is no way {unknown!r} to log in to Vault",
                source="VAULT_AUTH_METHOD",
                remedy=f"set it to one of {', '.join(AUTH_METHODS)}",
            )
