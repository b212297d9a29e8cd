"""What the catalog must have from dbt, read from dbt's own artifacts and from nothing of OpenMetadata's.

Which column comes from which is not in them; it is written in ``lineage.json``, like that of the views.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BUILT = ("model", "seed", "snapshot")
_STATUS = {"pass": "Success", "fail": "Failed"}


def expected(artifacts: Path) -> dict[str, Any]:
    """Everything that dbt says of the database. Tables are named without the database."""
    manifest = json.loads((artifacts / "manifest.json").read_text())
    results = json.loads((artifacts / "run_results.json").read_text())["results"]
    status = {result["unique_id"]: _STATUS.get(result["status"], "Aborted") for result in results}
    nodes = manifest["nodes"]
    tables = {name: node for name, node in {**manifest["sources"], **nodes}.items() if node["resource_type"] != "test"}
    built = [node for node in nodes.values() if node["resource_type"] in _BUILT]
    return {
        "models": {
            _table(node): {
                "kind": node["resource_type"],
                "tags": sorted(_tags(node)),
                "column_tags": {
                    name: tags for name, column in node["columns"].items() if (tags := sorted(_column_tags(column)))
                },
                "owners": [node["meta"]["openmetadata"]["owner"]],
                "upstream": sorted(_table(tables[name]) for name in node["depends_on"]["nodes"])
                if "depends_on" in node and "nodes" in node["depends_on"]
                else [],
            }
            for node in sorted(built, key=_table)
        },
        "descriptions": dict(sorted(_descriptions(tables.values()))),
        "tests": {
            node["name"]: {"status": status[node["unique_id"]], "of": _tested(node, tables)}
            for node in sorted(nodes.values(), key=lambda node: node["name"])
            if node["resource_type"] == "test"
        },
        "exposures": {
            exposure["meta"]["open_metadata_fqn"]: sorted(
                _table(tables[name]) for name in exposure["depends_on"]["nodes"]
            )
            for exposure in manifest["exposures"].values()
        },
    }


def _table(node: dict[str, Any]) -> str:
    return f"{node['schema']}.{node.get('alias') or node['identifier']}"


def _tags(node: dict[str, Any]) -> Iterator[str]:
    yield from (f"dbtTags.{tag}" for tag in node["tags"])
    yield node["meta"]["openmetadata"]["tier"]


def _column_tags(column: dict[str, Any]) -> Iterator[str]:
    yield from (f"dbtTags.{tag}" for tag in column["tags"])
    yield from column["meta"].get("openmetadata", {}).get("tags", [])


def _descriptions(tables: Any) -> Iterator[tuple[str, str]]:
    for node in tables:
        described = {_table(node): node["description"]}
        described |= {f"{_table(node)}.{name}": column["description"] for name, column in node["columns"].items()}
        yield from ((name, text) for name, text in described.items() if text)


def _tested(node: dict[str, Any], tables: dict[str, Any]) -> str:
    """The table, or the column of it, that a test is about."""
    attached = node.get("attached_node") or node["depends_on"]["nodes"][0]
    column = node.get("column_name")
    return _table(tables[attached]) + (f".{column}" if column else "")
