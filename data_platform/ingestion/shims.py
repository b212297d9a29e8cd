"""Faults of OpenMetadata's client, removed from outside.

Each shim looks at the client first and does nothing once its cause is gone there, so that a later client needs
no change here.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from data_platform.ingestion import names


def send_tables_before_foreign_keys(source: Any) -> bool:
    """Let every table arrive before the foreign keys that point at it are looked up.

    The sink holds up to a hundred entities back and sends the last of them when the workflow closes. The source
    resolves its foreign keys before that, finds no table they could point at, and drops them: a source with fewer
    tables had its foreign keys from the second run on.

    Args:
        source: the workflow's source; only those of databases have foreign keys.

    Returns:
        Whether there was something to remove.
    """
    inner = getattr(source, "yield_table_constraints", None)
    if inner is None or "Barrier" in inspect.getsource(inner):
        return False
    from metadata.ingestion.api.models import Either
    from metadata.ingestion.models.barrier import Barrier

    def yield_table_constraints() -> Iterator[Any]:
        yield Either(left=None, right=Barrier(reason="foreign keys"))
        yield from inner()

    source.yield_table_constraints = yield_table_constraints
    return True


def sum_exactly() -> bool:
    """Let MySQL add up what is in a column, not what is left of it as a whole number without a sign.

    The client casts every value to ``UNSIGNED INTEGER`` against an overflow that MySQL, which adds up in ``DECIMAL``,
    does not have: 1.5 became 2, and -1 the largest number that there is.

    Returns:
        Whether there was something to remove.
    """
    from metadata.profiler.orm.functions.sum import SumFn
    from sqlalchemy import column
    from sqlalchemy.dialects import mysql
    from sqlalchemy.ext.compiler import compiles

    sum_of: Any = SumFn
    if "CAST" not in str(sum_of(column("a")).compile(dialect=mysql.dialect())):
        return False

    def compile_sum(element: Any, compiler: Any, **options: Any) -> str:
        return f"SUM({compiler.process(element.clauses, **options)})"

    compiles(sum_of, "mysql")(compile_sum)
    return True


def name_schemas_that_have_no_name(source: Any) -> bool:
    """Let a schema that the client has no name for be a failure of its own.

    It raises while it lists the schemas when one of them has a double quote in its name, and none of the others is
    listed any more.

    Args:
        source: the workflow's source; only those of databases have schemas.

    Returns:
        Whether there was something to remove.
    """
    inner = getattr(source, "get_raw_database_schema_names", None)
    if inner is None:
        return False
    from metadata.generated.schema.entity.services.ingestionPipelines.status import StackTraceError
    from metadata.utils.filters import filter_by_schema
    from metadata.utils.fqn import quote_name

    def can_be_named(schema: str) -> bool:
        try:
            quote_name(schema)
        except ValueError:
            return False
        return True

    if can_be_named('"'):
        return False

    def get_raw_database_schema_names() -> Iterator[str]:
        for schema in inner():
            if can_be_named(schema):
                yield schema
            elif not filter_by_schema(source.source_config.schemaFilterPattern, schema):
                path = source.config.serviceName, source.context.get().database, schema
                name = names.join(*map(names.escaped, path))
                error = f"OpenMetadata's client cannot name the schema {schema}: leave it out by a filter"
                source.status.failed(StackTraceError(name=name, error=error, stackTrace=None))

    source.get_raw_database_schema_names = get_raw_database_schema_names
    return True


def report_unreadable_routines(source: Any) -> bool:
    """Let a routine that the client cannot name be reported by the client, and those after it arrive.

    Before it reports one, the client's source of PostgreSQL logs an error without a message, which raises another one
    that ends the list.

    Args:
        source: the workflow's source.

    Returns:
        Whether there was something to remove.
    """
    # A connector of our own inherits what lists routines.
    theirs = {kind.__module__ for kind in type(source).__mro__ if kind.__module__.startswith("metadata.")}
    modules: list[Any] = [
        module for name in theirs if "logger.error()" in inspect.getsource(module := sys.modules[name])
    ]
    for module in modules:
        module.logger = _AlwaysWithMessage(module.logger)
    return bool(modules)


class _AlwaysWithMessage(logging.LoggerAdapter[logging.Logger]):
    def error(self, msg: object = "something could not be read", *args: object, **options: Any) -> None:
        super().error(msg, *args, **options)


def leave_status_to_us() -> bool:
    """Let no workflow tell the catalog how it ended.

    A run whose tables were all lost says success, and a first run says it without an end. ``pipeline_runs`` files our
    verdict instead; the client's reports of progress go on.

    Returns:
        Whether there was something to remove.
    """
    from metadata.workflow.workflow_status_mixin import WorkflowStatusMixin

    mixin: Any = WorkflowStatusMixin
    if not hasattr(mixin, "set_ingestion_pipeline_status"):
        return False
    mixin.set_ingestion_pipeline_status = _say_nothing
    return True


def _say_nothing(*_arguments: Any, **_options: Any) -> None:
    """Take the place of a method."""


def update_every_test_case(runner: Any) -> bool:
    """Let every test case that is there already be updated and run once.

    The client takes cases out of the list that it numbers them by, so from the second on another one is taken out:
    of four cases, two were run twice and two not at all.

    Args:
        runner: the workflow's ``TestCaseRunner``.

    Returns:
        Whether there was something to remove.
    """
    inner = runner._update_test_cases
    if ".pop(" not in inspect.getsource(inner):
        return False

    def _update_test_cases(test_cases_to_update: list[Any], test_cases: list[Any], table_fqn: str) -> list[Any]:
        wanted = {test.name: test for test in test_cases_to_update}
        updated: list[Any] = []
        for case in test_cases:
            name = case.name.root
            updated += inner([wanted[name]], [case], table_fqn) if name in wanted else [case]
        return updated

    runner._update_test_cases = _update_test_cases
    return True


def spaces_in_passwords() -> bool:
    """Let passwords and user names with spaces reach the database as they are.

    ``metadata.ingestion.connections.builders`` quotes them for URLs as if they were a query's, a space as ``+``, which
    SQLAlchemy takes for a plus.

    Returns:
        Whether there was something to remove.
    """
    from metadata.ingestion.connections import builders

    if getattr(builders, "quote_plus", None) is not quote_plus:
        return False
    builders.quote_plus = functools.partial(quote, safe="")  # pyright: ignore[reportPrivateImportUsage]
    return True


def trust_the_named_authority() -> bool:
    """Let a connection's own certificate authority, or its refusal to verify, come before the environment's.

    ``requests`` asks ``REQUESTS_CA_BUNDLE`` first when a session, not a call, says what to trust. So a Trino with a
    certificate of its own could not be reached where that variable is set, whatever its connection's ``verify`` said.

    Returns:
        Whether there was something to remove.
    """
    import requests

    named = "/authority.pem"
    with requests.Session() as probe:
        probe.verify = named
        if probe.merge_environment_settings("https://localhost", {}, None, None, None)["verify"] == named:
            return False
    inner: Any = requests.Session.merge_environment_settings

    def merge_environment_settings(
        self: requests.Session, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        return inner(self, url, proxies, stream, self.verify if verify is None else verify, cert)

    requests.Session.merge_environment_settings = merge_environment_settings
    return True


def sum_fractions_in_trino() -> bool:
    """Let the profiles of Trino's tables have sums with what is behind the decimal point.

    The client casts every value to ``DECIMAL`` before it adds, which in Trino is one without a scale: the sum of a
    thousand quarters was zero or a thousand. Of a column without a value it said 0, where SQL says nothing.

    Returns:
        Whether there was something to remove.
    """
    from metadata.profiler.orm.functions.sum import SumFn
    from sqlalchemy import Numeric, column
    from sqlalchemy.ext.compiler import compiles
    from trino.sqlalchemy.dialect import TrinoDialect

    if "DECIMAL)" not in str(SumFn(column("x", Numeric())).compile(dialect=TrinoDialect())):
        return False

    def compiled(element: Any, compiler: Any, **options: Any) -> str:
        added = compiler.process(element.clauses, **options)
        if isinstance(next(iter(element.clauses)).type, Numeric):
            return f"SUM(IF(is_nan(CAST({added} AS DOUBLE)), NULL, {added}))"
        return f"SUM(CAST({added} AS DECIMAL(38, 0)))"

    compiles(SumFn, "trino")(compiled)
    return True
