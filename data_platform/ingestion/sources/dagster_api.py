"""What a Dagster webserver says of its code locations and runs, over its GraphQL API.

Only what the connector needs, as the values of ``dagster_model``. The API is Dagster's own and undocumented as a
contract; every field used here is one that Dagster's UI uses too, and a test asks a real webserver for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

import httpx

from data_platform.errors import SourceError, SourceRefusedError, SourceUnreachableError
from data_platform.ingestion.diagnosis import distrusted
from data_platform.ingestion.sources.dagster_model import Asset, Broken, Job, Node, Run, Step

RUNS_PER_REQUEST: Final = 50

TABLE_NAME: Final = "dagster/table_name"
"""Metadata by which Dagster's own integrations say which table an asset is: database, schema and table, with dots."""

_LOCATIONS: Final = """
query Locations {
  workspaceOrError {
    __typename
    ... on PythonError { message }
    ... on Workspace {
      locationEntries {
        name
        locationOrLoadError {
          __typename
          ... on PythonError { message causes { message } }
          ... on RepositoryLocation {
            repositories {
              name
              jobs {
                name
                description
                schedules { cronSchedule }
                solidHandles(parentHandleID: "") {
                  handleID
                  solid { definition { description } inputs { dependsOn { solid { name } } } }
                }
              }
              assetNodes {
                assetKey { path }
                description
                isMaterializable
                graphName
                opNames
                jobNames
                dependencyKeys { path }
                metadataEntries { label ... on TextMetadataEntry { text } }
                assetMaterializations(limit: 1) { metadataEntries { label ... on TextMetadataEntry { text } } }
              }
            }
          }
        }
      }
    }
  }
}
"""

_RUNS: Final = """
query Runs($createdAfter: Float!, $cursor: String, $limit: Int!) {
  runsOrError(filter: {createdAfter: $createdAfter}, cursor: $cursor, limit: $limit) {
    __typename
    ... on PythonError { message }
    ... on InvalidPipelineRunsFilterError { message }
    ... on Runs {
      results {
        runId
        jobName
        status
        creationTime
        endTime
        repositoryOrigin { repositoryLocationName repositoryName }
        assetSelection { path }
        stepStats { stepKey status startTime endTime }
      }
    }
  }
}
"""


