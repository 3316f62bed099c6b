"""One tree of seeds for a run: run -> purpose -> iteration -> block -> stream.

A block is a fixed share of an iteration's games. Its numbers depend on its place in the tree only, so they are the
same whichever env runner plays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """First branch of the tree: what the numbers are for."""

    INIT = 0
    TRAIN = 1
    EVALUATE = 2
    LEARNER = 3
    PRETRAIN = 4


class Stream(IntEnum):
    """Last branch of the tree: which part of an episode the numbers drive."""

    MATCHUP = 0
    GAME = 1
    CO_PLAYER = 2
    ACTION = 3
    PLAN = 4


@dataclass(frozen=True)
class SeedNode:
    """A node of the tree: the run's seed and the path from the root.

    Two nodes with different paths have independent streams (``numpy.random.SeedSequence`` spawn keys).
    """

    seed: int
    path: tuple[int, ...] = ()

    def child(self, *keys: int) -> SeedNode:
        """The node below this one along ``keys``."""
        return SeedNode(self.seed, (*self.path, *(int(key) for key in keys)))

    def rng(self, stream: int) -> np.random.Generator:
        """A fresh generator for ``stream``: the same one at each call."""
        return np.random.Generator(np.random.PCG64(self._sequence(stream)))

    def integer(self, stream: int) -> int:
        """A 63-bit integer for ``stream``, for libraries that take a seed."""
        return int(self._sequence(stream).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def _sequence(self, stream: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=(*self.path, int(stream)))
