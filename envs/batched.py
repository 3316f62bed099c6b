"""The contract of a batched game: B independent games stepped by array operations.

Shapes use P players, B games. Everything random in an episode is a function of the uniform numbers handed to
``reset``, so the caller owns all seeding and an episode replays from its numbers alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GameSpec:
    """What a policy has to know of a game.

    ``num_outcomes`` counts the symbols a player can be shown after a round (0 is the start of the episode).
    ``features`` names the parts of the observation vector and their widths, in order.
    ``grid`` is the shape (channels, height, width) of the part called ``grid``, where there is one.
    """

    name: str
    num_players: int
    num_actions: int
    max_rounds: int
    num_outcomes: int
    features: tuple[tuple[str, int], ...]
    symmetric: bool
    grid: tuple[int, int, int] | None = None

    @property
    def observation_size(self) -> int:
        """Width F of the observation vector."""
        return sum(width for _, width in self.features)


class Step(NamedTuple):
    """The result of one round.

    Attributes:
        outcomes: int64 [P, B], the last joint outcome as each player sees it (own action first).
        rewards: float32 [P, B], payoffs of this round; 0 in games already over.
        terminated: bool [B], the game has ended by its own rules.
        truncated: bool [B], the game was cut at ``max_rounds`` though its rules would go on.
        cooperated: float32 [P, B], 1 where a player cooperated in this round, 0 where it did the opposite and NaN where
            it did neither; None in games where action 0 is to cooperate and every other one is not.
    """

    outcomes: NDArray[np.int64]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    cooperated: NDArray[np.float32] | None = None


class BatchedGame(Protocol):
    """B games in lockstep; games that are over ignore actions until the next reset."""

    @property
    def spec(self) -> GameSpec:
        """Static description."""
        ...

    @property
    def num_uniforms(self) -> int:
        """K, how many uniform numbers one episode consumes."""
        ...

    def reset(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Start B episodes from uniforms [B, K]; return the outcomes [P, B] (all 0: start)."""
        ...

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Play one round with actions [P, B]."""
        ...

    def observe(self) -> NDArray[np.float32] | None:
        """What every player sees now, [P, B, F], in games that show more than a symbol; else None: see ``encode``."""
        ...

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Least and greatest observation by seat, [P, F] each, in games with ``observe``; None in all others."""
        ...

    def table(self) -> NDArray[np.float32] | None:
        """Observation vectors [P, num_outcomes, F] by seat and outcome; None if they depend on anything else."""
        ...

    def stage(self) -> NDArray[np.float32] | None:
        """Payoffs [P, 1 + n * n] by outcome, 0 at the start, if this is a stage game and nothing else.

        That is, two players play ``max_rounds`` rounds of it, and an outcome is 1 + own action * n + the other's; None
        for any other game.
        """
        ...

    def encode(
        self, outcomes: NDArray[np.integer], rounds: NDArray[np.integer] | int, seats: NDArray[np.integer] | int
    ) -> NDArray[np.float32]:
        """Observation vectors [..., F] of outcomes [...] seen before round ``rounds`` (0-based) from ``seats``.

        ``rounds`` and ``seats`` broadcast against ``outcomes``. Games with ``observe`` raise TypeError.
        """
        ...
