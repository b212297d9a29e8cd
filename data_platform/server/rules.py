"""Where an entity type has rules of its own: hooks that the modules owning them register by type name.

``prepare`` runs on every document built from a create request, before its name is settled; ``store`` on
every document about to be stored, also after a patch; ``read`` fills the fields that are computed when
they are asked for; ``after`` runs once a document is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_platform.server.calls import Json, Principal
    from data_platform.server.store import Connection

Prepare = Callable[["Connection", "Json", "Json", "Principal"], None]
Check = Callable[["Connection", "Json", "Json | None"], None]
Compute = Callable[["Connection", "Json"], Any]

PREPARE: dict[str, list[Prepare]] = defaultdict(list)
"""``(connection, document, request, principal)``: completes a document that a request built."""

STORE: dict[str, list[Check]] = defaultdict(list)
"""``(connection, document, original or None)``: refuses or completes a document before it is stored."""

AFTER: dict[str, list[Check]] = defaultdict(list)
"""``(connection, document, original or None)``: follows a stored change elsewhere."""

COMPUTED: dict[str, dict[str, Compute]] = defaultdict(dict)
"""By type and field: ``(connection, document)`` gives the field's value, or None to leave it out."""

ALWAYS: dict[str, set[str]] = defaultdict(set)
"""Computed fields that are returned whether or not they are asked for."""

ON_REQUEST: dict[str, set[str]] = defaultdict(set)
"""Stored fields, beyond the common ones, that are returned only when ``fields`` names them."""

Filter = Callable[[str], tuple[str, list[Any]]]

FILTERS: dict[str, dict[str, Filter]] = defaultdict(dict)
"""By type and query parameter: the condition that a list is filtered by, and the values of its marks."""

BEFORE_REMOVAL: dict[str, list[Callable[[Connection, Json], None]]] = defaultdict(list)
"""``(connection, document)``: runs before a document is forgotten for good."""
