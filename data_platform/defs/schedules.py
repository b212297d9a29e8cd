"""When workflows run: one job and one schedule for each cadence.

Jobs select by tag alone. A selection by key would make the whole code location fail where that asset's source has no
connection, and one by group or kind would follow names rather than intentions.
"""

from typing import Final

import dagster as dg

from data_platform import environment
from data_platform.components.cadence import TIMEZONE, Cadence


def on_cadence(name: str, cadence: Cadence, description: str) -> dg.ScheduleDefinition:
    """The job ``name`` and its schedule, which somebody has to start: deploying must not begin to write a catalog."""
    job = dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType]
        name, selection=dg.AssetSelection.tag(cadence.tag, ""), description=description
    )
    return dg.ScheduleDefinition(
        name=f"{name}_schedule",
        job=job,
        cron_schedule=cadence.cron,
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=description,
    )


SCHEDULES: Final = (
    on_cadence("metadata_ingestion", Cadence.DAILY, "Every configured workflow, once a day."),
    on_cadence("critical_metadata", Cadence.CRITICAL, "What others rely on most, every four hours."),
    on_cadence("query_log", Cadence.QUARTER_HOURLY, "What sources forget of their queries, every fifteen minutes."),
)


@dg.definitions
def schedules() -> dg.Definitions:
    """Every job, and the schedules that the environment of this process may have."""
    allowed = environment.current().schedules
    return dg.Definitions(
        jobs=[schedule.job for schedule in SCHEDULES],
        schedules=[schedule for schedule in SCHEDULES if schedule.name in allowed],
    )
