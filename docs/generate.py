"""Writes ``docs/sources``, ``data_tests.md`` and ``reliability.md``: ``.venv/bin/python -m docs.generate``.

Each page of a source is made of what the package knows of the connector (its workflows, its fields, an example that
loads) and of a note of ours in ``docs/notes`` on what the source must allow. A test fails when a page is stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from data_platform.components.description import describe
from data_platform.components.scaffold import example
from data_platform.ingestion.schemas import Connector, Schema, connectors, test_definitions
from data_platform.ingestion.spec import Workflow
from docs import reliability

FOLDER: Final = Path(__file__).parent
COMPONENT: Final = "data_platform.components.MetadataSource"
DEEPEST: Final = 3


def pages() -> dict[Path, str]:
    """The text of every page by its path."""
    notes = [note for note in sorted((FOLDER / "notes").glob("*.md")) if note.stem in connectors()]
    found = {FOLDER / "sources" / note.name: page(connectors()[note.stem], note.read_text()) for note in notes}
    names = [note.stem for note in notes]
    lines = [f"- [{name}](sources/{name}.md)" for name in names]
    found[FOLDER / "sources.md"] = "\n".join(
        [
            "# Sources",
            "",
            "What each connector fills, what it needs, and what can be set. The schemas of all"
            f" {len(connectors())} known connectors are in `data_platform/ingestion/schemas`.",
            "",
            *lines,
            "",
            "[Data-quality tests](data_tests.md) can be declared for tables of every database.",
            "",
        ]
    )
    found[FOLDER / "data_tests.md"] = data_tests((FOLDER / "notes" / "data_tests.md").read_text())
    return found


def data_tests(note: str) -> str:
    """The page of the test definitions."""
    rows = [
        f"| `{name}` | {'column' if 'column' in schema['properties'] else 'table'} | {_parameters(schema)} |"
        for name, schema in test_definitions().items()
    ]
    return "\n".join([note.strip(), "", "| definition | of a | parameters |", "|---|---|---|", *rows, ""])


def _parameters(test: Schema) -> str:
    parameters = cast(Schema, test["properties"].get("parameters", {"properties": {}, "required": []}))
    described = [
        f"`{name}`{' (required)' if name in parameters['required'] else ''}: {_kind(schema)}"
        for name, schema in cast(dict[str, Schema], parameters["properties"]).items()
    ]
    return ", ".join(described)


def page(connector: Connector, note: str) -> str:
    """One connector's page."""
    service = connector.name.casefold()
    fills = [f"| {name.value} | {describe(connector, service, name, {})} |" for name in connector.workflows]
    return "\n".join(
        [
            f"# {connector.name}",
            "",
            note.strip(),
            "",
            "## Workflows",
            "",
            "| workflow | what it fills |",
            "|---|---|",
            *fills,
            "",
            "## Example",
            "",
            "```yaml",
            example(connector, service, type_name=COMPONENT).strip(),
            "```",
            "",
            "## Connection",
            "",
            *_table(connector.connection_schema()),
            "",
            *_options(connector),
        ]
    )


def _options(connector: Connector) -> Iterator[str]:
    for workflow in connector.workflows:
        if workflow is Workflow.TESTS:
            yield "## Tests"
            yield ""
            yield "Data-quality tests by table: see [data_tests.md](../data_tests.md)."
            yield ""
            continue
        yield f"## Options of `{workflow.value}`"
        yield ""
        yield from _table(connector.options_schema(Workflow(workflow)))
        yield ""


def _table(schema: Schema) -> list[str]:
    rows = list(_rows(schema, cast(dict[str, Schema], schema.get("$defs", {})), ()))
    return ["| field | type | default |", "|---|---|---|", *rows] if rows else ["None."]


def _rows(schema: Schema, definitions: Mapping[str, Schema], path: tuple[str, ...]) -> Iterator[str]:
    for alternative in _alternatives(schema, definitions):
        required = cast(list[str], alternative.get("required", []))
        for name, field in cast(dict[str, Schema], alternative.get("properties", {})).items():
            here = (*path, name)
            inner = list(_alternatives(field, definitions))
            mark = " (required)" if name in required else ""
            kinds = " or ".join(dict.fromkeys(_kind(one) for one in inner)) or "anything"
            default = f"`{field['default']}`" if field.get("default") not in (None, {}, []) else ""
            yield f"| `{'.'.join(here)}`{mark} | {kinds} | {default} |"
            if len(here) < DEEPEST:
                yield from dict.fromkeys(row for one in inner for row in _rows(one, definitions, here))


def _alternatives(schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[Schema]:
    """What a value may be, references followed, null left out."""
    if "$ref" in schema:
        yield from _alternatives(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    elif "anyOf" in schema:
        for one in cast(list[Schema], schema["anyOf"]):
            yield from _alternatives(one, definitions)
    elif schema.get("type") != "null":
        yield schema


def _kind(schema: Schema) -> str:
    if schema.get("format") == "password":
        return "secret reference"
    values = cast(list[Any], schema.get("enum") or ([schema["const"]] if "const" in schema else []))
    if values:
        return ", ".join(f"`{value}`" for value in values)
    return {"array": "list", "object": "fields"}.get(str(schema.get("type")), str(schema.get("type", "anything")))


def main() -> None:
    """Write every page, and take away those of connectors that have no note any more."""
    texts = pages()
    for stale in set((FOLDER / "sources").glob("*.md")) - texts.keys():
        stale.unlink()
    for path, text in texts.items():
        path.write_text(text)
    (FOLDER / "reliability.md").write_text(reliability.page())


if __name__ == "__main__":
    main()
