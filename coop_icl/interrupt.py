"""Ctrl-C that saves first."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
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
            programs of which nothing is left then, the processes that they have started included.
    """

    def __init__(self, message: str, leaves: bool = False) -> None:
        self.asked = self.twice = self.closing = False
        self._message, self._leaves = message, leaves
        self._before: dict[int, Any] = {}
        self._wire: tuple[socket.socket, int] | None = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
            if self._leaves:
                ours, theirs = socket.socketpair()
                theirs.setblocking(False)
                self._wire = theirs, signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
                threading.Thread(target=self._watch, args=(ours,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._wire is not None:
            theirs, before = self._wire
            signal.set_wakeup_fd(before)
            theirs.close()  # which ends the watch
            self._wire = None
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.closing:
            return
        if self.asked:
            self.twice = True
            raise KeyboardInterrupt
        self.asked = True
        print(f"\n{self._message}", file=sys.stderr, flush=True)

    def _watch(self, wire: socket.socket) -> None:
        """Leave at the second signal; handlers would wait for the main thread, which may wait for Ray."""
        seen = 0
        with wire:
            while numbers := wire.recv(64):
                seen += sum(number in self._before for number in numbers)
                if seen > 1 and (self.asked or not self.closing):
                    _kill_children()
                    os._exit(130)


def _kill_children() -> None:
    """End what this process has started, an embedded Ray among it, whose agents would take ten seconds to notice."""
    with contextlib.suppress(ImportError):  # it comes with Ray
        import psutil

        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
