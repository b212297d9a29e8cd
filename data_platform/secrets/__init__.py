"""Secret references, and how the process that needs them resolves them.

- ``references``: what a reference looks like, and where one is inside a document
- ``resolver``: from references to values
- ``vault``: reads Vault's KV engine; ``login`` lets it in, ``failures`` says why it did not answer

Nothing here reads an environment variable or keeps a value longer than its :class:`Resolver` lives, and no error
holds one.
"""

from data_platform.secrets.login import AppRole, Aws, Jwt, Login, Token
from data_platform.secrets.references import FORMS, contains_reference, is_reference, malformed, references, variables
from data_platform.secrets.resolver import Resolver
from data_platform.secrets.vault import Vault

__all__ = [
    "FORMS",
    "AppRole",
    "Aws",
    "Jwt",
    "Login",
    "Resolver",
    "Token",
    "Vault",
    "contains_reference",
    "is_reference",
    "malformed",
    "references",
    "variables",
]
