"""Dagster's jobs, assets and runs, as far as a catalog wants to know them."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str, ...]
"""An asset's key."""


@dataclass(frozen=True)
class Node:
    """An op or a graph at the top of a job.

    Attributes:
        name: its name, unique in the job.
        upstream: names of the nodes whose outputs it takes.
    """

    name: str
    description: str | None
    upstream: frozenset[str]


@dataclass(frozen=True)
class Job:
    """A job of a code location."""

    location: str
    repository: str
    name: str
    description: str | None
    cron: str | None
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Asset:
    """An asset that a code location can materialize, or one that it only knows.

    Attributes:
        node: the op or graph that materializes it; None when nothing here does.
        upstream: keys of the assets that it depends on.
        jobs: names of the jobs that materialize it.
        table: the table that it is, as Dagster's metadata ``dagster/table_name`` has it.
    """

    location: str
    repository: str
    key: Path
    description: str | None
    node: str | None
    upstream: tuple[Path, ...]
    jobs: frozenset[str]
    table: str | None


@dataclass(frozen=True)
class Step:
    """A step of a run; times in milliseconds since 1970."""

    key: str
    status: str
    start: int | None
    end: int | None

    @property
    def node(self) -> str:
        """The op or graph at the top of the job: ``clean`` of ``clean.trim[2]``."""
        return self.key.split(".", 1)[0].split("[", 1)[0]


@dataclass(frozen=True)
class Run:
    """A run; times in milliseconds since 1970.

    Attributes:
        created: when it was asked for; it may have started later, or not yet.
        origin: location and repository of its job; None when it was started without them, from Python.
        assets: keys of the assets that it was to materialize; None when it was to run the whole job.
    """

    id: str
    job: str
    status: str
    created: int
    end: int | None
    origin: tuple[str, str] | None
    assets: frozenset[Path] | None
    steps: tuple[Step, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing of it goes on."""
        return self.status in {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class Broken:
    """A code location that did not load."""

    name: str
    error: str
