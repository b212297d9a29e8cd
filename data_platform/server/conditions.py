"""Conditions of policy rules: calls such as ``isOwner()`` or ``matchAnyTag('PII.Sensitive')``.

They are joined by ``&&``, ``||`` and ``!``, and read as a small language in which nothing but these calls can be said.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from data_platform.server import documents
from data_platform.server.entity_types import ENTITY_TYPES, EntityType
from data_platform.server.problems import BadRequestError
from data_platform.server.rules import STORE

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

_WORDS = {"&&": " and ", "||": " or ", "!": " not ", "true": "True", "false": "False"}
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|&&|\|\||!(?!=)|\btrue\b|\bfalse\b")


@dataclass(frozen=True)
class _Scene:
    """Who asks for what."""

    connection: Connection
    user: Json
    row: EntityType
    document: Json

    def teams(self) -> list[Json]:
        from data_platform.server.permissions import teams_of

        return teams_of(self.connection, self.user)

    def held(self, field: str) -> set[str]:
        """The ids that the entity refers to in a field, its own or the nearest above it."""
        row, document = self.row, self.document
        while not document.get(field):
            above = documents.parent_of(row, document)
            found = documents.find_id(self.connection, ENTITY_TYPES[above["type"]], above["id"]) if above else None
            if above is None or found is None:
                return set()
            row, document = ENTITY_TYPES[above["type"]], found
        return {each["id"] for each in document[field]}

    def tags(self) -> set[str]:
        return {label["tagFQN"] for label in documents.labels_in({"tags": self.document.get("tags", [])})}


def _owns(scene: _Scene) -> bool:
    own = {scene.user["id"], *(team["id"] for team in scene.user.get("teams", []))}
    return bool(own & scene.held("owners"))


def _in_domain(scene: _Scene) -> bool:
    domains = scene.held("domains")
    return not domains or bool(domains & {domain["id"] for domain in scene.user.get("domains", [])})


def _owning_team(scene: _Scene) -> bool:
    return bool({team["id"] for team in scene.teams()} & scene.held("owners"))


def _has_role(scene: _Scene, *names: str) -> bool:
    roles = [*scene.user.get("roles", []), *(role for team in scene.teams() for role in team.get("defaultRoles", []))]
    found = [documents.find_id(scene.connection, ENTITY_TYPES["role"], role["id"]) for role in roles]
    return bool({role["name"] for role in found if role} & set(names))


def _in_team(scene: _Scene, *names: str) -> bool:
    return bool({team["name"] for team in scene.teams()} & set(names))


def _certified(scene: _Scene, *tags: str) -> bool:
    return scene.document.get("certification", {}).get("tagLabel", {}).get("tagFQN") in tags


def _no_owner(scene: _Scene) -> bool:
    return not scene.held("owners")


def _no_domain(scene: _Scene) -> bool:
    return not scene.held("domains")


def _reviews(scene: _Scene) -> bool:
    return scene.user["id"] in scene.held("reviewers")


def _all_tags(scene: _Scene, *tags: str) -> bool:
    return set(tags) <= scene.tags()


def _any_tag(scene: _Scene, *tags: str) -> bool:
    return bool(set(tags) & scene.tags())


_CALLS: dict[str, Callable[..., bool]] = {
    "noOwner": _no_owner,
    "isOwner": _owns,
    "isReviewer": _reviews,
    "noDomain": _no_domain,
    "hasDomain": _in_domain,
    "matchTeam": _owning_team,
    "inAnyTeam": _in_team,
    "hasAnyRole": _has_role,
    "matchAllTags": _all_tags,
    "matchAnyTag": _any_tag,
    "matchAnyCertification": _certified,
}


def holds(connection: Connection, condition: str | None, user: Json, row: EntityType, document: Json | None) -> bool:
    """Whether the condition of a rule holds; one about an entity never does where there is none."""
    if not condition:
        return True
    if document is None:
        return False
    return _value(parsed(condition), _Scene(connection, user, row, document))


@cache
def parsed(condition: str) -> ast.expr:
    """A condition as a tree.

    Raises:
        BadRequestError: it says something else than the known calls.
    """
    python = _TOKEN.sub(lambda found: _WORDS.get(found[0], found[0]), condition).strip()
    try:
        tree = ast.parse(python, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadRequestError(f"Failed to parse condition {condition!r}") from None
    _known(tree, condition)
    return tree


def _known(tree: ast.expr, condition: str) -> None:
    if isinstance(tree, ast.BoolOp):
        for part in tree.values:
            _known(part, condition)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        _known(tree.operand, condition)
    elif (
        isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in _CALLS and not tree.keywords
    ):
        if not all(isinstance(argument, ast.Constant) for argument in tree.args):
            raise BadRequestError(f"Failed to evaluate condition {condition!r}: texts are compared, nothing else")
    elif not (isinstance(tree, ast.Constant) and isinstance(tree.value, bool)):
        raise BadRequestError(f"Failed to evaluate condition {condition!r}: use {', '.join(sorted(_CALLS))}")


def _value(tree: ast.expr, scene: _Scene) -> bool:
    if isinstance(tree, ast.BoolOp):
        values = (_value(part, scene) for part in tree.values)
        return all(values) if isinstance(tree.op, ast.And) else any(values)
    if isinstance(tree, ast.UnaryOp):
        return not _value(tree.operand, scene)
    if isinstance(tree, ast.Call):
        assert isinstance(tree.func, ast.Name)
        arguments: list[Any] = [argument.value for argument in tree.args if isinstance(argument, ast.Constant)]
        try:
            return _CALLS[tree.func.id](scene, *arguments)
        except TypeError:
            raise BadRequestError(f"{tree.func.id} takes other arguments") from None
    assert isinstance(tree, ast.Constant)
    return bool(tree.value)


def _check(_connection: Connection, document: Json, _original: Json | None) -> None:
    for rule in document.get("rules", []):
        if rule.get("condition"):
            parsed(rule["condition"])


STORE["policy"].append(_check)
