"""The pages of the sources say what the package does."""

from __future__ import annotations

import re

import pytest
import yaml

from data_platform.components.definition import check_definition
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.schemas.check import violations
from data_platform.ingestion.spec import Workflow
from docs.generate import FOLDER, pages

EXAMPLE = re.compile(r"## Example\n\n```yaml\n(.*?)```", re.DOTALL)


def test_every_page_is_what_the_generator_writes() -> None:
    written = {path: path.read_text() for path in (FOLDER / "sources").glob("*.md")}
    written |= {FOLDER / name: (FOLDER / name).read_text() for name in ("sources.md", "data_tests.md")}
    assert written == pages(), "run '.venv/bin/python -m docs.generate'"


def test_the_example_of_the_tests_page_can_work() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "data_tests.md").read_text(), re.DOTALL)
    options = yaml.safe_load(text)["workflows"]["tests"]
    assert violations(options, connectors()["Postgres"].options_schema(Workflow.TESTS)) == []


def test_every_connector_in_use_has_a_page() -> None:
    used = {
        yaml.safe_load(file.read_text())["attributes"]["connector"]
        for file in (FOLDER.parent / "data_platform" / "defs" / "sources").glob("*/defs.yaml")
    }
    assert used <= {page.stem for page in (FOLDER / "sources").glob("*.md")}


@pytest.mark.parametrize("name", sorted(page.stem for page in (FOLDER / "sources").glob("*.md")))
def test_the_example_of_a_page_can_work(name: str) -> None:
    (text,) = EXAMPLE.findall((FOLDER / "sources" / f"{name}.md").read_text())
    attributes = yaml.safe_load(text)["attributes"]
    check_definition(
        connector=attributes["connector"],
        connection={},
        environments=attributes["environments"],
        workflows={Workflow(workflow): options for workflow, options in attributes["workflows"].items()},
        schedules={},
        after=attributes["after"],
        sources=[],
        numbers={},
        locate=str,
    )
    assert attributes["connector"] in connectors()
