"""The catalog's settings: what was stored, else OpenMetadata's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.store import Connection

OWNERSHIP = "Multiple Users or Single Team Ownership"
ONE_DOMAIN = "Multiple Domains are not allowed"
PRODUCT_DOMAIN = "Data Product Domain Validation"

SEMANTICS: list[Json] = [
    {"name": name, "description": text, "enabled": True, "provider": "system", "rule": rule}
    for name, text, rule in (
        (OWNERSHIP, "Validates that an entity has either multiple owners or a single team as the owner.", "owners"),
        (ONE_DOMAIN, "By default, we only allow entities to be assigned to a single domain.", "domains"),
        (PRODUCT_DOMAIN, "Validates that Data Products assigned to an entity match the entity's domains.", "products"),
    )
]

_RELATIONS = (
    ("relatedTo", "Related to", None, "associative", "#1890ff"),
    ("synonym", "Synonym", None, "equivalence", "#722ed1"),
    ("antonym", "Antonym", None, "associative", "#f5222d"),
    ("broader", "Broader", "narrower", "hierarchical", "#52c41a"),
    ("narrower", "Narrower", "broader", "hierarchical", "#52c41a"),
    ("partOf", "Part of", "hasPart", "hierarchical", "#fa8c16"),
    ("hasPart", "Has part", "partOf", "hierarchical", "#fa8c16"),
    ("calculatedFrom", "Calculated from", "usedToCalculate", "associative", "#13c2c2"),
    ("usedToCalculate", "Used to calculate", "calculatedFrom", "associative", "#13c2c2"),
    ("seeAlso", "See also", None, "associative", "#8c8c8c"),
)
"""Types of relations between terms: name, shown name, inverse, category, colour."""

DEFAULTS: dict[str, Json] = {
    "profilerConfiguration": {"metricConfiguration": []},
    "entityRulesSettings": {"entitySemantics": SEMANTICS},
    "glossaryTermRelationSettings": {
        "relationTypes": [
            {
                "name": name,
                "displayName": title,
                **({"inverseRelation": inverse} if inverse else {"isSymmetric": True}),
                "category": category,
                "color": color,
                "isSystemDefined": True,
            }
            for name, title, inverse, category, color in _RELATIONS
        ]
    },
    "lineageSettings": {"lineageLayer": "EntityLineage", "upstreamDepth": 2, "downstreamDepth": 2},
    "searchSettings": {},
    "assetCertificationSettings": {"allowedClassification": "Certification", "validityPeriod": "P30D"},
    "customUiThemePreference": {},
    "emailConfiguration": {},
    "openLineageSettings": {"enabled": True, "autoCreateEntities": True, "defaultPipelineService": "openlineage"},
    "loginConfiguration": {},
}


def stored(connection: Connection) -> dict[str, Json]:
    """What was ever set, by name."""
    return {line["name"]: orjson.loads(line["json"]) for line in connection.execute("SELECT * FROM settings")}


def setting(connection: Connection, name: str) -> Json:
    """The value of one setting that has a default."""
    return stored(connection).get(name, DEFAULTS[name])
