"""Foreign keys, which OpenMetadata's client loses in the first run of a small source if nobody helps."""

from __future__ import annotations

from collections.abc import Callable

from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.shims import send_tables_before_foreign_keys
from data_platform.server.testing import RunningServer
from data_platform_tests.ingestion.child import Ended
from data_platform_tests.ingestion.conftest import SpecMaker


def test_foreign_keys_arrive_with_the_first_run(
    run: Callable[..., Ended], make_spec: SpecMaker, catalog: RunningServer, database: str
) -> None:
    run(make_spec())
    with CatalogClient(catalog.url, catalog.token("admin")) as client:
        orders = client.get_by_name("tables", f"shop.{database}.sales.orders", fields=["tableConstraints"])
    keys = [each for each in orders["tableConstraints"] if each["constraintType"] == "FOREIGN_KEY"]
    assert [(key["columns"], key["referredColumns"]) for key in keys] == [
        (["customer_id"], [f"shop.{database}.sales.customers.id"])
    ]


def test_a_client_that_sends_its_tables_first_is_left_alone() -> None:
    class Later:
        def yield_table_constraints(self) -> list[str]:
            return ["Barrier"]

    assert not send_tables_before_foreign_keys(Later())


def test_a_source_without_foreign_keys_is_left_alone() -> None:
    assert not send_tables_before_foreign_keys(object())
