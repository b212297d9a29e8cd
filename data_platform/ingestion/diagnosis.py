"""From what went wrong inside OpenMetadata's client to one error of ours, with a sentence and a remedy.

Sources fail in the words of their drivers. The rules below know those words; a new driver's words are one more row.
OpenMetadata's own diagnosis of a failed connection test, where it has one, says what is wrong better than we could,
so it is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, cast

from data_platform.errors import (
    CatalogError,
    CatalogUnauthorizedError,
    CatalogUnreachableError,
    ConfigurationError,
    DataPlatformError,
    IncompatibleEnvironmentError,
    SourceError,
    SourceRefusedError,
    SourceUnreachableError,
    WorkflowFailedError,
)
from data_platform.ingestion.spec import WorkflowSpec

_CATALOG_ERRORS: Final = frozenset({"OMetaClientInitError", "RestTransportError"})
_LONGEST: Final = 300
_STATEMENT: Final = re.compile(r"\s*(\[SQL: |\(Background on this error at: ).*", re.DOTALL)


@dataclass(frozen=True)
class _Rule:
    words: re.Pattern[str]
    error: type[SourceError]
    what: str
    remedy: str


def _rule(words: str, error: type[SourceError], what: str, remedy: str) -> _Rule:
    return _Rule(re.compile(words, re.IGNORECASE), error, what, remedy)


# A number is a status only where it is called one; ports, ids and names of hosts hold numbers as well.
_STATUS: Final = r"\b(?:https?|status|code|error)\b\D{0,12}"
_TLS: Final = (
    _rule(
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|unable to get local issuer|SSL verification failed",
        SourceRefusedError,
        "the source's certificate is not trusted",
        "name the file with its authority's certificate in the connection (of Trino: verify), or correct the address",
    ),
    _rule(
        r"WRONG_VERSION_NUMBER|record layer failure|unknown protocol|server does not support SSL|SSL is required but",
        SourceRefusedError,
        "the source does not speak TLS",
        "name its port with TLS in its defs.yaml: credentials are sent over TLS only",
    ),
)
# The first rule that matches decides, so what is certain comes before what is likely.
_RULES: Final = (
    _rule(
        r"(database|schema|catalog|bucket|role) [\"'`]?[\w.$-]+[\"'`]? does not exist"
        r"|unknown database [\"'`][^\"'`]+|NoSuchBucket|schema_not_found|catalog_not_found",
        SourceRefusedError,
        "the source does not know what the connection names",
        "correct the name in the source's defs.yaml",
    ),
    *_TLS,
    _rule(
        r"connection refused|could not translate host|name or service not known|no route to host|timed? ?out"
        r"|max retries exceeded|network is unreachable|temporary failure in name resolution|could not connect"
        r"|rate limit|too many requests|server closed the connection|EndpointConnectionError|failed to establish"
        r"|unable to connect to|connection timeout"
        r"|unreachable|name resolution|connection (was )?(reset|aborted|closed)|remote end closed|too many clients"
        r"|too many connections|system is (starting up|shutting down|in recovery mode)|SERVER_STARTING_UP|SlowDown"
        rf"|service unavailable|bad gateway|{_STATUS}50[234]\b",
        SourceUnreachableError,
        "the source does not answer",
        "check that it is up and that the address in its defs.yaml is right",
    ),
    _rule(
        rf"\b50[01] Server Error\b|{_STATUS}50[01]\b",
        SourceUnreachableError,
        "the source fails",
        "look at its own log, and at the address in its defs.yaml",
    ),
    _rule(
        rf"authentication failed|access denied(?! for user \S+ to database|: cannot )|invalid credentials"
        rf"|bad credentials|unauthorized|{_STATUS}401\b"
        r"|InvalidAccessKeyId|SignatureDoesNotMatch|no password supplied",
        SourceRefusedError,
        "the source refuses the credentials",
        "check the user and what the secret reference points at",
    ),
    _rule(
        r"\b404 Client Error\b",
        SourceRefusedError,
        "the source does not have what the connector asks it for",
        "check the address and the version of its API in its defs.yaml; some say so to credentials they do not know",
    ),
    _rule(
        rf"permission[ _]denied|access denied for user|insufficient privilege|forbidden|{_STATUS}403\b|AccessDenied"
        r"|no pg_hba.conf entry",
        SourceRefusedError,
        "the source refuses the permission",
        "grant the user what its page in docs/sources lists",
    ),
)


def diagnose(error: BaseException, spec: WorkflowSpec) -> DataPlatformError:
    """The error of ours that says what an exception of the client's means.

    Args:
        error: what stopped the workflow.
        spec: the workflow.
    """
    for cause in _chain(error):
        if isinstance(cause, DataPlatformError):
            return cause
        if type(cause).__name__ in _CATALOG_ERRORS:
            return _catalog_error(str(cause), spec)
    detail = failed_connection_test(error) or _first_line(error)
    known = diagnose_source(detail, spec) or _of_type(error, spec)
    if known is not None:
        return known
    return WorkflowFailedError(
        f"the {spec.asked} workflow stopped: {detail}",
        source=spec.service,
        remedy="look at the step's log for the stack trace",
    )


def diagnose_source(detail: str, spec: WorkflowSpec) -> SourceError | None:
    """The error that a driver's message means, or None when it is not known."""
    return understood(detail, spec.service, _address(spec))


