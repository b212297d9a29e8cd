"""Writes ``docs/compatibility.md``: every endpoint that OpenMetadata's client calls, and what the embedded server does.

    .venv-ingestion/bin/python -m docs.compatibility

The endpoints are read out of the client's own source, the answers out of the server's table of routes, and what differs
is written here.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.keys import Keys
from data_platform.server.problems import ApiError
from data_platform.server.routes import build_router
from data_platform.server.routing import Router

PAGE = Path(__file__).with_name("compatibility.md")
_METHODS = {"get", "put", "post", "patch", "delete", "post_best_effort"}
_ANY = "{…}"

DIFFERENCES = {
    "/apps/trigger": "nothing runs; the run is over at once, since the database itself is searched",
    "/analytics/dataInsights/charts/aggregate": "always empty: nothing computes insights",
    "/services/ingestionPipelines/trigger": "says that there is no pipeline service, as OpenMetadata does without one",
    "/services/ingestionPipelines/logs": "kept in the database, not in S3",
    "/search/query": "answered from the database: bool, term, terms, match, multi_match, exists, ids, prefix, range,"
    " wildcard and query strings with AND, OR, NOT and parentheses; all"
    " scores are 1; aggregations of single fields only",
    "/search/fieldQuery": "answered from the database; case-sensitive",
    "/lineage": "depths up to 3; a graph is answered whole, not in pages",
    "/dataContracts": "columns and test results are checked, semantics and service levels are not",
    "/feed": "reactions and mentions are kept, nobody is notified",
    "/tasks": "no workflow engine: the transitions are approve and reject",
    "/metadata/types": "the schemas of types are empty",
    "/usage": "a second POST for a day replaces a table's count, and adds to its schema's and database's, as there",
    "/users": "passwords and single sign-on are not there: tokens only",
}
"""What is served but not quite the same, by the beginning of the path; the longest that fits counts."""

_REMARKS = """
What holds everywhere:

- Bots and administrators may do everything; the rules of policies are evaluated for everybody else. Conditions know
  `isOwner`, `noOwner`, `isReviewer`, `hasDomain`, `noDomain`, `matchTeam`, `inAnyTeam`, `hasAnyRole`, `matchAllTags`,
  `matchAnyTag` and `matchAnyCertification`, joined by `&&`, `||` and `!`.
- `?async=true` is answered when all is done, with the result.
- Changes are kept as events for seven days and listed by `/events`; nothing is sent: no mails, no webhooks.
  Workflows of governance do not run.
"""


def calls() -> dict[tuple[str, str], list[str]]:
    """What the client calls: the functions by method and path, parameters as ``{…}``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from metadata.ingestion.ometa import ometa_api, routes

    folder = Path(ometa_api.__file__).parent
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source in [*sorted((folder / "mixins").glob("*_mixin.py")), folder / "ometa_api.py"]:
        tree = ast.parse(source.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
        }
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for method, path in _in_function(function, constants, routes.ROUTES):
                if function.name not in found[method, path]:
                    found[method, path].append(function.name)
    return dict(found)


def _in_function(
    function: ast.FunctionDef, constants: dict[str, ast.expr], routes: dict[str, str]
) -> Iterator[tuple[str, str]]:
    names = dict(constants)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, node.value)
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS):
            continue
        holder = ast.unparse(node.func.value)
        if holder not in ("self.client", "target") or not (node.args or node.keywords):
            continue
        argument = next(
            (each.value for each in node.keywords if each.arg == "path"), node.args[0] if node.args else None
        )
        path = _text(argument, names, routes) if argument is not None else _ANY
        path = re.sub(r"(\{…\})+", _ANY, path.split("?")[0].rstrip("/"))
        if path.startswith("/") and not path.startswith("/{…}{"):
            yield node.func.attr.split("_")[0].upper(), path


