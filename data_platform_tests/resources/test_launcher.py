"""What the launcher makes of a child, however the child ends."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.resources import deletions
from data_platform.resources.deletions import Deletion
from data_platform.resources.launcher import WorkflowLauncher
from data_platform_tests.resources.conftest import StandIn

KEY = dg.AssetKey(["openmetadata", "shop", "metadata"])
MakeChild = Callable[[str], StandIn]


def spec(**fields: Any) -> WorkflowSpec:
    return WorkflowSpec(
        environment="dev",
        service="shop",
        connector="Postgres",
        workflows=(Workflow.METADATA,),
        connection={"authType": {"password": "env:SHOP_PASSWORD"}},
        catalog_url="http://127.0.0.1:1/api",
        catalog_token="env:CATALOG_TOKEN",
        vault_address="http://127.0.0.1:1",
        run_id=str(uuid.uuid4()),
        **fields,
    )


def materialize(
    retries: int = 1, instance: dg.DagsterInstance | None = None, **fields: Any
) -> dg.ExecuteInProcessResult:
    @dg.asset(
        key=KEY,
        check_specs=[dg.AssetCheckSpec("completed", asset=KEY)],
        retry_policy=dg.RetryPolicy(max_retries=retries),
    )
    def shop(context: dg.AssetExecutionContext, launcher: WorkflowLauncher) -> Iterator[Any]:
        yield from launcher.run(context=context, spec=spec(**fields), assets={Workflow.METADATA: KEY})

    return dg.materialize([shop], resources={"launcher": WorkflowLauncher()}, raise_on_error=False, instance=instance)


def checks(result: dg.ExecuteInProcessResult) -> list[bool]:
    return [evaluation.passed for evaluation in result.get_asset_check_evaluations()]


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.get_step_failure_events()
    return str(event.step_failure_data.error_display_string)


def test_what_the_child_reports_is_materialized_and_checked(child: MakeChild) -> None:
    stand_in = child("""
        hello()
        pipes.report_asset_materialization(metadata={"entities/table": {"raw_value": 3, "type": "int"}})
        check(True)
        verdict("ok")
    """)
    result = materialize()
    assert result.success
    assert checks(result) == [True]
    (materialization,) = result.asset_materializations_for_node("openmetadata__shop__metadata")
    assert materialization.metadata["entities/table"] == dg.MetadataValue.int(3)
    assert stand_in.alive == []


def test_a_permanent_failure_keeps_its_check_materializes_nothing_and_is_not_retried(child: MakeChild) -> None:
    stand_in = child("""
        hello()
        check(False, failed=2)
        verdict("failed", "shop: the source refuses the credentials.", permanent=True)
    """)
    result = materialize()
    assert not result.success
    assert checks(result) == [False]
    assert result.get_asset_materialization_events() == []
    assert "shop: the source refuses the credentials." in failure(result)
    assert len(stand_in.started) == 1


def test_a_transient_failure_is_retried(child: MakeChild) -> None:
    stand_in = child("""
        hello()
        check(False)
        verdict("failed", "shop: the source does not answer.")
    """)
    result = materialize(retries=2)
    assert not result.success
    assert len(stand_in.started) == 3


def test_a_retry_that_succeeds_materializes_once(child: MakeChild) -> None:
    child("""
        hello()
        if len(list(folder.iterdir())) == 1:
            check(False)
            verdict("failed", "the first try")
        else:
            pipes.report_asset_materialization()
            check(True)
            verdict("ok")
    """)
    result = materialize()
    assert result.success
    assert len(result.get_asset_materialization_events()) == 1


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os._exit(3)", "code 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("raise ValueError('boom')", "code 1"),
    ],
)
def test_a_child_that_crashes_fails_the_step_and_the_check(child: MakeChild, end: str, how: str) -> None:
    child(f"hello()\n{end}")
    result = materialize(retries=0)
    assert not result.success
    assert checks(result) == [False]
    assert how in failure(result)
    assert "without a verdict" in failure(result)


def test_a_child_without_a_verdict_has_not_succeeded(child: MakeChild) -> None:
    child("hello()\npipes.report_asset_materialization()")
    result = materialize(retries=0)
    assert not result.success
    assert "without a verdict" in failure(result)


@pytest.mark.fault(
    "the source: is so slow that the run's time is over",
    "The workflow is ended, the step fails, and Dagster tries again by itself.",
)
def test_a_child_that_takes_too_long_is_asked_to_stop(child: MakeChild) -> None:
    stand_in = child("hello()\ntime.sleep(60)")
    result = materialize(retries=0, timeout=1)
    assert "was ended after 1 seconds" in failure(result)
    assert checks(result) == [False]
    assert stand_in.alive == []


@pytest.mark.fault(
    "the run: does not stop when it is asked to",
    "Its child and all that it started are killed.",
)
def test_a_child_that_does_not_stop_when_asked_is_killed_with_all_that_it_started(child: MakeChild) -> None:
    stand_in = child("""
        hello()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = os.fork()
        (folder / str(grandchild or os.getpid())).touch()
        time.sleep(60)
    """)
    result = materialize(retries=0, timeout=1)
    assert "was ended after 1 seconds" in failure(result)
    assert len(stand_in.started) == 2
    assert stand_in.alive == []


def test_an_ingestion_environment_of_another_version_is_refused(child: MakeChild) -> None:
    stand_in = child("""
        hello("0.0.1")
        pipes.report_asset_materialization()
        check(True)
        verdict("ok")
    """)
    result = materialize(retries=2)
    assert not result.success
    assert "has data-platform 0.0.1" in failure(result)
    assert "make setup" in failure(result)
    assert len(stand_in.started) == 1


def test_a_missing_ingestion_environment_fails_the_step_and_says_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA_PLATFORM_INGESTION_PYTHON", "/nowhere/python")
    result = materialize()
    assert checks(result) == [False]
    assert "/nowhere/python: the ingestion environment's interpreter does not exist" in failure(result)
    assert "make setup" in failure(result)


def test_the_child_sees_only_the_variables_that_it_needs(child: MakeChild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "one")
    monkeypatch.setenv("CATALOG_TOKEN", "two")
    monkeypatch.setenv("SOMEBODY_ELSES_PASSWORD", "three")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    child("""
        hello()
        pipes.report_asset_materialization(metadata={"seen": sorted(os.environ)})
        check(True)
        verdict("ok")
    """)
    (materialization,) = materialize().asset_materializations_for_node("openmetadata__shop__metadata")
    seen = materialization.metadata["seen"].value
    assert {"SHOP_PASSWORD", "CATALOG_TOKEN", "PATH"} <= set(seen)
    assert not {"SOMEBODY_ELSES_PASSWORD", "PYTHONPATH", "DAGSTER_HOME"} & set(seen)


def test_the_spec_that_reaches_the_child_holds_references_and_no_secret(
    child: MakeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "one")
    child("""
        hello()
        pipes.report_asset_materialization(metadata={"spec": {"raw_value": pipes.get_extra("spec"), "type": "json"}})
        check(True)
        verdict("ok")
    """)
    (materialization,) = materialize().asset_materializations_for_node("openmetadata__shop__metadata")
    sent = materialization.metadata["spec"].value
    assert sent["connection"] == {"authType": {"password": "env:SHOP_PASSWORD"}}


@pytest.mark.fault(
    "the run: ends in the middle of a deletion (a crash, a termination, a timeout)",
    "What it was deleting is in Dagster's event log, and `data-platform deletions undo` takes it back.",
)
@pytest.mark.parametrize("end", ["os._exit(3)", "time.sleep(60)", "verdict('ok')"])
def test_what_a_child_is_about_to_delete_is_noted_however_it_ends(child: MakeChild, end: str) -> None:
    child(f"""
        hello()
        entities = [dict(kind="table", name="shop.main.sales.orders", id="1")]
        pipes.report_custom_message(dict(deletions=dict(asset="openmetadata/shop/metadata", entities=entities)))
        {end}
    """)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(retries=0, timeout=2, instance=instance)
        assert deletions.of_run(instance, result.run_id) == [Deletion("table", "shop.main.sales.orders", "1")]
        assert len(result.get_asset_observation_events()) == 1
