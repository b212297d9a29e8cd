"""What came of each asset in one run, and the table that is printed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.table import Table

# What dagster-dbt calls the time that building one model took.
_DBT_SECONDS = "Execution Duration"


@dataclass
class Report:
    """What Dagster recorded of one asset in one run.

    Attributes:
        figures: the materialization's numeric metadata by key; empty when it was not materialized.
        checks: whether each check passed.
        wanted: the checks that the asset has.
    """

    figures: dict[str, float] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset({"completed"})

    @property
    def is_good(self) -> bool:
        """Whether the asset was materialized and every check that it has passed."""
        return bool(self.figures) and self.wanted <= self.checks.keys() and all(self.checks.values())


def as_table(reports: Mapping[str, Report]) -> Table:
    """What was catalogued, one row an asset."""
    table = Table(title="what was catalogued")
    table.add_column("asset", no_wrap=True)
    table.add_column("entities", no_wrap=True)
    for heading in ("edges\nwritten", "column\nedges", "tables\nprofiled", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("checks", no_wrap=True)
    for asset, report in reports.items():
        figures = report.figures
        entities = {key.removeprefix("entities/"): n for key, n in figures.items() if key.startswith("entities/")}
        table.add_row(
            asset,
            "\n".join(f"{number:>4.0f} {kind}" for kind, number in entities.items()) or "-",
            *(_shown(figures, key) for key in ("lineage/edges", "lineage/column_edges", "profiles/tables")),
            next((f"{figures[key]:.1f}" for key in ("seconds", _DBT_SECONDS) if key in figures), "-"),
            _checked(report.checks),
        )
    return table


def _checked(checks: Mapping[str, bool]) -> str:
    if checks.keys() == {"completed"}:
        return f"completed: {'passed' if checks['completed'] else 'FAILED'}"
    failed = [f"{name}: FAILED" for name, passed in checks.items() if not passed]
    passed = len(checks) - len(failed)
    return "\n".join([f"{passed} passed"] * bool(passed) + failed) or "none"


def _shown(figures: Mapping[str, float], key: str) -> str:
    return f"{figures[key]:.0f}" if key in figures else "-"
