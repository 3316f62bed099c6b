"""The iterated public goods game of n players, C = 0 (contribute 1), D = 1 (keep it).

What is contributed is multiplied and shared equally: each earns multiplier * contributions / n - its own contribution
(Ledyard 1995). It is a dilemma where 1 < multiplier < n: all are best off if all contribute, each if it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.batched import GameSpec
from envs.checks import is_number, whole
from envs.factory import PlainFactory
from envs.repeated import SymbolGame, check_repetition, features_of, symbol_parts

MOST_PLAYERS = 8


class PublicGoods(SymbolGame):
    """B copies of the game.

    An outcome is 1 + n * own action + how many of the others kept theirs: the own action and how many contributed, so
    1 + 2 n symbols, the better ones first. With two players they are those of a matrix game: start, CC, CD, DC, DD.

    Args:
        players: n, from 2 to 8.
        multiplier: of contributions, above 0; by default (n + 1) / 2, halfway between the bounds of the dilemma.
        rounds: length of an episode, or its cap when ``continuation`` is set.
        continuation, noise: see ``RepeatedGame``.
        observe: parts of the observation vector, any of ``outcome``, ``action``, ``reward``, ``round``.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(
        self,
        *,
        players: int = 3,
        multiplier: float | None = None,
        rounds: int = 100,
        continuation: float | None = None,
        noise: float = 0.0,
        observe: Sequence[str] = ("outcome",),
    ) -> None:
        whole("players", players, 2, MOST_PLAYERS)
        if multiplier is not None and not (is_number(multiplier) and 0 < multiplier < np.inf):
            raise ValueError(f"multiplier must be a number above 0, got {multiplier!r}")
        check_repetition(rounds, continuation, noise)
        self.players = int(players)
        self.multiplier = (self.players + 1) / 2 if multiplier is None else float(multiplier)
        symbols = 1 + 2 * self.players
        spec = GameSpec(
            name="public_goods_v0",
            num_players=self.players,
            num_actions=2,
            max_rounds=rounds,
            num_outcomes=symbols,
            features=features_of(observe, {"outcome": symbols, "action": 2, "reward": 1, "round": 1}),
            symmetric=True,
        )
        own, kept = np.divmod(np.arange(symbols - 1), self.players)
        earned = self.multiplier * (self.players - own - kept) / self.players - (1 - own)
        self._payoffs = np.concatenate([[0.0], earned]).astype(np.float32)
        by_seat = np.stack([self._payoffs] * self.players)
        super().__init__(spec, continuation, noise, symbol_parts(own, 2, by_seat, observe))

    def stage(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None but for two players, a fixed length and steady hands."""
        matrix = self.players == 2 and not self.noise and self.continuation is None
        return np.stack([self._payoffs] * 2) if matrix else None

    def _settle(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        outcomes = 1 + actions * self.players + actions.sum(0) - actions
        return outcomes, self._payoffs[outcomes]


FACTORY = PlainFactory("public_goods_v0", PublicGoods, actions=("contribute", "keep"), labels="CD")
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
