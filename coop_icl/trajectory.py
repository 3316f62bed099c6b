"""What a rollout leaves: whole episodes, time-major, every lane from its own player's view.

A lane is one seat of one game. T is the longest episode a game allows, N the number of lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coop_icl.matchups import Matchups

ARRAYS = ("outcomes", "actions", "rewards", "logp", "values", "mask")
"""Fields of a trajectory whose last dimension is the game."""
OPTIONAL = ("observations", "cooperated")
"""Fields [T, P, B, ...] of some games only."""


def integers_below(count: int) -> type[np.signedinteger]:
    """Return the narrowest signed type that holds the numbers from 0 to ``count`` - 1.

    Raises:
        ValueError: if even 32 bits do not.
    """
    for kind in (np.int8, np.int16, np.int32):
        if count - 1 <= np.iinfo(kind).max:
            return kind
    raise ValueError(f"got {count} actions or outcomes; expected at most {2**31} (32 bits)")


@dataclass(frozen=True)
class Trajectory:
    """B whole episodes of P players.

    Attributes:
        outcomes: int8 [T, P, B], joint outcome each player saw before the round (0 in the first); wider in games that
            have more than 128 (``integers_below``).
        actions: int8 [T, P, B]; wider in games that have more than 128.
        rewards: float32 [T, P, B], payoffs as the game gives them (unscaled); 0 after the end.
        logp: float32 [T, P, B], log-probability of the action under the policy that took it; 0 for co-players.
        values: float32 [T, P, B], what that policy expected of the scaled returns; 0 for co-players.
        mask: bool [T, B], rounds that were played.
        matchups: who sat where.
        told: float32 [P, B, K], what each seat was told of its co-player (``rollouts.telling``); K = 0 if nothing.
        weights_version: update count of the weights that played.
        observations: float32 [T, P, B, F], what each seat was shown before the round; None in games that show symbols,
            of which observations are a function (``BatchedGame.encode``).
        cooperated: float32 [T, P, B], 1, 0 or NaN as in ``envs.batched.Step``; None where action 0 is to cooperate.
    """

    outcomes: NDArray[np.signedinteger]
    actions: NDArray[np.signedinteger]
    rewards: NDArray[np.float32]
    logp: NDArray[np.float32]
    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    matchups: Matchups
    told: NDArray[np.float32]
    weights_version: int = 0
    observations: NDArray[np.float32] | None = None
    cooperated: NDArray[np.float32] | None = None

    @property
    def is_first(self) -> NDArray[np.bool_]:
        """Bool [T, B], the rounds before which memory is empty: the first of each episode and no other."""
        first = np.zeros_like(self.mask)
        first[0] = True
        return first

    def env_steps(self) -> int:
        """Rounds played, summed over games."""
        return int(self.mask.sum())

    def agent_steps(self) -> int:
        """Decisions taken, summed over seats."""
        return int(self.mask.sum()) * self.actions.shape[1]

    def cooperation(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where somebody cooperated, and where that or the opposite was done in a round played, bool [T, P, B] each."""
        played = np.broadcast_to(self.mask[:, None], self.actions.shape)
        if self.cooperated is None:
            return (self.actions == 0) & played, played
        return (self.cooperated > 0) & played, np.isfinite(self.cooperated) & played

    def __len__(self) -> int:
        return self.matchups.num_games

    @staticmethod
    def concat(parts: Sequence[Trajectory]) -> Trajectory:
        """Episodes of several blocks side by side; agents and T must agree."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0].matchups
        arrays = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in ARRAYS}
        seats = np.concatenate([part.matchups.seats for part in parts], axis=1)
        told = np.concatenate([part.told for part in parts], axis=1)
        arrays |= {name: _joined([getattr(part, name) for part in parts]) for name in OPTIONAL}
        version = min(part.weights_version for part in parts)
        return replace(parts[0], **arrays, matchups=replace(first, seats=seats), told=told, weights_version=version)

    def split(self, parts: int) -> list[Trajectory]:
        """Nearly equal shares of the games, in order; ``concat`` joins them again."""
        edges = [round(i * len(self) / parts) for i in range(parts + 1)]
        return [self._games(slice(low, high)) for low, high in pairwise(edges)]

    def _games(self, games: slice) -> Trajectory:
        matchups = replace(self.matchups, seats=self.matchups.seats[:, games])
        arrays = {name: getattr(self, name)[..., games] for name in ARRAYS}
        arrays |= {name: getattr(self, name)[:, :, games] for name in OPTIONAL if getattr(self, name) is not None}
        return replace(self, **arrays, matchups=matchups, told=self.told[:, games])


def _joined(parts: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """Arrays [T, P, B, ...] side by side, if there are any."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there, axis=2) if there else None


@dataclass(frozen=True)
class LearnerBatch:
    """The lanes of one learner: all it may learn from.

    Attributes:
        outcomes, actions: int8 [T, N], or wider; rewards, logp, values: float32 [T, N]; mask: bool [T, N]; as in
            ``Trajectory``.
        told: float32 [N, K]; seats: int8 [N], wider for more than 128 players; games: int32 [N], column of the
            trajectory; kinds: int16 [N], agent index of the co-player (0 among learners, see ``Matchups.company``), so
            that equal numbers mean an equal kind.
        observations: float32 [T, N, F], None in games that show symbols.
        co_rewards, co_values: float32 [T, N], of the co-player; None unless put there by ``with_co_player``.
    """

    outcomes: NDArray[np.signedinteger]
    actions: NDArray[np.signedinteger]
    rewards: NDArray[np.float32]
    logp: NDArray[np.float32]
    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    told: NDArray[np.float32]
    seats: NDArray[np.signedinteger]
    games: NDArray[np.int32]
    kinds: NDArray[np.int16]
    observations: NDArray[np.float32] | None = None
    co_rewards: NDArray[np.float32] | None = None
    co_values: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.games)


def learner_batch(trajectory: Trajectory, agents: Sequence[int]) -> LearnerBatch:
    """The lanes of ``agents`` (one learner, or all that share its weights), in that order."""
    matchups = trajectory.matchups
    found = [matchups.games_of(agent) for agent in agents]
    seats = np.concatenate([seat for seat, _ in found])
    games = np.concatenate([game for _, game in found])
    shown = trajectory.observations
    return LearnerBatch(
        trajectory.outcomes[:, seats, games],
        trajectory.actions[:, seats, games],
        trajectory.rewards[:, seats, games],
        trajectory.logp[:, seats, games],
        trajectory.values[:, seats, games],
        trajectory.mask[:, games],
        trajectory.told[seats, games],
        seats.astype(integers_below(len(matchups.seats))),
        games.astype(np.int32),
        matchups.company()[games],
        None if shown is None else shown[:, seats, games],
    )


def with_co_player(trajectory: Trajectory, batch: LearnerBatch) -> LearnerBatch:
    """A batch of this trajectory with what co-players were paid and expected, for methods that look at it.

    Raises:
        ValueError: unless there are two players.
    """
    if len(trajectory.matchups.seats) != 2:
        raise ValueError(f"one co-player is meant, but there are {len(trajectory.matchups.seats)} players")
    seats, games = 1 - batch.seats.astype(np.intp), batch.games
    return replace(batch, co_rewards=trajectory.rewards[:, seats, games], co_values=trajectory.values[:, seats, games])