def understood(detail: str, service: str, where: str) -> SourceError | None:
    """The error that a driver's message means, or None when it is not known.

    Args:
        detail: the message.
        service: the source's name.
        where: what is said of its address, for example `` at db:5432``.
    """
    return _first_of(_RULES, detail, service, where)


def distrusted(detail: str, service: str | None, where: str) -> SourceError | None:
    """The error that a driver's message means when TLS failed, or None when it speaks of something else.

    Args:
        detail: the message.
        service: the source's name.
        where: what is said of its address, for example `` at db:5432``.
    """
    return _first_of(_TLS, detail, service, where)


def _first_of(rules: tuple[_Rule, ...], detail: str, service: str | None, where: str) -> SourceError | None:
    for rule in rules:
        if rule.words.search(detail):
            return rule.error(f"{rule.what}{where} ({shorten(detail)})", source=service, remedy=rule.remedy)
    return None


def failed_connection_test(error: BaseException) -> str | None:
    """What the failed step of OpenMetadata's connection test met.

    Its exception names the step only; the result with the driver's message is a local variable of the frame that
    raised it.
    """
    for cause in _chain(error):
        for frame in _frames(cause.__traceback__):
            steps = cast(list[Any], getattr(frame.get("result"), "steps", None) or [])
            for step in steps:
                if step.mandatory and not step.passed and step.errorLog:
                    return str(step.errorLog)
    return None


def _of_type(error: BaseException, spec: WorkflowSpec) -> DataPlatformError | None:
    """What an exception's type means, or that of its explicit cause; by name, so that nothing is imported for it.

    What was merely being handled when it was raised does not count: an ``except ImportError`` that falls back to
    something else is no missing package.
    """
    cause: BaseException | None = error
    while cause is not None:
        known = _known(cause, spec)
        if known is not None:
            return known
        cause = cause.__cause__
    return None


def _known(error: BaseException, spec: WorkflowSpec) -> DataPlatformError | None:
    text = shorten(_first_line(error))
    match type(error).__name__:
        case "MissingPluginException" | "ModuleNotFoundError" | "ImportError":
            return IncompatibleEnvironmentError(
                f"the ingestion environment lacks what connector {spec.connector} needs ({text})",
                source=spec.service,
                remedy="add its extra to openmetadata-ingestion in pyproject.toml and run 'make setup'",
            )
        case "ParsingConfigurationError" | "ValidationError":
            return ConfigurationError(
                f"OpenMetadata's client refuses the configuration ({_fields(error) or text})",
                source=spec.service,
                remedy="correct the source's defs.yaml",
            )
        case _:
            return None


def _catalog_error(text: str, spec: WorkflowSpec) -> CatalogError:
    if re.search(rf"{_STATUS}40[13]\b|unauthori[sz]ed|not authorized|invalid token|expired", text, re.IGNORECASE):
        return CatalogUnauthorizedError(
            "the catalog refuses the token", source=spec.catalog_url, remedy="issue a new one for the ingestion bot"
        )
    return CatalogUnreachableError(
        "the catalog stopped answering", source=spec.catalog_url, remedy="check that it is up; the next run repairs"
    )


def _fields(error: BaseException) -> str:
    """Where a pydantic error lies; its message is left out, because it quotes the value."""
    errors: Any = getattr(error, "errors", None)
    if not callable(errors):
        return ""
    listed = cast(list[dict[str, Any]], errors())
    return ", ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in listed[:5])


def _address(spec: WorkflowSpec) -> str:
    address = spec.connection.get("hostPort")
    return f" at {address}" if isinstance(address, str) else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, what caused it, and what was being handled when it was raised."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _frames(trace: TracebackType | None) -> Iterator[dict[str, Any]]:
    while trace is not None:
        yield trace.tb_frame.f_locals
        trace = trace.tb_next


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def shorten(text: str) -> str:
    """An error on one line of at most 300 characters, without the statement that SQLAlchemy appends to a driver's."""
    line = " ".join(_STATEMENT.sub("", text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
