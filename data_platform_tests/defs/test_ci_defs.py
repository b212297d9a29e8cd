"""What ``make ci-defs`` prints when definitions are not what was committed."""

from __future__ import annotations

import json

from data_platform_tests.definitions import committed, differences


def test_what_is_as_committed_has_no_differences() -> None:
    assert differences(committed("dev"), committed("dev")) == []


def test_each_difference_is_a_line_that_names_what_and_where() -> None:
    before = committed("production")
    after = json.loads(json.dumps(before))
    del after["assets"]["openmetadata/superset/metadata"]
    after["assets"]["openmetadata/new/metadata"] = {}
    after["assets"]["openmetadata/trino/metadata"]["retries"] = 5
    after["assets"]["openmetadata/trino/metadata"]["checks"].append("fresh")
    after["schedules"]["metadata_ingestion_schedule"]["cron"] = "0 3 * * *"
    assert differences(before, after) == [
        "+ assets > openmetadata/new/metadata",
        "- assets > openmetadata/superset/metadata",
        "+ assets > openmetadata/trino/metadata > checks > fresh",
        "~ assets > openmetadata/trino/metadata > retries: 2 → 5",
        "~ schedules > metadata_ingestion_schedule > cron: '0 2 * * *' → '0 3 * * *'",
    ]
