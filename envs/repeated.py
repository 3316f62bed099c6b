"""What repeated games share: their length, trembling hands, and observations by outcome and round.

Dimensions: P players, n actions, S symbols (outcomes), F numbers of an observation, B games.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.batched import GameSpec, Step
from envs.checks import episode_length, is_number

LARGEST_TABLE = 2**30
"""Bytes of the largest table of observations by seat and outcome."""

FEATURES = ("outcome", "action", "reward", "round")
"""What an observation may contain; ``outcome`` alone is the paper's five symbols."""


class RepeatedGame:
    """B games in which one round is played again and again; see ``BatchedGame``, which subclasses satisfy.

    Args:
        spec: of the game; its features are any of ``FEATURES``.
        continuation: probability that another round follows; None plays exactly ``spec.max_rounds``.
        noise: probability that an action is replaced by another one, drawn uniformly (trembling hand). All players
            observe, and are paid for, the action carried out.
        numbers: uniform numbers that an episode takes beside those for its length and for trembling hands.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(self, spec: GameSpec, continuation: float | None, noise: float, numbers: int = 0) -> None:
        self.rounds, self.continuation, self.noise = spec.max_rounds, continuation, noise
        self.parts = tuple(name for name, _ in spec.features)
        self._spec, self._numbers = spec, numbers
        self._round = 0
        self._outcomes = np.zeros((spec.num_players, 0), dtype=np.int64)
        self._lengths = np.zeros(0, dtype=np.int64)
        self._uniforms = np.zeros((0, 0))

    @property
    def spec(self) -> GameSpec:
        """Static description of the game."""
        return self._spec

    @property
    def num_uniforms(self) -> int:
        """One for the episode's length, one per player and round for the trembling hand, then the game's own."""
        hands = self._spec.num_players * self.rounds if self.noise else 0
        return int(self.continuation is not None) + hands + self._numbers

    def reset(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Start B episodes from uniforms [B, K] in [0, 1); return outcomes [P, B], all 0."""
        if uniforms.ndim != 2 or uniforms.shape[1] != self.num_uniforms:
            raise ValueError(f"uniforms must have shape [games, {self.num_uniforms}], got {list(uniforms.shape)}")
        games = uniforms.shape[0]
        self._round = 0
        self._uniforms = uniforms
        self._outcomes = np.zeros((self._spec.num_players, games), dtype=np.int64)
        self._lengths = np.full(games, self.rounds)
        if self.continuation is not None:
            # P(length > k) = continuation^k, so length = 1 + floor(log(1 - u) / log(continuation))
            with np.errstate(divide="ignore"):
                draws = np.log1p(-uniforms[:, 0]) / np.log(self.continuation) if self.continuation else np.zeros(games)
            self._lengths = 1 + np.minimum(np.floor(draws), self.rounds).astype(np.int64)
        return self._outcomes

    def step(self, actions: NDArray[np.integer]) -> Step:
        """Play one round with actions [P, B], integers below n; see ``Step`` for the result."""
        actions = np.asarray(actions, dtype=np.int64)
        if actions.shape != self._outcomes.shape:
            raise ValueError(f"actions must have shape {list(self._outcomes.shape)}, got {list(actions.shape)}")
        if self._round >= self.rounds:  # every game is over
            terminated = self._lengths <= self.rounds
            return Step(self._outcomes, np.zeros(actions.shape, dtype=np.float32), terminated, ~terminated)
        if self.noise:
            actions = self._tremble(actions)
        self._round += 1
        outcomes, rewards = self._settle(actions)
        if self.continuation is None:
            self._outcomes = outcomes
            over = np.full(outcomes.shape[1], self._round >= self.rounds)
            return Step(self._outcomes, rewards, over, np.zeros_like(over))
        alive = self._round <= self._lengths
        self._outcomes = np.where(alive, outcomes, self._outcomes)
        terminated = self._round >= self._lengths
        truncated = ~terminated & (self._round >= self.rounds)
        return Step(self._outcomes, np.where(alive, rewards, np.float32(0)), terminated, truncated)

    def _settle(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Outcomes and payoffs [P, B] of a round in which actions [P, B] were carried out."""
        raise NotImplementedError

    def _tremble(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Replace each action with probability ``noise`` by another one; u < noise picks which."""
        n, players = self._spec.num_actions, self._spec.num_players
        first = int(self.continuation is not None) + players * self._round
        draws = self._uniforms[:, first : first + players].T
        shift = 1 + np.minimum((draws / self.noise * (n - 1)).astype(np.int64), n - 2)
        return np.where(draws < self.noise, (actions + shift) % n, actions)


class SymbolGame(RepeatedGame):
    """A repeated game of which everything can be seen from the last outcome, the round and the seat.

    Args:
        spec, continuation, noise: as of ``RepeatedGame``.
        parts: table [P, S, width] of each feature by seat and outcome (0 where it depends on the round).
    """

    def __init__(
        self,
        spec: GameSpec,
        continuation: float | None,
        noise: float,
        parts: Mapping[str, NDArray[np.float32]],
    ) -> None:
        super().__init__(spec, continuation, noise)
        self._table = np.concatenate([parts[part] for part in self.parts], axis=2)

    def observe(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None, as symbol, round and seat say it all."""
        return None

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """See ``BatchedGame``; None, as ``encode`` shows them."""
        return None

    def table(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None if the round is observed."""
        return None if "round" in self.parts else self._table

    def stage(self) -> NDArray[np.float32] | None:
        """See ``BatchedGame``; None here."""
        return None

    def encode(
        self, outcomes: NDArray[np.integer], rounds: NDArray[np.integer] | int, seats: NDArray[np.integer] | int
    ) -> NDArray[np.float32]:
        """Observation vectors [..., F]; see ``BatchedGame.encode``."""
        features = self._table[np.asarray(seats), np.asarray(outcomes)]  # scalars would give a view of the table
        if "round" in self.parts:
            column = sum(width for _, width in self._spec.features[: self.parts.index("round")])
            features[..., column] = np.asarray(rounds, dtype=np.float32) / self.rounds
        return features


def check_repetition(rounds: int, continuation: float | None, noise: float) -> None:
    """Raise ValueError naming the first argument of a repeated game that is out of range."""
    episode_length(rounds)
    for argument, value in (("continuation", continuation), ("noise", noise)):
        if not is_number(value) and (argument, value) != ("continuation", None):
            raise ValueError(f"{argument} must be a number, got {value!r}")
    if continuation is not None and not 0.0 <= continuation < 1.0:
        raise ValueError(f"continuation must be in [0, 1), got {continuation}")
    if not 0.0 <= noise <= 1.0:
        raise ValueError(f"noise must be in [0, 1], got {noise}")


def features_of(
    observe: Sequence[str], widths: Mapping[str, int], known: Sequence[str] = FEATURES
) -> tuple[tuple[str, int], ...]:
    """Parts of the observation vector and their widths, in the order of ``observe``.

    Raises:
        ValueError: unless these are distinct parts out of ``known``, at least one.
    """
    if not isinstance(observe, Sequence) or isinstance(observe, str | bytes):
        raise ValueError(f"observe must be a list of parts, got {observe!r}")
    unknown = [part for part in observe if part not in known]
    if unknown or not observe or len(set(observe)) != len(observe):
        raise ValueError(f"observe must be distinct parts out of {list(known)}, got {list(observe)}")
    return tuple((part, widths[part]) for part in observe)


def symbol_parts(
    own: NDArray[np.integer], actions: int, payoffs: NDArray[np.float32], observe: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """Tables of the parts that are observed, by seat and outcome, as ``SymbolGame`` takes them.

    Args:
        own: [S - 1], the own action in each outcome but the start.
        actions: n.
        payoffs: [P, S], own ones by seat and outcome, 0 at the start.
        observe: the parts, out of ``FEATURES``.

    Raises:
        ValueError: if the tables would be larger than ``LARGEST_TABLE``.
    """
    players, symbols = payoffs.shape
    widths = {"outcome": symbols, "action": actions, "reward": 1, "round": 1}
    for part in observe:
        size = players * symbols * widths[part] * 4
        if size > LARGEST_TABLE:
            raise ValueError(
                f"observe: got {part} with {symbols:,} outcomes and {actions:,} actions; expected parts of less than "
                f"1 GiB, this one takes {size / 2**30:.1f} (observe action and reward instead, or play fewer actions)"
            )
    made = {
        "outcome": lambda: np.eye(symbols, dtype=np.float32),
        "action": lambda: np.concatenate([np.zeros((1, actions), np.float32), np.eye(actions, dtype=np.float32)[own]]),
        "round": lambda: np.zeros((symbols, 1), dtype=np.float32),
    }
    return {part: payoffs[:, :, None] if part == "reward" else np.stack([made[part]()] * players) for part in observe}
