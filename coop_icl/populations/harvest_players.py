"""Co-players in Harvest-lite: how many apples they leave in a patch, by whether others have exhausted one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State
from coop_icl.populations.walking import Sight, choose, least, sight
from envs.batched import BatchedGame
from envs.harvest_lite_v0 import CENTRES, HarvestLite

MOST_LEFT = 3
"""Apples that a drawn player leaves in a patch, at most."""

_STATE = np.dtype([("leaves", "i8", 2), ("left", "i8", len(CENTRES)), ("exhausted", "?")])


@dataclass(frozen=True)
class HarvestPlayer:
    """Goes to the nearest apple of a patch in which more are left than it leaves; else it waits where none grows.

    It steps on no apple that it leaves, and does not zap.

    Attributes:
        kind: family name.
        sight: how it sees.
        patch: number of the patch that each cell belongs to, -1 if to none.
        table: apples that it leaves in a patch, while no patch has been exhausted by somebody else, and after that;
            None draws both from 0 to ``MOST_LEFT`` for each episode, each as likely.
    """

    kind: str
    sight: Sight
    patch: NDArray[np.int64]
    table: tuple[int, int] | None
    observes: Literal["outcomes", "observations"] = field(default="observations")

    @property
    def num_parameters(self) -> int:
        """Two where the table is drawn."""
        return 0 if self.table is not None else 2

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray:
        """Its table, and that nothing has been exhausted."""
        state = np.zeros(len(uniforms), dtype=_STATE)
        state["leaves"] = (uniforms * (MOST_LEFT + 1)).astype(np.int64) if self.table is None else self.table
        return state

    def act(
        self, seen: NDArray[np.float32], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray]:
        """Actions [B] after observations [B, F]."""
        planes, state = self.sight.planes(seen), state.copy()
        me, apples = planes[:, 0].argmax(axis=1), planes[:, self.sight.players]
        left = np.stack([(apples & (self.patch == one)).sum(axis=1) for one in range(len(CENTRES))], axis=1)
        by_me = self.patch[me][:, None] == np.arange(len(CENTRES))
        state["exhausted"] |= ((left == 0) & (state["left"] > 0) & ~by_me).any(axis=1)
        state["left"] = left
        leaves = state["leaves"][np.arange(len(state)), state["exhausted"].astype(np.int64)]
        wanted = apples & (left[:, self.patch] > leaves[:, None])
        targets = np.where(wanted.any(axis=1, keepdims=True), wanted, self.patch < 0)
        return choose(least(self.sight.towards(me, targets, apples & ~wanted)), uniforms), state


def _player(game: BatchedGame, kind: str, table: tuple[int, int] | None) -> HarvestPlayer:
    return HarvestPlayer(kind, sight(game), cast("HarvestLite", game).patch, table)


def harvest_greedy(game: BatchedGame) -> HarvestPlayer:
    """Takes every apple."""
    return _player(game, "harvest_greedy", (0, 0))


def harvest_sustainable(game: BatchedGame) -> HarvestPlayer:
    """Leaves two apples in every patch."""
    return _player(game, "harvest_sustainable", (2, 2))


def harvest_reciprocator(game: BatchedGame) -> HarvestPlayer:
    """Leaves two apples in every patch until somebody else has exhausted one, then takes every apple."""
    return _player(game, "harvest_reciprocator", (2, 0))


def harvest_tabular(game: BatchedGame, kind: str = "harvest_tabular") -> HarvestPlayer:
    """What it leaves, before and after somebody else exhausted a patch, is drawn for each episode."""
    return _player(game, kind, None)
