"""What is told to people, and when: a run that failed, a check that did not pass, a deletion that was refused.

One message a run. An asset that goes on failing is told once a day, and once when it recovers. What was told is
written to the run itself, as tags (``alert/<asset>``: ``failed`` or ``recovered``), so it survives restarts, can be
seen in Dagster's UI and needs no storage of its own. A run whose message no channel took is not tagged, so the next
failure is told; where only some did not, that is an error of the sensor, and the others are not told again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
from dagster import DagsterEventType

from data_platform.environment import Environment
from data_platform.errors import DataPlatformError
from data_platform.ingestion.spec import NO_MASS_DELETION
from data_platform.resources.alert_channels import Alert, Channel, Resolve
from data_platform.resources.vault import VaultResource

TAG: Final = "alert"
FAILED: Final = "failed"
RECOVERED: Final = "recovered"
AGAIN_AFTER: Final = timedelta(hours=23)
"""Once a day, also when a run starts a little earlier in its hour than yesterday's."""

_MOST_LINES: Final = 10
_EVENTS: Final = {
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.STEP_FAILURE,
}

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Outcome:
    """What became of the assets of one run.

    Attributes:
        problems: a sentence for each asset that failed or that a check of did not pass.
        good: assets that were materialized without a problem.
        missing: assets that were to be materialized and were not.
        word: what the problems are, in a word for a title.
    """

    problems: dict[dg.AssetKey, str]
    good: frozenset[dg.AssetKey]
    missing: frozenset[dg.AssetKey]
    word: str


