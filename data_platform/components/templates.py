"""Templates in the parts of a definition that are OpenMetadata's.

Dagster fills in every string as a native Jinja template, and thereby turns ``'12345'`` into a number. An account id
must stay what was written: here only strings that hold a template are treated as one.
"""

from __future__ import annotations

from typing import Any, Final, cast

import dagster as dg

_OPENINGS: Final = ("{{", "{%", "{#")


def fill_in(context: dg.ResolutionContext, value: Any) -> Any:
    """``value`` with the templates inside nested dicts and lists filled in, and everything else as it is."""
    if isinstance(value, dict):
        items = cast(dict[str, Any], value).items()
        return {key: fill_in(context.at_path(key), inner) for key, inner in items}
    if isinstance(value, list):
        return [fill_in(context.at_path(index), inner) for index, inner in enumerate(cast(list[Any], value))]
    if isinstance(value, str) and any(opening in value for opening in _OPENINGS):
        return context.resolve_value(value, as_type=str)  # pyright: ignore[reportUnknownMemberType]
    return value


LITERAL: Final = dg.Resolver(fill_in, inject_before_resolve=False)
"""For attributes whose strings are somebody else's."""
