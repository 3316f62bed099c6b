"""Ctrl-C that saves first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """While it is entered, the first SIGINT or SIGTERM sets ``asked``, the next ``twice`` and raises KeyboardInterrupt.

    While ``closing`` is set, signals do nothing: whoever cleans up would leave processes behind if it were cut short.
    Works where the shell started the process with SIGINT ignored, too (``command &``).

    Args:
        message: shown at the first signal.
        leaves: the second signal ends the process there and then with code 130, closing or not, as a kill would; for
            programs of which nothing is left then. Ray's processes see to their own end when their driver is gone.
    """

    def __init__(self, message: str, leaves: bool = False) -> None:
        self.asked = self.twice = self.closing = False
        self._message, self._leaves = message, leaves
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked and self._leaves:
            os._exit(130)
        if self.closing:
            return
        if self.asked:
            self.twice = True
            raise KeyboardInterrupt
        self.asked = True
        print(f"\n{self._message}", file=sys.stderr, flush=True)