def read(instance: dg.DagsterInstance, run_id: str) -> Outcome:
    """What Dagster's event log says of a run."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=_EVENTS) if entry.dagster_event]
    assets: dict[str, list[dg.AssetKey]] = {}
    checks: dict[dg.AssetCheckKey, dg.AssetCheckEvaluation] = {}
    made: set[dg.AssetKey] = set()
    for event in events:
        match event.event_type:
            case DagsterEventType.ASSET_MATERIALIZATION_PLANNED if event.step_key and event.asset_key:
                assets.setdefault(event.step_key, []).append(event.asset_key)
            case DagsterEventType.ASSET_MATERIALIZATION if event.asset_key:
                made.add(event.asset_key)
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                # Of a step that was tried again, what counts is the last attempt.
                checks[event.asset_check_evaluation_data.asset_check_key] = event.asset_check_evaluation_data
            case _:
                pass
    bad = [check for check in checks.values() if not check.passed]
    problems = {check.asset_key: _check_sentence(check) for check in reversed(bad)}
    for event in events:
        if event.event_type is DagsterEventType.STEP_FAILURE:
            failed = [key for key in assets.get(event.step_key or "", []) if key not in made]
            problems.update({key: problems.get(key) or _step_sentence(event) for key in failed})
    missing = frozenset(key for keys in assets.values() for key in keys if key not in made)
    return Outcome(problems, frozenset(made - problems.keys()), missing, _word(bad, missing))


def _word(bad: Sequence[dg.AssetCheckEvaluation], missing: Collection[dg.AssetKey]) -> str:
    severe = {check.check_name for check in bad if check.severity is dg.AssetCheckSeverity.ERROR}
    if NO_MASS_DELETION in severe:
        return "deletion refused"
    return "failed" if severe or missing else "warning"


def _check_sentence(check: dg.AssetCheckEvaluation) -> str:
    verdict = check.metadata.get("verdict")
    text = str(verdict.value) if verdict is not None else check.description
    return f"{check.check_name}: {text}" if text else f"the check {check.check_name} did not pass."


def _step_sentence(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.message.strip().splitlines()[0] if data.error else "the step failed."


@dataclass(frozen=True)
class Alerts:
    """Tells people of runs.

    Attributes:
        here: the environment that the runs are in.
        channels: where messages go.
        clock: the time, in UTC.
    """

    here: Environment
    channels: Sequence[Channel]
    clock: Clock = lambda: datetime.now(UTC)

    def failed(self, instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str, resolve: Resolve) -> None:
        """A run has failed.

        Args:
            instance: where the run is kept.
            run: the run.
            reason: Dagster's word for it, for a run that failed before any of its steps.
            resolve: resolves secret references.

        Raises:
            DataPlatformError: a channel did not take the message; the others have.
        """
        outcome = read(instance, run.run_id)
        if not outcome.problems and not outcome.missing:
            title = f"{run.job_name} failed in {self.here.name}"
            _raise_first(self._send(self._alert(run, title, [reason], []), resolve))
            return
        # A run that died as a whole has no word on its assets.
        problems = outcome.problems or dict.fromkeys(outcome.missing, reason)
        self._tell(instance, run, replace(outcome, problems=problems), resolve)

    def succeeded(self, instance: dg.DagsterInstance, run: dg.DagsterRun, resolve: Resolve) -> None:
        """A run has succeeded, which does not mean that every check of it has passed.

        Raises:
            DataPlatformError: a channel did not take the message; the others have.
        """
        self._tell(instance, run, read(instance, run.run_id), resolve)

    def _tell(self, instance: dg.DagsterInstance, run: dg.DagsterRun, outcome: Outcome, resolve: Resolve) -> None:
        new = {key: text for key, text in outcome.problems.items() if not self._told_today(instance, key, run)}
        better = sorted(key for key in outcome.good if self._last(instance, key, run) == FAILED)
        if not new and not better:
            return
        lines = _lines(new)
        lines += [f"{_name(key)}: it works again." for key in better]
        problems = self._send(self._alert(run, self._title(outcome, new, better), lines, [*new, *better]), resolve)
        if len(problems) < len(self.channels):
            tags = {_tag(key): FAILED for key in new} | {_tag(key): RECOVERED for key in better}
            instance.add_run_tags(run.run_id, tags)
        _raise_first(problems)

    def _title(self, outcome: Outcome, new: dict[dg.AssetKey, str], better: Sequence[dg.AssetKey]) -> str:
        what = outcome.word if new else "recovered"
        services = dict.fromkeys(_service(key) for key in (sorted(new) or better))
        return f"{', '.join(services)}: {what} in {self.here.name}"

    def _told_today(self, instance: dg.DagsterInstance, key: dg.AssetKey, run: dg.DagsterRun) -> bool:
        record = _latest(instance, key, run)
        if record is None or record.dagster_run.tags[_tag(key)] != FAILED:
            return False
        return self.clock() - record.create_timestamp < AGAIN_AFTER

    def _last(self, instance: dg.DagsterInstance, key: dg.AssetKey, run: dg.DagsterRun) -> str | None:
        record = _latest(instance, key, run)
        return record.dagster_run.tags[_tag(key)] if record else None

    def _alert(self, run: dg.DagsterRun, title: str, lines: Sequence[str], keys: Sequence[dg.AssetKey]) -> Alert:
        more = len(lines) - _MOST_LINES
        shown = [*lines[:_MOST_LINES], *([f"and {more} more."] if more > 0 else [])]
        links = {"catalog": self.here.catalog_url.removesuffix("/api")}
        if self.here.dagster_url:
            assets = {_name(key): f"{self.here.dagster_url}/assets/{'/'.join(key.path)}" for key in keys[:_MOST_LINES]}
            links = {"run": f"{self.here.dagster_url}/runs/{run.run_id}", **assets, **links}
        return Alert(title, tuple(shown), self.here.name, run.run_id, links)

    def _send(self, alert: Alert, resolve: Resolve) -> list[DataPlatformError]:
        """Send a message; returns an error for each channel that did not take it."""
        problems: list[DataPlatformError] = []
        for channel in self.channels:
            try:
                channel.send(alert, resolve)
            except DataPlatformError as error:
                problems.append(error)
        return problems


def _raise_first(problems: Sequence[DataPlatformError]) -> None:
    if problems:
        raise problems[0]


def _lines(problems: dict[dg.AssetKey, str]) -> list[str]:
    """A line for each sentence, with the assets that it is about."""
    about: dict[str, list[str]] = {}
    for key, text in sorted(problems.items()):
        about.setdefault(text, []).append(_name(key))
    return [f"{', '.join(names)}: {text}" for text, names in about.items()]


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey, run: dg.DagsterRun) -> dg.RunRecord | None:
    """The last other run whose message was about an asset."""
    tagged = dg.RunsFilter(tags={_tag(key): [FAILED, RECOVERED]})
    records = instance.get_run_records(tagged, limit=2)
    return next((record for record in records if record.dagster_run.run_id != run.run_id), None)


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()


def _tag(key: dg.AssetKey) -> str:
    return f"{TAG}/{_name(key)}"


def _service(key: dg.AssetKey) -> str:
    """``trino`` of ``openmetadata/trino/metadata``; of an asset that is no source's its first part."""
    return key.path[1] if len(key.path) == 3 else key.path[0]


def sensors(alerts: Alerts) -> list[dg.SensorDefinition]:
    """The sensors that watch runs for an environment's alerts; somebody has to start them, like the schedules."""

    @dg.run_failure_sensor(  # pyright: ignore[reportUnknownMemberType]
        name="alert_on_failure",
        description="Tells people of a run that failed: once a day for an asset that goes on failing.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def on_failure(context: dg.RunFailureSensorContext, vault: VaultResource) -> None:
        reason = context.failure_event.message or "the run failed."
        alerts.failed(context.instance, context.dagster_run, reason, vault.resolve)

    @dg.run_status_sensor(  # pyright: ignore[reportUnknownMemberType]
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_check",
        description="Tells people of a check that did not pass in a run that succeeded, and of what recovered.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def on_success(context: dg.RunStatusSensorContext, vault: VaultResource) -> None:
        alerts.succeeded(context.instance, context.dagster_run, vault.resolve)

    return [on_failure, on_success]
