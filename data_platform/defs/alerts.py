"""Who is told when a run fails or a check does not pass, by environment."""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

from data_platform import environment
from data_platform.components.alerts import Alerts, sensors
from data_platform.resources.alert_channels import Channel, Slack

SLACK: Final = Slack("#data-platform-alerts", token="vault:secret-data/dagster/slack#bot_token")  # noqa: S106 - a reference

# Slack, Webhook or Email, as many as are wanted; where there is none, nobody is told.
CHANNELS: Final[Mapping[str, Sequence[Channel]]] = {"qa": [SLACK], "production": [SLACK]}


@dg.definitions
def alerts() -> dg.Definitions:
    """The sensors of the environment that this process runs in."""
    here = environment.current()
    channels = CHANNELS.get(here.name, [])
    return dg.Definitions(sensors=sensors(Alerts(here, channels)) if channels else [])
