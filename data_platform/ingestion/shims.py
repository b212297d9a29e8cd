"""Two costs of OpenMetadata's client that a run need not pay, removed from outside.

Each shim looks at the client first and does nothing once the cost is gone there, so that a later client needs
no change here. Neither changes what the client does.
"""

from __future__ import annotations

import functools
import gc
import inspect
from typing import Any


def cache_version_header() -> bool:
    """Look the package's version up once instead of once per SQL statement.

    ``metadata.ingestion.connections.headers`` puts a comment with the client's version before every statement and
    asks ``importlib.metadata`` for it each time, which reads the package's files from disk: more than half of the
    time of a Postgres run.

    Returns:
        Whether there was something to remove.
    """
    from metadata.ingestion.connections import headers

    lookup: Any = getattr(headers, "_pkg_version", None)
    if lookup is None or hasattr(lookup, "cache_info"):
        return False
    headers._pkg_version = functools.cache(lookup)  # pyright: ignore[reportPrivateUsage]
    return True


def freeze_imports() -> bool:
    """Keep what the imports left in memory out of every later garbage collection.

    The profiler calls ``gc.collect()`` after every metric, and each call walks all of the package's half a million
    objects. To be called once everything is imported.

    Returns:
        Whether there was something to remove.
    """
    from metadata.profiler.interface import profiler_interface

    if "gc.collect" not in inspect.getsource(profiler_interface):
        return False
    gc.collect()
    gc.freeze()
    return True
