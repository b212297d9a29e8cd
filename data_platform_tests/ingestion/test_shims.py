"""The costs and faults of OpenMetadata's client are gone, and a client without them is left alone.

Run in processes of their own, because the shims change the client for good.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(script: str) -> str:
    """What a script prints."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_version_is_looked_up_once_for_all_statements() -> None:
    printed = run("""
        from metadata.ingestion.connections import headers
        from data_platform.ingestion import shims

        calls = []
        real = headers._pkg_version
        headers._pkg_version = lambda name: calls.append(name) or real(name)
        before = headers.inject_query_header(None, None, "SELECT 1", None, None, None)
        assert shims.cache_version_header()
        for _ in range(100):
            after = headers.inject_query_header(None, None, "SELECT 1", None, None, None)
        assert before == after, (before, after)
        print(len(calls))
    """)
    assert printed == "2"


def test_a_client_that_caches_its_version_itself_is_left_alone() -> None:
    printed = run("""
        from functools import cache
        from metadata.ingestion.connections import headers
        from data_platform.ingestion import shims

        headers._pkg_version = cache(headers._pkg_version)
        theirs = headers._pkg_version
        print(shims.cache_version_header(), headers._pkg_version is theirs)
    """)
    assert printed == "False True"


def test_the_imports_are_kept_out_of_later_collections() -> None:
    printed = run("""
        import gc
        from data_platform.ingestion import shims

        assert shims.freeze_imports()
        print(gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 10_000)
    """)
    assert printed == "True True"


def test_imports_are_not_interrupted_by_collections_and_what_follows_is() -> None:
    printed = run("""
        import gc
        from data_platform.ingestion import shims

        started = []
        gc.callbacks.append(lambda phase, _: started.append(phase))
        try:
            with shims.no_garbage_collection():
                import metadata.workflow.metadata
                print(started)
                raise ImportError
        except ImportError:
            print(gc.isenabled())
    """)
    assert printed == "[]\nTrue"


def test_a_profiler_that_does_not_collect_is_left_alone() -> None:
    printed = run("""
        import gc, inspect
        from data_platform.ingestion import shims

        inspect.getsource = lambda module: "nothing of the kind"
        print(shims.freeze_imports(), gc.get_freeze_count())
    """)
    assert printed == "False 0"


def test_a_client_that_files_no_status_is_left_alone() -> None:
    printed = run("""
        from metadata.workflow.workflow_status_mixin import WorkflowStatusMixin
        from data_platform.ingestion import shims

        print(shims.leave_status_to_us())
        del WorkflowStatusMixin.set_ingestion_pipeline_status
        print(shims.leave_status_to_us())
    """)
    assert printed.split() == ["True", "False"]


def test_a_connections_own_authority_comes_before_the_environments() -> None:
    printed = run("""
        import os
        import requests
        from data_platform.ingestion import shims

        os.environ["REQUESTS_CA_BUNDLE"] = "/of/the/machine.pem"

        def trusted(verify, call=None):
            with requests.Session() as session:
                session.verify = verify
                return session.merge_environment_settings("https://localhost", {}, None, call, None)["verify"]

        assert trusted("/own.pem") == "/of/the/machine.pem"
        assert shims.trust_the_named_authority()
        assert not shims.trust_the_named_authority()
        print(trusted("/own.pem"), trusted(False), trusted(True), trusted(True, "/of/the/call.pem"))
    """)
    assert printed == "/own.pem False /of/the/machine.pem /of/the/call.pem"


def test_mysql_adds_up_what_is_there_and_a_client_that_lets_it_is_left_alone() -> None:
    printed = run("""
        from metadata.profiler.orm.functions.sum import SumFn
        from sqlalchemy import column
        from sqlalchemy.dialects import mysql, postgresql
        from data_platform.ingestion import shims

        print(shims.sum_exactly(), shims.sum_exactly())
        print(*(SumFn(column("a")).compile(dialect=each.dialect()) for each in (mysql, postgresql)), sep=";")
    """)
    assert printed.split("\n") == ["True False", "SUM(a);SUM(CAST(a AS NUMERIC))"]


def test_a_source_without_schemas_is_left_alone() -> None:
    printed = run("""
        from data_platform.ingestion import shims

        print(shims.name_schemas_that_have_no_name(object()))
    """)
    assert printed == "False"


def test_sums_in_trino_keep_what_is_behind_the_decimal_point() -> None:
    printed = run("""
        from metadata.profiler.orm.functions.sum import SumFn
        from sqlalchemy import Float, Integer, Numeric, column
        from trino.sqlalchemy.dialect import TrinoDialect
        from data_platform.ingestion import shims

        assert shims.sum_fractions_in_trino()
        assert not shims.sum_fractions_in_trino()
        for kind in (Float(), Numeric(10, 2), Integer()):
            print(SumFn(column("x", kind)).compile(dialect=TrinoDialect()))
    """)
    fractions = "SUM(IF(is_nan(CAST(x AS DOUBLE)), NULL, x))"
    assert printed.splitlines() == [fractions, fractions, "SUM(CAST(x AS DECIMAL(38, 0)))"]


def test_a_password_with_a_space_reaches_the_database_as_it_is() -> None:
    printed = run("""
        from sqlalchemy import make_url
        from data_platform.ingestion import shims
        from metadata.generated.schema.entity.services.connections.database.postgresConnection import PostgresConnection
        from metadata.ingestion.connections import builders

        login = {"username": "a reader", "authType": {"password": "p w+/@:%"}, "hostPort": "db:1", "database": "shop"}
        connection = PostgresConnection.model_validate(login)
        print(shims.spaces_in_passwords())
        url = make_url(builders.get_connection_url_common(connection))
        print(url.username, url.password, shims.spaces_in_passwords())
    """)
    assert printed == "True\na reader p w+/@:% False"
