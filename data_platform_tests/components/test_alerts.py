"""Alerts, from real runs of a real instance through the sensors to servers that receive them."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import dagster as dg
import pytest
from aiosmtpd.controller import Controller

from data_platform.components.alerts import Alerts, sensors
from data_platform.environment import ENVIRONMENTS
from data_platform.resources.alert_channels import Channel, Email, Slack, Webhook
from data_platform.resources.vault import VaultResource
from data_platform_tests.fakes import Request, listening

SECRET = "xoxb-not-a-real-token"
HERE = replace(ENVIRONMENTS["qa"], catalog_url="https://catalog.example/api", dagster_url="https://dagster.example")
METADATA, LINEAGE = dg.AssetKey(["openmetadata", "shop", "metadata"]), dg.AssetKey(["openmetadata", "shop", "lineage"])


class Inbox:
    """A web server that keeps what is posted, as Slack or a webhook would."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.url = ""

    def answer(self, request: Request) -> tuple[int, Any]:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            as_json = "json" in request.headers["Content-Type"]
            fields = request.json if as_json else dict(parse_qsl(request.body.decode()))
            self.received.append({"path": request.path, **fields})
            self.headers.append(dict(request.headers))
        return status, {"ok": status == 200, "error": "as queued", "channel": "C1", "ts": "1"}


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    with listening(inbox.answer) as inbox.url:
        yield inbox


@pytest.fixture
def secrets(tmp_path: Path, inbox: Inbox) -> Path:
    (tmp_path / "webhook").write_text(f"{inbox.url}/hook?key={SECRET}")
    (tmp_path / "token").write_text(SECRET)
    return tmp_path


class Shop:
    """A source whose assets do as they are told, and the sensors that watch its runs.

    Attributes:
        mood: how each asset ends: ``ok``, ``partial``, ``refused``, ``in doubt``, ``failed``, or ``recovering`` in a
            retry.
        now: the time that the sensors see.
    """

    def __init__(self, instance: dg.DagsterInstance, channels: list[Channel]) -> None:
        self.instance = instance
        self.mood = {METADATA: "ok", LINEAGE: "ok"}
        self.now = datetime.now(UTC)
        self.assets = [self._asset(METADATA, []), self._asset(LINEAGE, [METADATA])]
        self._channels = channels
        self._cursors: dict[str, str | None] = {}
        self.restart()
        self.tick()

    def restart(self) -> None:
        """What a new process knows: nothing but the instance and the sensors' cursors."""
        self._sensors = sensors(Alerts(HERE, self._channels, clock=lambda: self.now))

    def _asset(self, key: dg.AssetKey, deps: list[dg.AssetKey]) -> dg.AssetsDefinition:
        checks = [dg.AssetCheckSpec(name, asset=key) for name in ("completed", "no_mass_deletion")]

        @dg.asset(key=key, deps=deps, check_specs=checks, retry_policy=dg.RetryPolicy(max_retries=1))
        def body(context: dg.AssetExecutionContext) -> Iterator[Any]:
            mood = self.mood[key]
            if mood == "recovering":
                mood = "ok" if context.retry_number else "unreachable"
            complete, sentence = mood in {"ok", "refused", "in doubt"}, f"{key.path[-1]} is {mood}."
            yield dg.AssetCheckResult(
                check_name="completed",
                passed=complete,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"verdict": sentence},
            )
            yield dg.AssetCheckResult(
                check_name="no_mass_deletion",
                passed=mood not in {"refused", "in doubt"},
                severity=dg.AssetCheckSeverity.WARN if mood == "in doubt" else dg.AssetCheckSeverity.ERROR,
                metadata={"verdict": "would delete 90 of 100."},
            )
            if mood == "failed":
                raise dg.Failure(sentence, allow_retries=False)
            if mood == "unreachable":
                raise dg.Failure(sentence)
            yield dg.MaterializeResult()

        return body

    def run(self, *keys: dg.AssetKey, **moods: str) -> str:
        """Materialize assets, look with the sensors, and give the run's id."""
        self.mood.update({key: moods[key.path[-1]] for key in self.mood if key.path[-1] in moods})
        selection = list(keys or self.mood)
        result = dg.materialize(self.assets, instance=self.instance, selection=selection, raise_on_error=False)
        self.tick()
        return result.run_id

    def tick(self) -> list[str]:
        """Evaluate both sensors as the daemon does; errors of theirs."""
        errors: list[str] = []
        for sensor in self._sensors:
            context = dg.build_sensor_context(
                instance=self.instance,
                cursor=self._cursors.get(sensor.name),
                resources={"vault": VaultResource(address="http://127.0.0.1:1")},
            )
            with context:
                data = sensor.evaluate_tick(context)
            self._cursors[sensor.name] = data.cursor
            errors += [reaction.error.message for reaction in data.dagster_run_reactions or [] if reaction.error]
        return errors


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def shop(instance: dg.DagsterInstance, secrets: Path) -> Shop:
    return Shop(instance, [Webhook(f"file:{secrets}/webhook")])


