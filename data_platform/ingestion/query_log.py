"""Trino's query log: what Trino remembers of finished queries, copied to a table before it forgets them.

Trino forgets queries within minutes to hours, and all of them when it is restarted; lineage and usage ask for days. The
table is one of Trino's own, in a lakehouse: one row for each query by its id, a partition for each day, and with the
columns of ``system.runtime.queries`` that OpenMetadata's connector reads. Nothing is written to the catalog here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from data_platform.ingestion import shims
from data_platform.ingestion.progress import Progress
from data_platform.ingestion.run import Result, costs
from data_platform.ingestion.spec import HISTORY, Workflow, WorkflowSpec
from data_platform.ingestion.traffic import Traffic
from data_platform.ingestion.trino_sql import quoted
from data_platform.ingestion.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

RETENTION: Final = 30
"""Days for which queries are kept unless said."""

OPTIONS: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "retentionDays": {"type": "integer", "minimum": 1, "default": RETENTION},
    },
}
"""JSON Schema of the workflow's options: for how many days a query is kept."""

_SOURCE: Final = "data-platform"
_COPIED: Final = f"state = 'FINISHED' AND started IS NOT NULL AND coalesce(source, '') <> '{_SOURCE}'"
_SCHEMAS: Final = "SELECT count(*) FROM {}.information_schema.schemata WHERE schema_name = ?"
_TABLES: Final = "SELECT count(*) FROM {}.information_schema.tables WHERE table_schema = ? AND table_name = ?"
_CREATE: Final = """
    CREATE TABLE IF NOT EXISTS {} (
        query_id varchar, state varchar, "user" varchar, source varchar, query varchar,
        created timestamp(6) with time zone, started timestamp(6) with time zone, "end" timestamp(6) with time zone)
    COMMENT 'Finished queries, copied from system.runtime.queries' WITH (partitioning = ARRAY['day(started)'])
"""
_REACH: Final = f"SELECT min(started), to_iso8601(min(started)) FROM system.runtime.queries WHERE {_COPIED}"  # noqa: S608
_NEWEST: Final = "SELECT max(started) FROM {}"
# One statement, so that a query is there once or not at all; the lower limit spares the partitions before it.
_MERGE: Final = f"""
    MERGE INTO {{}} h
    USING (SELECT * FROM system.runtime.queries WHERE {_COPIED}) q
    ON h.query_id = q.query_id AND h.started >= from_iso8601_timestamp(?)
    WHEN NOT MATCHED THEN INSERT (query_id, state, "user", source, query, created, started, "end")
    VALUES (q.query_id, q.state, q."user", q.source, q.query, q.created, q.started, q."end")
"""  # noqa: S608
# Whole days, so that whole partitions go.
_PRUNE: Final = "DELETE FROM {} WHERE started < CAST(current_date - INTERVAL '{:d}' DAY AS timestamp with time zone)"


@dataclass(frozen=True)
class Copied:
    """What one run did.

    Attributes:
        queries: number of queries that were new.
        pruned: number of queries that were older than the table keeps them.
        may_lack: whether Trino forgot, or may have, what came after the last run.
    """

    queries: int
    pruned: int
    may_lack: bool


def run(spec: WorkflowSpec, connection: dict[str, Any], progress: Progress, traffic: Traffic) -> list[Result]:
    """Copy what Trino remembers.

    Args:
        spec: what to do; its options are those of :data:`OPTIONS`.
        connection: the spec's connection with its secrets; its :data:`HISTORY` is the table, as catalog.schema.table.
        progress: where to say how far the run is.
        traffic: the account of what is sent to the catalog, which is nothing.

    Raises:
        Exception: whatever Trino's driver raises.
    """
    table, days = str(connection[HISTORY]), int(spec.options.get("retentionDays", RETENTION))
    with progress.stage("connecting", f"connecting to {spec.service}"), _connected(connection) as connected:
        _prepare(connected, table)
        with progress.stage("workflow", f"copying queries to {table}"):
            copied = _copy(connected, table, days)
    if copied.may_lack:
        progress.notice(
            "Trino no longer remembers all queries since the last run: run query_log more often, or raise Trino's"
            " query.max-history and query.min-expire-age."
        )
    sentence = (
        f"{spec.name}: {copied.queries} queries are new in {table}, and {copied.pruned} that were older than"
        f" {days} days are deleted."
    )
    figures = {"query_log/copied": copied.queries, "query_log/pruned": copied.pruned}
    ruling = Verdict(Outcome.OK, sentence)
    return [Result(Workflow.QUERY_LOG, ruling, traffic.account(), figures=figures, **costs(progress, traffic))]


def _prepare(connected: Connection, table: str) -> None:
    """Make what is not there: Trino also refuses ``IF NOT EXISTS`` to a user who may not make it."""
    catalog, schema, name = table.split(".")

    def is_there(what: str, *names: str) -> bool:
        counted = connected.exec_driver_sql(what.format(quoted(catalog)), tuple(each.lower() for each in names))
        return bool(counted.scalar_one())

    if not is_there(_SCHEMAS, schema):
        connected.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(catalog, schema)}")
    if not is_there(_TABLES, schema, name):
        connected.exec_driver_sql(_CREATE.format(quoted(catalog, schema, name)))


def _copy(connected: Connection, table: str, days: int) -> Copied:
    name = quoted(*table.split("."))
    oldest, limit = connected.exec_driver_sql(_REACH).one()
    (newest,) = connected.exec_driver_sql(_NEWEST.format(name)).one()
    queries = _count(connected, _MERGE.format(name), limit) if limit else 0
    pruned = _count(connected, _PRUNE.format(name, days))
    return Copied(queries, pruned, may_lack=newest is not None and (oldest is None or oldest > newest))


def _count(connected: Connection, statement: str, *parameters: str) -> int:
    """Rows that a statement changed; one that drops whole partitions does not always say."""
    return max(connected.exec_driver_sql(statement, parameters or None).rowcount, 0)


@contextmanager
def _connected(connection: dict[str, Any]) -> Generator[Connection]:
    from metadata.generated.schema.entity.services.connections.database.trinoConnection import TrinoConnection
    from metadata.ingestion.source.connections import get_connection

    shims.trust_the_named_authority()
    arguments: dict[str, Any] = {**(connection.get("connectionArguments") or {}), "timezone": "UTC"}
    options: dict[str, Any] = {**(connection.get("connectionOptions") or {}), "source": _SOURCE}
    described = {"type": "Trino", **connection, "connectionArguments": arguments, "connectionOptions": options}
    engine: Engine = get_connection(TrinoConnection.model_validate(described))
    try:
        with engine.connect() as connected:
            yield connected
    finally:
        engine.dispose()
