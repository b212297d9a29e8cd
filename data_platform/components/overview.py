"""What an environment is made of, in one document: what ``data-platform environment show`` prints.

Secrets are in it as the references that they are; nothing is resolved and nobody is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import dagster as dg

from data_platform import environment
from data_platform.components.dbt_models import DbtModels
from data_platform.components.definition import merged
from data_platform.components.metadata_source import MetadataSource
from data_platform.environment import Environment
from data_platform.observability import PLACEHOLDER
from data_platform.resources.alert_channels import Channel

_USER_INFO: Final = re.compile(r"//[^/@]+@")


def overview(
    here: Environment, schedules: Sequence[dg.ScheduleDefinition], channels: Sequence[Channel]
) -> dict[str, Any]:
    """All that is particular to an environment.

    Args:
        here: the current environment.
        schedules: the project's.
        channels: where its alerts go.
    """
    tree = dg.ComponentTree.for_project(environment.PROJECT_ROOT)
    sources = sorted(tree.get_all_components(MetadataSource), key=lambda source: source.service)
    return {
        "environment": here.name,
        "catalog": {
            "url": here.catalog_url,
            "token": here.catalog_token,
            "store_service_connection": here.store_service_connection,
        },
        "vault": {"address": here.vault_address, "login": asdict(here.vault_auth)},
        "dagster": _shown(here.dagster_url),
        "tls": "required" if here.encrypted else "not required",
        "schedules": {
            schedule.name: f"{schedule.cron_schedule} {schedule.execution_timezone}"
            for schedule in schedules
            if schedule.name in here.schedules
        },
        "alerts": [{type(channel).__name__: _settings(channel)} for channel in channels],
        "sources": {source.service: _source(source, here) for source in sources if here.name in source.environments},
        "not connected": [source.service for source in sources if here.name not in source.environments],
        "models": {
            models.service: {"project": models.project, "variables": dict(models.environments[here.name])}
            for models in tree.get_all_components(DbtModels)
            if here.name in models.environments
        },
    }


def _source(source: MetadataSource, here: Environment) -> dict[str, Any]:
    return {
        "connector": source.connector,
        "connection": merged(source.connection, source.environments[here.name]),
        "workflows": [workflow.value for workflow in source.workflows],
    }


def _settings(channel: Channel) -> Mapping[str, Any]:
    return json.loads(json.dumps(vars(channel)))


def _shown(url: str) -> str:
    """An address without the password that somebody may have put into it."""
    return _USER_INFO.sub(f"//{PLACEHOLDER}@", url)