def _text(node: ast.expr, names: dict[str, ast.expr], routes: dict[str, str], depth: int = 0) -> str:
    """The path that an expression makes, as far as it can be read."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, names, routes, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, names, routes, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left, names, routes, depth) + _text(node.right, names, routes, depth)
    if isinstance(node, ast.Name) and node.id in names and depth < 5:
        return _text(names[node.id], names, routes, depth + 1)
    if isinstance(node, ast.Attribute) and node.attr in names:
        return _text(names[node.attr], names, routes, depth + 1)
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called.endswith("get_suffix") and isinstance(node.args[0], ast.Name):
            return routes.get(node.args[0].id, "/{entities}")
        if called == "ROUTES.get":
            return routes.get(ast.unparse(node.args[0]).removesuffix(".__name__"), _ANY)
    return _ANY


def is_served(router: Router, method: str, path: str) -> bool:
    """Whether the server has a route for it; a parameter of the client's may be several parts of a path, or a query."""
    try:
        router.find(method, path.replace("/{entities}", "/tables").replace(_ANY, "x"))
    except ApiError:
        pass
    else:
        return True
    plain = re.escape(path).replace(re.escape(_ANY), ".*").replace(re.escape("{entities}"), ".+")
    pattern = re.compile(plain)
    return any(
        method == served and pattern.fullmatch(re.sub(r"\{\w+\}", "x", route)) for served, route, _ in router.routes
    )


def _difference(path: str) -> str:
    fitting = [beginning for beginning in DIFFERENCES if path.startswith(beginning)]
    return DIFFERENCES[max(fitting, key=len)] if fitting else ""


def page() -> str:
    """The whole document."""
    with tempfile.TemporaryDirectory() as folder:
        router = build_router(Keys(Path(folder)))
    lines = [
        "# What the embedded catalog does of OpenMetadata's API",
        "",
        f"Written by `python -m docs.compatibility` from the source of openmetadata-ingestion"
        f" {version('openmetadata-ingestion')} and the server's routes; a test fails when it is stale.",
        _REMARKS,
        "## What the client calls",
        "",
        "`{entities}` is the route of any entity type below.",
        "",
        "| method | path | called by | served | what differs |",
        "|---|---|---|---|---|",
    ]
    for (method, path), functions in sorted(calls().items(), key=lambda each: (each[0][1], each[0][0])):
        served = "yes" if is_served(router, method, path) else "no"
        names = ", ".join(f"`{name}`" for name in functions)
        lines.append(f"| {method} | `{path}` | {names} | {served} | {_difference(path)} |")
    lines += [
        "",
        "## Entity types",
        "",
        "Each has: create, PUT, bulk PUT, read by id and by name, list, JSON-Patch by id and by name, deletion (soft,"
        " hard, recursive, asynchronous, of what is stale), restore, versions, followers and votes.",
        "",
        "| type | route | own endpoints |",
        "|---|---|---|",
    ]
    taken: set[tuple[str, str]] = set()
    for row in sorted(ENTITY_TYPES.values(), key=lambda each: -len(each.route)):
        for method, pattern, handler in router.routes:
            if (
                pattern.startswith(f"{row.route}/")
                and getattr(handler, "__self__", None).__class__.__name__ != "Entities"
            ):
                taken.add((method, pattern))
    for row in ENTITY_TYPES.values():
        own = sorted(
            f"{method} `{pattern.removeprefix(row.route)}`"
            for method, pattern in taken
            if pattern.startswith(f"{row.route}/") and row is _owner(pattern)
        )
        lines.append(f"| {row.name} | `{row.route}` | {', '.join(own)} |")
    others = sorted({(pattern, method) for method, pattern, _ in router.routes if _owner(pattern) is None})
    lines += ["", "## Everything else", "", "| path | methods |", "|---|---|"]
    methods: dict[str, list[str]] = defaultdict(list)
    for pattern, method in others:
        methods[pattern].append(method)
    lines += [f"| `{pattern}` | {', '.join(sorted(found))} |" for pattern, found in methods.items()]
    return "\n".join(lines) + "\n"


def _owner(pattern: str) -> object:
    """The entity type whose route a pattern lies below."""
    fitting = [row for row in ENTITY_TYPES.values() if f"{pattern}/".startswith(f"{row.route}/")]
    return max(fitting, key=lambda row: len(row.route)) if fitting else None


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE} written", file=sys.stderr)  # noqa: T201
