"""What a process does that is told to stop.

The signal is also remembered: OpenMetadata's client catches whatever is raised in some places, and a run that goes on
as if it had listed everything must not be believed.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Final

_TOLD: Final = threading.Event()
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def obey() -> None:
    """From now on SIGINT (Dagster) and SIGTERM (Kubernetes) raise ``KeyboardInterrupt``; repeated ones do nothing."""
    _TOLD.clear()
    for number in _SIGNALS:
        signal.signal(number, _stop)


def was_told() -> bool:
    """Whether this process was told to stop."""
    return _TOLD.is_set()


def _stop(_number: int, _frame: FrameType | None) -> None:
    _TOLD.set()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
