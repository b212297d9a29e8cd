"""The seeds: teams, people, bots, policies, classifications, connection tests, test definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data_platform.server.connection_steps import CONNECTION_STEPS, OPTIONAL, UNTESTED
from data_platform.server.test_definitions import definitions

Seed = tuple[str, dict[str, Any], dict[str, Any]]
"""Entity type, create request, and what the system alone may set on it."""

_CLASSIFICATIONS: list[tuple[str, str, bool, list[tuple[str, str]]]] = [
    (
        "Tier",
        "How much the business depends on an asset, and so how fast its problems are answered.",
        True,
        [
            ("Tier1", "Critical: the company stops, or reports wrong figures outside, when it is wrong."),
            ("Tier2", "Important: decisions inside the company rest on it."),
            ("Tier3", "Useful to a department; a day without it is no harm."),
            ("Tier4", "Used inside one team."),
            ("Tier5", "Private or experimental; nobody is promised anything."),
        ],
    ),
    (
        "PII",
        "Data that tells who a person is, alone or with other data.",
        True,
        [
            ("None", "Tells nothing about a person."),
            ("NonSensitive", "Tells something about a person that is commonly public."),
            ("Sensitive", "Would harm the person if it became public."),
        ],
    ),
    (
        "PersonalData",
        "Personal data in the sense of data protection law.",
        False,
        [
            ("Personal", "Relates to an identified or identifiable living person."),
            ("SpecialCategory", "Reveals health, origin, beliefs, biometrics or the like; needs a reason of its own."),
        ],
    ),
    (
        "Certification",
        "Who vouches for an asset.",
        True,
        [
            ("Bronze", "Documented and owned."),
            ("Silver", "Documented, owned and tested."),
            ("Gold", "Documented, owned, tested and promised."),
        ],
    ),
]

_STEP_TEXT = {
    "CheckAccess": "Reach the source and log in with the given credentials.",
    "GetDatabases": "List the databases.",
    "GetSchemas": "List the schemas.",
    "GetTables": "List the tables of a schema.",
    "GetViews": "List the views of a schema.",
    "GetQueries": "Read the query log; usage and query lineage need it.",
    "GetTags": "Read the tags that the source keeps.",
}


_POLICIES: list[tuple[str, str, list[tuple[str, list[str], str | None]]]] = [
    (
        "OrganizationPolicy",
        "What everybody may do.",
        [
            ("NoOwner-Rule", ["EditOwners"], "noOwner()"),
            ("Owner-Rule", ["All"], "isOwner()"),
            ("ViewAll-Rule", ["ViewAll"], None),
        ],
    ),
    (
        "DataConsumerPolicy",
        "Reading the catalog, and describing what is in it.",
        [("EditRule", ["EditDescription", "EditGlossaryTerms", "EditTags", "EditTier", "ViewAll"], None)],
    ),
    (
        "DataStewardPolicy",
        "Describing, classifying and connecting what the catalog holds.",
        [
            (
                "EditRule",
                [
                    "EditDescription",
                    "EditDisplayName",
                    "EditGlossaryTerms",
                    "EditLineage",
                    "EditOwners",
                    "EditTags",
                    "EditTier",
                    "ViewAll",
                ],
                None,
            )
        ],
    ),
    ("IngestionBotPolicy", "Writing what ingestion finds.", [("Rule", ["All"], None)]),
]


def _rule(policy: str, name: str, operations: list[str], condition: str | None) -> dict[str, Any]:
    rule = {"name": f"{policy}-{name}", "effect": "allow", "operations": operations, "resources": ["All"]}
    return {**rule, "condition": condition} if condition else rule


_CHARTS = (
    "percentage_of_data_asset_with_description_kpi",
    "percentage_of_data_asset_with_owner_kpi",
    "number_of_data_asset_with_description_kpi",
    "number_of_data_asset_with_owner_kpi",
)
"""What a KPI can be about."""


def SEEDS() -> Iterator[Seed]:  # noqa: N802
    """Every seed, what is referred to before what refers to it."""
    system = {"provider": "system"}
    for policy, text, rules in _POLICIES:
        request = {"name": policy, "description": text, "rules": [_rule(policy, *rule) for rule in rules]}
        yield "policy", request, system
    for role, policy, text in (
        ("DataConsumer", "DataConsumerPolicy", "Who reads the catalog."),
        ("DataSteward", "DataStewardPolicy", "Who looks after descriptions and tags."),
        ("IngestionBotRole", "IngestionBotPolicy", "What ingestion runs as."),
    ):
        yield "role", {"name": role, "description": text, "policies": [policy]}, system
    yield "team", {"name": "Organization", "teamType": "Organization", "description": "Everybody."}, {}
    yield "user", {"name": "admin", "email": "admin@open-metadata.org", "isAdmin": True}, {}
    yield (
        "user",
        {"name": "ingestion-bot", "email": "ingestion-bot@open-metadata.org", "isBot": True, "isAdmin": False},
        {},
    )
    bot = {"name": "ingestion-bot", "botUser": "ingestion-bot", "description": "Writes what ingestion finds."}
    yield "bot", bot, system
    for name, text, exclusive, tags in _CLASSIFICATIONS:
        yield "classification", {"name": name, "description": text, "mutuallyExclusive": exclusive}, system
        for tag, tag_text in tags:
            request = {
                "name": tag,
                "classification": name,
                "description": tag_text,
                "fullyQualifiedName": f"{name}.{tag}",
            }
            yield "tag", request, system
    for chart in _CHARTS:
        yield "dataInsightChart", {"name": chart, "dataIndexType": "entity_report_data_index"}, {}
    for name in ("SearchIndexingApplication", "DataInsightsApplication"):
        request = {
            "name": name,
            "displayName": name.removesuffix("Application"),
            "description": "Has nothing to do in the embedded catalog.",
            "className": f"org.openmetadata.service.apps.bundles.{name}",
            "appType": "internal",
            "scheduleType": "ScheduledOrManual",
            "permission": "All",
        }
        yield "appMarketPlaceDefinition", request, {}
        yield "app", {"name": name}, {}
    for request in definitions():
        yield "testDefinition", request, {"provider": "system"}
    for connector in [*CONNECTION_STEPS, *UNTESTED]:
        yield "testConnectionDefinition", _connection_test(connector, CONNECTION_STEPS.get(connector, [])), {}


def _connection_test(connector: str, steps: list[str]) -> dict[str, Any]:
    return {
        "name": connector,
        "displayName": f"{connector} Test Connection",
        "description": f"What a connection to {connector} must be able to do.",
        "fullyQualifiedName": f"{connector}.testConnectionDefinition",
        "steps": [
            {
                "name": step,
                "description": _STEP_TEXT.get(step, f"{step} answers without an error."),
                "errorMessage": f"{step} failed: check the address, the credentials and what they are allowed to read.",
                "mandatory": step not in OPTIONAL,
                "shortCircuit": position == 0,
                "category": "ConnectionGate" if position == 0 else "Capability",
            }
            for position, step in enumerate(steps)
        ],
    }
