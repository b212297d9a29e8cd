"""Compare what a definition says with a JSON Schema, and say what is wrong in words.

The rules are jsonschema's own, with two additions: a string that is a secret reference satisfies whatever a schema
asks of a string's contents, and a field that the schema marks as a password accepts nothing but a reference.

Where a schema offers alternatives, the complaint is about the one that the value is nearest to: "none of these
matches" helps nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from data_platform.ingestion.schemas import OURS, Schema
from data_platform.secrets import FORMS, contains_reference, is_reference, malformed

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

Path = tuple[str | int, ...]


_NOUNS: Final = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_BOUNDS: Final = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}
_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}
_MANY: Final = 24


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong.

    Attributes:
        path: keys and indexes from the checked value to the one at fault.
        what: what is wrong with it, for example ``must be a string, not 5``; never shows a secret.
        remedy: what can be written instead.
    """

    path: Path
    what: str
    remedy: str | None = None


def violations(value: Any, schema: Schema) -> list[Violation]:
    """Everything that is wrong with ``value``, in the order in which the schema looks at it."""
    broken = {violation.path: violation for violation in _malformed_references(value, ())}
    wrong = [violation for error in _validator(schema).iter_errors(value) for violation in _explain(error)]
    wrong = [violation for violation in wrong if violation.path not in broken]
    return [*wrong, *broken.values(), *_unreadable_patterns(value, ())]


def _malformed_references(value: Any, path: Path) -> Iterator[Violation]:
    """References that nobody could resolve, and that would be taken for the secret itself."""
    if isinstance(value, dict):
        for key, inner in cast(dict[str, Any], value).items():
            yield from _malformed_references(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast(list[Any], value)):
            yield from _malformed_references(inner, (*path, index))
    elif malformed(value):
        yield Violation(path, "is a malformed secret reference", f"write it as {FORMS}")


def _unreadable_patterns(value: Any, path: Path) -> Iterator[Violation]:
    """Filters whose regular expressions cannot be read, which would end a run only after it has written."""
    if isinstance(value, dict):
        for key, inner in cast(dict[str, Any], value).items():
            yield from _unreadable_patterns(inner, (*path, key))
    elif isinstance(value, list) and path and path[-1] in {"includes", "excludes"}:
        for index, pattern in enumerate(cast(list[Any], value)):
            try:
                re.compile(str(pattern))
            except re.error as error:
                yield Violation((*path, index), f"is no regular expression ({error})", "escape it, or correct it")


def closest(name: str, known: Sequence[str], noun: str) -> str:
    """Which names would be right, the nearest first: all of them, unless they are many and some are near.

    Args:
        name: what was written.
        known: what could have been.
        noun: what they are, in the plural, for example ``fields``.
    """
    folded = {candidate.casefold(): candidate for candidate in known}
    near = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
    if near and len(known) > _MANY:
        return f"the nearest of {len(known)} known {noun} are {', '.join(near)}"
    return f"known {noun} are {', '.join([*near, *(candidate for candidate in known if candidate not in near)])}"


def _validator(schema: Schema) -> Validator:
    return _validator_class()(schema)


@cache
def _validator_class() -> Callable[[Schema], Validator]:
    from jsonschema import Draft202012Validator, validators

    def unless_reference(keyword: str) -> Callable[..., Any]:
        rule = Draft202012Validator.VALIDATORS[keyword]

        def check(validator: Validator, constraint: Any, instance: object, schema: Schema) -> Any:
            return None if contains_reference(instance) else rule(validator, constraint, instance, schema)

        return check

    lenient = ("const", "enum", "pattern", "minLength", "maxLength")
    rules = {**{keyword: unless_reference(keyword) for keyword in lenient}, "format": _secret}
    extend = cast(Any, validators).extend  # the stubs of jsonschema leave it untyped
    return cast("Callable[[Schema], Validator]", extend(Draft202012Validator, rules))


def _secret(_validator: Validator, form: str, instance: object, _schema: Schema) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if form == "password" and isinstance(instance, str) and not is_reference(instance):
        yield ValidationError("a literal secret")


