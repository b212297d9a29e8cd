"""Whether what an earlier demo put into the catalog still stands, so that nothing need be materialized again.

It does while three things hold: code and packages are what they were when a demo was last good, the sources hold what
is expected of them, and the catalog holds exactly what the sources hold. The first is noted by every good demo. The
others are asked anew each time, by a process each: the sources in SQL and by their files, the catalog through
OpenMetadata's client. A demo that begins to materialize takes the note away, so that one that fails leaves none.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from examples.demo.layout import INGESTION_BIN, PROJECT_ROOT, STATE
from examples.demo.report import Report

PIPELINES: Final = STATE / "pipelines.json"
"""What the catalog must hold of Dagster, as the last run left it."""

NOTE: Final = STATE / "standing.json"
"""What a good demo leaves."""

_CODE: Final = ("data_platform", "examples/demo", "pyproject.toml", "uv.lock", "dagster.yaml", "workspace.yaml")
# What Python and dbt write beside the code.
_WRITTEN: Final = frozenset({"__pycache__", "target", "logs", ".user.yml"})


@dataclass(frozen=True)
class Note:
    """A good demo.

    Attributes:
        code: digest of the code and packages that it ran with.
        at: when, in this machine's time.
        reports: what Dagster recorded of each asset.
    """

    code: str
    at: str
    reports: Mapping[str, Report]


def take(reports: Mapping[str, Report], file: Path = NOTE) -> None:
    """Note a demo that was good."""
    note = Note(code_digest(PROJECT_ROOT), f"{datetime.now().astimezone():%Y-%m-%d %H:%M}", reports)
    file.write_text(json.dumps(asdict(note), indent=2, default=sorted))


def remove(file: Path = NOTE) -> None:
    """Take the note of the last good demo away."""
    file.unlink(missing_ok=True)


def noted(file: Path = NOTE) -> Note | None:
    """The last good demo, or None when there is none of this code."""
    if not file.exists():
        return None
    noted: dict[str, Any] = json.loads(file.read_text())
    reports = {
        asset: Report(report["figures"], report["checks"], frozenset(report["wanted"]))
        for asset, report in noted["reports"].items()
    }
    note = Note(noted["code"], noted["at"], reports)
    return note if note.code == code_digest(PROJECT_ROOT) else None


def ask() -> str | None:
    """Ask sources and catalog, both at the same time; both are running.

    Returns:
        What the comparison says of a catalog that is exactly what the sources are, else None.
    """
    asked = [_ask("expected", "--check"), _ask("compare", "--pipelines", str(PIPELINES))]
    answers = [process.communicate()[0] for process in asked]
    return None if any(process.returncode for process in asked) else answers[-1].strip()


def _ask(module: str, *arguments: str) -> subprocess.Popen[str]:
    command = [INGESTION_BIN / "python", "-m", f"examples.demo.{module}", *arguments]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def code_digest(root: Path) -> str:
    """A digest of what a demo is made of: this project's code and the versions of all packages."""
    digest = hashlib.sha256()
    for file in sorted(_files(root)):
        digest.update(f"{file.relative_to(root)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in _CODE:
        for file in (root / name, *(root / name).rglob("*")):
            if file.is_file() and _WRITTEN.isdisjoint(file.relative_to(root).parts):
                yield file
