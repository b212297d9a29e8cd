"""Takes the README's pictures of a running ``make serve``, into ``docs/images``.

    uv run --isolated --no-project --with playwright --with psycopg2-binary python docs/screenshots.py

Needs Debian's Chromium. One table is taken away from the reader for one run, so that there is a check that warns.
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2
from playwright.sync_api import Page, sync_playwright

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ROOT / "docs" / "images"
DAGSTER: Final = "http://127.0.0.1:3000"
CATALOG: Final = "http://127.0.0.1:8585"
QUIET: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

LAUNCH: Final = """
mutation($job: String!, $assets: [AssetKeyInput!]) {
  launchPipelineExecution(executionParams: {mode: "default", runConfigData: {}, selector: {
    repositoryLocationName: "data_platform", repositoryName: "__repository__", pipelineName: $job,
    assetSelection: $assets}}) { __typename ... on LaunchRunSuccess { run { runId } } }
}"""
STATUS: Final = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


def ask(query: str, **variables: Any) -> dict[str, Any]:
    """What Dagster's GraphQL API answers."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{DAGSTER}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)["data"]


def materialize(*paths: list[str]) -> None:
    """Run the daily job on some assets and wait for its end."""
    assets = [{"path": path} for path in paths]
    launched = ask(LAUNCH, job="metadata_ingestion", assets=assets)["launchPipelineExecution"]
    run = launched["run"]["runId"]
    while ask(STATUS, run=run)["runOrError"]["status"] not in {"SUCCESS", "FAILURE", "CANCELED"}:
        time.sleep(1)


@contextmanager
def without_weather() -> Iterator[None]:
    """The reader may not see one table while the block lasts."""
    password = (ROOT / ".demo/secrets/postgres_superuser_password").read_text().strip()
    server = {"host": "127.0.0.1", "port": 15432, "dbname": "nycflights", "user": "postgres"}
    with closing(psycopg2.connect(**server, password=password)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("REVOKE SELECT ON aviation.weather FROM catalog_reader")
        try:
            yield
        finally:
            cursor.execute("GRANT SELECT ON aviation.weather TO catalog_reader")


def take(page: Page, name: str, url: str, *clicks: str) -> None:
    """One picture, after some clicks on what has these texts."""
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_timeout(4000)
    for text in clicks:
        page.get_by_text(text, exact=True).first.click()
        page.wait_for_timeout(2500)
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    """Take every picture."""
    IMAGES.mkdir(exist_ok=True)
    postgres = ["openmetadata", "postgres"]
    materialize([*postgres, "metadata"], [*postgres, "profiling"])
    with without_weather():
        materialize([*postgres, "profiling"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        take(page, "graph", f"{DAGSTER}/asset-groups")
        take(page, "asset", f"{DAGSTER}/assets/openmetadata/postgres/metadata", "Plots")
        take(page, "check", f"{DAGSTER}/assets/openmetadata/postgres/profiling?view=checks&checkDetail=completed")
        take(page, "catalog", f"{CATALOG}/table/postgres.nycflights.aviation.flights")
        browser.close()
    materialize([*postgres, "profiling"])


if __name__ == "__main__":
    main()
