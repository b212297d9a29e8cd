"""What people have put into the catalog before anything is ingested: who owns data, what it is about, a dashboard."""

from __future__ import annotations

from typing import Any, Final

import httpx

# In the order in which the later ones need the earlier ones; putting one that is there changes nothing.
_MADE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("teams", {"name": "flight-operations", "displayName": "Flight operations", "teamType": "Group"}),
    ("teams", {"name": "analytics", "displayName": "Analytics", "teamType": "Group"}),
    ("domains", {"name": "Aviation", "domainType": "Aggregate", "description": "Who flies where, and how punctually"}),
    ("services/dashboardServices", {"name": "flight_board", "serviceType": "CustomDashboard"}),
    (
        "dashboards",
        {
            "name": "punctuality",
            "displayName": "Punctuality of airlines",
            "description": "Which airlines leave New York on time",
            "service": "flight_board",
        },
    ),
)


def introduce(url: str, token: str) -> None:
    """Put everything into a catalog that is not there yet.

    Args:
        url: the catalog's API.
        token: of somebody who may create teams and dashboards.

    Raises:
        httpx.HTTPError: the catalog refuses it.
    """
    with httpx.Client(base_url=f"{url}/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=10) as catalog:
        for collection, request in _MADE:
            catalog.put(collection, json=request).raise_for_status()
