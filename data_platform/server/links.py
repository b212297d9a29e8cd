"""Entity links, ``<#E::table::fqn::columns::name::description>``: the entity they name, and the field within it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from data_platform.server import documents, names
from data_platform.server.entity_types import EntityType, entity_type
from data_platform.server.problems import BadRequestError

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

_LINK = re.compile(r"^<#E::(\w+)::(.+)>$", re.DOTALL)


def linked(connection: Connection, link: str) -> tuple[EntityType, Json, list[str]]:
    """The entity of a link and the parts that follow it, for example ``["columns", "id", "description"]``.

    Raises:
        BadRequestError: it is no link.
        NotFoundError: what it names is not there.
    """
    found = _LINK.match(link)
    if found is None:
        raise BadRequestError(f"Entity link was not found in {link!r}")
    row = entity_type(found[1])
    fqn, *field = found[2].split("::")
    name = fqn.lower() if row.name == "user" else fqn
    return row, documents.need(connection, row, name), field


def name_of(link: str) -> str:
    """The fully qualified name of the entity, or of the column, that a link names; what it names need not be there.

    Raises:
        BadRequestError: it is no link.
    """
    found = _LINK.match(link)
    if found is None:
        raise BadRequestError(f"Entity link was not found in {link!r}")
    fqn, *field = found[2].split("::")
    return names.join(fqn, names.unquote(field[1])) if len(field) > 1 and field[0] == "columns" else fqn
