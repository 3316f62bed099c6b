"""CleanUp-lite (the appendix of Meulemans et al. 2025, COALA-PG), a small Clean Up (Hughes et al. 2018).

A river on the right column collects dirt; an orchard on the left column bears apples, fewer the more dirt there is, and
none from three pieces on. Cleaning pays nothing, eating an apple pays 1, and the two are the width of the grid apart:
everybody wants the river to be cleaned by somebody else. 5 rows, 4 columns, and six actions: four moves, stay and zap.

A round, in this order:
1. With probability .35 one piece of dirt appears on a free river cell.
2. With probability 1 - min(1, dirt / 3), by the dirt that there is then, one apple appears on a free orchard cell.
3. Who stands on an apple eats it and earns 1; who stands on dirt cleans it. Frozen players do neither.
4. Zaps (``zapping``): at most two moves away, successful at .9; who is hit is frozen for five rounds, of which this is
   the first.
5. Who is not frozen moves; walls all around.

At the start there are no apples and three pieces of dirt, and every player stands anywhere.

What the source leaves open: a free cell holds nothing and nobody; it is drawn evenly. Players may share a cell; then a
lot decides who gets an apple, while dirt counts as cleaned by all who stand on it. Distance is in moves. A zap does
nothing to who is frozen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.cells import MOVES, occupied, pick
from envs.checks import whole
from envs.factory import PlainFactory
from envs.grid import COOPERATED, DEFECTED, NEITHER, GridGame
from envs.zapping import FREEZE, first_to, zap

HEIGHT, WIDTH = 5, 4
DIRT_RATE = 0.35
MOST_DIRT = 3
"""From so many pieces of dirt on no apple grows; so many there are at the start."""
STAY, ZAP = 4, 5


class CleanupLite(GridGame):
    """B games of CleanUp-lite.

    ``Step.cooperated`` is 1 in a round in which a player cleaned dirt, 0 in which it ate an apple, and NaN otherwise.
    So a rate of cooperation is a player's share of cleaning in all that it got done, as contributions are measured in
    this field by the waste that a player cleans (Hughes et al. 2018); rounds on the way say nothing of either.

    Planes of the grid: own position, those of the others, apples, dirt.

    Args:
        rounds: length of an episode.
        players: from 2 to 4; the source has 2.
        observe: parts of the observation vector, see ``GridGame``.

    Attributes:
        apples, dirt: bool [B, cells].
    """

    _legend = ((".", (245, 245, 245)), ("a", (205, 225, 200)), ("~", (200, 220, 235)), ("A", (60, 150, 60)))
    _legend = (*_legend, ("D", (130, 100, 70)))

    def __init__(self, *, rounds: int = 100, players: int = 2, observe: Sequence[str] = ("grid", "frozen")) -> None:
        whole("players", players, 2, 4)
        columns = np.arange(HEIGHT * WIDTH) % WIDTH
        self.orchard, self.river = columns == 0, columns == WIDTH - 1
        super().__init__(
            name="cleanup_lite_v0",
            players=players,
            shape=(HEIGHT, WIDTH),
            actions=(*(name for name, _, _ in MOVES), "stay", "zap"),
            objects=2,
            rounds=rounds,
            observe=observe,
            parts=("grid", "outcome", "action", "reward", "frozen", "round"),
            wrap=False,
            numbers=(players + MOST_DIRT, 4 + 2 * players),
            reward_range=(0.0, 1.0),
            longest=FREEZE,
        )

    def _start(self, numbers: NDArray[np.float64]) -> None:
        games, players = len(numbers), self.spec.num_players
        self.positions = (numbers[:, :players].T * self.cells).astype(np.int64)
        self.apples = np.zeros((games, self.cells), dtype=np.bool_)
        self.dirt = np.zeros((games, self.cells), dtype=np.bool_)
        for piece in range(MOST_DIRT):  # also below a player: there are always three
            place = pick(self.river & ~self.dirt, numbers[:, players + piece])
            self.dirt[np.arange(games), place] = True

    def _play(
        self, actions: NDArray[np.int64], numbers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        players, games = actions.shape
        batch = np.arange(games)
        lots, zaps = numbers[:, 4 : 4 + players].T, numbers[:, 4 + players :].T
        empty = ~occupied(self.positions, self.cells)
        grow(self.dirt, self.river & empty & ~self.dirt, np.full(games, DIRT_RATE), numbers[:, :2])
        chance = 1 - np.minimum(1.0, self.dirt.sum(axis=1) / MOST_DIRT)
        grow(self.apples, self.orchard & empty & ~self.apples, chance, numbers[:, 2:4])

        able = self.frozen == 0
        eats = first_to(self.apples[batch, self.positions] & able, self.positions, lots)
        cleans = self.dirt[batch, self.positions] & able
        for seat in range(players):
            self.apples[batch, self.positions[seat]] &= ~eats[seat]
            self.dirt[batch, self.positions[seat]] &= ~cleans[seat]

        self.frozen = zap((actions == ZAP) & able, self.positions, self.frozen, self.distance, zaps)
        self.positions = np.where(self.frozen == 0, self.next_cell[self.positions, actions], self.positions)
        self.frozen = np.maximum(self.frozen - 1, 0)
        return eats.astype(np.float32), np.where(cleans, COOPERATED, np.where(eats, DEFECTED, NEITHER))

    def _objects(self) -> NDArray[np.bool_]:
        return np.stack([self.apples, self.dirt], axis=1)[None]

    def _ground(self) -> NDArray[np.int64]:
        plain = self.orchard + 2 * self.river
        return np.where(self.apples[0], 3, np.where(self.dirt[0], 4, plain))


def grow(
    there: NDArray[np.bool_], free: NDArray[np.bool_], chance: NDArray[np.float64], numbers: NDArray[np.float64]
) -> None:
    """With probability ``chance`` [B] mark one of the ``free`` cells [B, cells] in ``there``, by numbers [B, 2]."""
    place = pick(free, numbers[:, 1])
    games = np.flatnonzero((numbers[:, 0] < chance) & (place >= 0))
    there[games, place[games]] = True


FACTORY = PlainFactory(
    "cleanup_lite_v0", CleanupLite, (*(name for name, _, _ in MOVES), "stay", "zap"), labels="RLDUSZ"
)
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
