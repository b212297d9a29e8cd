"""Where things are written in a component's YAML, for the person who has to correct it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import dagster as dg

from data_platform.ingestion.schemas.check import Path as FieldPath


class Locator:
    """Where a path of a definition is written: ``data_platform/defs/sources/trino/defs.yaml:12``."""

    def __init__(self, context: dg.ComponentLoadContext) -> None:
        self._context = context

    def __call__(self, path: FieldPath) -> str:
        tree = cast(Any, getattr(cast(Any, self._context).component_decl, "source_tree", None))
        if tree is None:
            return self._relative(self._context.path)
        position, _ = tree.source_position_tree.lookup_closest_and_path(("attributes", *path), None)
        file = self._relative(Path(position.filename))
        return f"{file}:{position.start.line}" if path else file

    def _relative(self, path: Path) -> str:
        root = self._context.project_root
        return str(path.relative_to(root) if path.is_relative_to(root) else path)
