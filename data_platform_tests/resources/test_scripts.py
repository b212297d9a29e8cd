"""Scripts of people's own in the ingestion environment: what they get, and what becomes of how they end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from data_platform.resources.scripts import ScriptLauncher
from data_platform_tests.vaults.fake import FakeVault, running_vault

SECRET = "s3cret-of-the-script/1"


@pytest.fixture(autouse=True)
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVault]:
    """A Vault with the catalog's token and a secret of the script's."""
    with running_vault() as running:
        running.write("secret-data/dagster/openmetadata", {"jwt_token": "a.b.c"})
        running.write("secret-data/scripts", {"key": SECRET})
        monkeypatch.setenv("VAULT_ADDR", running.address)
        monkeypatch.setenv("VAULT_TOKEN", running.token())
        yield running


PROLOGUE = """\
import os
from dagster_pipes import PipesContext
from data_platform.ingestion import script
pipes = PipesContext.get()
"""
Run = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Materializes an asset whose script has the given text."""
    file = tmp_path / "script.py"

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def made(context: dg.AssetExecutionContext, scripts: ScriptLauncher) -> Iterator[Any]:
        yield from scripts.run(
            context=context,
            script=file,
            references={"key": "vault:secret-data/scripts#key", "mine": "env:SCRIPT_VARIABLE"},
            timeout=timeouts[0],
        )

    timeouts = [60.0]

    def materialize(text: str, timeout: float = 60) -> dg.ExecuteInProcessResult:
        timeouts[0] = timeout
        file.write_text(f"{PROLOGUE}{text}\n")
        return dg.materialize([made], resources={"scripts": ScriptLauncher()}, raise_on_error=False)

    return materialize


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.get_step_failure_events()
    return str(event.step_failure_data.error_display_string)


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPT_VARIABLE", "mine-own-value")
    monkeypatch.setenv("SOMEBODY_ELSES", "other")


def test_a_script_gets_its_secrets_and_reports_what_it_did(run: Run) -> None:
    result = run("""
found = script.secrets()
pipes.report_asset_materialization(metadata={"length": len(found["key"]), "mine": found["mine"] == "mine-own-value",
                                             "strange": sorted({"SOMEBODY_ELSES"} & set(os.environ))})
""")
    assert result.success, failure(result)
    (materialization,) = result.asset_materializations_for_node("made")
    assert materialization.metadata["length"].value == len(SECRET)
    assert materialization.metadata["mine"].value is True
    assert materialization.metadata["strange"].value == []


def test_a_script_that_raises_fails_the_step_with_its_line_and_without_its_secrets(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run("print(script.secrets()['key'])\nraise ValueError('cannot use ' + script.secrets()['key'])")
    assert not result.success
    assert "script.py: ValueError in line 6 of" in failure(result)
    captured = capfd.readouterr()
    assert SECRET not in failure(result) + captured.out + captured.err
    assert "cannot use *****" in failure(result)


def test_a_secret_that_is_not_there_is_named_and_not_tried_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCRIPT_VARIABLE")
    result = run("script.secrets()")
    assert "mine = env:SCRIPT_VARIABLE: the environment variable SCRIPT_VARIABLE is not set" in failure(result)
    assert [event for event in result.all_events if event.is_step_restarted] == []


def test_a_script_that_crashes_fails_the_step_and_what_it_reported_is_not_lost_in_silence(run: Run) -> None:
    assert "the script's process ended with code 3" in failure(run("os._exit(3)"))


@pytest.mark.parametrize("code", ["0", "None"])
def test_a_script_that_exits_without_an_error_succeeds(run: Run, code: str) -> None:
    assert run(f"""
pipes.report_asset_materialization(metadata={{"rows": 1}})
raise SystemExit({code})
""").success


@pytest.mark.parametrize(("code", "shown"), [("3", "3"), ("script.secrets()['key']", "*****")])
def test_a_script_that_exits_with_an_error_fails_the_step_and_says_with_which(run: Run, code: str, shown: str) -> None:
    error = failure(run(f"raise SystemExit({code})"))
    assert f"script.py: it exited with {shown}." in error
    assert SECRET not in error


def test_a_script_that_takes_too_long_is_ended(run: Run) -> None:
    assert "the script was ended after 1.5 seconds" in failure(run("import time; time.sleep(60)", timeout=1.5))


def test_a_script_that_reports_nothing_materializes_nothing(run: Run) -> None:
    assert run("pass").get_asset_materialization_events() == []