class Webserver:
    """One Dagster webserver.

    Args:
        host: its address, for example ``http://localhost:3000``.
        token: for Dagster Cloud.
        timeout: seconds for each request.
        transport: an httpx transport in place of the network's.

    Attributes:
        host: the address.
        service: how errors name the source.

    Every method raises :class:`SourceUnreachableError` when nothing answers and :class:`SourceRefusedError` when what
    answers is no Dagster, refuses the token, or does not know what is asked.
    """

    def __init__(
        self,
        host: str,
        *,
        token: str | None = None,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.host = host.rstrip("/")
        self.service: str | None = None
        headers = {"Dagster-Cloud-Api-Token": token} if token else {}
        self._http = httpx.Client(headers=headers, timeout=timeout, transport=transport)

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def version(self) -> str:
        """The version of Dagster."""
        return str(self._ask("query Version { version }")["version"])

    def definitions(self) -> Iterator[Job | Asset | Broken]:
        """The jobs, then the assets, of every code location; jobs that Dagster makes up for itself are left out."""
        for entry in self._answer("workspaceOrError", _LOCATIONS)["locationEntries"]:
            found: dict[str, Any] = entry["locationOrLoadError"] or {"message": "it is still loading"}
            if "repositories" not in found:
                # The root of it is what somebody has to mend; the rest says that a file could not be loaded.
                causes: list[dict[str, Any]] = found.get("causes") or [found]
                yield Broken(str(entry["name"]), " ".join(str(causes[-1]["message"]).split()))
                continue
            for repository in found["repositories"]:
                where = str(entry["name"]), str(repository["name"])
                yield from (_job(where, job) for job in repository["jobs"] if not job["name"].startswith("__"))
                yield from (_asset(where, asset) for asset in repository["assetNodes"])

    def runs(self, since: datetime) -> Iterator[Run]:
        """The runs that were created after a moment, the newest first."""
        cursor: str | None = None
        while True:
            variables = {"createdAfter": since.timestamp(), "cursor": cursor, "limit": RUNS_PER_REQUEST}
            results: list[dict[str, Any]] = self._answer("runsOrError", _RUNS, variables)["results"]
            yield from map(_run, results)
            if len(results) < RUNS_PER_REQUEST:
                return
            cursor = results[-1]["runId"]

    def _answer(self, field: str, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One field of an answer, which Dagster may fill with an error."""
        answer: dict[str, Any] = self._ask(query, variables)[field]
        if "message" in answer:
            raise self._refused(f"Dagster at {self.host} answers {answer['__typename']}: {answer['message']}")
        return answer

    def _ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.post(f"{self.host}/graphql", json={"query": query, "variables": variables or {}})
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            raise distrusted(detail, self.service, f" at {self.host}") or self._unreachable(detail) from error
        if response.status_code in {401, 403}:
            raise SourceRefusedError(
                f"Dagster at {self.host} refuses the token ({response.status_code})",
                source=self.service,
                remedy="check what the connection's token points at",
            )
        if response.status_code >= 500:
            raise self._unreachable(f"{response.status_code} {response.reason_phrase}")
        try:
            answer = cast(dict[str, Any], response.json())
        except ValueError:
            raise self._refused(f"what answers at {self.host} is no Dagster webserver") from None
        if answer.get("errors"):
            raise self._refused(f"Dagster at {self.host} refuses the question: {answer['errors'][0].get('message')}")
        if not isinstance(answer.get("data"), dict):
            raise self._refused(f"what answers at {self.host} is no Dagster webserver")
        return answer["data"]

    def _unreachable(self, detail: str) -> SourceError:
        return SourceUnreachableError(
            f"Dagster's webserver at {self.host} does not answer ({detail})",
            source=self.service,
            remedy="check that it is up and that host in its defs.yaml is right",
        )

    def _refused(self, what: str) -> SourceError:
        return SourceRefusedError(
            what, source=self.service, remedy="check host in its defs.yaml, and the webserver's version"
        )


def _job(where: tuple[str, str], job: dict[str, Any]) -> Job:
    cron = [str(schedule["cronSchedule"]) for schedule in job["schedules"]]
    return Job(
        *where, job["name"], job["description"], cron[0] if cron else None, tuple(map(_node, job["solidHandles"]))
    )


def _node(handle: dict[str, Any]) -> Node:
    outputs = [output for each in handle["solid"]["inputs"] for output in each["dependsOn"]]
    return Node(
        handle["handleID"],
        handle["solid"]["definition"]["description"],
        frozenset(str(output["solid"]["name"]) for output in outputs),
    )


def _asset(where: tuple[str, str], asset: dict[str, Any]) -> Asset:
    # What a run recorded is newer than what the definition says.
    recorded = [entry for event in asset["assetMaterializations"] for entry in event["metadataEntries"]]
    tables = [entry["text"] for entry in (*recorded, *asset["metadataEntries"]) if entry["label"] == TABLE_NAME]
    nodes: list[str] = [asset["graphName"]] if asset["graphName"] else asset["opNames"]
    return Asset(
        *where,
        key=tuple(asset["assetKey"]["path"]),
        description=asset["description"],
        node=nodes[0] if nodes and asset["isMaterializable"] else None,
        upstream=tuple(tuple(key["path"]) for key in asset["dependencyKeys"]),
        jobs=frozenset(asset["jobNames"]),
        table=tables[0] if tables else None,
    )


def _run(run: dict[str, Any]) -> Run:
    origin, selection = run["repositoryOrigin"], run["assetSelection"]
    return Run(
        id=run["runId"],
        job=run["jobName"],
        status=run["status"],
        created=int(run["creationTime"] * 1000),
        end=_milliseconds(run["endTime"]),
        origin=(origin["repositoryLocationName"], origin["repositoryName"]) if origin else None,
        assets=frozenset(tuple(key["path"]) for key in selection) if selection else None,
        steps=tuple(map(_step, run["stepStats"])),
    )


def _step(step: dict[str, Any]) -> Step:
    times = _milliseconds(step["startTime"]), _milliseconds(step["endTime"])
    return Step(step["stepKey"], step["status"] or "", *times)


def _milliseconds(seconds: float | None) -> int | None:
    return int(seconds * 1000) if seconds else None
