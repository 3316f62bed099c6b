"""Iterated two-player matrix games, batched.

Joint outcomes are numbered from the observer's view: 0 at the start, then 1 + own * n + other. With two actions
(C = 0, D = 1) that is start, CC, CD, DC, DD, own action first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.batched import GameSpec
from envs.checks import is_number
from envs.repeated import FEATURES, SymbolGame, check_repetition, features_of, symbol_parts

__all__ = ["FEATURES", "MatrixGame"]

_PLAYERS = np.arange(2)[:, None]


class MatrixGame(SymbolGame):
    """B copies of an iterated two-player matrix game.

    Args:
        payoffs: [2, n, n]; ``payoffs[p][a][b]`` is what player p earns when player 0 plays a and player 1 plays b.
        rounds: length of an episode, or its cap when ``continuation`` is set.
        continuation, noise: see ``RepeatedGame``.
        observe: parts of the observation vector, any of ``outcome``, ``action``, ``reward``, ``round``.
        inner_rounds: length of an inner episode, a divisor of ``rounds``: after so many rounds the game begins anew, so
            that the outcome shown is the start, while the episode, and with it the players' memory, goes on (the
            meta-episodes of Meulemans et al. 2025, COALA-PG, arXiv 2410.18636). None has no inner episodes.
        name: used in logs and in exported policies.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(
        self,
        payoffs: Sequence[Sequence[Sequence[float]]] | NDArray[np.floating],
        *,
        rounds: int = 100,
        continuation: float | None = None,
        noise: float = 0.0,
        observe: Sequence[str] = ("outcome",),
        inner_rounds: int | None = None,
        name: str = "matrix_game",
    ) -> None:
        try:
            table = np.asarray(payoffs, dtype=np.float32)
        except (TypeError, ValueError):
            raise ValueError(f"payoffs must be numbers of shape [2, n, n], got {payoffs!r}") from None
        if table.ndim != 3 or table.shape[0] != 2 or table.shape[1] != table.shape[2] or table.shape[1] < 2:
            raise ValueError(f"payoffs must have shape [2, n, n] with n >= 2, got {list(table.shape)}")
        if not np.isfinite(table).all():
            raise ValueError("payoffs must be finite numbers")
        check_repetition(rounds, continuation, noise)
        if inner_rounds is not None:
            whole = is_number(inner_rounds) and not isinstance(inner_rounds, float) and inner_rounds >= 1
            if not whole or rounds % inner_rounds:
                raise ValueError(
                    f"inner_rounds must be a whole number that divides rounds {rounds}, got {inner_rounds!r}"
                )
            if continuation is not None or noise:
                raise ValueError("inner_rounds needs a game of fixed length without noise; leave one of them out")
        n = table.shape[1]
        self.payoffs = table
        spec = GameSpec(
            name=name,
            num_players=2,
            num_actions=n,
            max_rounds=rounds,
            num_outcomes=1 + n * n,
            features=features_of(observe, {"outcome": 1 + n * n, "action": n, "reward": 1, "round": 1}),
            symmetric=bool(np.array_equal(table[0], table[1].T)),
        )
        # own view: [player, own * n + other] -> payoff
        self._own = np.stack([table[0].reshape(-1), table[1].T.reshape(-1)])
        self._payoffs = np.concatenate([np.zeros((2, 1), dtype=np.float32), self._own], axis=1)
        super().__init__(spec, continuation, noise, symbol_parts(np.arange(n * n) // n, n, self._payoffs, observe))
        self.inner_rounds = inner_rounds

    def stage(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None with noise, a continuation probability or inner episodes."""
        if self.noise or self.continuation is not None or self.inner_rounds is not None:
            return None
        return self._payoffs.copy()

    def _settle(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        joint = actions * self._spec.num_actions + actions[::-1]
        begins_anew = self.inner_rounds and self._round % self.inner_rounds == 0 and self._round < self.rounds
        return np.zeros_like(joint) if begins_anew else joint + 1, self._own[_PLAYERS, joint]
