"""A schema is asked for its keys once, and the answers are those of asking for every table.

Run in processes of their own, because what is tested changes SQLAlchemy for good.
"""

from __future__ import annotations

import textwrap
from typing import Final

import pytest
from sqlalchemy import URL

from data_platform_tests.ingestion.conftest import execute
from data_platform_tests.scripts import run_script
from examples.demo.layout import password
from examples.demo.postgres import SUPERUSER, Server

SCHEMA: Final = """
    CREATE SCHEMA "Wide Range";
    SET search_path TO "Wide Range";
    CREATE TABLE keyless (a integer);
    CREATE TABLE "both" (a integer, b text UNIQUE, c integer, CONSTRAINT "both_PK" PRIMARY KEY (a, c), UNIQUE (b, c));
    CREATE TABLE "Dotted.Name" (id integer PRIMARY KEY);
    CREATE VIEW seen AS SELECT * FROM "both";
    CREATE MATERIALIZED VIEW kept AS SELECT * FROM "both";
"""

PREPARATION: Final = """
    import sys
    from sqlalchemy import create_engine, event, inspect, text
    from sqlalchemy.engine import ObjectKind
    from data_platform.ingestion import reflection

    engine = create_engine(sys.argv[1])
    statements = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement))

    def names(inspector, schema):
        return [name for _, name in inspector.get_multi_table_comment(schema, kind=ObjectKind.ANY)]

    def answers(inspector, schema):
        return {
            name: (inspector.get_pk_constraint(name, schema), inspector.get_unique_constraints(name, schema))
            for name in names(inspector, schema)
        }
"""


@pytest.fixture
def wide(postgres: Server, database: str) -> str:
    """URL of a database with keys of every kind."""
    execute(postgres, database, SCHEMA)
    secret = password(postgres.superuser_password)
    url = URL.create("postgresql", SUPERUSER, secret, "127.0.0.1", postgres.port, database)
    return url.render_as_string(hide_password=False)


def run(url: str, script: str) -> str:
    """What a script prints that is given a database."""
    return run_script(textwrap.dedent(PREPARATION) + textwrap.dedent(script), url)


def test_a_schema_at_once_says_what_its_tables_say_one_by_one(wide: str) -> None:
    printed = run(
        wide,
        """
        one_by_one = answers(inspect(engine), "Wide Range")
        reflection.constraints_by_schema()
        print(sorted(one_by_one), answers(inspect(engine), "Wide Range") == one_by_one)
        """,
    )
    assert printed == "['Dotted.Name', 'both', 'kept', 'keyless', 'seen'] True"


def test_more_tables_take_no_more_statements(postgres: Server, database: str, wide: str) -> None:
    execute(postgres, database, *(f"CREATE TABLE t{number} (id integer PRIMARY KEY)" for number in range(30)))
    printed = run(
        wide,
        """
        reflection.constraints_by_schema()
        counted = []
        for schema in "Wide Range", "public":
            inspector = inspect(engine)
            statements.clear()
            counted.append((len(answers(inspector, schema)) >= 30, len(statements)))
        (few, asked), (many, asked_for_many) = counted
        print(few, many, asked == asked_for_many)
        """,
    )
    assert printed == "False True True"


def test_a_table_that_came_meanwhile_is_asked_for_by_itself(wide: str) -> None:
    printed = run(
        wide,
        """
        reflection.constraints_by_schema()
        inspector = inspect(engine)
        answers(inspector, "public")
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE late (id integer PRIMARY KEY)"))
        print(inspector.get_pk_constraint("late", "public")["constrained_columns"])
        """,
    )
    assert printed == "['id']"


def test_a_database_that_cannot_be_asked_for_a_schema_is_asked_for_each_table() -> None:
    printed = run(
        "sqlite://",
        """
        with engine.connect() as connection:
            connection.execute(text("CREATE TABLE a (id integer PRIMARY KEY)"))
            connection.execute(text("CREATE TABLE b (id integer PRIMARY KEY)"))
            statements.clear()
            inspect(connection).get_pk_constraint("a")
            asked = statements[:]
            reflection.constraints_by_schema()
            statements.clear()
            inspect(connection).get_pk_constraint("a")
        print(statements == asked)
        """,
    )
    assert printed == "True"


def test_a_dialect_with_its_own_way_for_one_table_is_asked_in_it(wide: str) -> None:
    printed = run(
        wide,
        """
        class Warehouse(type(engine.dialect)):
            def get_pk_constraint(self, connection, table_name, schema=None, **kw):
                return {"constrained_columns": [f"{schema}.{table_name}"]}

        engine.dialect.__class__ = Warehouse
        reflection.constraints_by_schema()
        print(inspect(engine).get_pk_constraint("both", "Wide Range"))
        """,
    )
    assert printed == "{'constrained_columns': ['Wide Range.both']}"
