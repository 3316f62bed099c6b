"""The Coin Game (Lerer and Peysakhovich 2017), by the rules of Foerster et al. 2018 (LOLA).

Two players and one coin, which has the colour of one of them. Both move at once. Who arrives at the coin takes it and
earns 1, whatever its colour; a coin of the other's colour costs the other 2. Then a coin of the next colour appears.
Taking everything is dominant from coin to coin, and if both do so they earn nothing on average; if each leaves the
other's coins alone, both earn.

What papers leave open is as in the code published for LOLA with DiCE (lola_dice/envs/coin_game.py in alshedivat/lola):
the grid wraps around, there is no action that stays, players may share a cell, and if both arrive at the coin both earn
1, and its owner also loses 2. (The code of the first version of LOLA gives such a coin to player 0 alone, which favours
one seat.) Colours take turns and the first is drawn; the new coin lies on any cell without a player, each as likely;
players start on different cells. Options change this: ``colors``, ``wrap``, ``stay``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.cells import MOVES, occupied, pick
from envs.checks import whole, yes_or_no
from envs.factory import PlainFactory
from envs.grid import COOPERATED, DEFECTED, NEITHER, GridGame

COLORS = ("turns", "random")
"""How the colour of the next coin is found."""

LOSS = 2.0
"""What a coin costs its owner that the other one takes."""


class CoinGame(GridGame):
    """B Coin Games. ``Step.cooperated`` is 1 where a player took its own coin, 0 where it took the other's.

    Planes of the grid: own position, the other's, a coin of one's own, a coin of the other's.

    Args:
        rounds: length of an episode.
        size: rows and columns, at least 3.
        colors: ``turns`` changes the colour with every coin taken, ``random`` draws it.
        wrap: whether who leaves the grid enters it at the other side; else walls, at which a player stays.
        stay: whether there is a fifth action that stays.
        observe: parts of the observation vector, see ``GridGame``.

    Attributes:
        coin: cell of the coin, [B].
        owner: seat of the player whose colour it has, [B].
    """

    _legend = ((".", (245, 245, 245)), ("a", (140, 190, 225)), ("b", (250, 215, 140)))

    def __init__(
        self,
        *,
        rounds: int = 100,
        size: int = 3,
        colors: str = "turns",
        wrap: bool = True,
        stay: bool = False,
        observe: Sequence[str] = ("grid",),
    ) -> None:
        whole("size", size, 3)
        if colors not in COLORS:
            raise ValueError(f"colors must be one of {list(COLORS)}, got {colors!r}")
        yes_or_no("wrap", wrap)
        yes_or_no("stay", stay)
        self.colors = colors
        moves = tuple(name for name, _, _ in MOVES)
        super().__init__(
            name="coin_game_v0",
            players=2,
            shape=(size, size),
            actions=(*moves, "stay") if stay else moves,
            objects=2,
            rounds=rounds,
            observe=observe,
            parts=("grid", "outcome", "action", "reward", "round"),
            wrap=wrap,
            numbers=(4, 2),
            reward_range=(-LOSS, 1.0),
        )

    def _start(self, numbers: NDArray[np.float64]) -> None:
        games = len(numbers)
        free = np.ones((games, self.cells), dtype=np.bool_)
        self.positions[0] = pick(free, numbers[:, 0])
        free[np.arange(games), self.positions[0]] = False
        self.positions[1] = pick(free, numbers[:, 1])
        self.coin = pick(~occupied(self.positions, self.cells), numbers[:, 2])
        self.owner = (numbers[:, 3] < 0.5).astype(np.int64)

    def _play(
        self, actions: NDArray[np.int64], numbers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        self.positions = self.next_cell[self.positions, actions]
        took = self.positions == self.coin
        own = self.owner == np.arange(2)[:, None]
        robbed = own & took[::-1]
        rewards = took.astype(np.float32) - np.float32(LOSS) * robbed
        new = took.any(axis=0)
        place = pick(~occupied(self.positions, self.cells), numbers[:, 0])
        color = 1 - self.owner if self.colors == "turns" else (numbers[:, 1] < 0.5).astype(np.int64)
        self.coin, self.owner = np.where(new, place, self.coin), np.where(new, color, self.owner)
        return rewards, np.where(took, np.where(own, COOPERATED, DEFECTED), NEITHER)

    def _objects(self) -> NDArray[np.bool_]:
        here = np.arange(self.cells) == self.coin[:, None]
        mine = self.owner == np.arange(2)[:, None]
        return here[None, :, None, :] & np.stack([mine, ~mine], axis=2)[..., None]

    def _ground(self) -> NDArray[np.int64]:
        ground = np.zeros(self.cells, dtype=np.int64)
        ground[self.coin[0]] = 1 + self.owner[0]
        return ground


FACTORY = PlainFactory("coin_game_v0", CoinGame, (*(name for name, _, _ in MOVES), "stay"), labels="RLDUS")
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
