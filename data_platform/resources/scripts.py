"""Runs people's own scripts where OpenMetadata's official client is, through the same kind of child as workflows.

Assets that only read or patch an entity use ``OpenMetadataResource``; this is for what needs the client itself.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import dagster as dg

from data_platform import environment
from data_platform.errors import ChildCrashedError, ConfigurationError, DataPlatformError, WorkflowTimeoutError
from data_platform.ingestion.spec import CATALOG_TOKEN
from data_platform.resources.processes import child, end, how_it_ended, interpreter
from data_platform.secrets import variables

_MODULE: Final = "data_platform.ingestion.script"
_HOUR: Final = 60.0 * 60

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


class ScriptLauncher(dg.ConfigurableResource[Any]):
    """Runs scripts in child processes of the ingestion environment."""

    def run(
        self,
        *,
        context: dg.AssetExecutionContext,
        script: Path,
        references: Mapping[str, str] | None = None,
        timeout: float = _HOUR,
    ) -> Iterator[Event]:
        """Run a script and yield what it reported.

        Args:
            context: of the step.
            script: the script; see ``data_platform.ingestion.script`` for what it can ask for.
            references: secret references by the names under which the script gets their values.
            timeout: seconds after which it is ended.

        Yields:
            What the script reported with ``PipesContext.get()``; nothing that it did not report.

        Raises:
            dagster.Failure: the script raised, crashed or took too long; permanent errors are not retried.
        """
        try:
            session, ended = self._session(context, script, references or {}, timeout)
        except DataPlatformError as error:
            raise dg.Failure(error.sentence, allow_retries=not error.permanent) from error
        yield from cast("list[Event]", session.get_results(implicit_materializations=False))  # pyright: ignore[reportUnknownMemberType]
        if not ended["succeeded"]:
            raise dg.Failure(f"{script.name}: {ended['sentence']}", allow_retries=not ended["permanent"])

    @staticmethod
    def _session(
        context: dg.AssetExecutionContext, script: Path, references: Mapping[str, str], timeout: float
    ) -> tuple[dg.PipesSession, dict[str, Any]]:
        if not script.is_file():
            raise ConfigurationError("there is no such script", source=str(script), remedy="correct the asset's path")
        here = environment.current()
        all_references = {CATALOG_TOKEN: here.catalog_token, **references}
        extras = {
            "path": str(script.resolve()),
            "environment": here.name,
            "vault_address": here.vault_address,
            "catalog_url": here.catalog_url,
            "references": all_references,
        }
        with (
            dg.open_pipes_session(
                context=context,
                context_injector=dg.PipesEnvContextInjector(),
                message_reader=dg.PipesTempFileMessageReader(),
                extras={"script": extras},
            ) as session,
            child(
                interpreter(),
                ["-m", _MODULE],
                {**environment.for_child(variables(all_references)), **session.get_bootstrap_env_vars()},
            ) as process,
        ):
            _wait(process, script, timeout)
        return session, _ended(session, process, script)


def _wait(process: subprocess.Popen[bytes], script: Path, timeout: float) -> None:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        end(process)
        raise WorkflowTimeoutError(
            f"the script was ended after {timeout:g} seconds", source=script.name, remedy="raise its timeout"
        ) from error


def _ended(session: dg.PipesSession, process: subprocess.Popen[bytes], script: Path) -> dict[str, Any]:
    """How the script says that it ended."""
    messages = [cast(dict[str, Any], message) for message in session.get_custom_messages()]
    if process.returncode == 0 and messages and "ended" in messages[-1]:
        return messages[-1]["ended"]
    raise ChildCrashedError(
        f"the script's process ended with {how_it_ended(process)}",
        source=script.name,
        remedy="look at the step's stderr; a SIGKILL that nobody sent means that the machine ran out of memory",
    )
