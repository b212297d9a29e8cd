"""Whether what an earlier demo put into the catalog still stands, so that nothing need be materialized again.

It does while three things hold: code, packages and the whole database are what they were when a demo was last good,
the sources hold what is expected of them, and the catalog holds exactly what the sources hold. The first is noted by
every good demo. The others are asked anew each time, by a process each: the sources in SQL and by their files, the
catalog through OpenMetadata's client. A demo that begins to materialize takes the note away, so that one that fails
leaves none; and the note lies with what Dagster recorded, so that it goes when that does.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg2 import sql

from examples.demo.layout import INGESTION_BIN, PROJECT_ROOT, STATE
from examples.demo.postgres import Server
from examples.demo.report import Report

PIPELINES: Final = STATE / "pipelines.json"
"""What the catalog must hold of Dagster, as the last run left it."""

COMPARISON: Final = (INGESTION_BIN / "python", "-m", "examples.demo.compare", "--pipelines", PIPELINES)
"""The command that compares the catalog with what is expected of it."""

NOTE: Final = "demo_stands.json"
"""What a good demo leaves beside the runs of the Dagster instance."""

_CODE: Final = ("data_platform", "examples/demo", "pyproject.toml", "uv.lock", "dagster.yaml", "workspace.yaml")
# What Python and dbt write beside the code.
_WRITTEN: Final = frozenset({"__pycache__", "target", "logs", ".user.yml"})
_PACKAGES: Final = (".venv", ".venv-ingestion")

# Everything that is in the database and of which a row of a table says nothing.
_SHAPE: Final = """
    SELECT md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")) FROM (
        SELECT concat_ws(' ', c.oid::regclass, c.relkind, c.relacl, pg_get_viewdef(c.oid)) AS line
        FROM pg_class c WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND c.relnamespace IN (SELECT oid FROM mine)
        UNION ALL
        SELECT concat_ws(' ', a.attrelid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
                         a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
          AND c.relnamespace IN (SELECT oid FROM mine)
        UNION ALL
        SELECT concat_ws(' ', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
        FROM pg_constraint k WHERE k.connamespace IN (SELECT oid FROM mine)
        UNION ALL
        SELECT pg_get_functiondef(p.oid)
        FROM pg_proc p WHERE p.prokind IN ('f', 'p') AND p.pronamespace IN (SELECT oid FROM mine)
        UNION ALL
        SELECT concat_ws(' ', o.type, o.identity, d.description)
        FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
        WHERE o.schema IN (SELECT nspname FROM mine) OR o.type = 'schema'
        UNION ALL
        SELECT concat_ws(' ', oid::regnamespace, nspacl) FROM mine
    ) AS everything
"""
_MINE: Final = """
    WITH mine AS (SELECT * FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
"""
_TABLES: Final = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN mine n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Note:
    """A good demo of this code.

    Attributes:
        database: digest of everything in the database when it was over.
        at: when, in this machine's time.
        reports: what Dagster recorded of each asset.
    """

    database: str
    at: str
    reports: Mapping[str, Report]


def take(code: str, server: Server, reports: Mapping[str, Report], file: Path | None = None) -> None:
    """Note a demo that was good.

    Args:
        code: digest of the code when it began, for it may have been changed since.
        server: of the database, in which the demo has built its models.
        reports: what Dagster recorded.
        file: where, if not beside Dagster's runs.
    """
    file = file or _file()
    note = {
        "code": code,
        "database": database_digest(server),
        "at": f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
        "reports": {asset: asdict(report) for asset, report in reports.items()},
    }
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(note, indent=2, default=sorted))
    draft.replace(file)


def remove(file: Path | None = None) -> None:
    """Take the note of the last good demo away."""
    (file or _file()).unlink(missing_ok=True)


def noted(file: Path | None = None) -> Note | None:
    """The last good demo, or None when there is none of this code."""
    file = file or _file()
    if not file.exists():
        return None
    note: dict[str, Any] = json.loads(file.read_text())
    # Asked first, for what a note of other code holds is not known.
    if note["code"] != code_digest(PROJECT_ROOT):
        return None
    reports = {
        asset: Report(report["figures"], report["checks"], frozenset(report["wanted"]))
        for asset, report in note["reports"].items()
    }
    return Note(note["database"], note["at"], reports)


def _file() -> Path:
    return Path(os.environ["DAGSTER_HOME"]) / "history" / NOTE


def ask() -> str | None:
    """Ask sources and catalog, both at the same time; both are running.

    Returns:
        What the comparison says of a catalog that is exactly what the sources are, else None.
    """
    asked = [_ask([INGESTION_BIN / "python", "-m", "examples.demo.expected", "--check"]), _ask(COMPARISON)]
    answers = [process.communicate()[0] for process in asked]
    return None if any(process.returncode for process in asked) else answers[-1].strip()


def _ask(command: Sequence[str | Path]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def database_digest(server: Server) -> str:
    """A digest of everything in the database: what it holds, how it is defined and described, who may read it."""
    digest = hashlib.sha256()
    with closing(server.connect()) as database, database.cursor() as statement:
        statement.execute(_MINE + _SHAPE)
        digest.update(f"{statement.fetchone()}".encode())
        statement.execute(_MINE + _TABLES)
        for table in statement.fetchall():
            query = "SELECT count(*), sum(hashtextextended(each::text, 0)) FROM {} AS each"
            statement.execute(sql.SQL(query).format(sql.Identifier(*table)))  # type: ignore[arg-type]
            digest.update(f"{table} {statement.fetchone()}".encode())
    return digest.hexdigest()


def code_digest(root: Path) -> str:
    """A digest of this project's code and of the packages, locked and installed."""
    digest = hashlib.sha256()
    for file in sorted(_files(root)):
        digest.update(f"{file.relative_to(root)}\0".encode())
        digest.update(file.read_bytes())
    for environment in _PACKAGES:
        for package in sorted((root / environment).glob("lib/python*/site-packages/*.dist-info")):
            digest.update(f"{package.relative_to(root)}\0".encode())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in _CODE:
        for file in (root / name, *(root / name).rglob("*")):
            if file.is_file() and _WRITTEN.isdisjoint(file.relative_to(root).parts):
                yield file
