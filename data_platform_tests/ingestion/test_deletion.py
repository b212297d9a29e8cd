"""What may be deleted after a run, given what is known of source and catalog."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from data_platform.ingestion.deletion import Limits, Plan, Withheld, plan
from data_platform.ingestion.inventory import Holding, Inventory

SALES = [f"shop.main.sales.t{number}" for number in range(10)]
STOCK = ["shop.main.stock.boxes", "shop.main.stock.shelves"]
KINDS = {2: "database", 3: "databaseSchema", 4: "table"}


def inventory(*extra: str, version: float = 0.1) -> Inventory:
    names = ["shop.main", "shop.main.sales", "shop.main.stock", *SALES, *STOCK, *extra]
    holdings = [Holding(KINDS[name.count(".") + 1], name, f"id of {name}", version) for name in names]
    return Inventory({holding.id: holding for holding in holdings})


def planned(
    gone: Collection[str],
    *,
    before: Inventory | None = None,
    after: Inventory | None = None,
    filtered: Collection[str] = (),
    doubts: Mapping[str, str] | None = None,
    share: float = 20.0,
    lifted: bool = False,
    witnessed: Callable[[Holding], bool] = lambda _: True,
) -> Plan:
    return plan(
        before or inventory(),
        after or inventory(),
        exists=lambda holding: holding.fqn not in gone,
        admitted=lambda holding: holding.fqn not in filtered,
        doubts=doubts or {},
        limits=Limits(share, lifted, witnessed),
    )


def deleted(found: Plan) -> set[str]:
    return {holding.fqn for holding in found.deleted}


def test_what_disappeared_is_deleted_while_it_is_a_small_share_of_its_schema() -> None:
    assert deleted(planned(SALES[:2])) == set(SALES[:2])


def test_more_than_the_share_of_a_schema_is_left_alone_while_other_schemas_are_cleaned() -> None:
    found = planned([*SALES[:3], STOCK[0]], share=29)
    assert not found.deleted
    assert [(refusal.scope, refusal.vanishing, refusal.held) for refusal in found.refusals] == [
        ("shop.main.sales", 3, 10),
        ("shop.main.stock", 1, 2),
    ]
    found = planned([*SALES[:3], STOCK[0]], share=30)
    assert deleted(found) == set(SALES[:3])
    assert [refusal.scope for refusal in found.refusals] == ["shop.main.stock"]


def test_a_schema_is_never_emptied_even_when_all_of_it_may_go() -> None:
    found = planned(STOCK, share=100)
    assert not found.deleted
    assert [refusal.percent for refusal in found.refusals] == [100]


def test_a_run_that_is_told_to_deletes_everything_that_disappeared() -> None:
    assert deleted(planned(STOCK, lifted=True)) == set(STOCK)


def test_a_dropped_schema_goes_with_all_its_tables_by_the_share_of_the_databases_schemas_and_of_its_tables() -> None:
    gone = ["shop.main.stock", *STOCK]
    found = planned(gone)
    assert not found.deleted
    assert [(each.scope, each.kind, each.vanishing, each.held) for each in found.refusals] == [
        ("shop.main", "databaseSchema", 1, 2)
    ]
    found = planned(gone, share=50)
    assert deleted(found) == set(gone)
    assert [root.fqn for root in found.roots] == ["shop.main.stock"]


def test_a_dropped_schema_that_held_most_of_a_databases_tables_stays() -> None:
    found = planned(["shop.main.sales", *SALES], share=50)
    assert not found.deleted
    assert [(each.scope, each.kind, each.vanishing, each.held) for each in found.refusals] == [
        ("shop.main", "table", 10, 12)
    ]


def test_what_the_run_brought_and_other_kinds_do_not_make_the_share_smaller() -> None:
    new = [f"shop.main.sales.new{number}" for number in range(20)]
    assert [(each.vanishing, each.held) for each in planned(SALES[:3], after=inventory(*new)).refusals] == [(3, 10)]
    routines = [Holding("storedProcedure", f"shop.main.sales.r{number}", f"r{number}", 0.1) for number in range(20)]
    many = Inventory({**inventory().holdings, **{each.id: each for each in routines}})
    found = planned(SALES[:3], before=many, after=many)
    assert [(each.kind, each.vanishing, each.held) for each in found.refusals] == [("table", 3, 10)]


def test_a_schema_that_only_the_connector_calls_gone_stays_with_all_that_lies_in_it_until_a_run_is_told_otherwise() -> (
    None
):
    gone = ["shop.main.stock", *STOCK]
    found = planned(gone, share=60, witnessed=lambda _: False)
    assert not found.deleted
    assert [(each.scope, each.percent) for each in found.refusals] == [("shop.main.stock", 100)]
    assert deleted(planned(gone, lifted=True, witnessed=lambda _: False)) == set(gone)


def test_a_schema_is_kept_while_something_in_it_is_not_this_runs_business() -> None:
    found = planned(["shop.main.stock", *STOCK], filtered=[STOCK[0]], share=100, lifted=True)
    assert deleted(found) == {STOCK[1]}


def test_what_the_present_filters_leave_out_is_not_deleted() -> None:
    assert not planned(SALES[:1], filtered=SALES[:1]).deleted


def test_scopes_that_were_not_listed_to_the_end_lose_nothing_and_are_named_with_the_reason() -> None:
    found = planned(SALES[:2], doubts={"shop.main.sales": "it was lost"})
    assert not found.deleted
    assert found.withheld == (Withheld("shop.main.sales", "it was lost", 2, SALES[0]),)
    assert not planned(SALES[:1], doubts={"shop": "it was lost"}, lifted=True).deleted
    found = planned(SALES[:1], doubts=dict.fromkeys(["shop.main.stock", "shop.main.sal"], "it was lost"))
    assert (deleted(found), found.withheld) == ({SALES[0]}, ())


def test_what_somebody_else_brought_or_changed_in_the_meantime_is_kept() -> None:
    new = "shop.main.sales.new"
    assert not planned([new], after=inventory(new)).deleted
    assert not planned(SALES[:1], after=inventory(version=0.2)).deleted


def test_a_first_run_deletes_nothing() -> None:
    assert not planned(SALES, before=Inventory(), lifted=True).deleted
