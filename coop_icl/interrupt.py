"""Ctrl-C that saves first."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130
"""Exit code of a command that was told to end."""

_TIDY: list[Callable[[], object]] = []
_told = threading.Event()

GRACE = 4.0
"""Seconds that a command which was told to end has for it."""


def end_when_told() -> None:
    """Let SIGINT and SIGTERM end this program: by KeyboardInterrupt, and after ``GRACE`` seconds whatever it does.

    Holds where a shell starts ``command &`` with SIGINT ignored, too. ``Interrupt`` takes over while it is entered.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        _told.set()
        _leave_soon()
        for one in SIGNALS:
            signal.signal(one, lambda *_: leave())
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, handle)
    sys.unraisablehook = _raise_again


def _raise_again(unraisable: Any) -> None:
    """Raise KeyboardInterrupt anew a moment later, where Python dropped one that came while it cleaned up."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return

    def handle(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.01)


def was_told() -> bool:
    """Return whether a signal has come; an import that it cuts short may raise anything."""
    return _told.is_set()


@contextlib.contextmanager
def before_leaving(tidy: Callable[[], object]) -> Iterator[None]:
    """Call ``tidy`` if the program has to leave at once while this is entered; it must not wait for anything."""
    _TIDY.append(tidy)
    try:
        yield
    finally:
        _TIDY.remove(tidy)


@contextlib.contextmanager
def signals_kept() -> Iterator[None]:
    """Undo what libraries do to the handlers of signals while this is entered; Ray sets one of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupt:
    """While it is entered, the first SIGINT or SIGTERM sets ``asked``, the next ``twice`` and raises KeyboardInterrupt.

    While ``starting`` is set there is nothing to save yet: the first signal raises KeyboardInterrupt. While ``closing``
    is set, signals do nothing: whoever cleans up would leave processes behind if it were cut short.
    Works where the shell started the process with SIGINT ignored, too (``command &``).

    Args:
        message: shown at the first signal.
        leaves: the second signal ends the process there and then with code 130, closing or not, as a kill would; for
            programs of which nothing is left then, the processes that they have started included.
    """

    def __init__(self, message: str, leaves: bool = False) -> None:
        self.asked = self.twice = self.starting = self.closing = False
        self._message, self._leaves = message, leaves
        self._before: dict[int, Any] = {}
        self._wire: tuple[socket.socket, int] | None = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
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
        if self.asked or self.starting:
            self.twice = True
            if self._leaves:
                _leave_soon()
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
                    leave()


def _leave_soon() -> None:
    """Leave after ``GRACE`` seconds, if the program has not ended by then."""
    watch = threading.Timer(GRACE, leave)
    watch.daemon = True
    watch.start()


def leave() -> None:
    """End this process and what it has started, there and then."""
    for tidy in reversed(_TIDY):
        with contextlib.suppress(Exception):
            tidy()
    children = _children()
    if children and os.fork() == 0:  # Ray may crash us when its processes are gone, so somebody else ends them
        for child in children:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        os._exit(0)
    os._exit(INTERRUPTED)


def _children() -> list[int]:
    """Return what this process has started, an embedded Ray among it, whose agents would take ten seconds to notice."""
    with contextlib.suppress(Exception):  # psutil comes with Ray; what it looks at may be gone
        import psutil  # pyright: ignore[reportMissingModuleSource]

        return [child.pid for child in psutil.Process().children(recursive=True)]
    return []
