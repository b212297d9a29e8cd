"""What a run may claim, given what is known of it."""

from __future__ import annotations

from typing import Any

import pytest

from data_platform.ingestion.spec import Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Loss
from data_platform.ingestion.verdict import Evidence, Failure, Outcome, Verdict, judge


def spec(workflow: Workflow = Workflow.METADATA, **fields: Any) -> WorkflowSpec:
    defaults: dict[str, Any] = {
        "environment": "dev",
        "service": "shop",
        "connector": "Postgres",
        "workflows": [workflow],
        "connection": {"hostPort": "db:5432"},
        "catalog_url": "http://catalog/api",
        "catalog_token": "env:T",
        "vault_address": "http://vault",
        "run_id": "r",
    }
    return WorkflowSpec.model_validate({**defaults, **fields})


def judged(spec: WorkflowSpec, evidence: Evidence) -> Verdict:
    return judge(spec, spec.kind, evidence)


LISTED = {
    "databases": frozenset({"shop.main"}),
    "databaseSchemas": frozenset({"shop.main.sales", 'shop.main."a.b"'}),
    "tables": frozenset({"shop.main.sales.orders"}),
}


def evidence(**fields: Any) -> Evidence:
    return Evidence(**{"arrived": 99, "listed": LISTED, "leaves": "tables", **fields})


def loss(name: str = "shop.main.sales.x", error: str = "400 refused", transient: bool = False) -> Loss:
    return Loss(name, "tables", error, transient)


def test_everything_that_arrived_without_a_loss_is_ok() -> None:
    assert judged(spec(), evidence()).outcome is Outcome.OK


def test_a_loss_above_the_threshold_is_partial_and_names_what_is_missing() -> None:
    verdict = judged(spec(min_success_percent=99), evidence(losses=(loss(),)))
    assert verdict.outcome is Outcome.PARTIAL
    assert "99 of 100 records arrived" in verdict.sentence
    assert "shop.main.sales.x" in verdict.sentence
    assert [failure.name for failure in verdict.failures] == ["shop.main.sales.x"]


def test_a_loss_below_the_threshold_is_a_failure() -> None:
    verdict = judged(spec(min_success_percent=99.5), evidence(losses=(loss(),)))
    assert verdict.outcome is Outcome.FAILED
    assert "99 % arrived and 99.5 % are asked for" in verdict.sentence


def test_a_threshold_of_zero_never_makes_a_run_ok_in_which_nothing_arrived() -> None:
    assert judged(spec(min_success_percent=0), evidence(arrived=0, losses=(loss(),))).outcome is Outcome.FAILED


def test_what_a_step_and_the_wire_both_saw_counts_once() -> None:
    reported = Failure("orders", "OpenMetadata", "Failed to ingest orders due to api request failure: refused")
    verdict = judged(spec(), evidence(losses=(loss(),), reported=(reported,)))
    assert len(verdict.failures) == 1


def test_a_loss_without_a_reason_is_still_a_loss() -> None:
    losses = tuple(loss(f"t{number}", "500 ") for number in range(50))
    reported = (Failure("other", "step", "something else"),)
    assert len(judged(spec(), evidence(losses=losses, reported=reported)).failures) == 51


def test_one_reported_failure_hides_one_loss_and_not_all_of_its_kind() -> None:
    losses = tuple(loss(f"t{number}", "400 Bad Request") for number in range(50))
    reported = (Failure("t0", "step", "api request failure: Bad Request"),)
    assert len(judged(spec(), evidence(losses=losses, reported=reported)).failures) == 50


def test_losses_under_one_generic_name_are_counted_one_by_one() -> None:
    reported = (Failure("_run_stage_processor", "topology", "boom"),) * 99
    verdict = judged(spec(), evidence(reported=reported))
    assert verdict.outcome is Outcome.FAILED
    assert "99 of 198 records" in verdict.sentence


@pytest.mark.parametrize("workflow", [Workflow.METADATA, Workflow.PROFILING])
def test_a_run_that_brought_nothing_is_not_ok(workflow: Workflow) -> None:
    verdict = judged(spec(workflow), evidence(arrived=0, listed={}, leaves=None))
    assert verdict.outcome is Outcome.PARTIAL
    assert "nothing arrived" in verdict.sentence


