"""``data-platform-dbt``: dbt with secrets that only its own process has.

``data-platform-dbt --secret=NAME=REFERENCE … <what dbt takes>`` resolves each reference, puts the value into the
variable ``NAME`` and becomes dbt, under the same process id. Who starts it, and whoever else that process starts, never
has the value. dbt shows no variable in its logs whose name starts with ``DBT_ENV_SECRET_``.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from data_platform import environment
from data_platform.errors import DataPlatformError
from data_platform.ingestion import credentials

_OPTION: Final = "--secret="


def main() -> None:
    """Become dbt; exit code 2 when a secret cannot be resolved."""
    arguments = sys.argv[1:]
    secrets = [argument.removeprefix(_OPTION) for argument in arguments if argument.startswith(_OPTION)]
    rest = [argument for argument in arguments if not argument.startswith(_OPTION)]
    if rest == ["--version"]:
        # dbt's own answer takes seconds, and asks the package registry whether there is a newer one.
        sys.stdout.write(f"dbt {version('dbt-core')}\n")
        return
    try:
        values = _resolved(dict(secret.split("=", 1) for secret in secrets))
    except DataPlatformError as error:
        # In dbt's own words for an error that is not about a model, so that who reads its log finds it.
        sys.stderr.write(f"{error.sentence}\n")
        sys.exit(2)
    dbt = Path(sys.executable).with_name("dbt")
    os.execve(dbt, [str(dbt), *rest], environment.extended(values))  # noqa: S606 - that is what this is for


def _resolved(references: dict[str, str]) -> dict[str, str]:
    resolver = credentials.resolver(environment.current())
    return {name: str(resolver.resolve(reference, where=name)) for name, reference in references.items()}
