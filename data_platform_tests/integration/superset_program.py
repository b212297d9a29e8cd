"""Superset in an environment of its own, with a database that is ready to be copied, made once in the user's cache.

uv fetches, so that the machine's own settings say from where.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from data_platform.environment import PROJECT_ROOT
from data_platform_tests.integration.cache import CannotBeHadError, cached, say

VERSION = "6.1.0"
ADMIN = "admin"
PASSWORD = "Adm1n-of/the tests"
EMAIL = "ada@example.com"

# What Superset needs beside its own requirements: without cachetools no database can be made in it, and a later
# flask-caching does not go with it.
_PACKAGES = (
    f"apache-superset=={VERSION}",
    "cachetools",
    "flask-caching<2.4",
    "gunicorn",
    "psycopg2-binary",
    "rich",
    # the driver of the tests' datasets on Trino
    "trino",
)
_NO_LATER_THAN = "2026-11-14T00:00:00Z"

_CONFIG = """
SECRET_KEY = "a secret of tests, which nothing else is encrypted with"
SQLALCHEMY_DATABASE_URI = "sqlite:///{database}"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
FAB_ADD_SECURITY_API = True
FEATURE_FLAGS = {{"TAGGING_SYSTEM": True, "ENABLE_TEMPLATE_PROCESSING": True}}
"""


class Superset(NamedTuple):
    """What there is of Superset on this machine.

    Attributes:
        programs: folder of its environment's programs.
        template: a database with an administrator and nothing else.
    """

    programs: Path
    template: Path


def superset() -> Superset:
    """Superset; the first call on a machine makes its environment and its database, for a minute or two.

    Raises:
        CannotBeHadError: there is no uv, or it cannot fetch.
    """
    with cached(f"superset-{VERSION}") as cache:
        made = Superset(cache / "environment" / "bin", cache / "template.db")
        installed, wanted = cache / "packages", "\n".join(_PACKAGES)
        started = time.monotonic()
        if not installed.is_file() or installed.read_text() != wanted:
            say(f"making an environment with Superset {VERSION} in {cache} (650 MB, this once)")
            _install(cache / "environment")
            installed.write_text(wanted)
            say(f"made it in {time.monotonic() - started:.0f} seconds")
        if not made.template.is_file():
            _make_database(made)
    return made


def environment(folder: Path, database: Path) -> dict[str, str]:
    """Variables of a Superset that keeps what it has in a database; its settings are written into a folder."""
    settings = folder / "superset_config.py"
    settings.write_text(_CONFIG.format(database=database))
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "SUPERSET_CONFIG_PATH": str(settings)}


def _install(folder: Path) -> None:
    uv = shutil.which("uv") or PROJECT_ROOT / ".make" / "uv" / "bin" / "uv"
    if not Path(uv).is_file():
        raise CannotBeHadError("making Superset's environment needs uv: run 'make setup'")
    python = folder / "bin" / "python"
    if not python.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        _run("uv", uv, "venv", "--quiet", "--python", "3.11", folder)
    _run("uv", uv, "pip", "install", "--quiet", "--python", python, "--exclude-newer", _NO_LATER_THAN, *_PACKAGES)


def _make_database(made: Superset) -> None:
    folder = made.template.parent
    draft = folder / "draft.db"
    draft.unlink(missing_ok=True)
    variables = environment(folder, draft)
    program = made.programs / "superset"
    names = ("--username", ADMIN, "--firstname", "Ada", "--lastname", "Byron", "--email", EMAIL, "--password", PASSWORD)
    _run("superset", program, "db", "upgrade", variables=variables)
    _run("superset", program, "fab", "create-admin", *names, variables=variables)
    _run("superset", program, "init", variables=variables)
    draft.rename(made.template)


def _run(name: str, *command: str | Path, variables: dict[str, str] | None = None) -> None:
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        last = " | ".join((ended.stderr or ended.stdout).strip().splitlines()[-3:])
        raise CannotBeHadError(f"Superset {VERSION} cannot be made here: {name} ended with {ended.returncode}: {last}")
