"""Episodes of one policy against one co-player: what analyses are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.values import Tables, action_values, at, is_exact, tables_of, values
from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import is_told
from coop_icl.seeding import Purpose, SeedNode, Stream
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame


@dataclass(frozen=True)
class Match:
    """B episodes.

    Attributes:
        trajectory: of both seats.
        seat: of the focal policy.
        tables: the machine that the co-player is; None if it is none.
    """

    trajectory: Trajectory
    seat: int
    tables: Tables | None

    @property
    def payoffs(self) -> NDArray[np.float64]:
        """Focal mean payoff a round of each episode [B]."""
        return self._mean(self.seat)

    @property
    def other_payoffs(self) -> NDArray[np.float64]:
        """The co-player's [B]."""
        return self._mean(1 - self.seat)

    def _mean(self, seat: int) -> NDArray[np.float64]:
        played = self.trajectory
        return (played.rewards[:, seat] * played.mask).sum(0, dtype=np.float64) / played.mask.sum(0)


def match(
    policy: SequencePolicy, game: BatchedGame, co_player: CoPlayer, episodes: int, seed: int, seat: int = 0
) -> Match:
    """Play ``episodes`` with the policy in ``seat`` of every game; the same seed plays the same episodes."""
    seats = np.full((2, episodes), 1, dtype=np.int16)
    seats[seat] = 0
    matchups = Matchups(("focal", co_player.kind), (LEARNER, co_player.kind), 1, seats)
    node = SeedNode(seed).child(Purpose.EVALUATE)
    told = is_told(policy, game)
    played = play(game, matchups, PolicyStack([policy]), [[0]], {1: co_player}, node, opponent_id=told)
    if not is_exact(co_player):
        return Match(played, seat, None)
    numbers = node.child(Stream.CO_PLAYER).rng(1).random((episodes, co_player.num_parameters))  # as ``play`` draws them
    return Match(played, seat, tables_of(co_player, co_player.initial_state(numbers)))


def shortfalls(played: Match, payoffs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each action gave away [T, B], and the distance [T, B] from the best to the worst value before each round.

    What an action gives away is the value of the best response from then on less that of the action with best play
    after it. Over an episode it adds up to the value of the best response less the return, in expectation, without the
    chance of the co-player's replies.

    Args:
        played: against a finite-state machine.
        payoffs: focal ones [2, 2] by own and other action.
    """
    tables, trajectory = played.tables, played.trajectory
    assert tables is not None
    rounds, _, episodes = trajectory.actions.shape
    best, worst = values(tables, payoffs, rounds), values(tables, payoffs, rounds, choice="worst")
    actions = trajectory.actions[:, played.seat].astype(np.int64)
    seen = trajectory.outcomes[:, 1 - played.seat].astype(np.int64)
    given, room = np.zeros((rounds, episodes)), np.zeros((rounds, episodes))
    state = tables.first
    for t in range(rounds):
        if t:
            state = tables.after[state, seen[t] - 1]
        by_action = at(action_values(tables, payoffs, best[t + 1]), state)
        given[t] = by_action.max(0) - by_action[actions[t], np.arange(episodes)]
        room[t] = at(best[t] - worst[t], state)
    return given, room


def mean_and_error(values: NDArray[np.floating]) -> tuple[float, float]:
    """Mean of independent episodes, and its standard error (0 for one)."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return float(values.mean()), error
