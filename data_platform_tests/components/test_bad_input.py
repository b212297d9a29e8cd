"""A definition that cannot work is refused when definitions load, with its file, line, field and the known values."""

import pytest

from data_platform_tests.components.conftest import WORKING, Project

REFERENCES = "it must be a reference: vault:<mount>/<path>#<field>, env:<NAME> or file:<path>"

BAD_INPUT = {
    "unknown connector": (
        ("connector: Postgres", "connector: Postgress"),
        4,
        "connector: there is no connector 'Postgress': the nearest of 125 known connectors are Postgres",
    ),
    "connector written in small letters": (
        ("connector: Postgres", "connector: postgres"),
        4,
        "connector: there is no connector 'postgres': the nearest of 125 known connectors are Postgres",
    ),
    "unknown field of the connection": (
        ("    username: reader", "    username: reader\n    databse: shop"),
        8,
        "connection.databse: is not a known field: known fields are database, ",
    ),
    "unknown field of one environment's connection": (
        ("hostPort: localhost:5432", "hostPort: localhost:5432\n      port: 5432"),
        11,
        "environments.dev.port: is not a known field: known fields are hostPort",
    ),
    "unknown field deep inside": (
        ("authType: {password:", "authType: {pasword:"),
        13,
        "environments.qa.authType.pasword: is not a known field: known fields are password",
    ),
    "missing field": (
        ("    database: shop\n", ""),
        8,
        "environments.dev.database: is missing: set it",
    ),
    "wrong type": (
        ("hostPort: localhost:5432", "hostPort: 5432"),
        10,
        "environments.dev.hostPort: must be a string, not a whole number.",
    ),
    "wrong type where there are alternatives": (
        ('authType: {password: "vault:secret-data/dagster/shop#password"}', "authType: basic"),
        13,
        "environments.qa.authType: must be a mapping, not a string.",
    ),
    "unknown value": (
        ("    username: reader", "    username: reader\n    sslMode: always"),
        8,
        "connection.sslMode: cannot be 'always': known values are disable, allow, prefer, require, verify-ca, ",
    ),
    "unreadable filter": (
        ("metadata: {}", "metadata:\n      schemaFilterPattern:\n        includes: ['sales(']"),
        17,
        "workflows.metadata.schemaFilterPattern.includes[0]: is no regular expression (missing ), unterminated",
    ),
    "literal secret": (
        ('"vault:secret-data/dagster/shop#password"', "hunter2"),
        13,
        f"environments.qa.authType.password: holds a secret in plain text: {REFERENCES}.",
    ),
    "reference that is none": (
        ('"vault:secret-data/dagster/shop#password"', "vault:secret-data"),
        13,
        "environments.qa.authType.password: is a malformed secret reference: write it as vault:",
    ),
    "reference that is none, outside of a password": (
        ("    username: reader", '    username: "x${env:}"'),
        7,
        "connection.username: is a malformed secret reference: write it as vault:",
    ),
    "secret that is a number": (
        ('"vault:secret-data/dagster/shop#password"', "8675309"),
        13,
        "environments.qa.authType.password: must be a string, not a whole number.",
    ),
    "unknown environment": (
        ("    qa:", "    staging:"),
        11,
        "environments.staging: there is no environment 'staging': known environments are dev, qa, production, demo.",
    ),
    "workflow that the connector lacks": (
        ("connector: Postgres", "connector: Glue"),
        16,
        "workflows.profiling: Glue has no profiling workflow: known workflows of Glue are metadata.",
    ),
    "unknown option": (
        ("metadata: {}", "metadata: {includeView: true}"),
        15,
        "workflows.metadata.includeView: is not a known field: known fields are includeViews, ",
    ),
    "wrong type of an option": (
        ("metadata: {}", "metadata: {includeViews: 'no'}"),
        15,
        "workflows.metadata.includeViews: must be true or false, not a string.",
    ),
    "deletion by the connector": (
        ("metadata: {}", "metadata: {markDeletedTables: true}"),
        15,
        "workflows.metadata.markDeletedTables: cannot be set here: what disappeared from a source is deleted by",
    ),
    "type, which is the connector": (
        ("    username: reader", "    username: reader\n    type: Postgres"),
        8,
        "connection.type: cannot be set here: the connector and the workflow decide it.",
    ),
    "schedule of a workflow that the source does not have": (
        ("  workflows:", "  schedules: {usage: [daily]}\n  workflows:"),
        14,
        "schedules.usage: is not one of this source's workflows: known workflows of this source are metadata, ",
    ),
    "order after a source that does not exist": (
        ("  workflows:", "  after: [wharehouse]\n  workflows:"),
        14,
        "after[0]: there is no other source 'wharehouse' with metadata: known sources are warehouse.",
    ),
    "number that is too large": (
        ("  workflows:", "  min_success_percent: 110\n  workflows:"),
        14,
        "min_success_percent: must be at most 100.",
    ),
    "share that is too large": (
        ("  workflows:", "  deletion: {max_share: 200}\n  workflows:"),
        14,
        "deletion.max_share: must be at most 100.",
    ),
    "number that is too small": (
        ("retries: 0", "retries: -1"),
        18,
        "retries: must be at least 0.",
    ),
    "time that is none": (
        ("  workflows:", "  timeout: 0\n  workflows:"),
        14,
        "timeout: must be more than 0.",
    ),
    "word where a number belongs": (
        ("retries: 0", "retries: often"),
        18,
        "retries: is wrong: Input should be a valid integer",
    ),
    "word where a mapping belongs": (
        ("  workflows:", "  schedules: hunter2\n  workflows:"),
        14,
        "schedules: is wrong: Input should be a valid dictionary.",
    ),
    "unknown field of an ownership rule": (
        ("  workflows:", "  ownership: [{tables: '.*', teir: Tier1}]\n  workflows:"),
        14,
        "ownership[0].teir: is not a known field: known fields are tier, ",
    ),
    "ownership rule for no table": (
        ("  workflows:", "  ownership: [{tier: Tier1}]\n  workflows:"),
        14,
        "ownership[0].tables: is missing: set it; what is for all tables is written beside `ownership`.",
    ),
    "ownership rule that cannot be read": (
        ("  workflows:", "  ownership: [{tables: '*', tier: Tier1}]\n  workflows:"),
        14,
        "ownership[0].tables: is no regular expression (nothing to repeat at position 0): escape it, or correct it.",
    ),
    "ownership rule that gives nothing": (
        ("  workflows:", "  ownership: [{tables: '.*'}]\n  workflows:"),
        14,
        "ownership[0]: gives nothing: what a rule can give is owners, domain, tier.",
    ),
    "owners that the catalog does not take together": (
        ("  workflows:", "  owners: [team:shop, ada@example.org]\n  workflows:"),
        14,
        "owners: has a team among others: the catalog takes one team, or people only.",
    ),
    "domain of a source without metadata": (
        ("  workflows:\n    metadata: {}", "  domain: Sales\n  workflows:"),
        14,
        "domain: is written by the metadata workflow, which this source does not have.",
    ),
    "unknown test definition": (
        ("    profiling: {}", "    tests:\n      a.b:\n      - {definition: rowCountToEqual, parameters: {value: 3}}"),
        18,
        "workflows.tests.a.b[0].definition: cannot be 'rowCountToEqual': known values are tableRowCountToEqual, ",
    ),
    "unknown parameter of a test": (
        (
            "    profiling: {}",
            "    tests:\n      a.b:\n      - {definition: tableRowCountToBeBetween, parameters: {minimum: 3}}",
        ),
        18,
        "workflows.tests.a.b[0].parameters.minimum: is not a known field: known fields are minValue, maxValue.",
    ),
    "missing parameter of a test": (
        ("    profiling: {}", "    tests:\n      a.b:\n      - {definition: tableRowCountToEqual}"),
        18,
        "workflows.tests.a.b[0].parameters: is missing: set it.",
    ),
    "column of a test of a table": (
        ("    profiling: {}", "    tests:\n      a.b:\n      - {definition: tableRowCountToBeBetween, column: id}"),
        18,
        "workflows.tests.a.b[0].column: is not a known field: known fields are ",
    ),
    "test of something that is no table": (
        ("    profiling: {}", "    tests:\n      orders:\n      - {definition: tableRowCountToBeBetween}"),
        17,
        "workflows.tests.orders: is no table: write schema.table or database.schema.table.",
    ),
    "two tests of one name": (
        (
            "    profiling: {}",
            "    tests:\n      a.b:\n      - {definition: columnValuesToBeUnique, column: id}\n"
            "      - {definition: columnValuesToBeUnique, column: id}",
        ),
        19,
        "workflows.tests.a.b[1]: is the second test called a_b__columnValuesToBeUnique__id: give one of them a `name`.",
    ),
    "no test": (
        ("    profiling: {}", "    tests: {}"),
        16,
        "workflows.tests: is empty.",
    ),
    "order after itself": (
        ("  workflows:", "  after: [shop]\n  workflows:"),
        14,
        "after[0]: there is no other source 'shop' with metadata: known sources are warehouse.",
    ),
}

