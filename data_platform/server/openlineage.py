"""OpenLineage's run events as lineage: ``/openlineage/lineage`` and its batch form.

Only events of the kinds in ``openLineageSettings`` count (COMPLETE unless it says otherwise). A dataset is found by the
end of its name, ``[database.]schema.table``; one that is missing is made below a schema that is there, and a pipeline
below the service ``openlineage``, where that exists. What cannot be found leaves its edges out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import orjson

from data_platform.server import documents, lineage, models, names
from data_platform.server.calls import Principal, Reply, without_nulls
from data_platform.server.entity_types import ENTITY_TYPES
from data_platform.server.permissions import may_write
from data_platform.server.problems import ApiError, BadRequestError
from data_platform.server.writing import Writing

if TYPE_CHECKING:
    from data_platform.server.calls import Call, Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

TABLE, SCHEMA, PIPELINE = (ENTITY_TYPES[name] for name in ("table", "databaseSchema", "pipeline"))
_EVENT = "api.lineage.openlineage.openLineageRunEvent:OpenLineageRunEvent"
_DEFAULTS: Json = {"enabled": True, "autoCreateEntities": True, "defaultPipelineService": "openlineage"}
_DATA_TYPES = (
    ("CHAR", "VARCHAR"), ("STRING", "VARCHAR"), ("BIGINT", "BIGINT"), ("LONG", "BIGINT"), ("INT", "INT"),
    ("DOUBLE", "DOUBLE"), ("FLOAT", "DOUBLE"), ("DECIMAL", "DECIMAL"), ("NUMERIC", "DECIMAL"), ("BOOL", "BOOLEAN"),
    ("TIMESTAMP", "TIMESTAMP"), ("DATE", "DATE"), ("TIME", "TIME"), ("MAP", "MAP"), ("STRUCT", "STRUCT"),
    ("BINARY", "BINARY"), ("BYTES", "BINARY"), ("JSON", "JSON"),
)  # fmt: skip
_LONGEST_TEXT = 65535


def register(router: Router, keys: Keys) -> None:
    router.add("POST", "/openlineage/lineage", lambda call: _one(call, keys))
    router.add("POST", "/openlineage/lineage/batch", lambda call: _batch(call, keys))


def _one(call: Call, keys: Keys) -> Reply:
    may_write(call, TABLE, "EditLineage")
    event = call.object
    _check(event)
    settings = _settings(call.reader)
    if not settings["enabled"]:
        return _disabled()
    made = call.store.write(lambda connection: _Events(connection, keys, call.principal, settings).take(event))
    message = f"Created {made} lineage edge(s)" if made else "Event processed, no lineage edges created"
    return Reply(200, {"status": "success", "message": message, "lineageEdgesCreated": made})


def _batch(call: Call, keys: Keys) -> Reply:
    may_write(call, TABLE, "EditLineage")
    events = call.object.get("events")
    if not isinstance(events, list):
        raise BadRequestError("events: Field required")
    sent = cast("list[Any]", without_nulls(events))
    settings = _settings(call.reader)
    if not settings["enabled"]:
        return _disabled()

    def work(connection: Connection) -> tuple[int, int, list[Json]]:
        taken = _Events(connection, keys, call.principal, settings)
        edges = successful = 0
        failed: list[Json] = []
        for index, event in enumerate(sent):
            try:
                _check(event)
                made = taken.take(event)
            except ApiError as error:
                failed.append({"index": index, "reason": error.message, "retriable": False})
            else:
                edges += made
                successful += made > 0
        return edges, successful, failed

    edges, successful, failed = call.store.write(work)
    skipped = len(sent) - successful - len(failed)
    counts = {"received": len(sent), "successful": successful, "failed": len(failed), "skipped": skipped}
    text = ", ".join(f"{counts[name]} {name}" for name in ("successful", "failed", "skipped"))
    body: Json = {
        "status": "success" if not failed else "failure" if len(failed) == len(sent) else "partial_success",
        "message": f"Processed {len(sent)} events: {text}. Created {edges} lineage edges.",
        "summary": counts,
        "lineageEdgesCreated": edges,
    }
    if failed:
        body["failedEvents"] = failed
    return Reply(200, body)


def _disabled() -> Reply:
    return Reply(503, {"status": "failure", "message": "OpenLineage API is disabled", "lineageEdgesCreated": 0})


def _check(event: Any) -> None:
    # Facets are open in OpenLineage: each producer adds its own, so only what is read of them is asked for.
    models.check(_EVENT, _without_facets(event))


def _without_facets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_facets(member)
            for key, member in cast("Json", value).items()
            if not key.endswith(("facets", "Facets"))
        }
    if isinstance(value, list):
        return [_without_facets(member) for member in cast("list[Any]", value)]
    return value


def _settings(connection: Connection) -> Json:
    line = connection.execute("SELECT json FROM settings WHERE name = 'openLineageSettings'").fetchone()
    return {**_DEFAULTS, **(orjson.loads(line["json"]) if line else {})}


def _facet(held: Json, name: str) -> Json:
    facet: object = held.get("facets", {}).get(name)
    return cast("Json", facet) if isinstance(facet, dict) else {}


class _Events:
    """Events of one request, within one transaction."""

    def __init__(self, connection: Connection, keys: Keys, principal: Principal, settings: Json) -> None:
        self._connection = connection
        self._writing = Writing(connection, keys, principal)
        self._user = principal.name
        self._settings = settings

    def take(self, event: Json) -> int:
        """Store the edges of one event; how many.

        Raises:
            BadRequestError: a facet is of another shape than OpenLineage's.
        """
        try:
            return self._take(event)
        except (AttributeError, KeyError, TypeError) as error:
            raise BadRequestError(f"A facet of the event cannot be read: {error!r}") from None

    def _take(self, event: Json) -> int:
        wanted = self._settings.get("eventTypeFilter") or ["COMPLETE"]
        if event.get("eventType", "COMPLETE") not in wanted:
            return 0
        inputs: list[Json] = event.get("inputs", [])
        outputs: list[Json] = event.get("outputs", [])
        if not inputs or not outputs:
            return 0
        pipeline = self._pipeline(event)
        sources = [(dataset, table) for dataset in inputs if (table := self._table(dataset)) is not None]
        made = 0
        for dataset in outputs:
            target = self._table(dataset)
            for _, source in sources if target else []:
                if target and source["id"] != target["id"]:
                    details = self._details(event, dataset, sources, source, target)
                    if pipeline:
                        details["pipeline"] = dict(pipeline)
                    ends = [documents.reference(each, "table") for each in (source, target)]
                    lineage.store(self._connection, ends[0], ends[1], details, self._user)
                    made += 1
        return made

    def _details(
        self, event: Json, dataset: Json, sources: list[tuple[Json, Json]], source: Json, target: Json
    ) -> Json:
        job, run = event["job"], event["run"]
        text = f"Lineage from OpenLineage event for job: {job['namespace']}/{job['name']} (run: {run['runId']})"
        details: Json = {"source": "OpenLineage", "description": text}
        query = _facet(job, "sql").get("query")
        if query:
            details["sqlQuery"] = query
        columns = self._columns(dataset, sources, source, target)
        if columns:
            details["columnsLineage"] = columns
        return details

    @staticmethod
    def _columns(dataset: Json, sources: list[tuple[Json, Json]], source: Json, target: Json) -> list[Json]:
        facet: Json = dataset.get("outputFacets", {}).get("columnLineage") or _facet(dataset, "columnLineage")
        named = {(each["namespace"], each["name"]) for each, table in sources if table["id"] == source["id"]}
        found: list[Json] = []
        fields: dict[str, Json] = facet.get("fields", {})
        for column, held in fields.items():
            origins: list[str] = [
                names.join(source["fullyQualifiedName"], each["field"])
                for each in cast("list[Json]", held.get("inputFields", []))
                if (each.get("namespace"), each.get("name")) in named
            ]
            if origins:
                edge: Json = {"fromColumns": origins, "toColumn": names.join(target["fullyQualifiedName"], column)}
                if held.get("transformationDescription"):
                    edge["function"] = held["transformationDescription"]
                found.append(edge)
        return found

    def _table(self, dataset: Json) -> Json | None:
        candidates: list[str] = [
            each["name"]
            for each in cast("list[Json]", _facet(dataset, "symlinks").get("identifiers", []))
            if each.get("type") == "TABLE" and each.get("name")
        ]
        paths = [parts for name in [*candidates, dataset["name"]] if len(parts := _parts(name)) > 1]
        for parts in paths:
            found = self._ending(TABLE, parts[-3:], dataset) or self._ending(TABLE, parts[-2:], dataset)
            if found is not None:
                return found
        return self._made(dataset, paths) if self._settings["autoCreateEntities"] else None

    def _ending(self, row: Any, parts: list[str], dataset: Json) -> Json | None:
        """The first entity whose name ends with these parts; of the service that the namespace is mapped to, if any."""
        ending = ".".join(names.quote(part) for part in parts)
        lines = self._connection.execute(
            "SELECT json FROM entities WHERE type = ? AND name = ? AND deleted = 0 ORDER BY fqn", (row.name, parts[-1])
        )
        found = [orjson.loads(line["json"]) for line in lines]
        fitting = [each for each in found if f".{each['fullyQualifiedName']}".endswith(f".{ending}")]
        service: str | None = self._settings.get("namespaceToServiceMapping", {}).get(dataset["namespace"])
        mapped = [each for each in fitting if names.split(each["fullyQualifiedName"])[0] == service]
        return next(iter(mapped or fitting), None)

    def _made(self, dataset: Json, paths: list[list[str]]) -> Json | None:
        for parts in paths:
            schema = self._ending(SCHEMA, parts[-3:-1], dataset) or self._ending(SCHEMA, parts[-2:-1], dataset)
            if schema is not None:
                fields: list[Json] = _facet(dataset, "schema").get("fields", [])
                request: Json = {
                    "name": parts[-1],
                    "databaseSchema": schema["fullyQualifiedName"],
                    "columns": [_column(field) for field in fields],
                }
                text = _facet(dataset, "documentation").get("description")
                return self._writing.create(TABLE, {**request, **({"description": text} if text else {})})
        return None

    def _pipeline(self, event: Json) -> Json | None:
        job = _facet(event["run"], "parent").get("job") or event["job"]
        service = self._settings["defaultPipelineService"]
        name = f"{re.sub(r'[^a-zA-Z0-9_-]', '_', job['namespace'])}-{job['name']}"
        for fqn in (names.join(names.quote(service), name), f"{job['namespace']}.{job['name']}"):
            found = documents.find(self._connection, PIPELINE, fqn)
            if found is not None:
                return documents.reference(found, "pipeline")
        known = documents.find(self._connection, ENTITY_TYPES["pipelineService"], service)
        if known is None or not self._settings["autoCreateEntities"]:
            return None
        request: Json = {
            "name": name,
            "service": known["fullyQualifiedName"],
            "description": "Pipeline created from OpenLineage event",
        }
        return documents.reference(self._writing.create(PIPELINE, request), "pipeline")


def _parts(name: str) -> list[str]:
    # Glue says table/database/name where others say database.name.
    plain = name.removeprefix("table/").replace("/", ".") if name.startswith("table/") else name
    return [part for part in plain.split(".") if part]


def _column(field: Json) -> Json:
    declared = str(field.get("type", ""))
    kind = next((ours for theirs, ours in _DATA_TYPES if theirs in declared.upper()), "UNKNOWN")
    column: Json = {"name": field["name"], "dataType": kind, "dataTypeDisplay": declared}
    if kind in ("VARCHAR", "BINARY"):
        column["dataLength"] = _LONGEST_TEXT
    if field.get("description"):
        column["description"] = field["description"]
    return column
