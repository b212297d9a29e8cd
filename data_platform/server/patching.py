"""JSON-Patch on an entity as its reader sees it."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from data_platform.server.calls import without_nulls
from data_platform.server.problems import BadRequestError, NotFoundError, PreconditionFailedError
from data_platform.server.views import View

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.entity_types import EntityType
    from data_platform.server.keys import Keys
    from data_platform.server.writing import Writing

_COUNTED = ("followers", "votes")


def patch(call: Call, keys: Keys, writing: Writing, row: EntityType, original: Json) -> Json:
    """Apply the body of ``call`` to ``original`` and store what comes out.

    Raises:
        PreconditionFailedError: ``If-Match`` names another version.
        BadRequestError: the patch does not apply, or its result breaks a rule.
    """
    check_match(call, original)
    if original.get("deleted"):
        raise NotFoundError(f"{row.name} instance for {original['id']} not found")
    view = View(writing.connection, keys, call.base, unmasked=call.principal.is_bot, inherit=False)
    shown = view.one(row, _copied(original), set(row.fields) - set(_COUNTED))
    patched = apply(shown, call.array)
    return writing.replaced(row, original, without_nulls(patched))


def check_match(call: Call, document: Json) -> None:
    """Compare ``If-Match`` with the document's version, weakly.

    Raises:
        PreconditionFailedError: it names another one.
    """
    header = call.headers.get("if-match")
    if not header or header.strip() == "*":
        return
    version = str(document["version"])
    given = [tag.strip().removeprefix("W/").strip('"').removesuffix("--gzip") for tag in header.split(",")]
    if version not in given:
        raise PreconditionFailedError(f"The entity has been modified: its version is {version}, not {', '.join(given)}")


def apply(document: Json, operations: list[Any]) -> Json:
    """``document`` after the operations; a list that is not there yet is an empty one.

    Raises:
        BadRequestError: the patch is none, or does not apply.
    """
    # Neither package is typed for a strict reader.
    jsonpatch: Any = importlib.import_module("jsonpatch")
    jsonpointer: Any = importlib.import_module("jsonpointer")

    for operation in operations:
        if not isinstance(operation, dict) or "path" not in operation or "op" not in operation:
            raise BadRequestError("Unable to process JSON: a patch is a list of operations")
        _open_path(document, str(cast("Json", operation)["path"]))
    try:
        patched = jsonpatch.JsonPatch(operations).apply(document, in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, ValueError) as error:
        raise BadRequestError(f"The patch cannot be applied: {error}") from None
    if not isinstance(patched, dict):
        raise BadRequestError("The patch cannot be applied: its result is no object")
    return cast("Json", patched)


def _open_path(document: Json, path: str) -> None:
    parts = path.split("/")[1:]
    here: Any = document
    for part, following in pairwise(parts):
        if isinstance(here, list):
            members = cast("list[Any]", here)
            here = members[int(part)] if part.isdigit() and int(part) < len(members) else None
        elif isinstance(here, dict):
            empty: Any = [] if following.isdigit() or following == "-" else {}
            here = cast("Json", here).setdefault(part, empty)
        else:
            return


def _copied(document: Json) -> Json:
    import orjson

    return cast("Json", orjson.loads(orjson.dumps(document)))
