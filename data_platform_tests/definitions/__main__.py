"""Compares what is found with what is committed, or writes it anew; ``make ci-defs`` runs this."""

from __future__ import annotations

import sys

from rich.console import Console

from data_platform.environment import ENVIRONMENTS
from data_platform_tests.definitions import committed, differences, found, write

USAGE = "usage: python -m data_platform_tests.definitions [--check]"


def main() -> int:
    """Exit code 1 when something differs."""
    match sys.argv[1:]:
        case []:
            write()
            return 0
        case ["--check"]:
            return check(Console())
        case _:
            sys.stderr.write(f"{USAGE}\n")
            return 2


def check(console: Console) -> int:
    """Print what differs, environment by environment."""
    code = 0
    for environment in ENVIRONMENTS:
        lines = differences(committed(environment), found(environment))
        if lines:
            code = 1
            console.print(f"[bold]{environment}[/]: {len(lines)} differences")
            for line in lines:
                console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        else:
            console.print(f"[bold]{environment}[/]: as committed")
    if code:
        console.print("When this is meant: .venv/bin/python -m data_platform_tests.definitions, and commit the files.")
    return code


sys.exit(main())
