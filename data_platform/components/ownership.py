"""What a source's definition says of owners, domain and tier, and whether it can work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from data_platform.ingestion.schemas import Connector
from data_platform.ingestion.schemas.check import Violation, violations
from data_platform.ingestion.spec import Ownership, Workflow

GIVES: Final = ("owners", "domain", "tier")
"""What a rule can give."""

_SCHEMA: Final = {"properties": {"ownership": {"type": "array", "items": Ownership.model_json_schema()}}}


def rules(
    own: Sequence[Mapping[str, Any]], *, owners: Sequence[str] | None, domain: str | None, tier: str | None
) -> tuple[Ownership, ...]:
    """The rules of a source, those for some of its tables before what is for all of it.

    Args:
        own: rules for some of the tables.
        owners: owners that the definition states, or None.
        domain: the domain of all of it.
        tier: the tier of all of it.
    """
    narrow = [Ownership.model_validate(rule) for rule in own]
    whole = [Ownership(owners=tuple(owners or ()), domain=domain, tier=tier)] if owners or domain or tier else []
    return (*narrow, *whole)


def ownership_problems(
    connector: Connector, workflows: Mapping[Workflow, Any], given: Mapping[str, Any]
) -> Iterator[Violation]:
    """Everything that is wrong with ``owners``, ``domain``, ``tier`` and ``ownership``.

    Args:
        connector: the source's connector.
        workflows: the source's workflows; only the keys are looked at.
        given: those of the four that the definition has.
    """
    # Owners own the source's assets, too.
    for name in [name for name in given if name != "owners"]:
        if connector.service_collection is None:
            remedy = "write it at the source of the service whose tables they are"
            yield Violation((name,), f"{connector.name} has no service of its own in the catalog", remedy)
        elif Workflow.METADATA not in workflows:
            yield Violation((name,), "is written by the metadata workflow, which this source does not have")
    yield from violations(given, _SCHEMA)
    yield from _owner_problems(given)
    own: Any = given.get("ownership")
    for index, rule in enumerate(cast(list[Any], own) if isinstance(own, list) else []):
        if isinstance(rule, dict):
            for problem in _rule_problems(connector, cast(dict[str, Any], rule)):
                yield Violation(("ownership", index, *problem.path), problem.what, problem.remedy)


def _owner_problems(given: Mapping[str, Any]) -> Iterator[Violation]:
    owners = given.get("owners")
    names = cast(list[Any], owners) if isinstance(owners, list) else []
    if len(names) > 1 and any(str(name).startswith("team:") for name in names):
        yield Violation(("owners",), "has a team among others", "the catalog takes one team, or people only")


def _rule_problems(connector: Connector, rule: Mapping[str, Any]) -> Iterator[Violation]:
    if connector.category != "database":
        remedy = "what is for all of it is written beside `ownership`"
        yield Violation(("tables",), f"{connector.name} has no tables", remedy)
    elif not rule.get("tables"):
        yield Violation(("tables",), "is missing", "set it; what is for all tables is written beside `ownership`")
    yield from _owner_problems(rule)
    if not any(rule.get(name) for name in GIVES):
        yield Violation((), "gives nothing", f"what a rule can give is {', '.join(GIVES)}")
    try:
        re.compile(str(rule.get("tables")))
    except re.error as error:
        yield Violation(("tables",), f"is no regular expression ({error})", "escape it, or correct it")
