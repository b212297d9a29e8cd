"""What would stop a workflow is found before it starts, in three seconds at most and without the heavy import.

Used by the child of every run, and by ``data-platform doctor`` for all sources of an environment. Nothing here
writes anything, to the catalog or to the source.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar

from data_platform.errors import (
    CatalogUnauthorizedError,
    CatalogUnreachableError,
    DataPlatformError,
    DiskFullError,
    EntityNotFoundError,
    SourceRefusedError,
    SourceUnreachableError,
)
from data_platform.ingestion import dbt, inventory
from data_platform.ingestion.catalog import CatalogClient, check_versions
from data_platform.ingestion.reachability import reach
from data_platform.ingestion.schemas import Category, connectors
from data_platform.ingestion.spec import DESCRIBED, Workflow, WorkflowSpec

PATIENCE: Final = 3.0
"""Seconds for all checks together."""

# Seconds for which a request is repeated: a catalog that fails one call is not down.
_HICCUP: Final = 1.0
SOON: Final = timedelta(days=7)
_LEAST_DISK: Final = 100 * 2**20
_LITTLE_DISK: Final = 2**30
_WRITING: Final = frozenset({"Create", "EditAll"})
_REFUSED: Final = frozenset({"deny", "notAllow"})
_NEW_TOKEN: Final = "issue a new token for the ingestion bot and store it where the environment's reference points"  # noqa: S105 - a sentence


class Grade(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: what was looked at, for example ``token``.
        grade: whether a workflow can start.
        text: what was found, without a full stop.
        remedy: what to do about it, without a full stop.
        error: of a check that failed.
    """

    check: str
    grade: Grade
    text: str
    remedy: str | None = None
    error: DataPlatformError | None = None

    @property
    def sentence(self) -> str:
        """What was found and what to do."""
        return f"{self.text}: {self.remedy}." if self.remedy else f"{self.text}."


Check = Callable[[], Sequence[Finding]]
Key = TypeVar("Key", bound=Hashable)


def of_error(check: str, error: DataPlatformError) -> Finding:
    """The finding of a check that failed."""
    return Finding(check, Grade.FAILED, error.what, error.remedy, error)


def examine(spec: WorkflowSpec, connection: Mapping[str, Any], token: str, client_version: str) -> list[Finding]:
    """Everything that a run needs, of the catalog, the source and this machine.

    Args:
        spec: what is to be done.
        connection: the spec's connection with its secrets.
        token: the catalog's token.
        client_version: of the installed openmetadata-ingestion.
    """
    category = connectors()[spec.connector].category
    groups: dict[str, Check] = {
        "catalog": lambda: [
            *catalog(spec.catalog_url, token, client_version, [category]),
            *_described(spec, token),
        ],
        "source": lambda: [source(spec.service, connection)],
        "disk": lambda: [disk()],
    }
    if spec.kind is Workflow.QUERY_LOG:  # it writes to the source, also while the catalog is down
        del groups["catalog"]
    late = {
        "catalog": of_error("catalog", silent_catalog(spec.catalog_url, PATIENCE)),
        "source": of_error("source", silent_source(spec.service, PATIENCE)),
    }
    return [finding for _, finding in together(groups, late, PATIENCE)]


def silent_catalog(url: str, patience: float) -> CatalogUnreachableError:
    """What to say of a catalog that was given up after so many seconds."""
    what = f"the catalog did not answer within {patience:g} seconds"
    return CatalogUnreachableError(what, source=url, remedy="try again later")


def silent_source(service: str, patience: float) -> SourceUnreachableError:
    """What to say of a source that was given up after so many seconds."""
    what = f"the source did not answer within {patience:g} seconds"
    return SourceUnreachableError(what, source=service, remedy="check that it is up")


def together(
    groups: Mapping[Key, Check], late: Mapping[Key, Finding], patience: float
) -> Iterator[tuple[Key, Finding]]:
    """The findings of checks that run at the same time, each with its check's key; what is not done in time failed.

    Args:
        groups: the checks.
        late: what is found of a check that is not done in time, by its key; those without one are waited for. It is
            read when the time is over, so that a check may say how far it has come.
        patience: seconds for all of them.
    """
    started = {key: _started(check) for key, check in groups.items()}
    wait(started.values(), timeout=patience)
    for key, future in started.items():
        if key in late and not future.done():
            yield key, late[key]
        else:
            yield from ((key, finding) for finding in future.result())


def _started(check: Check) -> Future[Sequence[Finding]]:
    """A check that is on its way, in a thread that keeps no process from ending: what hangs may hang for minutes."""
    future: Future[Sequence[Finding]] = Future()

    def work() -> None:
        try:
            future.set_result(check())
        except BaseException as error:  # noqa: BLE001 - raised where its result is asked for
            future.set_exception(error)

    Thread(target=work, name="preflight", daemon=True).start()
    return future


