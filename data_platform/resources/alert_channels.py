"""Where alerts go: Slack, a webhook, e-mail.

A channel's secrets are references, resolved when something is sent and by whoever sends it. What cannot be delivered
is tried again for some seconds and is then an error of the sensor that sends, never of the run that it is about.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from typing import Any, Final, Protocol

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from data_platform.errors import AlertError

Resolve = Callable[[str], str]
"""From a secret reference to its value."""

TIMEOUT: Final = 10.0
"""Seconds for one attempt."""

_ATTEMPTS: Final = 3
_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
"""What may pass."""


@dataclass(frozen=True)
class Alert:
    """One message.

    Attributes:
        title: what happened, in a few words.
        lines: what is to be known of it, a sentence each.
        links: where to look, by what is found there.
        environment: where it happened.
        run_id: Dagster's run that it is about.
    """

    title: str
    lines: tuple[str, ...]
    environment: str
    run_id: str
    links: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return "\n".join((self.title, *self.lines, *(f"{name}: {url}" for name, url in self.links.items())))


class Channel(Protocol):
    """Something that takes messages to people."""

    def send(self, alert: Alert, resolve: Resolve) -> None:
        """Deliver a message.

        Raises:
            AlertError: it could not be delivered.
            SecretError: a secret of the channel cannot be resolved.
        """
        ...


@dataclass(frozen=True)
class Slack:
    """A channel of a Slack workspace, written to by a bot that is invited to it.

    Attributes:
        channel: its name with ``#``, or its id.
        token: reference to the bot's token, which has the scope ``chat:write``.
        api: address of Slack's API.
    """

    channel: str
    token: str
    api: str = "https://slack.com/api/"

    def send(self, alert: Alert, resolve: Resolve) -> None:
        """See :class:`Channel`."""
        from dagster_slack import SlackResource
        from slack_sdk.errors import SlackApiError

        client = SlackResource(token=resolve(self.token)).get_client()
        client.base_url = self.api
        links = " · ".join(f"<{url}|{name}>" for name, url in alert.links.items())
        text = "\n".join((f"*{alert.title}*", *alert.lines, *([links] if links else [])))

        def post() -> None:
            client.chat_postMessage(channel=self.channel, text=text, unfurl_links=False)  # pyright: ignore[reportUnknownMemberType]

        def passes(error: BaseException) -> bool:
            return isinstance(error, OSError) or (isinstance(error, SlackApiError) and _slack_passes(error))

        try:
            _insist(post, passes)
        except ValueError:  # its text shows the token
            raise AlertError(
                "the bot's token has characters that no token has, such as a line break",
                source=self.channel,
                remedy="store it again without them",
            ) from None
        except SlackApiError as error:
            raise AlertError(
                f"Slack refuses the message ({_reason(error)})",
                source=self.channel,
                remedy="invite the bot to the channel, and check its token's scopes",
            ) from error
        except OSError as error:
            raise AlertError(f"Slack does not answer ({type(error).__name__})", source=self.channel) from error


_SLACK_PASSES: Final = frozenset({"ratelimited", "service_unavailable", "internal_error", "fatal_error"})


def _slack_passes(error: Any) -> bool:
    """Whether Slack may take the message later; a proxy before it has no word for why, only a status."""
    return _reason(error) in _SLACK_PASSES or error.response.status_code in _STATUSES


def _reason(error: Any) -> str:
    """Slack's word for why it refuses."""
    return str(error.response.get("error"))


@dataclass(frozen=True)
class Webhook:
    """An address that takes a JSON object by POST: ``text``, and the fields of :class:`Alert`.

    Attributes:
        url: reference to the address; it often holds a key.
    """

    url: str

    def send(self, alert: Alert, resolve: Resolve) -> None:
        """See :class:`Channel`."""
        url = resolve(self.url)

        def post() -> None:
            body: dict[str, Any] = {"text": alert.text, **asdict(alert)}
            httpx.post(url, json=body, timeout=TIMEOUT).raise_for_status()

        try:
            _insist(post, _http_passes)
        except httpx.HTTPStatusError as error:
            raise AlertError(
                f"the webhook refuses the message ({error.response.status_code})", source=self.url
            ) from None
        except httpx.InvalidURL:
            raise AlertError(
                "the secret is no address of a webhook", source=self.url, remedy="store the whole URL"
            ) from None
        except httpx.HTTPError as error:
            # The cause's text may show the address, which is a secret.
            raise AlertError(f"the webhook does not answer ({type(error).__name__})", source=self.url) from None


@dataclass(frozen=True)
class Email:
    """A mailbox, through a server that takes mail.

    Attributes:
        host: the SMTP server.
        sender: address that the mail is from.
        recipients: addresses that it goes to.
        port: the server's port.
        username: with a password, to log in with.
        password: reference to it.
        tls: whether the connection is encrypted (STARTTLS) before anything is said.
    """

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 587
    username: str | None = None
    password: str | None = None
    tls: bool = True

    def send(self, alert: Alert, resolve: Resolve) -> None:
        """See :class:`Channel`."""
        message = EmailMessage()
        message["Subject"] = f"[{alert.environment}] {alert.title}"
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message.set_content(alert.text)
        password = None if self.password is None else resolve(self.password)

        def post() -> None:
            with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT) as server:
                if self.tls:
                    server.starttls()
                if self.username is not None and password is not None:
                    server.login(self.username, password)
                server.send_message(message)

        def passes(error: BaseException) -> bool:
            return isinstance(error, OSError) and not isinstance(error, smtplib.SMTPResponseException)

        try:
            _insist(post, passes)
        except OSError as error:
            raise AlertError(
                f"the mail server does not take the message ({type(error).__name__})",
                source=f"{self.host}:{self.port}",
                remedy="check the server, its user and its password",
            ) from error


def _insist(post: Callable[[], None], passes: Callable[[BaseException], bool]) -> None:
    """Send, a few times when what goes wrong may pass; a message that arrives twice is better than none."""
    wait = wait_exponential_jitter(multiplier=0.5, max=5.0)
    Retrying(retry=retry_if_exception(passes), stop=stop_after_attempt(_ATTEMPTS), wait=wait, reraise=True)(post)


def _http_passes(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _STATUSES
    return isinstance(error, httpx.TransportError)
