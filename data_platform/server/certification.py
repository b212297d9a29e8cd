"""Certifications of assets: a tag of the classification that the settings name, given for a span of time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from data_platform.server import documents, names
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.ids import now
from data_platform.server.problems import BadRequestError, no_instance
from data_platform.server.settings import setting

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

_PERIOD = re.compile(r"^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$")


def check(connection: Connection, document: Json, original: Json | None) -> None:
    """Date a new certification; the same one keeps its dates.

    Raises:
        BadRequestError: it is a tag of another classification.
        NotFoundError: there is no such tag.
    """
    given, before = document.get("certification"), (original or {}).get("certification")
    if not given or (before and given["tagLabel"]["tagFQN"] == before["tagLabel"]["tagFQN"]):
        if given:
            document["certification"] = before
        return
    fqn = given["tagLabel"]["tagFQN"]
    settings = setting(connection, "assetCertificationSettings")
    if names.split(fqn)[:-1] != [settings["allowedClassification"]]:
        raise BadRequestError(f"Invalid Classification: {fqn} is not valid for Certification.")
    if documents.find(connection, ENTITY_TYPES["tag"], fqn) is None:
        raise no_instance("tag", fqn)
    at = now()
    document["certification"] = {**given, "appliedDate": at, "expiryDate": _after(at, settings["validityPeriod"])}


def _after(at: int, period: str) -> int:
    """The end of an ISO 8601 period of years, months, weeks and days that begins at ``at``."""
    matched = _PERIOD.match(period)
    years, months, weeks, days = (int(part or 0) for part in matched.groups()) if matched else (0, 0, 0, 30)
    start = datetime.fromtimestamp(at / 1000, UTC)
    month = start.month - 1 + months + 12 * years
    first = start.replace(year=start.year + month // 12, month=month % 12 + 1, day=1)
    end = first + timedelta(days=start.day - 1 + 7 * weeks + days)
    return int(end.timestamp() * 1000)
