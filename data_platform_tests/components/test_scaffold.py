"""What the scaffolder writes loads as it is, for every connector."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml

from data_platform.components.definition import check_definition
from data_platform.components.scaffold import MetadataSourceScaffolder, ScaffoldParams, example
from data_platform.errors import ConfigurationError
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.spec import Workflow
from data_platform_tests.components.conftest import Project

TYPE = "data_platform.components.MetadataSource"


def request(folder: Path, connector: str, *, scaffold_format: str = "yaml", append: bool = False) -> None:
    MetadataSourceScaffolder().scaffold(
        dg.ScaffoldRequest(
            type_name=TYPE,
            target_path=folder,
            scaffold_format=scaffold_format,  # pyright: ignore[reportArgumentType]
            project_root=folder,
            params=ScaffoldParams(connector=connector),
            append=append,
        )
    )


@pytest.mark.parametrize("name", list(connectors()))
def test_the_example_of_every_connector_is_a_definition_that_can_work(name: str) -> None:
    attributes = yaml.safe_load(example(connectors()[name], "shop", type_name=TYPE))["attributes"]
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


def test_the_example_loads_under_the_folders_name(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "the-shop"
    folder.mkdir()
    request(folder, "Mysql")
    project.write((folder / "defs.yaml").read_text())
    keys = {spec.key.to_user_string() for spec in project.load().resolve_all_asset_specs()}
    assert "openmetadata/the_shop/metadata" in keys


def test_the_example_names_every_field_that_the_connection_needs() -> None:
    postgres = connectors()["Postgres"]
    text = example(postgres, "shop", type_name=TYPE)
    assert all(f"{name}: " in text for name in postgres.connection_schema()["required"])
    assert "password: vault:secret-data/dagster/shop#password" in text


def test_a_second_source_is_added_to_the_same_file(tmp_path: Path) -> None:
    request(tmp_path, "Mysql")
    file = tmp_path / "defs.yaml"
    request(file, "Redash", append=True)
    assert [document["attributes"]["connector"] for document in yaml.safe_load_all(file.read_text())] == [
        "Mysql",
        "Redash",
    ]


def test_an_unknown_connector_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--connector: there is no connector 'MySQLL': .*Mysql"):
        request(tmp_path, "MySQLL")


def test_a_source_is_not_scaffolded_in_python(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="defined in YAML"):
        request(tmp_path, "Mysql", scaffold_format="python")