BAD_FRAME = {
    "unknown attribute": (
        ("  workflows:", "  workflow:"),
        "`attributes.workflow at {file}:14`",
        "this is not a known field: known fields are workflows, service, connector, environments, connection, after,",
    ),
    "missing attribute": (
        ("  connector: Postgres\n", ""),
        "`attributes.connector at {file}:2`",
        "this field is missing: OpenMetadata's connector type, for example Trino, or one of ours.",
    ),
    "unknown workflow": (
        ("    profiling: {}", "    profiler: {}"),
        "`attributes.workflows.profiler at {file}:16`",
        "Input should be 'metadata', 'query_log', 'lineage', 'usage', 'profiling' or 'tests'",
    ),
    "unknown schedule": (
        ("  workflows:", "  schedules: {metadata: [weekly]}\n  workflows:"),
        "`attributes.schedules.metadata.0 at {file}:14`",
        "Input should be 'daily', 'critical' or 'quarter_hourly'",
    ),
    "name that cannot be part of a key": (
        ("service: shop", "service: the-shop"),
        "`attributes.service at {file}:3`",
        "String should match pattern",
    ),
}


def write(project: Project, change: tuple[str, str]) -> str:
    assert change[0] in WORKING
    project.write(WORKING.replace("service: shop", "service: warehouse"), folder="warehouse")
    return str(project.write(WORKING.replace(*change)))


