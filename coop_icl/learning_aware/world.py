"""What pairs of learners know of the game they are in, and how often they sample it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from coop_icl.learning_aware import exact

IPD = (((1.0, -1.0), (2.0, 0.0)), ((1.0, 2.0), (-1.0, 0.0)))
"""Payoffs of ``envs.ipd_v0``: those of the LOLA paper (-1, -3, 0, -2) plus 2."""


@dataclass(frozen=True)
class World:
    """A repeated two-player, two-action game and the rates of its learners.

    Attributes:
        payoffs: [player][action of the first][action of the second].
        gamma: discount per round.
        rate: step along the gradient of the own discounted return, in logits.
        lookahead: step that LOLA takes the co-player to make along the gradient of *its* return.
        alignment: weight of the co-player's advantage in Advantage Alignment (its beta).
        games, rounds: sampled for one gradient by the methods that sample.
    """

    payoffs: tuple = IPD
    gamma: float = 0.96
    rate: float = 1.0
    lookahead: float = 1.0
    alignment: float = 1.0
    games: int = 64
    rounds: int = 100

    @property
    def table(self) -> Tensor:
        """Payoffs [2, 2, 2]."""
        return torch.tensor(self.payoffs, dtype=torch.float64)

    def seen_by(self, player: int) -> World:
        """The same game as player 0 or 1 sees it, as the first player."""
        if player == 0:
            return self
        turned = self.table.flip(0).transpose(1, 2)
        return World(**{**self.__dict__, "payoffs": tuple(map(tuple, turned.tolist()))})

    def values(self, own: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Discounted returns [N] of both; see ``exact.values``."""
        return exact.values(own, other, self.table, self.gamma)