def _explain(error: ValidationError) -> Iterator[Violation]:
    path: Path = tuple(error.absolute_path)
    instance, rule = cast(Any, error.instance), cast(Any, error.validator_value)
    properties = cast(dict[str, Any], cast(Any, error.schema).get("properties", {}))
    match error.validator:
        case "additionalProperties":
            for name in instance:
                if name not in properties:
                    yield _unknown((*path, name), name, list(properties))
        case "required":
            # jsonschema reports the missing names one by one, and names them only in its message.
            name = next(name for name in rule if f"'{name}' is a required" in error.message)
            yield Violation((*path, name), "is missing", "set it")
        case "format":
            yield Violation(path, "holds a secret in plain text", f"it must be a reference: {FORMS}")
        case "type":
            nouns = [_NOUNS[name] for name in ([rule] if isinstance(rule, str) else rule)]
            yield Violation(path, f"must be {' or '.join(nouns)}, not {_kind(instance)}")
        case "enum" | "const":
            yield Violation(path, f"cannot be {instance!r}", closest(str(instance), _values(error), "values"))
        case "minimum" | "maximum" | "exclusiveMinimum":
            yield Violation(path, f"must be {_BOUNDS[error.validator]} {rule}")
        case "minProperties" | "minItems":
            yield Violation(path, "is empty")
        case "anyOf":
            yield from _explain_alternatives(error)
        case _:
            yield Violation(path, f"is wrong: {error.message}")


def _unknown(path: Path, name: str, known: Sequence[str]) -> Violation:
    for prefix, reason in OURS.items():
        if name.startswith(prefix):
            return Violation(path, "cannot be set here", reason)
    if name == "type" and "type" not in known:
        return Violation(path, "cannot be set here", "the connector and the workflow decide it")
    return Violation(path, "is not a known field", closest(name, known, "fields"))


def _explain_alternatives(error: ValidationError) -> Iterator[Violation]:
    """The complaints of the alternative that the value is nearest to."""
    alternatives: dict[int, list[ValidationError]] = {}
    for inner in error.context or []:
        alternatives.setdefault(cast(int, inner.schema_path[0]), []).append(inner)
    candidates = [errors for errors in alternatives.values() if not any(_is_of_another_kind(inner) for inner in errors)]
    if not candidates:
        nouns = dict.fromkeys(noun for errors in alternatives.values() for inner in errors for noun in _expected(inner))
        nouns.pop(_NOUNS["null"], None)
        wanted, found = " or ".join(nouns), _kind(cast(Any, error.instance))
        yield Violation(tuple(error.absolute_path), f"must be {wanted}, not {found}")
        return
    nearest = min(candidates, key=_distance)
    for inner in nearest:
        known = _values_of_all(inner, candidates)
        if known:
            found = cast(Any, inner.instance)
            yield Violation(tuple(inner.absolute_path), f"cannot be {found!r}", closest(str(found), known, "values"))
        else:
            yield from _explain(inner)


def _values_of_all(error: ValidationError, alternatives: Sequence[Sequence[ValidationError]]) -> list[str]:
    """The values that a field could have, if no alternative accepts the one it has: it chooses between them."""
    known: dict[str, None] = {}
    for errors in alternatives:
        own = [inner for inner in errors if _limits_values(inner) and inner.absolute_path == error.absolute_path]
        if not own:
            return []
        known |= dict.fromkeys(value for inner in own for value in _values(inner))
    return list(known)


def _limits_values(error: ValidationError) -> bool:
    return error.validator in {"const", "enum"}


def _values(error: ValidationError) -> list[str]:
    rule = cast(Any, error.validator_value)
    return [str(value) for value in (rule if error.validator == "enum" else [rule])]


def _is_of_another_kind(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _expected(error: ValidationError) -> list[str]:
    rule = cast(Any, error.validator_value)
    if error.validator != "type":
        return []
    return [_NOUNS[name] for name in ([rule] if isinstance(rule, str) else rule)]


def _distance(errors: Sequence[ValidationError]) -> tuple[int, int]:
    """How far a value is from an alternative: first by what it is called, then by how much is wrong."""
    misnamed = 0
    for error in errors:
        if error.validator == "additionalProperties":
            known = cast(Any, error.schema).get("properties", {})
            misnamed += sum(name not in known for name in cast(Any, error.instance))
        elif _limits_values(error):
            misnamed += 1
    return misnamed, len(errors)


def _kind(instance: object) -> str:
    """What a value is, without showing it: it may be a secret in the wrong place."""
    return _NOUNS[_KINDS.get(type(instance), "null")]
