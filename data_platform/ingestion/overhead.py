"""What a run of OpenMetadata's client costs and need not, removed from outside.

Each of these looks at the client first and does nothing once its cause is gone there, so that a later client needs no
change here. What a database is asked too often is in ``reflection``.
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import inspect
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

_CLOUD_SECRETS: Final = re.compile(r"^from (metadata\.utils\.secrets\.(?!db_)\w+_secrets_manager) import (\w+)$", re.M)


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


def leave_cloud_secrets_out() -> bool:
    """Import no cloud's client for secrets that no workflow asks it for.

    ``metadata.utils.secrets.secrets_manager_factory`` imports the secrets managers of three clouds and of Kubernetes to
    choose the catalog's own among them: 1,200 modules of 4,000, a fifth of the time and of the memory of the import.
    Our configurations name none of the others, since references are resolved before. To be called before the client is
    imported.

    Returns:
        Whether there was something to remove.
    """
    package = importlib.util.find_spec("metadata")
    if package is None or not package.submodule_search_locations or "metadata" in sys.modules:
        return False
    factory = Path(package.submodule_search_locations[0], "utils", "secrets", "secrets_manager_factory.py")
    left_out = _CLOUD_SECRETS.findall(factory.read_text() if factory.exists() else "")
    for module, manager in left_out:
        sys.modules[module] = ModuleType(module)
        setattr(sys.modules[module], manager, type(manager, (), {}))
    return bool(left_out)


@contextmanager
def no_garbage_collection() -> Generator[None]:
    """Import without looking for garbage, of which imports make none.

    The client's classes are half a million objects, all to stay; to look at them again and again while they come is a
    third of the time of the import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def freeze_imports() -> bool:
    """Keep what the imports left in memory out of every later garbage collection.

    The profiler calls ``gc.collect()`` after every metric, and each call walks all of the package's half a million
    objects. To be called once everything is imported.

    Returns:
        Whether there was something to remove.
    """
    from metadata.profiler.interface.sqlalchemy import profiler_interface

    if "gc.collect" not in inspect.getsource(profiler_interface):
        return False
    gc.collect()
    gc.freeze()
    return True


def name_tables_without_a_search() -> bool:
    """Put the name of a table together from its parts where all of them are known.

    ``metadata.utils.fqn`` searches the catalog first, and finds what the parts make in any case. The client says so for
    tables, but not for views, so each view of a source was a search. For runs that list a database: lineage, which the
    metadata of dashboards and pipelines brings along, searches for what is written in another case or has no service.

    Returns:
        Whether there was something to remove.
    """
    from metadata.utils.fqn import fqn_build_registry

    functions: dict[str, Any] = cast(Any, fqn_build_registry).registry
    inner = functions["Table"]
    if "skip_es_search" not in inspect.signature(inner).parameters:
        return False

    def build(metadata: Any, **parts: Any) -> Any:
        is_whole = all(parts.get(part) for part in ("service_name", "database_name", "schema_name", "table_name"))
        if is_whole and not parts.get("fetch_multiple_entities"):
            parts["skip_es_search"] = True
        return inner(metadata, **parts)

    functions["Table"] = build
    return True