def test_what_the_catalog_refused_is_not_sent_again() -> None:
    losses = tuple(loss(f"t{number}") for number in range(99))
    assert judged(spec(), evidence(losses=losses)).permanent


def test_one_lost_connection_beside_many_refusals_of_the_source_does_not_blame_the_catalog() -> None:
    reported = tuple(Failure(f"t{number}", "Postgres", "permission denied for table t") for number in range(50))
    dropped = (loss(error="no answer (ConnectionError)", transient=True),)
    verdict = judged(spec(), evidence(arrived=10, losses=dropped, reported=reported))
    assert "the catalog stopped answering" not in verdict.sentence


def test_a_table_of_which_several_columns_failed_is_one_loss() -> None:
    columns = tuple(Failure("shop.main.sales.orders", "Profiler", f"column {number}") for number in range(30))
    verdict = judged(spec(Workflow.PROFILING), evidence(reported=columns, leaves=None))
    assert verdict.outcome is Outcome.PARTIAL
    assert "99 of 100 records arrived" in verdict.sentence
    assert len(verdict.failures) == 30


def test_a_failed_bulk_request_counts_its_entities_and_not_the_buffer() -> None:
    buffer = Failure("Entity Buffer", "OpenMetadata", "Failed to flush entities to bulk API: boom")
    losses = tuple(loss(f"t{number}", "500 boom") for number in range(100))
    verdict = judged(spec(), evidence(arrived=3, losses=losses, reported=(buffer,)))
    assert verdict.outcome is Outcome.FAILED
    assert len(verdict.failures) == 100
    assert "100 of 103 records" in verdict.sentence


def test_a_catalog_that_went_away_is_blamed_and_may_be_tried_again() -> None:
    verdict = judged(spec(), evidence(arrived=1, losses=(loss(error="no answer (ConnectionError)", transient=True),)))
    assert not verdict.permanent
    assert verdict.sentence.startswith("http://catalog/api: the catalog stopped answering")


def test_a_source_that_refused_everything_is_blamed_in_its_own_words() -> None:
    refused = Failure("source", "Postgres", "FATAL: password authentication failed for user x")
    verdict = judged(spec(), evidence(arrived=0, reported=(refused,)))
    assert verdict.permanent
    assert verdict.sentence.startswith("shop: the source refuses the credentials at db:5432")


def test_a_source_that_lists_nothing_any_more_fails() -> None:
    verdict = judged(spec(), evidence(listed={}, held_before=12))
    assert verdict.outcome is Outcome.FAILED
    assert "lists no tables any more, the catalog has 12" in verdict.sentence


def test_a_source_that_never_had_anything_is_a_warning() -> None:
    assert judged(spec(), evidence(listed={})).outcome is Outcome.PARTIAL


@pytest.mark.parametrize("workflow", [Workflow.LINEAGE, Workflow.USAGE])
def test_a_workflow_that_may_find_nothing_new_is_ok(workflow: Workflow) -> None:
    assert judged(spec(workflow), evidence(arrived=0, listed={}, leaves=None)).outcome is Outcome.OK


@pytest.mark.parametrize("include", ["^sales$", "sales", "a.b", "^sal.*", "shop\\.main\\.sales"])
def test_a_filter_that_includes_a_schema_of_the_source_is_fine(include: str) -> None:
    options = {"schemaFilterPattern": {"includes": [include]}}
    assert judged(spec(options=options), evidence()).outcome is Outcome.OK


@pytest.mark.parametrize("place", ["options", "connection"])
def test_a_filter_that_includes_an_unknown_schema_is_a_permanent_failure(place: str) -> None:
    fields = {place: {"schemaFilterPattern": {"includes": ["sales", "^sails$"]}}}
    verdict = judged(spec(**fields), evidence())
    assert verdict.outcome is Outcome.FAILED
    assert verdict.permanent
    assert "the source has no schema 'sails'" in verdict.sentence
