"""Every error that this package raises on purpose, in one tree.

Each error says what failed, on which source, and what to do about it, in one sentence that a person
can act on. ``permanent`` decides whether Dagster may retry the step: repeating a permanent error
without a change somewhere else cannot succeed.
"""

from __future__ import annotations

from typing import ClassVar


class DataPlatformError(Exception):
    """Base of the tree.

    Attributes:
        permanent: true when a retry cannot help.
        what: the failure, without a full stop at its end.
        source: the source or setting at fault, for example ``trino`` or ``DAGSTER_ENVIRONMENT``.
        remedy: what the reader can do, an imperative sentence without a full stop.
    """

    permanent: ClassVar[bool] = True

    def __init__(self, what: str, *, source: str | None = None, remedy: str | None = None) -> None:
        self.what = what.rstrip(".")
        self.source = source
        self.remedy = remedy.rstrip(".") if remedy else None
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """``<source>: <what>: <remedy>.``, with the parts that are known."""
        head = f"{self.source}: {self.what}" if self.source else self.what
        return f"{head}: {self.remedy}." if self.remedy else f"{head}."


class ConfigurationError(DataPlatformError):
    """A definition, setting or command line that cannot work as written."""


class UnknownEnvironmentError(ConfigurationError):
    """An environment name that is not one of the known ones."""


class IncompatibleEnvironmentError(ConfigurationError):
    """The Python environment lacks, or has a wrong version of, what this process needs."""


class InsecureAddressError(ConfigurationError):
    """An address without TLS where secrets would cross the network in the clear."""


class SecretError(DataPlatformError):
    """A secret reference that could not be resolved; never holds a secret's value."""


class MalformedReferenceError(SecretError):
    """Text that begins like a secret reference and is none."""


class SecretNotFoundError(SecretError):
    """Nothing is where a reference points."""


class SecretFieldNotFoundError(SecretError):
    """The secret is there and has no such field."""


class SecretRefusedError(SecretError):
    """The token is good, and its policies leave the secret out."""


class SecretUnusableError(SecretError):
    """What is stored is empty, binary or no text."""


class VaultLoginError(SecretError):
    """Vault lets this process not in: no credentials, wrong ones, or a token that has ended."""


class VaultCertificateError(SecretError):
    """Vault's certificate cannot be verified."""


class VaultRedirectError(SecretError):
    """Vault sends its clients elsewhere, in circles or out of TLS."""


class VaultUnreachableError(SecretError):
    """Vault did not answer, or not as it should."""

    permanent = False


class VaultSealedError(VaultUnreachableError):
    """Vault answers and is sealed or was never initialized."""


class VaultStandbyError(VaultUnreachableError):
    """A standby node of Vault answers and finds no active one."""


class CatalogError(DataPlatformError):
    """The metadata catalog refused or failed a request."""


class CatalogUnreachableError(CatalogError):
    """The catalog did not answer, or answered that it is overloaded."""

    permanent = False


class CatalogUnauthorizedError(CatalogError):
    """The catalog refused the token."""


class CatalogVersionError(CatalogError):
    """The catalog's version and the ingestion client's do not work together."""


class EntityNotFoundError(CatalogError):
    """No entity of that type and name in the catalog."""


class SourceError(DataPlatformError):
    """The source of the metadata could not be read."""


class SourceUnreachableError(SourceError):
    """Nothing answers at the source's address."""

    permanent = False


class SourceRefusedError(SourceError):
    """The source answered and refused: credentials, permissions, an unknown database or schema."""


class SourceEmptyError(SourceError):
    """The source lists nothing, or nothing any more where it had records."""


class WorkflowError(DataPlatformError):
    """An OpenMetadata workflow that did not do what it was asked to."""


class DiskFullError(WorkflowError):
    """The machine has too little space for what a workflow writes while it runs."""

    permanent = False


class WorkflowFailedError(WorkflowError):
    """The workflow ended with failures that another run may not meet."""

    permanent = False


class RecordsRefusedError(WorkflowError):
    """The catalog refused records, and would refuse them again."""


class WorkflowTimeoutError(WorkflowError):
    """The workflow did not end in its time."""

    permanent = False


class WorkflowInterruptedError(WorkflowError):
    """The workflow was told to stop."""

    permanent = False


class ChildCrashedError(WorkflowError):
    """The child process ended without a verdict."""

    permanent = False


class ProtocolMismatchError(WorkflowError):
    """Launcher and child are of different versions."""


class AlertError(DataPlatformError):
    """A message to people that could not be delivered."""

    permanent = False


class ServerError(DataPlatformError):
    """The embedded catalog server cannot start or cannot use its data folder."""
