"""Two-player matrix games whose payoffs are drawn anew for each episode and not shown: C = 0, D = 1.

Mutual cooperation pays R = 1, mutual defection P = 0; T (defecting alone) and S (cooperating alone) are drawn, the same
for both players. In the plane of T and S lie the symmetric games with R > P: harmony, chicken, stag hunt and prisoner's
dilemma (of those of Rapoport and Guyer 1966; the plane as in Santos, Pacheco and Lenaerts 2006). A player sees the
joint outcome and what it earned by it, so the game has to be found out, besides the co-player.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.batched import GameSpec
from envs.factory import PlainFactory, unknown_name
from envs.repeated import RepeatedGame, check_repetition, features_of
from envs.vectors import VectorGame

Rectangle = tuple[float, float, float, float]
"""Least and greatest T, least and greatest S."""

FAMILIES: dict[str, tuple[Rectangle, ...]] = {
    "plane": ((0, 2, -1, 1),),
    "dilemmas": ((1, 2, -1, 0), (0, 1, -1, 0), (1, 2, 0, 1)),
    "harmony": ((0, 1, 0, 1),),
    "chicken": ((1, 2, 0, 1),),
    "stag_hunt": ((0, 1, -1, 0),),
    "prisoners_dilemma": ((1, 2, -1, 0),),
    "corners": ((0.5, 0.5, 0.5, 0.5), (1.5, 1.5, 0.5, 0.5), (0.5, 0.5, -0.5, -0.5), (1.5, 1.5, -0.5, -0.5)),
}
"""Games to draw from by name: a rectangle of the plane, each as often as any other, and a point in it, uniformly."""

NUMBERS = 3
"""Uniform numbers that the payoffs of an episode take."""


class Redrawn(RepeatedGame, VectorGame):
    """B games, each with payoffs of its own.

    Args:
        family: which games are drawn, a key of ``FAMILIES``.
        rounds: length of an episode, or its cap when ``continuation`` is set.
        continuation, noise: see ``RepeatedGame``.
        observe: parts of the observation vector, any of ``outcome``, ``action``, ``reward`` (the own one of the last
            round), ``round``; without ``reward`` there is nothing to tell games apart by.

    Attributes:
        temptations, suckers: T and S of the present games, float32 [B].

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(
        self,
        *,
        family: str = "plane",
        rounds: int = 100,
        continuation: float | None = None,
        noise: float = 0.0,
        observe: Sequence[str] = ("outcome", "reward"),
    ) -> None:
        if not isinstance(family, str) or family not in FAMILIES:
            raise unknown_name("family of redrawn_v0", str(family), FAMILIES)
        check_repetition(rounds, continuation, noise)
        spec = GameSpec(
            name="redrawn_v0",
            num_players=2,
            num_actions=2,
            max_rounds=rounds,
            num_outcomes=5,
            features=features_of(observe, {"outcome": 5, "action": 2, "reward": 1, "round": 1}),
            symmetric=True,
        )
        super().__init__(spec, continuation, noise, NUMBERS)
        self.family = family
        self.temptations = self.suckers = np.zeros(0, dtype=np.float32)
        self._own = np.zeros((0, 5), dtype=np.float32)
        self._rewards = np.zeros((2, 0), dtype=np.float32)

    def reset(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Start B episodes from uniforms [B, K] in [0, 1), the last ones for payoffs; return outcomes [2, B], all 0."""
        outcomes = super().reset(uniforms)
        which, along_t, along_s = uniforms[:, -NUMBERS:].T
        choices = np.asarray(FAMILIES[self.family], dtype=np.float64)
        t_low, t_high, s_low, s_high = choices[(which * len(choices)).astype(np.int64)].T
        self.temptations = (t_low + along_t * (t_high - t_low)).astype(np.float32)
        self.suckers = (s_low + along_s * (s_high - s_low)).astype(np.float32)
        zeros = np.zeros_like(self.suckers)
        self._own = np.stack([zeros, zeros + 1, self.suckers, self.temptations, zeros], axis=1)  # start, CC, CD, DC, DD
        self._rewards = np.zeros(outcomes.shape, dtype=np.float32)
        return outcomes

    def observe(self) -> NDArray[np.float32] | None:
        """What both players see now, [2, B, F]."""
        outcomes = self._outcomes
        own = (outcomes[..., None] > 0) & ((outcomes[..., None] - 1) // 2 == np.arange(2))
        parts = {
            "outcome": outcomes[..., None] == np.arange(5),
            "action": own,
            "reward": self._rewards[..., None],
            "round": np.full((*outcomes.shape, 1), self._round / self.rounds),
        }
        return np.concatenate([parts[part].astype(np.float32) for part in self.parts], axis=2)

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """See ``BatchedGame``: rewards are those of the family."""
        corners = np.asarray(FAMILIES[self.family], dtype=np.float32)
        lows = {"reward": min(0.0, float(corners.min()))}
        highs = {"reward": max(1.0, float(corners.max()))}
        low = [np.full(width, lows.get(part, 0.0), np.float32) for part, width in self._spec.features]
        high = [np.full(width, highs.get(part, 1.0), np.float32) for part, width in self._spec.features]
        return np.stack([np.concatenate(low)] * 2), np.stack([np.concatenate(high)] * 2)

    def _settle(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        outcomes = 1 + 2 * actions + actions[::-1]
        rewards = self._own[np.arange(actions.shape[1]), outcomes]
        self._rewards = np.where(self._round <= self._lengths, rewards, self._rewards)
        return outcomes, rewards


FACTORY = PlainFactory("redrawn_v0", Redrawn, actions=("cooperate", "defect"), labels="CD")
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
