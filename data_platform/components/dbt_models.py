"""A dbt project as a Dagster component: from its manifest to the assets that build its models.

Every model, seed and snapshot is one asset, every test a check; one op builds those that are selected with
``dbt build`` and leaves the artifacts where the catalog's dbt source finds them. Sources of metadata whose tables the
models are come after them by themselves.

The manifest is not made here: parsing a project takes seconds, and definitions load often. Without one, or with one
that cannot be read, there are no models, and everything else loads.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import dagster as dg
from pydantic import BaseModel, Field

from data_platform import environment
from data_platform.components.cadence import Cadence, freshness
from data_platform.components.definition import cadence_problems, refusal
from data_platform.components.frame import with_clear_errors
from data_platform.components.locator import Locator
from data_platform.components.templates import LITERAL
from data_platform.ingestion.schemas.check import Violation, closest
from data_platform.secrets import is_reference

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator, DbtCliResource

COMMAND: Final = "data-platform-dbt"
"""What runs dbt; see ``data_platform.resources.dbt_command``."""

_BUILT: Final = ("model", "seed", "snapshot")
_LOG: Final = logging.getLogger(__name__)


class DbtModels(dg.Component, dg.Model, dg.Resolvable):
    """A dbt project whose models are built here, in some environments, and appear as tables of a source."""

    service: Annotated[
        str, Field(description="The catalog's service that the models are tables of; its metadata comes after them.")
    ]
    project: Annotated[str, Field(description="Folder of the dbt project; relative paths start at the project root.")]
    environments: Annotated[
        dict[str, dict[str, str]],
        LITERAL,
        Field(
            description="Secret references for dbt's variables, by environment; where none is named, nothing is built."
        ),
    ]
    artifacts: Annotated[
        str, Field(description="Folder that manifest, catalog and run results of the last build are left in.")
    ]
    schedules: Annotated[list[Cadence], Field(description="How often the models are built.")] = [Cadence.DAILY]

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The model of the YAML; Dagster asks for it."""
        return _model(cls)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The models' assets, in an environment that is named.

        Raises:
            ConfigurationError: the definition cannot work.
        """
        problems = list(self._problems())
        if problems:
            raise refusal(problems, Locator(context))
        manifest = self._manifest()
        return dg.Definitions(assets=[self._assets(manifest)] if manifest else [])

    def model_keys(self) -> list[dg.AssetKey]:
        """Keys of the assets that make tables in the current environment."""
        manifest = self._manifest()
        if not manifest:
            return []
        translator = self._translator(manifest)
        nodes = cast(dict[str, dict[str, Any]], manifest["nodes"])
        return [
            translator.get_asset_spec(manifest, unique_id, None).key
            for unique_id, node in nodes.items()
            if node["resource_type"] in _BUILT and node["config"].get("materialized") != "ephemeral"
        ]

    def execute(self, context: dg.AssetExecutionContext, manifest: Mapping[str, Any]) -> Iterator[Any]:
        """Build what is selected; the body of the models' op.

        Raises:
            Exception: dbt failed, or a test did not pass; the artifacts say so, too.
        """
        with tempfile.TemporaryDirectory(prefix="data-platform-dbt-") as folder:
            built, documented = Path(folder) / "build", Path(folder) / "docs"
            dbt = self._dbt()
            build = dbt.cli(
                ["build"],
                context=context,
                manifest=manifest,
                dagster_dbt_translator=self._translator(manifest),
                target_path=built,
                raise_on_error=False,
            )
            yield from cast(Iterator[Any], build.stream())  # pyright: ignore[reportUnknownMemberType]
            if (built / "run_results.json").exists():
                # A build of some models compiles only these; the catalog is to have the SQL of all.
                dbt.cli(["docs", "generate"], target_path=documented).wait()
                self._publish(documented / "manifest.json", documented / "catalog.json", built / "run_results.json")
            error = build.get_error()
            if error is not None:
                raise error

    def _problems(self) -> Iterator[Violation]:
        yield from cadence_problems(("schedules",), self.schedules)
        known = list(environment.ENVIRONMENTS)
        for name, variables in self.environments.items():
            if name not in known:
                path = ("environments", name)
                yield Violation(path, f"there is no environment {name!r}", closest(name, known, "environments"))
            for variable, value in variables.items():
                if not is_reference(value):
                    path = ("environments", name, variable)
                    yield Violation(path, "must be a secret reference", "write it as vault:, env: or file:")

    def _folder(self) -> Path:
        return environment.PROJECT_ROOT / self.project

    def _manifest(self) -> dict[str, Any] | None:
        """The project's manifest, or None where nothing is to be built or there is none."""
        if environment.current().name not in self.environments:
            return None
        file = self._folder() / "target" / "manifest.json"
        try:
            return _read(file, file.stat().st_mtime_ns)
        except (OSError, ValueError) as error:
            _LOG.warning(
                "%s: the models of %s are left out, because their manifest cannot be read (%s): run 'make setup'.",
                file,
                self.project,
                type(error).__name__,
            )
            return None

    def _assets(self, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
        from dagster_dbt import dbt_assets

        project = manifest["metadata"]["project_name"]

        @dbt_assets(
            manifest=manifest,
            name=f"dbt__{project}",
            dagster_dbt_translator=self._translator(manifest),
            pool=f"dbt/{project}",
        )
        def build_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
            yield from self.execute(context, manifest)

        return build_models

    def _translator(self, manifest: Mapping[str, Any]) -> "DagsterDbtTranslator":
        from dagster_dbt import DagsterDbtTranslator

        name = str(manifest["metadata"]["project_name"])
        late = freshness(self.schedules)
        cadences = {cadence.tag: "" for cadence in self.schedules}

        class Translator(DagsterDbtTranslator):
            """Keys below the project's name, which is the group's, too, and models on their schedule."""

            def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
                spec = super().get_asset_spec(manifest, unique_id, project)
                if unique_id.startswith("source."):
                    return spec
                return spec.replace_attributes(freshness_policy=late)  # pyright: ignore[reportUnknownMemberType]

            def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
                return super().get_asset_key(dbt_resource_props).with_prefix(name)

            def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
                return super().get_group_name(dbt_resource_props) or name

            def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
                return {**super().get_tags(dbt_resource_props), **cadences}

        return Translator()

    def _dbt(self) -> "DbtCliResource":
        from dagster_dbt import DbtCliResource

        secrets = self.environments[environment.current().name]
        return DbtCliResource(
            project_dir=os.fspath(self._folder()),
            dbt_executable=os.fspath(Path(sys.executable).with_name(COMMAND)),
            global_config_flags=[f"--secret={name}={reference}" for name, reference in secrets.items()],
        )

    def _publish(self, *files: Path) -> None:
        """Put the artifacts where they are looked for, each whole or not at all."""
        folder = environment.PROJECT_ROOT / self.artifacts
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            draft = folder / f".{file.name}.{os.getpid()}"
            shutil.copyfile(file, draft)
            draft.replace(folder / file.name)


@cache
def _model(component: type[DbtModels]) -> type[BaseModel]:
    return with_clear_errors(component.model())


@cache
def _read(file: Path, _changed: int) -> dict[str, Any]:
    """A manifest, read once as long as it does not change.

    Raises:
        ValueError: it is no manifest.
    """
    manifest = json.loads(file.read_bytes())
    if not isinstance(manifest, dict) or not {"metadata", "nodes", "sources"} <= manifest.keys():
        raise ValueError("no manifest")
    return cast(dict[str, Any], manifest)
