"""What loading definitions needs: nothing but this Python environment."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from data_platform.environment import ENVIRONMENTS, PROJECT_ROOT
from data_platform_tests.definitions import committed

NOTHING_TO_REACH = """
    import builtins, importlib.abc, os, socket, sys

    def refused(*arguments, **options):
        raise AssertionError(f"definitions asked the network: {arguments}")

    class NoClient(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name.partition(".")[0] == "metadata":
                raise AssertionError("definitions imported OpenMetadata's client")

    sys.meta_path.insert(0, NoClient())
    socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refused
"""


def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def workflows(environment: str) -> int:
    """How many workflows there are to be in an environment."""
    return sum(key.startswith("openmetadata/") for key in committed(environment)["assets"])


@pytest.mark.parametrize("environment", list(ENVIRONMENTS))
def test_definitions_load_without_network_vault_catalog_or_the_ingestion_environment(environment: str) -> None:
    script = textwrap.dedent(NOTHING_TO_REACH) + textwrap.dedent("""
        from data_platform.definitions import defs

        loaded = defs()
        loaded.get_repository_def().load_all_definitions()
        heavy = sorted(name for name in sys.modules if name.partition(".")[0] in {"metadata", "hvac", "pyiceberg"})
        workflows = [spec for spec in loaded.resolve_all_asset_specs() if spec.key.path[0] == "openmetadata"]
        print(len(workflows), heavy)
    """)
    done = run(
        script,
        DAGSTER_ENVIRONMENT=environment,
        VAULT_ADDR="http://127.0.0.1:1",
        DATA_PLATFORM_CATALOG_URL="http://127.0.0.1:1/api",
        DATA_PLATFORM_INGESTION_PYTHON="/nonexistent/python",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{workflows(environment)} []\n"


@pytest.mark.parametrize("environment", ["dev", "production"])
@pytest.mark.parametrize(
    "settings",
    [
        {"VAULT_ADDR": "http://vault.example.org"},
        {"VAULT_AUTH_METHOD": "nonsense"},
        {"VAULT_AUTH_METHOD": "jwt", "VAULT_JWT_FILE": "/nowhere", "VAULT_CACERT": "/nowhere"},
    ],
    ids=["without TLS", "unknown login", "no credentials"],
)
def test_a_vault_that_cannot_be_used_takes_no_definition_away(environment: str, settings: dict[str, str]) -> None:
    done = run(
        """
        from data_platform.definitions import defs
        print(sum(spec.key.path[0] == "openmetadata" for spec in defs().resolve_all_asset_specs()))
        """,
        DAGSTER_ENVIRONMENT=environment,
        **settings,
    )
    assert done.stdout == f"{workflows(environment)}\n", done.stderr


def test_an_environment_with_the_ingestion_clients_antlr_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """With antlr 4.9 every asset selection that is a string fails, with a TypeError that explains nothing."""
    older = tmp_path / "antlr4_python3_runtime-4.9.2.dist-info"
    older.mkdir()
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: antlr4-python3-runtime\nVersion: 4.9.2\n")
    done = run("import data_platform.definitions", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "data_platform.errors.IncompatibleEnvironmentError: Dagster's asset selections need antlr4-python3-runtime"
        " 4.13, this Python environment has 4.9.2: install only the extra 'orchestrator' here and the extra"
        " 'ingestion' in an environment of its own."
    )


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    done = run("from data_platform.definitions import defs; defs()", DAGSTER_ENVIRONMENT="staging")
    assert done.returncode == 1
    assert "DAGSTER_ENVIRONMENT: there is no environment 'staging': set it to one of dev, qa, production, demo." in (
        done.stderr
    )
