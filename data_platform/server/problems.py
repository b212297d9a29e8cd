"""What the API refuses, as exceptions that become ``{"code", "message"}`` with an HTTP status."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request that ends in an error reply.

    Attributes:
        status: the HTTP status, repeated as ``code`` in the body, where the official client reads it.
        message: one sentence for the person behind the client.
    """

    status = 500

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    @property
    def body(self) -> dict[str, Any]:
        return {"code": self.status, "message": self.message}


class BadRequestError(ApiError):
    """The request cannot be read, or what it asks for breaks a rule."""

    status = 400


class UnauthorizedError(ApiError):
    """No token, or one that does not verify."""

    status = 401


class ForbiddenError(ApiError):
    """A verified token whose subject may not do this."""

    status = 403


class NotFoundError(ApiError):
    """No such entity, or no such route."""

    status = 404


class ConflictError(ApiError):
    """The entity exists already."""

    status = 409


class PreconditionFailedError(ApiError):
    """The entity has moved on since the version that ``If-Match`` names."""

    status = 412


class TooLargeError(ApiError):
    """The body is larger than the server takes."""

    status = 413


class StorageFullError(ApiError):
    """The disk is full; nothing of the request was stored."""

    status = 507


def no_instance(entity_type: str, name: str) -> NotFoundError:
    """The sentence that OpenMetadata answers for an entity that is not there."""
    return NotFoundError(f"{entity_type} instance for {name} not found")