@pytest.mark.parametrize(("change", "line", "message"), list(BAD_INPUT.values()), ids=list(BAD_INPUT))
def test_bad_input_is_refused_with_file_field_and_known_values(
    project: Project, change: tuple[str, str], line: int, message: str
) -> None:
    file = write(project, change)
    refusal = project.refusal()
    assert refusal.startswith(file[file.index("src/") :]), refusal
    assert f"/shop/defs.yaml:{line}: {message}" in refusal


@pytest.mark.parametrize(("change", "place", "message"), list(BAD_FRAME.values()), ids=list(BAD_FRAME))
def test_attributes_that_the_component_does_not_have_are_refused_the_same_way(
    project: Project, change: tuple[str, str], place: str, message: str
) -> None:
    file = write(project, change)
    refusal = project.refusal()
    assert place.format(file=file) in refusal
    assert message in refusal


PASSWORD = '"vault:secret-data/dagster/shop#password"'
AUTH_TYPE = f"authType: {{password: {PASSWORD}}}"


@pytest.mark.parametrize(
    "change",
    [
        (PASSWORD, "hunter2"),
        (PASSWORD, "8675309"),
        (AUTH_TYPE, "authType: hunter2"),
        (AUTH_TYPE, "authType: {password: hunter2, unknown: hunter2}"),
        (AUTH_TYPE, "sslMode: {password: hunter2}"),
        ("  connector: Postgres\n", "  password: hunter2\n"),
        ("  workflows:", "  connection: hunter2\n  workflows:"),
        ("  workflows:", "  schedules: hunter2\n  workflows:"),
    ],
)
def test_no_refusal_shows_a_secret(project: Project, change: tuple[str, str]) -> None:
    """Whoever reads the error may not be whoever may read the secret."""
    write(project, change)
    refusal = project.refusal()
    assert "hunter2" not in refusal
    assert "8675309" not in refusal


def test_everything_that_is_wrong_is_said_at_once(project: Project) -> None:
    text = WORKING.replace("username: reader", "user: reader").replace("metadata: {}", "metadata: {views: true}")
    project.write(text)
    refusal = project.refusal()
    assert "5 things are wrong with this source" not in refusal  # what is shared is reported once, not per environment
    assert "4 things are wrong with this source" in refusal
    for path in (
        "connection.user",
        "environments.dev.username",
        "environments.qa.username",
        "workflows.metadata.views",
    ):
        assert f" {path}: " in refusal


def test_a_mistake_in_an_environment_that_is_not_the_current_one_is_refused_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise production would be the first to hear of it."""
    monkeypatch.setenv("DAGSTER_ENVIRONMENT", "demo")
    write(project, ("hostPort: shop-qa.example.org:5432", "hostport: shop-qa.example.org:5432"))
    assert "environments.qa.hostport: is not a known field" in project.refusal()


def test_a_reference_may_stand_wherever_a_string_may(project: Project) -> None:
    project.write(
        WORKING.replace("localhost:5432", "env:SHOP_ADDRESS")
        .replace("username: reader", "username: vault:secret-data/dagster/shop#username\n    sslMode: env:SHOP_SSL")
        .replace("vault:secret-data/dagster/shop#password", "file:/run/secrets/shop")
    )
    assert len(list(project.load().resolve_all_asset_specs())) == 2
