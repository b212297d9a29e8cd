"""Tokens: RS256 JWTs of the shape OpenMetadata issues, signed by the data folder's key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data_platform.errors import ConfigurationError
from data_platform.server.keys import Keys
from data_platform.server.problems import UnauthorizedError

SUBJECTS = {"admin": False, "ingestion-bot": True}
"""Who ``issue_token`` knows, and whether that is a bot."""

_ISSUER = "open-metadata.org"


def issue_token(data: Path, subject: str, *, lifetime: timedelta = timedelta(days=30)) -> str:
    """A signed token for a subject of the server on ``data``; the server need not run.

    Raises:
        ConfigurationError: an unknown subject.
        ServerError: the data folder cannot be used.
    """
    if subject not in SUBJECTS:
        raise ConfigurationError(
            f"unknown subject {subject!r}", source="token", remedy=f"use one of {', '.join(sorted(SUBJECTS))}"
        )
    return sign(Keys(data), subject, is_bot=SUBJECTS[subject], lifetime=lifetime)


def sign(keys: Keys, subject: str, *, is_bot: bool, lifetime: timedelta) -> str:
    """A token for any user of the catalog."""
    import jwt

    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": _ISSUER,
        "sub": subject,
        "email": f"{subject}@open-metadata.org",
        "isBot": is_bot,
        "tokenType": "BOT" if is_bot else "PERSONAL_ACCESS",
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, keys.private_pem, algorithm="RS256")


def subject_of(keys: Keys, header: str | None) -> str:
    """The subject of an ``Authorization`` header.

    Raises:
        UnauthorizedError: no token, or one that is expired, of another key, or no token at all.
    """
    import jwt

    if not header:
        raise UnauthorizedError("Not Authorized! Token not present")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthorizedError("Not Authorized! Token not present")
    try:
        claims = jwt.decode(
            token.strip(),
            keys.public_pem,
            algorithms=["RS256"],
            issuer=_ISSUER,
            options={"require": ["exp", "sub"], "verify_iat": False},
        )
    except jwt.ExpiredSignatureError:
        raise UnauthorizedError("Expired token!") from None
    except jwt.InvalidTokenError:
        raise UnauthorizedError("Not Authorized! Invalid token") from None
    return str(claims["sub"]).lower()