def test_a_failed_run_is_one_message_with_what_why_and_where(shop: Shop, inbox: Inbox) -> None:
    run_id = shop.run(metadata="failed")
    (message,) = inbox.received
    assert message["title"] == "shop: failed in qa"
    assert message["lines"] == ["openmetadata/shop/metadata: completed: metadata is failed."]
    assert message["run_id"] == run_id
    assert message["links"] == {
        "run": f"https://dagster.example/runs/{run_id}",
        "openmetadata/shop/metadata": "https://dagster.example/assets/openmetadata/shop/metadata",
        "catalog": "https://catalog.example",
    }
    assert SECRET not in message["text"]


def test_a_check_that_does_not_pass_is_told_though_the_run_succeeded(shop: Shop, inbox: Inbox) -> None:
    shop.run(metadata="partial", lineage="partial")
    (message,) = inbox.received
    assert message["title"] == "shop: warning in qa"
    assert message["lines"] == [
        "openmetadata/shop/lineage: completed: lineage is partial.",
        "openmetadata/shop/metadata: completed: metadata is partial.",
    ]


def test_a_refused_deletion_is_called_one(shop: Shop, inbox: Inbox) -> None:
    shop.run(metadata="refused")
    (message,) = inbox.received
    assert message["title"] == "shop: deletion refused in qa"
    assert message["lines"] == ["openmetadata/shop/metadata: no_mass_deletion: would delete 90 of 100."]


def test_what_is_only_left_alone_for_a_doubt_is_no_refused_deletion(shop: Shop, inbox: Inbox) -> None:
    shop.run(metadata="in doubt")
    (message,) = inbox.received
    assert message["title"] == "shop: warning in qa"


def test_a_channel_that_is_broken_makes_no_other_one_repeat_itself(
    instance: dg.DagsterInstance, secrets: Path, inbox: Inbox
) -> None:
    shop = Shop(instance, [Webhook(f"file:{secrets}/missing"), Webhook(f"file:{secrets}/webhook")])
    for _ in range(2):
        shop.run(metadata="failed")
    assert len(inbox.received) == 1


def test_a_run_without_a_problem_is_not_told(shop: Shop, inbox: Inbox) -> None:
    shop.run()
    assert inbox.received == []


def test_a_step_that_succeeds_when_it_is_tried_again_is_not_told(shop: Shop, inbox: Inbox) -> None:
    shop.run(METADATA, metadata="recovering")
    assert inbox.received == []


def test_what_fails_every_four_hours_is_told_once_a_day_and_once_when_it_recovers(shop: Shop, inbox: Inbox) -> None:
    for hour in range(0, 28, 4):
        shop.run(METADATA, metadata="failed")
        shop.restart()
        shop.now += timedelta(hours=4)
        assert len(inbox.received) == (1 if hour < 24 else 2)
    shop.run(METADATA, metadata="ok")
    shop.run(METADATA, metadata="ok")
    assert [message["title"] for message in inbox.received[2:]] == ["shop: recovered in qa"]
    assert inbox.received[2]["lines"] == ["openmetadata/shop/metadata: it works again."]
    shop.run(METADATA, metadata="failed")
    assert inbox.received[3]["title"] == "shop: failed in qa"


def test_a_run_that_died_as_a_whole_is_told_once_a_day_with_all_that_it_was_to_do(shop: Shop, inbox: Inbox) -> None:
    job = dg.Definitions(assets=shop.assets, jobs=[dg.define_asset_job("daily")]).resolve_job_def("daily")
    for _ in range(2):
        run = shop.instance.create_run_for_job(job)
        shop.instance.report_run_failed(run, "the run's worker is gone.")
        shop.tick()
    (message,) = inbox.received
    assert message["lines"] == ["openmetadata/shop/lineage, openmetadata/shop/metadata: the run's worker is gone."]


