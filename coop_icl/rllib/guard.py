"""What stands between a fault and the weights: numbers that are not finite, games that fail or do not end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from coop_icl.errors import UserError

LIMIT = 3
"""Updates in a row after which learning from numbers that are not finite is given up."""


class TrainingError(UserError):
    """Training cannot go on; the message is one line, names what failed and says what to do."""


class GameError(TrainingError):
    """A game raised an error, or does not end."""


class NotFiniteError(TrainingError):
    """A learner met numbers that are not finite in several updates in a row; its weights are as before."""


class SkippedUpdates:
    """Counts the updates in which a learner left out steps, because a number in them was not finite.

    Attributes:
        total: such updates of the run, by learner; in_a_row: those that the last update ended.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.total: dict[str, int] = dict(state["total"]) if state else {}
        self.in_a_row: dict[str, int] = dict(state["in_a_row"]) if state else {}

    def state(self) -> dict[str, Any]:
        """For a checkpoint; ``SkippedUpdates(state)`` goes on from it."""
        return {"total": dict(self.total), "in_a_row": dict(self.in_a_row)}

    def add(self, skipped: Mapping[str, float]) -> None:
        """Take in the number of steps that each learner left out in an update."""
        for name, steps in skipped.items():
            self.total[name] = self.total.get(name, 0) + (steps > 0)
            self.in_a_row[name] = self.in_a_row.get(name, 0) + 1 if steps > 0 else 0

    def check(self, updates: int) -> None:
        """Raise NotFiniteError if a learner has come to ``LIMIT``; ``updates`` are done."""
        for name, row in self.in_a_row.items():
            if row >= LIMIT:
                raise NotFiniteError(
                    f"{name}: rewards, observations, scores or gradients were not finite in {row} updates in a row (to "
                    f"update {updates}); its weights are as before them; look at the game's payoffs, or lower train.lr"
                )


class _StalledError(BaseException):
    """Raised by the alarm; no ``except Exception`` of a game swallows it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError if what is inside takes longer.

    By an alarm, which only the main thread can have; in other threads there is no limit. An alarm that was set before
    goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _StalledError

    began, before = time.monotonic(), signal.signal(signal.SIGALRM, ring)
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _StalledError:
        raise TimeoutError from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, left - (time.monotonic() - began)), again)


def game_error(game: str, update: int, error: Exception) -> GameError:
    """What to tell about an error that a game, or a co-player in it, has raised."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" ({Path(frame.tb_frame.f_code.co_filename).name}, line {frame.tb_lineno})" if frame else ""
    words = " ".join(str(error).split())
    return GameError(
        f"game.name '{game}': {type(error).__name__}{f': {words}' if words else ''}{where} while update {update} was "
        "played; mend the game or its co-players"
    )


def stalled(game: str, update: int, seconds: float) -> GameError:
    """What to tell about games that do not end."""
    return GameError(
        f"game.name '{game}': the games of update {update} did not end within {seconds:g} s; mend the game or its "
        "co-players, or raise ray.sample_timeout_s if they take that long"
    )
