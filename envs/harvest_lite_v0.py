"""Harvest-lite, a small commons harvest (Perolat et al. 2017, after the experiments of Janssen et al. 2010).

Apples grow in patches, each on a cell that can bear one. Eating one pays 1. An eaten apple grows back with a
probability in proportion to the apples around it, so a patch grows fast while it is full, slowly when little is left,
and never again once its last apple is eaten. What everybody could eat for ever is gone soon if all eat what they can.

7 x 7 cells, four patches of five cells each (a cross) in the corners, walls all around. A round, in this order:
1. Zaps, if the game has them (``zapping``): at most two moves away, successful at .9; who is hit is frozen for five
   rounds, of which this is the first.
2. Who is not frozen moves.
3. Who stands on an apple eats it and earns 1; if several do, a lot decides.
4. On each empty apple cell without a player an apple grows with probability ``growth`` times the apples on the eight
   cells around it.

At the start all apples are there and every player stands on a different cell that bears none.

Perolat et al. count apples within distance 2 and let their rate grow in steps with the count; here neighbours count, so
that patches with one free cell between them are separate. ``growth`` is set so that in 100 rounds two players who leave
two apples in each patch earn 12 each, two who take all 10 each, and one of either kind 8 and 13.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.cells import MOVES, occupied, pick
from envs.checks import share, whole, yes_or_no
from envs.factory import PlainFactory
from envs.grid import COOPERATED, DEFECTED, NEITHER, GridGame
from envs.zapping import FREEZE, first_to, zap

SIZE = 7
CENTRES = ((1, 1), (1, SIZE - 2), (SIZE - 2, 1), (SIZE - 2, SIZE - 2))
"""Rows and columns of the patches' middle cells."""
ZAP = 5


class HarvestLite(GridGame):
    """B games of Harvest-lite.

    ``Step.cooperated`` is about the last apple of a patch, whose loss is for ever: 0 in a round in which a player went
    for it, 1 in which it could have reached it with one move and did not, and NaN otherwise, also when frozen.

    Planes of the grid: own position, those of the others, apples.

    Args:
        rounds: length of an episode.
        players: from 2 to 4.
        growth: probability that an apple grows, for each apple on the eight cells around.
        zap: whether there is a sixth action that zaps.
        observe: parts of the observation vector, see ``GridGame``.

    Attributes:
        apples: bool [B, cells].
        bears: bool [cells], where apples can grow.
        patch: number of the patch that a cell belongs to, [cells], -1 if to none.
    """

    _legend = ((".", (245, 245, 245)), (",", (225, 235, 215)), ("A", (60, 150, 60)))

    def __init__(
        self,
        *,
        rounds: int = 100,
        players: int = 2,
        growth: float = 0.0075,
        zap: bool = False,
        observe: Sequence[str] = ("grid",),
    ) -> None:
        whole("players", players, 2, 4)
        share("growth", growth)
        yes_or_no("zap", zap)
        self.growth, self.zap = growth, zap
        rows, columns = np.divmod(np.arange(SIZE * SIZE), SIZE)
        self.patch = np.full(SIZE * SIZE, -1)
        for number, (row, column) in enumerate(CENTRES):
            self.patch[abs(rows - row) + abs(columns - column) <= 1] = number
        self.bears = self.patch >= 0
        beside = np.maximum(abs(rows[:, None] - rows), abs(columns[:, None] - columns)) == 1
        self._beside = (beside & self.bears)[:, self.bears].astype(np.float32)  # [cells, apple cells]
        self._members = (self.patch[:, None] == np.arange(len(CENTRES))).astype(np.float32)
        actions = (*(name for name, _, _ in MOVES), "stay", "zap")
        parts = ("grid", "outcome", "action", "reward", "frozen", "round")
        super().__init__(
            name="harvest_lite_v0",
            players=players,
            shape=(SIZE, SIZE),
            actions=actions if zap else actions[:-1],
            objects=1,
            rounds=rounds,
            observe=observe,
            parts=parts if zap else tuple(part for part in parts if part != "frozen"),
            wrap=False,
            numbers=(players, 2 * players + int(self.bears.sum())),
            reward_range=(0.0, 1.0),
            longest=FREEZE,
        )

    def left(self) -> NDArray[np.int64]:
        """Apples left in each patch, [B, patches]."""
        return (self.apples.astype(np.float32) @ self._members).astype(np.int64)

    def _start(self, numbers: NDArray[np.float64]) -> None:
        games = len(numbers)
        self.apples = np.tile(self.bears, (games, 1))
        free = ~self.apples
        for seat in range(self.spec.num_players):
            self.positions[seat] = pick(free, numbers[:, seat])
            free[np.arange(games), self.positions[seat]] = False

    def _play(
        self, actions: NDArray[np.int64], numbers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        players, games = actions.shape
        batch = np.arange(games)
        lots, zaps = numbers[:, :players].T, numbers[:, players : 2 * players].T
        if self.zap:
            zapping = (actions == ZAP) & (self.frozen == 0)
            self.frozen = zap(zapping, self.positions, self.frozen, self.distance, zaps)
        able = self.frozen == 0
        last = self.apples & (self.left()[:, self.patch] == 1) & self.bears
        tempted = able & last[batch[:, None], self.next_cell[self.positions]].any(axis=2)
        self.positions = np.where(able, self.next_cell[self.positions, actions], self.positions)
        self.frozen = np.maximum(self.frozen - 1, 0)

        took = last[batch, self.positions] & able
        eats = first_to(self.apples[batch, self.positions] & able, self.positions, lots)
        for seat in range(players):
            self.apples[batch, self.positions[seat]] &= ~eats[seat]

        around = self.apples.astype(np.float32) @ self._beside
        grown = numbers[:, 2 * players :] < self.growth * around
        grown &= ~occupied(self.positions, self.cells)[:, self.bears]
        self.apples[:, self.bears] |= grown
        return eats.astype(np.float32), np.where(took, DEFECTED, np.where(tempted, COOPERATED, NEITHER))

    def _objects(self) -> NDArray[np.bool_]:
        return self.apples[None, :, None]

    def _ground(self) -> NDArray[np.int64]:
        return np.where(self.apples[0], 2, self.bears)


FACTORY = PlainFactory(
    "harvest_lite_v0", HarvestLite, (*(name for name, _, _ in MOVES), "stay", "zap"), labels="RLDUSZ"
)
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
