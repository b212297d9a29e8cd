"""Runs somebody's script in the ingestion environment, as one step of Dagster.

Started by ``ScriptLauncher`` as ``python -I -m data_platform.ingestion.script``, with the script's path and its
references in the Pipes context. The script speaks to Dagster with ``PipesContext.get()`` and gets its secrets and
OpenMetadata's official client from the functions below. What it prints never shows a secret that it got here.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from functools import cache
from typing import Any

from dagster_pipes import PipesContext, open_dagster_pipes  # pyright: ignore[reportUnknownVariableType]

from data_platform import environment
from data_platform.errors import DataPlatformError, WorkflowInterruptedError
from data_platform.ingestion import credentials, interruption, lifeline
from data_platform.ingestion.spec import CATALOG_TOKEN, LIFELINE
from data_platform.observability import Redactor, redact_output

_REDACTOR = Redactor()


@cache
def secrets() -> dict[str, str]:
    """What the script's references resolve to, by the names that the asset gave them; asked for once.

    Raises:
        SecretError: one of them cannot be resolved.
    """
    extras = _extras()
    here = environment.named(extras["environment"])
    resolver = credentials.resolver(here, vault_address=extras["vault_address"])
    try:
        return resolver.resolve(extras["references"])
    finally:
        _REDACTOR.add(resolver.values)


@cache
def openmetadata() -> Any:
    """OpenMetadata's official client, ``metadata.ingestion.ometa.ometa_api.OpenMetadata``, as the ingestion bot.

    Raises:
        SecretError: the catalog's token cannot be resolved.
        InsecureAddressError: the catalog's address has no TLS where the environment wants it.
    """
    extras = _extras()
    environment.named(extras["environment"]).require_encryption("DATA_PLATFORM_CATALOG_URL", extras["catalog_url"])
    token = secrets()[CATALOG_TOKEN]

    from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
        OpenMetadataConnection,
    )
    from metadata.ingestion.ometa.ometa_api import OpenMetadata

    settings = {
        "hostPort": extras["catalog_url"],
        "authProvider": "openmetadata",
        "securityConfig": {"jwtToken": token},
    }
    client: Any = OpenMetadata
    return client(OpenMetadataConnection.model_validate(settings))


def _extras() -> dict[str, Any]:
    return PipesContext.get().get_extra("script")


def main() -> None:
    """Run the script and say how it ended; the one place of this process that catches everything."""
    redact_output(_REDACTOR)
    interruption.obey()
    lifeline.hold(int(environment.variable(LIFELINE)))
    with open_dagster_pipes() as pipes:
        path: str = pipes.get_extra("script")["path"]
        sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120 - as Python itself does for a script
        ended: dict[str, Any] = {"succeeded": True}
        try:
            # The module that the script imports is this one, with the secrets that it has got.
            sys.modules["data_platform.ingestion.script"] = sys.modules["__main__"]
            runpy.run_path(path, run_name="__main__")
        except DataPlatformError as error:
            ended = _failed(error.sentence, error.permanent)
        except SystemExit as done:
            if done.code:
                ended = _failed(f"it exited with {done.code}.", permanent=False)
        except KeyboardInterrupt:
            ended = _failed(WorkflowInterruptedError("the script was told to stop").sentence, permanent=False)
        except Exception as error:  # noqa: BLE001 - see the docstring
            traceback.print_exception(error)
            last = traceback.extract_tb(error.__traceback__)[-1]
            ended = _failed(
                f"{type(error).__name__} in line {last.lineno} of {last.filename}: {error}", permanent=False
            )
        pipes.report_custom_message({"ended": _REDACTOR.data(ended)})
    sys.stdout.flush()
    sys.stderr.flush()
    # OpenMetadata leaves threads behind.
    os._exit(0)


def _failed(sentence: str, permanent: bool) -> dict[str, Any]:
    return {"succeeded": False, "sentence": sentence, "permanent": permanent}


if __name__ == "__main__":
    main()
