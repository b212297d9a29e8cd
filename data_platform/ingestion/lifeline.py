"""A child never outlives the step that started it.

The launcher holds the write end of a pipe and never writes; the child reads from the other end. However the
launcher ends, also by SIGKILL, the kernel closes its end and the child's read returns.
"""

from __future__ import annotations

import os
import signal
import threading


def hold(descriptor: int) -> None:
    """End this process and what it started as soon as ``descriptor``, the read end of a pipe, is closed elsewhere.

    The launcher starts the child as leader of a process group of its own, so the whole group is ended.
    """
    threading.Thread(target=_end_with, args=(descriptor,), name="lifeline", daemon=True).start()


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
