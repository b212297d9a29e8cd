"""By which definition of a source a run lists, in one word.

What a source's filters leave out, the catalog may keep (``filters``). What else of a definition decides what is listed
(the host, the user, an option such as ``includeDraftDashboard``) is only known to its connector: when it changes, what
is listed no more need not be gone. So every run files the word of its definition as long as the catalog holds nothing
that another definition brought (``pipeline_runs``), and deletes nothing while it finds another one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from data_platform.ingestion import source_inventory
from data_platform.ingestion.filters import OPTIONS
from data_platform.ingestion.spec import HISTORY, WorkflowSpec

CHANGED: Final = (
    "what is gone cannot be told from what is only listed no longer, for no earlier run says that the source's present"
    " definition alone filled the catalog; look, and materialize the asset once with allow_deletions: true if it is"
)
"""Why nothing is deleted then."""


def word(spec: WorkflowSpec) -> str:
    """The same for two specs that differ in nothing but their filters or the table that their queries are read from.

    Secrets go into it as references.

    Where nothing but the connector says what a source has, nobody knows either which names it holds against a filter.
    """
    both = (spec.connection, spec.options)
    filters = {*OPTIONS, HISTORY} if source_inventory.exists_for(spec.connector) else {HISTORY}
    parts = [{name: value for name, value in part.items() if name not in filters} for part in both]
    definition = json.dumps([spec.connector, *parts], sort_keys=True)
    return hashlib.sha256(definition.encode()).hexdigest()[:16]
