"""What Dagster is to find in each environment, as files that a test compares with what it finds.

A change to them in a commit is a change to what runs. After a wanted one, write them anew:
``.venv/bin/python -m data_platform_tests.definitions``
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg

import data_platform
from data_platform.environment import ENVIRONMENTS, VARIABLES

FOLDER = Path(__file__).parent


@cache
def loaded(environment: str) -> dg.Definitions:
    """The definitions of an environment, as Dagster loads them."""
    with patch.dict(os.environ, {"DAGSTER_ENVIRONMENT": environment}):
        for variable in VARIABLES.keys() - {"DAGSTER_ENVIRONMENT"}:
            os.environ.pop(variable, None)
        return dg.load_from_defs_folder(path_within_project=Path(data_platform.__file__).parent)


def found(environment: str) -> dict[str, Any]:
    """What is in the definitions of an environment: plain data in a fixed order."""
    defs = loaded(environment)
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    repository = defs.get_repository_def()
    return {
        "assets": {key: _asset(defs, specs[key]) for key in sorted(specs)},
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys)
            for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)
            if job.name != "__ASSET_JOB"
        },
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "status": schedule.default_status.value,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
        "sensors": {
            sensor.name: {"kind": sensor.sensor_type.value, "status": sensor.default_status.value}
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
        "resources": {
            key: f"{type(resource).__module__}.{type(resource).__qualname__}"
            for key, resource in sorted((defs.resources or {}).items())
        },
    }


def committed(environment: str) -> dict[str, Any]:
    """What is to be in the definitions of an environment."""
    return json.loads(_file(environment).read_text())


def write() -> None:
    """Make what is found what is to be found."""
    for environment in ENVIRONMENTS:
        _file(environment).write_text(json.dumps(found(environment), indent=2) + "\n")


def differences(committed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """One line for each: ``+`` is new, ``-`` is gone, ``~`` has changed."""
    return list(_differences("", committed, found))


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            where = f"{path} > {key}" if path else key
            if key not in after:
                yield f"- {where}"
            elif key not in before:
                yield f"+ {where}"
            else:
                yield from _differences(where, before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list):
        yield from (f"- {path} > {item}" for item in before if item not in after)
        yield from (f"+ {path} > {item}" for item in after if item not in before)
    else:
        yield f"~ {path}: {before!r} → {after!r}"


def _file(environment: str) -> Path:
    return FOLDER / f"{environment}.json"


def _asset(defs: dg.Definitions, spec: dg.AssetSpec) -> dict[str, Any]:
    graph = defs.resolve_asset_graph()
    described = {
        "description": spec.description,
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "tags": {key: value for key, value in sorted(spec.tags.items()) if not key.startswith("dagster/")},
        "after": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "connected": graph.get(spec.key).is_executable,
    }
    if not described["connected"]:
        return described
    node = defs.resolve_assets_def(spec.key).op
    policy = node.retry_policy
    freshness: Any = spec.freshness_policy  # its class is not public
    return {
        **described,
        "op": node.name,
        "pool": node.pool,
        "retries": policy.max_retries if policy else 0,
        "late after": str(freshness.warn_window.to_timedelta()),
        "stale after": str(freshness.fail_window.to_timedelta()),
        "checks": sorted(key.name for key in graph.get(spec.key).check_keys),
        "link": spec.metadata["catalog"].value if "catalog" in spec.metadata else None,
    }
