"""Section ``profile``: where the time of an update goes, in one thread of one process, without Ray.

Functions of the training step are wrapped by a clock for the time of measuring. Time inside a wrapped function that
another one calls is the inner one's; what no wrapped function takes is ``rest``.
"""

from __future__ import annotations

import functools
import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any
from unittest import mock

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bench import plain_loop
from bench.cells import JUDGED, QUICK, Cell, select
from bench.timing import Effort, say
from coop_icl.algorithms.compiled_gradient import CompiledGradient
from coop_icl.algorithms.update import LossGradient
from coop_icl.rollouts import setting

PLAY, BATCHING, GRADIENT, OPTIMIZER, REST = (
    *("play", "encoding and batching", "gradient", "clipping and optimizer"),
    "rest",
)
PARTS = (PLAY, BATCHING, GRADIENT, OPTIMIZER, REST)
METHOD = (
    "CPU time of the plain loop in one thread, median of {updates} updates, in the cells `" + JUDGED + "-*`. Play "
    "steps the policies; the gradient is forward pass, loss and backward pass; rest is advantages, statistics and the "
    "loop itself."
)


class Clock:
    """CPU seconds of this process by part; the time of an inner part is not its outer part's."""

    def __init__(self, now: Callable[[], float] = time.process_time) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._now, self._open, self._since = now, [REST], now()

    def enter(self, part: str) -> None:
        """From now on time is ``part``'s."""
        self._charge()
        self._open.append(part)

    def leave(self) -> None:
        """Time is again the outer part's."""
        self._charge()
        self._open.pop()

    def take(self) -> dict[str, float]:
        """Seconds by part since the last call."""
        self._charge()
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken

    def wrap(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, timed as ``part``."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.enter(part)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return timed

    def _charge(self) -> None:
        now = self._now()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now


@contextmanager
def watched() -> Iterator[Clock]:
    """A clock that runs while the plain loop trains; everything is put back at the end."""
    clock = Clock()
    places: list[tuple[Any, str, str]] = [
        (setting, "play", PLAY),
        (plain_loop, "learner_batch", BATCHING),
        (setting.Setting, "encode", BATCHING),
        *((kind, "__call__", GRADIENT) for kind in (CompiledGradient, LossGradient)),
        (torch.nn.utils, "clip_grad_norm_", OPTIMIZER),
    ]
    with ExitStack() as undo:
        for owner, name, part in places:
            undo.enter_context(mock.patch.object(owner, name, clock.wrap(part, getattr(owner, name))))
        undo.callback(register_optimizer_step_pre_hook(lambda *_: clock.enter(OPTIMIZER)).remove)
        undo.callback(register_optimizer_step_post_hook(lambda *_: clock.leave()).remove)
        yield clock


def section(effort: Effort) -> dict[str, Any]:
    """Milliseconds of an update by part, of the cells that goals are stated for."""
    updates = 1 if effort.quick else 10
    return {
        "method": METHOD.format(updates=updates),
        "cells": {cell.name: profile(cell, updates) for cell in select(QUICK)},
    }


def profile(cell: Cell, updates: int) -> dict[str, Any]:
    """Games and agent-steps of an update, and median milliseconds by part after one update to warm up."""
    loop = plain_loop.train(cell.config("ray.learner_threads=1"))
    _, played, _, _ = next(loop)
    found = []
    with watched() as clock:
        for _ in range(updates):
            gc.collect()
            clock.take()
            next(loop)
            found.append(clock.take())
    loop.close()  # type: ignore[attr-defined]
    parts = {part: 1e3 * median(taken.get(part, 0.0) for taken in found) for part in PARTS}
    say(f"{cell.name}  " + ", ".join(f"{part} {ms:.1f} ms" for part, ms in parts.items()))
    return {"games": len(played), "agent_steps": played.agent_steps(), "milliseconds": parts}