def test_another_asset_that_fails_is_news(shop: Shop, inbox: Inbox) -> None:
    shop.run(lineage="failed")
    shop.run(metadata="partial", lineage="failed")
    assert [len(message["lines"]) for message in inbox.received] == [1, 1]
    assert "shop/metadata" in inbox.received[1]["lines"][0]


def test_a_message_that_did_not_arrive_is_an_error_of_the_sensor_and_the_next_failure_is_told(
    instance: dg.DagsterInstance, secrets: Path, inbox: Inbox
) -> None:
    shop = Shop(instance, [Webhook(f"file:{secrets}/webhook")])
    inbox.statuses = [400]
    shop.mood[METADATA] = "failed"
    dg.materialize(shop.assets, instance=instance, selection=[METADATA], raise_on_error=False)
    (error,) = shop.tick()
    assert "the webhook refuses the message (400)" in error
    assert SECRET not in error
    shop.run(METADATA)
    assert len(inbox.received) == 1


def test_a_webhook_that_is_down_for_a_moment_is_tried_again(shop: Shop, inbox: Inbox) -> None:
    inbox.statuses = [503]
    shop.run(metadata="failed")
    assert len(inbox.received) == 1


@pytest.mark.parametrize(
    ("kind", "secret", "sentence"),
    [
        (
            "webhook",
            f"https://hooks.example:{SECRET}/hook",
            "the secret is no address of a webhook: store the whole URL.",
        ),
        (
            "webhook",
            f"https://hooks.example/{SECRET}\nhook",
            "the secret is no address of a webhook: store the whole URL.",
        ),
        ("slack", f"{SECRET}\nhook", "the bot's token has characters that no token has, such as a line break"),
    ],
)
def test_a_secret_that_cannot_be_sent_is_not_shown_and_keeps_the_message_from_no_other_channel(
    instance: dg.DagsterInstance, secrets: Path, inbox: Inbox, kind: str, secret: str, sentence: str
) -> None:
    (secrets / "broken").write_text(secret)
    reference = f"file:{secrets}/broken"
    broken = Webhook(reference) if kind == "webhook" else Slack("#alerts", reference, api=f"{inbox.url}/api/")
    shop = Shop(instance, [broken, Webhook(f"file:{secrets}/webhook")])
    shop.mood[METADATA] = "failed"
    dg.materialize(shop.assets, instance=instance, selection=[METADATA], raise_on_error=False)
    (error,) = shop.tick()
    assert sentence in error
    assert SECRET not in error
    assert len(inbox.received) == 1


def test_a_slack_that_is_down_for_a_moment_is_tried_again(
    instance: dg.DagsterInstance, secrets: Path, inbox: Inbox
) -> None:
    inbox.statuses = [503]
    Shop(instance, [Slack("#alerts", f"file:{secrets}/token", api=f"{inbox.url}/api/")]).run(metadata="failed")
    assert len(inbox.received) == 1


def test_slack_gets_it_from_the_bot_in_its_channel(instance: dg.DagsterInstance, secrets: Path, inbox: Inbox) -> None:
    shop = Shop(instance, [Slack("#alerts", f"file:{secrets}/token", api=f"{inbox.url}/api/")])
    run_id = shop.run(metadata="failed")
    (message,) = inbox.received
    assert (message["path"], message["channel"]) == ("/api/chat.postMessage", "#alerts")
    assert message["text"].startswith("*shop: failed in qa*\nopenmetadata/shop/metadata: completed")
    assert f"<https://dagster.example/runs/{run_id}|run>" in message["text"]
    assert inbox.headers[0]["Authorization"] == f"Bearer {SECRET}"


class Mailbox:
    """Keeps the mail that it is given; aiosmtpd asks for the method by its name."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message."""
        self.received.append(envelope)
        return "250 OK"


def test_mail_gets_to_every_recipient(instance: dg.DagsterInstance) -> None:
    mailbox = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        email = Email("127.0.0.1", "dagster@example.org", ("a@example.org", "b@example.org"), port=port, tls=False)
        Shop(instance, [email]).run(metadata="failed")
    finally:
        controller.stop()
    (envelope,) = mailbox.received
    assert envelope.rcpt_tos == ["a@example.org", "b@example.org"]
    assert b"Subject: [qa] shop: failed in qa" in envelope.content
    assert b"metadata is failed." in envelope.content
