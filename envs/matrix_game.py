"""Iterated two-player matrix games, batched.

Joint outcomes are numbered from the observer's view: 0 at the start, then 1 + own * n + other. With two actions
(C = 0, D = 1) that is start, CC, CD, DC, DD, own action first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.batched import GameSpec, Step

FEATURES = ("outcome", "action", "reward", "round")
"""What an observation may contain; ``outcome`` alone is the paper's five symbols."""


_PLAYERS = np.arange(2)[:, None]


class MatrixGame:
    """B copies of an iterated two-player matrix game.

    Args:
        payoffs: [2, n, n]; ``payoffs[p][a][b]`` is what player p earns when player 0 plays a and player 1 plays b.
        rounds: length of an episode, or its cap when ``continuation`` is set.
        continuation: probability that another round follows; None plays exactly ``rounds``.
        noise: probability that an action is replaced by another one, drawn uniformly (trembling hand). All
            players observe, and are paid for, the action carried out.
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
        if not isinstance(rounds, int | np.integer):
            raise ValueError(f"rounds must be a whole number, got {rounds!r}")
        for argument, value in (("continuation", continuation), ("noise", noise)):
            if not isinstance(value, int | float | np.number) and (argument, value) != ("continuation", None):
                raise ValueError(f"{argument} must be a number, got {value!r}")
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {rounds}")
        if continuation is not None and not 0.0 <= continuation < 1.0:
            raise ValueError(f"continuation must be in [0, 1), got {continuation}")
        if not 0.0 <= noise <= 1.0:
            raise ValueError(f"noise must be in [0, 1], got {noise}")
        if inner_rounds is not None:
            whole = isinstance(inner_rounds, int | np.integer) and inner_rounds >= 1
            if not whole or rounds % inner_rounds:
                raise ValueError(
                    f"inner_rounds must be a whole number that divides rounds {rounds}, got {inner_rounds!r}"
                )
            if continuation is not None or noise:
                raise ValueError("inner_rounds needs a game of fixed length without noise; leave one of them out")
        unknown = [part for part in observe if part not in FEATURES]
        if unknown or not observe or len(set(observe)) != len(observe):
            raise ValueError(f"observe must be distinct parts out of {list(FEATURES)}, got {list(observe)}")
        self.payoffs = table
        self.rounds, self.continuation, self.noise = rounds, continuation, noise
        self.observe, self.inner_rounds = tuple(observe), inner_rounds
        n = table.shape[1]
        widths = {"outcome": 1 + n * n, "action": n, "reward": 1, "round": 1}
        self._spec = GameSpec(
            name=name,
            num_players=2,
            num_actions=n,
            max_rounds=rounds,
            num_outcomes=1 + n * n,
            features=tuple((part, widths[part]) for part in observe),
            symmetric=bool(np.array_equal(table[0], table[1].T)),
        )
        # own view: [player, own * n + other] -> payoff
        self._own = np.stack([table[0].reshape(-1), table[1].T.reshape(-1)])
        self._table = self._feature_table()
        self._round = 0
        self._outcomes = np.zeros((2, 0), dtype=np.int64)
        self._lengths = np.zeros(0, dtype=np.int64)
        self._uniforms = np.zeros((0, 0))

    @property
    def spec(self) -> GameSpec:
        """Static description of the game."""
        return self._spec

    @property
    def num_uniforms(self) -> int:
        """One for the episode's length, then one per player and round for the trembling hand."""
        return int(self.continuation is not None) + (2 * self.rounds if self.noise else 0)

    def reset(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Start B episodes from uniforms [B, K] in [0, 1); return outcomes [2, B], all 0."""
        if uniforms.ndim != 2 or uniforms.shape[1] != self.num_uniforms:
            raise ValueError(f"uniforms must have shape [games, {self.num_uniforms}], got {list(uniforms.shape)}")
        games = uniforms.shape[0]
        self._round = 0
        self._uniforms = uniforms
        self._outcomes = np.zeros((2, games), dtype=np.int64)
        self._lengths = np.full(games, self.rounds)
        if self.continuation is not None:
            # P(length > k) = continuation^k, so length = 1 + floor(log(1 - u) / log(continuation))
            with np.errstate(divide="ignore"):
                draws = np.log1p(-uniforms[:, 0]) / np.log(self.continuation) if self.continuation else np.zeros(games)
            self._lengths = 1 + np.minimum(np.floor(draws), self.rounds).astype(np.int64)
        return self._outcomes

    def step(self, actions: NDArray[np.integer]) -> Step:
        """Play one round with actions [2, B], integers below n; see ``Step`` for the result."""
        n = self._spec.num_actions
        actions = np.asarray(actions, dtype=np.int64)
        if actions.shape != self._outcomes.shape:
            raise ValueError(f"actions must have shape {list(self._outcomes.shape)}, got {list(actions.shape)}")
        if self._round >= self.rounds:  # every game is over
            terminated = self._lengths <= self.rounds
            return Step(self._outcomes, np.zeros(actions.shape, dtype=np.float32), terminated, ~terminated)
        if self.noise:
            actions = self._tremble(actions)
        self._round += 1
        joint = actions * n + actions[::-1]
        rewards = self._own[_PLAYERS, joint]
        if self.continuation is None:
            self._outcomes = joint + 1
            over = np.full(joint.shape[1], self._round >= self.rounds)
            if self.inner_rounds is not None and self._round % self.inner_rounds == 0 and not over.all():
                self._outcomes = np.zeros_like(joint)
            return Step(self._outcomes, rewards, over, np.zeros_like(over))
        alive = self._round <= self._lengths
        self._outcomes = np.where(alive, joint + 1, self._outcomes)
        terminated = self._round >= self._lengths
        truncated = ~terminated & (self._round >= self.rounds)
        return Step(self._outcomes, np.where(alive, rewards, np.float32(0)), terminated, truncated)

    def observe(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None, as symbol, round and seat say it all."""
        return None

    def table(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None if the round is observed."""
        return None if "round" in self.observe else self._table

    def stage(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None with noise, a continuation probability or inner episodes."""
        if self.noise or self.continuation is not None or self.inner_rounds is not None:
            return None
        return np.concatenate([np.zeros((2, 1), dtype=np.float32), self._own], axis=1)

    def encode(
        self, outcomes: NDArray[np.integer], rounds: NDArray[np.integer] | int, seats: NDArray[np.integer] | int
    ) -> NDArray[np.float32]:
        """Observation vectors [..., F]; see ``BatchedGame.encode``."""
        features = self._table[np.asarray(seats), np.asarray(outcomes)]  # scalars would give a view of the table
        if "round" in self.observe:
            column = sum(width for _, width in self._spec.features[: self.observe.index("round")])
            features[..., column] = np.asarray(rounds, dtype=np.float32) / self.rounds
        return features

    def _feature_table(self) -> NDArray[np.float32]:
        """Observation vector of each outcome seen from each seat, [2, 1 + n * n, F]."""
        n = self._spec.num_actions
        outcomes = np.arange(1 + n * n)
        own = np.zeros((outcomes.size, n), dtype=np.float32)
        own[outcomes[1:], (outcomes[1:] - 1) // n] = 1.0
        rewards = np.concatenate([np.zeros((2, 1), dtype=np.float32), self._own], axis=1)
        parts = {
            "outcome": np.stack([np.eye(outcomes.size, dtype=np.float32)] * 2),
            "action": np.stack([own] * 2),
            "reward": rewards[:, :, None],
            "round": np.zeros((2, outcomes.size, 1), dtype=np.float32),
        }
        return np.concatenate([parts[part] for part in self.observe], axis=2)

    def _tremble(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Replace each action with probability ``noise`` by another one; u < noise picks which."""
        n = self._spec.num_actions
        first = int(self.continuation is not None) + 2 * self._round
        draws = self._uniforms[:, first : first + 2].T
        shift = 1 + np.minimum((draws / self.noise * (n - 1)).astype(np.int64), n - 2)
        return np.where(draws < self.noise, (actions + shift) % n, actions)
