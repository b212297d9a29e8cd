"""The command ``data-platform``. Parses arguments and calls; what it calls does the work."""

from __future__ import annotations

import importlib.util
import sys
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import click

from data_platform import __version__, environment
from data_platform.environment import ENVIRONMENTS
from data_platform.errors import CatalogError, DataPlatformError, IncompatibleEnvironmentError

# Restoring is done once and not by a schedule: what fails for a moment is worth waiting for.
_PATIENCE = 60.0

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the catalog: its database and its keys. Made when it does not exist.",
)


@click.group()
@click.version_option(__version__, prog_name="data-platform")
def commands() -> None:
    """Keeps an OpenMetadata catalog true."""


@commands.group()
def server() -> None:
    """The embedded catalog server, compatible with OpenMetadata's API."""
    if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("metadata") is None:
        raise IncompatibleEnvironmentError(
            "the embedded server needs the ingestion environment",
            source=sys.executable,
            remedy="run .venv-ingestion/bin/data-platform; 'make setup' makes it",
        )


@server.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8585, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; any but loopback is open to others.")
@_data
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of faults that happen to requests, for tests (docs/faults.md).",
)
def start(port: int, host: str, data: Path, faults: Path | None) -> None:
    """Serve the catalog until SIGINT or SIGTERM."""
    from data_platform.server.serve import serve

    serve(port=port, host=host, data=data, faults=faults)


@server.command("export")
@_data
@click.option(
    "--to", "target", type=click.File("wb"), default="-", help="File of JSON lines; standard output if left out."
)
def export_catalog(data: Path, target: BinaryIO) -> None:
    """Write the catalog as JSON lines; the server may run. Connections stay sealed with the folder's key."""
    from data_platform.server.transfer import exported

    for line in exported(data):
        target.write(line)


@server.command("import")
@_data
@click.option(
    "--from", "source", type=click.File("rb"), default="-", help="File of JSON lines; standard input if left out."
)
def import_catalog(data: Path, source: BinaryIO) -> None:
    """Fill an empty data folder from an export."""
    from data_platform.server.transfer import import_lines

    done = import_lines(data, source)
    click.echo(f"{done.entities} entities and {done.rows} other rows imported", err=True)
    if done.lost_connections:
        click.echo(
            f"{done.lost_connections} service connections were left out: they are sealed with another folder's key"
            " (copy its keys/connections.key before importing)",
            err=True,
        )


@server.command()
@_data
@click.option("--as", "subject", default="ingestion-bot", show_default=True, help="Whose token: a bot or a user.")
@click.option("--days", type=click.IntRange(1), default=90, show_default=True, help="Days until the token expires.")
def token(data: Path, subject: str, days: int) -> None:
    """Print a signed token for the catalog."""
    from data_platform.server.tokens import issue_token

    click.echo(issue_token(data, subject, lifetime=timedelta(days=days)))


@commands.command("doctor")
@click.option("--environment", "name", type=click.Choice(list(ENVIRONMENTS)), help="In place of DAGSTER_ENVIRONMENT.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects instead of a table.")
def check_environment(name: str | None, as_json: bool) -> None:
    """Check all that the sources of an environment need to run; exit code 1 when one of them could not."""
    _require_dagster()
    from data_platform.components import doctor

    if name is not None:
        environment.choose(name)
    sys.exit(doctor.run(as_json=as_json))


@commands.group("environment")
def environments() -> None:
    """What differs between environments."""
    _require_dagster()


@environments.command()
@click.argument("name", type=click.Choice(list(ENVIRONMENTS)), required=False)
def show(name: str | None) -> None:
    """Print what an environment is made of, secrets as references; without NAME the one of DAGSTER_ENVIRONMENT."""
    import yaml

    from data_platform.components.overview import overview
    from data_platform.defs.alerts import CHANNELS
    from data_platform.defs.schedules import SCHEDULES

    if name is not None:
        environment.choose(name)
    here = environment.current()
    document = overview(here, SCHEDULES, CHANNELS.get(here.name, []))
    click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), nl=False)


@commands.group()
def deletions() -> None:
    """What runs deleted from the catalog."""
    _require_dagster()


@deletions.command()
@click.option("--run", "run_id", required=True, help="The run, as its page in Dagster's UI names it.")
def undo(run_id: str) -> None:
    """Restore what a run deleted, in the catalog of the environment that DAGSTER_ENVIRONMENT names.

    What the source does not have by then, the next run of its metadata deletes again.
    """
    import dagster as dg

    from data_platform.ingestion.catalog import CatalogClient
    from data_platform.resources import deletions as record
    from data_platform.resources.vault import VaultResource

    here = environment.current()
    here.require_encryption("DATA_PLATFORM_CATALOG_URL", here.catalog_url)
    with dg.DagsterInstance.get() as instance:
        found = record.of_run(instance, run_id)
    token = VaultResource.of(here).resolve(here.catalog_token)
    with CatalogClient(here.catalog_url, token, retry_timeout=_PATIENCE) as catalog:
        failed = 0
        for one in record.restore(catalog, found):
            failed += bool(one.error)
            click.echo(f"{one.state}: {one.deletion.kind} {one.deletion.name}{one.error and f' ({one.error})'}")
    click.echo("What the source still lacks, the next run of its metadata deletes again.")
    if failed:
        raise CatalogError(f"{failed} entities are not as they were before the run", source=run_id)


def _require_dagster() -> None:
    if importlib.util.find_spec("dagster") is None:
        raise IncompatibleEnvironmentError(
            "this command needs Dagster's environment",
            source=sys.executable,
            remedy="run .venv/bin/data-platform; 'make setup' makes it",
        )


def main() -> None:
    """Entry point; an error of ours is one sentence and exit code 1."""
    try:
        commands.main(standalone_mode=True)
    except DataPlatformError as error:
        click.echo(f"Error: {error.sentence}", err=True)
        sys.exit(1)
