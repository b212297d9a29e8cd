"""The server's light import of the client's models leaves the client whole for everybody else in the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_platform_tests.scripts import run_script


def test_a_server_starts_without_the_clients_initializer(tmp_path: Path) -> None:
    printed = run_script(f"""
        import sys
        from pathlib import Path
        from data_platform.server.app import create_app
        create_app(Path({str(tmp_path)!r}))
        print([name for name in sys.modules if name == "metadata" or name.startswith("metadata.")])
    """)
    assert printed == "[]"


@pytest.mark.parametrize(
    "first",
    [
        "metadata.generated.schema.entity.services.apiService",
        "metadata.generated.schema.entity.data.table",
        "metadata.ingestion.ometa.ometa_api",
    ],
)
def test_the_client_can_be_imported_after_a_server_was_made_whatever_comes_first(tmp_path: Path, first: str) -> None:
    printed = run_script(f"""
        import importlib
        from pathlib import Path
        from data_platform.server.app import create_app
        create_app(Path({str(tmp_path)!r}))
        importlib.import_module({first!r})
        import metadata
        from metadata.ingestion.ometa.ometa_api import OpenMetadata
        from metadata.workflow.metadata import MetadataWorkflow
        print(OpenMetadata.__name__, MetadataWorkflow.__name__)
    """)
    assert printed == "OpenMetadata MetadataWorkflow"
