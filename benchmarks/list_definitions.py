"""``dg list defs`` here ÷ in an empty dg project with the same packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from benchmarks.measure import command, in_turn, parts, ratio
from examples.demo.layout import PROJECT_ROOT

ROUNDS: Final = 5

_EMPTY: Final = """\
[project]
name = "empty"
version = "0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "empty"
"""


def run(folder: Path) -> None:
    """Print the ratio."""
    empty = _empty_project(folder / "project")
    dg = Path(sys.executable).with_name("dg")
    log = folder / "dg.log"

    def seconds(project: Path) -> float:
        variables = {"PYTHONPATH": str(project), "DAGSTER_HOME": ""}
        return command([dg, "list", "defs", "--json"], log=log, cwd=project, variables=variables).seconds

    for project in (empty, PROJECT_ROOT):
        seconds(project)  # bytecode and dg's own cache
    peers, ours = in_turn(lambda _: seconds(empty), lambda _: seconds(PROJECT_ROOT), ROUNDS)
    print(f"dg list defs: {ratio(ours, peers):.2f} x (goal at most 1.2)")
    print(f"  an empty project: {parts(peers, 's')}")
    print(f"  this project:     {parts(ours, 's')}")


def _empty_project(folder: Path) -> Path:
    package = folder / "empty"
    (package / "defs").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(_EMPTY)
    for file in (package / "__init__.py", package / "defs" / "__init__.py"):
        file.touch()
    (package / "definitions.py").write_text(
        "from pathlib import Path\n\nimport dagster as dg\n\n\n@dg.definitions\ndef defs():\n"
        "    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)\n"
    )
    return folder
