"""A small code location for the tests of the Dagster connector; Dagster's own environment runs it, the tests do not.

As a program it fills the instance in ``DAGSTER_HOME`` with one run of each job.
"""

import dagster as dg


@dg.asset(metadata={"dagster/table_name": "shop.sales.orders"}, description="Orders as they come")
def orders() -> None: ...


@dg.asset(deps=[orders], key_prefix="mart", metadata={"dagster/table_name": "shop.sales.revenue"})
def revenue() -> None:
    raise ValueError("the till is empty")


@dg.asset(deps=[orders], metadata={"dagster/table_name": "shop.sales.forecast"})
def forecast() -> None: ...


@dg.op
def extract() -> int:
    return 1


@dg.op
def trim(value: int) -> int:
    return value


@dg.op
def check(value: int) -> int:
    return value


@dg.graph
def clean(value: int) -> int:
    return check(trim(value))


@dg.op
def load(cleaned: int, raw: int) -> None: ...


@dg.job(description="What the shop sold, every night")
def nightly() -> None:
    raw = extract()
    load(clean(raw), raw)


@dg.sensor(job=nightly, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def till_is_full() -> dg.RunRequest:
    """Asks for one run, which only a daemon hears."""
    return dg.RunRequest(run_key="the first")


everything = dg.define_asset_job("everything", selection="*")
source = dg.AssetSpec("till", description="Nobody here makes it")
defs = dg.Definitions(
    assets=[orders, revenue, forecast, source],
    jobs=[nightly, everything],
    sensors=[till_is_full],
    # Steps in processes of their own would only take longer.
    executor=dg.in_process_executor,
    schedules=[dg.ScheduleDefinition(job=nightly, cron_schedule="0 3 * * *")],
)

if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        for name in ("nightly", "everything"):
            defs.resolve_job_def(name).execute_in_process(instance=instance, raise_on_error=False)
