"""Keys as a person presses them: one by one at a terminal, letter by letter from a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

END = ("", "\x04", "\x03")
"""End of the input, Ctrl-D, Ctrl-C."""


@contextmanager
def keys(stream: IO[str] | None = None) -> Iterator[Iterator[str]]:
    """An iterator over keys, by default of standard input; it ends with the input, with Ctrl-D and with Ctrl-C.

    Spaces and line ends are left out. A terminal is as it was when the context is left.
    """
    source: IO[str] = sys.stdin if stream is None else stream
    if not source.isatty():
        with suppress(AttributeError):
            source.reconfigure(errors="replace")  # type: ignore[attr-defined]
        yield _pressed(lambda: source.read(1))
        return
    import termios
    import tty

    number = source.fileno()
    before: list[Any] = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield _pressed(lambda: os.read(number, 1).decode("latin-1"))
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _pressed(read: Any) -> Iterator[str]:
    while True:
        try:
            key = read()
        except KeyboardInterrupt:
            return
        if key in END:
            return
        if not key.isspace():
            yield key
