"""Tells the person who watches a run that it goes on, and how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from data_platform.ingestion.traffic import Traffic

INTERVAL: Final = 3.0
"""Seconds between two messages."""


class Progress:
    """Says what the run is doing, from a thread of its own, for as long as the stage lasts.

    Attributes:
        seconds: how long each stage took, by its name.
        notices: what does not stop this run and will stop a later one.
    """

    def __init__(self, name: str, traffic: Traffic, say: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self.notices: list[str] = []
        self._name = name
        self._traffic = traffic
        self._say = say
        self._started = time.monotonic()

    @contextmanager
    def stage(self, name: str, doing: str) -> Generator[None]:
        """A part of the run.

        Args:
            name: how the figures name it, for example ``loading``.
            doing: how messages name it, for example ``loading OpenMetadata's client``.
        """
        started = time.monotonic()
        ended = threading.Event()
        speaker = threading.Thread(target=self._speak, args=(doing, ended), name="progress", daemon=True)
        self._say(self._message(doing))
        speaker.start()
        try:
            yield
        finally:
            ended.set()
            speaker.join()
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def notice(self, sentence: str) -> None:
        """Say something that a person has to see to, and remember it for the run's result."""
        self.notices.append(sentence)
        self._say(f"{self._name}: {sentence}")

    def _speak(self, doing: str, ended: threading.Event) -> None:
        while not ended.wait(INTERVAL):
            self._say(self._message(doing))

    def _message(self, doing: str) -> str:
        seconds = time.monotonic() - self._started
        arrived, requests = self._traffic.account().arrived, self._traffic.requests
        done = f", {arrived} records in the catalog, {requests} requests" if requests else ""
        return f"{self._name}: {doing}{done} ({seconds:.0f} s)"
