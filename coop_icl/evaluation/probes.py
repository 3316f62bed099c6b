"""Probes: what a trained policy does against fixed co-players and against other policies, round by round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.exact import best_response
from coop_icl.evaluation.extortion import memory1_response
from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.memory_one import Memory1CoPlayer
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import is_told
from coop_icl.seeding import Purpose, SeedNode, Stream
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame

SUITE = ("tft", "allc", "alld", "gtft", "wsls", "tabular")
"""Co-players that tell an in-context best responder from a handshake."""


@dataclass(frozen=True)
class Probe:
    """What one focal policy did against one kind of co-player.

    Attributes:
        co_player: its kind.
        cooperation: focal cooperation by round [T]; other_cooperation: the co-player's.
        payoff: focal mean payoff per round; other_payoff: the co-player's.
        after: focal cooperation [K] after each joint outcome (start, CC, CD, DC, DD), NaN where it did not occur;
            visits: how often it did [K].
        best: mean payoff of the exact best response to the known co-player; None if it is no memory-1 policy or the
            game is not one of two players, two actions and a fixed length without inner episodes.
    """

    co_player: str
    cooperation: NDArray[np.float64]
    other_cooperation: NDArray[np.float64]
    payoff: float
    other_payoff: float
    after: NDArray[np.float64]
    visits: NDArray[np.int64]
    best: float | None = None

    def row(self) -> dict[str, float | str | None]:
        """One line of a table: rates over the first and the last tenth of the rounds (at least one), and overall."""
        tenth = max(1, len(self.cooperation) // 10)
        return {
            "co_player": self.co_player,
            "cooperation": float(self.cooperation.mean()),
            "cooperation_first_round": float(self.cooperation[0]),
            "cooperation_late": float(self.cooperation[-3 * tenth : -tenth].mean()),
            "cooperation_last_tenth": float(self.cooperation[-tenth:].mean()),
            "other_cooperation": float(self.other_cooperation.mean()),
            "payoff": self.payoff,
            "other_payoff": self.other_payoff,
            "best_response": self.best,
            "gap": None if self.best is None else self.best - self.payoff,
        }


def probe(policy: SequencePolicy, game: BatchedGame, co_player: CoPlayer, episodes: int = 512, seed: int = 0) -> Probe:
    """Play ``episodes`` against ``co_player``, the focal policy in seat 0 of every game."""
    seats = np.stack([np.zeros(episodes), np.ones(episodes)]).astype(np.int16)
    matchups = Matchups(("focal", co_player.kind), (LEARNER, co_player.kind), 1, seats)
    node = SeedNode(seed).child(Purpose.EVALUATE)
    told = is_told(policy, game)
    played = play(game, matchups, PolicyStack([policy]), [[0]], {1: co_player}, node, opponent_id=told)
    best = None
    payoffs = getattr(game, "payoffs", None)
    exact = isinstance(co_player, Memory1CoPlayer) and game.num_uniforms == 0 and game.spec.num_actions == 2
    if payoffs is not None and exact and not getattr(game, "inner_rounds", None):
        numbers = node.child(Stream.CO_PLAYER).rng(1).random((episodes, co_player.num_parameters))
        tables = co_player.initial_state(numbers)
        unique, counts = np.unique(tables, axis=0, return_counts=True)
        rounds = game.spec.max_rounds
        values = [best_response(table, payoffs[0], rounds)[0] / rounds for table in unique]
        best = float(np.average(values, weights=counts))
    return _probe(co_player.kind, played, game, best)


def probe_suite(
    policy: SequencePolicy, game: BatchedGame, names: Sequence[str] = SUITE, episodes: int = 512, seed: int = 0
) -> list[Probe]:
    """``probe`` against each named co-player."""
    return [probe(policy, game, make_co_player(name, game), episodes, seed) for name in names]


def meet(first: SequencePolicy, second: SequencePolicy, game: BatchedGame, episodes: int = 512, seed: int = 0) -> Probe:
    """What ``first`` does against ``second``, each in its seat; ``best`` is None."""
    seats = np.stack([np.zeros(episodes), np.ones(episodes)]).astype(np.int16)
    matchups = Matchups(("first", "second"), (LEARNER, LEARNER), 2, seats)
    node = SeedNode(seed).child(Purpose.EVALUATE)
    alike = first.config == second.config
    stack = PolicyStack([first, second], fused=alike)
    played = play(game, matchups, stack, [[0], [1]], {}, node, opponent_id=is_told(first, game))
    return _probe(LEARNER, played, game)


def _probe(kind: str, played: Trajectory, game: BatchedGame, best: float | None = None) -> Probe:
    """What the agent in seat 0 of every game did."""
    rates = _rates(played.actions, played.mask)
    mean = (played.rewards * played.mask[:, None]).sum((0, 2)) / played.mask.sum()
    after, visits = memory1_response(played.outcomes[:, 0], played.actions[:, 0], played.mask, game.spec.num_outcomes)
    return Probe(kind, rates[:, 0], rates[:, 1], float(mean[0]), float(mean[1]), after, visits, best)


def _rates(actions: NDArray[np.int8], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Rate of action 0 by round and seat, [T, P], over games still being played."""
    cooperated = ((actions == 0) & mask[:, None]).sum(2)
    return cooperated / np.maximum(mask.sum(1), 1)[:, None]