def catalog(url: str, token: str, client_version: str | None, categories: Sequence[Category]) -> Iterator[Finding]:
    """Whether the catalog answers, is of the client's version, accepts the token and lets it write.

    Args:
        url: the catalog's API.
        token: its token.
        client_version: of the installed openmetadata-ingestion, or None when there is none to compare with.
        categories: of the services that are to be written.
    """
    with CatalogClient(url, token, timeout=PATIENCE, retry_timeout=_HICCUP) as client:
        try:
            version = client.version()
            if client_version is not None:
                check_versions(version, client_version, url=url)
        except DataPlatformError as error:
            yield of_error("catalog", error)
            return
        yield Finding("catalog", Grade.OK, f"{url} is OpenMetadata {version}")
        try:
            yield _token(client)
            yield from (_permission(client, category) for category in dict.fromkeys(categories))
        except DataPlatformError as error:
            yield of_error("token", error)


def _token(client: CatalogClient) -> Finding:
    """The catalog decides whether a token is good: its clock and this machine's may differ."""
    expiry, now = client.token_expiry(), datetime.now(UTC)
    try:
        client.health()
    except CatalogUnauthorizedError as error:
        if expiry is None or expiry > now:
            raise
        raise CatalogUnauthorizedError(
            f"the catalog's token expired on {expiry:%Y-%m-%d %H:%M} UTC", source=client.url, remedy=_NEW_TOKEN
        ) from error
    if expiry is None:
        return Finding("token", Grade.OK, "the catalog accepts the token, which never expires")
    if expiry <= now:
        text = f"the catalog accepts the token, which expired on {expiry:%Y-%m-%d %H:%M} UTC by this machine's clock"
        return Finding("token", Grade.WARNING, text, "compare the clocks of this machine and of the catalog")
    text = f"the catalog's token expires on {expiry:%Y-%m-%d %H:%M} UTC"
    if expiry - now < SOON:
        return Finding("token", Grade.WARNING, text, _NEW_TOKEN)
    return Finding("token", Grade.OK, text)


def _permission(client: CatalogClient, category: Category) -> Finding:
    kind = inventory.COLLECTIONS[category][inventory.LEAVES[category]]
    try:
        granted = client.permissions(kind)
    except EntityNotFoundError:
        return Finding("permissions", Grade.OK, f"the catalog does not say who may write a {kind}")
    missing = sorted(operation for operation in _WRITING if granted.get(operation) in _REFUSED)
    if missing:
        raise CatalogUnauthorizedError(
            f"the catalog's token does not permit {' and '.join(missing)} of a {kind}",
            source=client.url,
            remedy="use the token of the ingestion bot, or give the token's user the role IngestionBotRole",
        )
    return Finding("permissions", Grade.OK, f"the token may write a {kind}")


def _described(spec: WorkflowSpec, token: str) -> Iterator[Finding]:
    """dbt adds to the tables of a service, which has to be in the catalog."""
    if spec.connector != dbt.CONNECTOR:
        return
    with CatalogClient(spec.catalog_url, token, timeout=PATIENCE, retry_timeout=_HICCUP) as client:
        try:
            client.get_by_name("services/databaseServices", spec.target)
        except EntityNotFoundError:
            error = SourceRefusedError(
                f"the catalog has no database service {spec.target!r}, whose tables the models are",
                source=spec.service,
                remedy=f"correct the connection's {DESCRIBED}, or bring that service's metadata into the catalog first",
            )
            yield of_error("source", error)
        except DataPlatformError:
            # The catalog's own finding says it.
            return


def source(service: str, connection: Mapping[str, Any]) -> Finding:
    """Whether anything answers where a source is read."""
    try:
        return Finding("source", Grade.OK, reach(service, connection))
    except DataPlatformError as error:
        return of_error("source", error)


def disk(folder: Path | None = None, least: int = _LEAST_DISK, little: int = _LITTLE_DISK) -> Finding:
    """Whether a workflow has room for what it writes while it runs.

    Args:
        folder: where it writes; the system's folder for temporary files unless said.
        least: bytes without which it cannot run.
        little: bytes below which it may not come to its end.
    """
    where = folder or Path(tempfile.gettempdir())
    free = shutil.disk_usage(where).free
    text = f"{free / 2**20:,.0f} MiB are free in {where}"
    remedy = "free some space, or set TMPDIR to a folder on another disk"
    if free < least:
        return of_error("disk", DiskFullError(f"only {text}", source=str(where), remedy=remedy))
    return Finding("disk", Grade.WARNING, f"only {text}", remedy) if free < little else Finding("disk", Grade.OK, text)


def first_failure(findings: Sequence[Finding]) -> DataPlatformError | None:
    """What stops the run: what cannot pass by itself before what may."""
    errors = [finding.error for finding in findings if finding.error is not None]
    return min(errors, key=lambda error: not error.permanent, default=None)


def warnings(findings: Sequence[Finding]) -> list[str]:
    """Sentences on what will stop a later run."""
    return [finding.sentence for finding in findings if finding.grade is Grade.WARNING]
