"""The faults of OpenMetadata's client are gone, and a client without them is left alone.

Run in processes of their own, because the shims change the client for good.
"""

from __future__ import annotations

from data_platform_tests.scripts import run_script


def test_a_client_that_files_no_status_is_left_alone() -> None:
    printed = run_script("""
        from metadata.workflow.workflow_status_mixin import WorkflowStatusMixin
        from data_platform.ingestion import shims

        print(shims.leave_status_to_us())
        del WorkflowStatusMixin.set_ingestion_pipeline_status
        print(shims.leave_status_to_us())
    """)
    assert printed.split() == ["True", "False"]


def test_a_connections_own_authority_comes_before_the_environments() -> None:
    printed = run_script("""
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
    printed = run_script("""
        from metadata.profiler.orm.functions.sum import SumFn
        from sqlalchemy import column
        from sqlalchemy.dialects import mysql, postgresql
        from data_platform.ingestion import shims

        print(shims.sum_exactly(), shims.sum_exactly())
        print(*(SumFn(column("a")).compile(dialect=each.dialect()) for each in (mysql, postgresql)), sep=";")
    """)
    assert printed.split("\n") == ["True False", "SUM(a);SUM(CAST(a AS NUMERIC))"]


def test_a_source_without_schemas_is_left_alone() -> None:
    printed = run_script("""
        from data_platform.ingestion import shims

        print(shims.name_schemas_that_have_no_name(object()))
    """)
    assert printed == "False"


def test_sums_in_trino_keep_what_is_behind_the_decimal_point() -> None:
    printed = run_script("""
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
    printed = run_script("""
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
