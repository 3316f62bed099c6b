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
from coop_icl.populations.registry import ANY_GAME, co_players_of, make_co_player, options_needed
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import is_told
from coop_icl.seeding import Purpose, SeedNode, Stream
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame

SUITE = ("tft", "allc", "alld", "gtft", "wsls", "tabular")
"""Co-players that tell an in-context best responder from a handshake, in games of two players and two actions."""


def suite_of(game: BatchedGame) -> list[str]:
    """Names of the co-players to probe with: ``SUITE`` where it fits, else those made for the game, and ``uniform``."""
    fitting = co_players_of(game)
    if all(name in fitting for name in SUITE):
        return list(SUITE)
    own = [name for name in fitting if name not in ANY_GAME and not options_needed(fitting[name])]
    return [*own, "uniform"]


@dataclass(frozen=True)
class Probe:
    """What one focal policy did against one kind of co-player, which sits in all other seats.

    Attributes:
        co_player: its kind.
        cooperation: focal cooperation by round [T]; other_cooperation: the co-player's, over its seats. NaN in rounds
            in which nobody did either that or the opposite, in games that say what that is.
        payoff: focal mean payoff per round; other_payoff: the co-player's, over its seats.
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
            "cooperation": _mean(self.cooperation),
            "cooperation_first_round": float(self.cooperation[0]),
            "cooperation_late": _mean(self.cooperation[-3 * tenth : -tenth]),
            "cooperation_last_tenth": _mean(self.cooperation[-tenth:]),
            "other_cooperation": _mean(self.other_cooperation),
            "payoff": self.payoff,
            "other_payoff": self.other_payoff,
            "best_response": self.best,
            "gap": None if self.best is None else self.best - self.payoff,
        }


def probe(policy: SequencePolicy, game: BatchedGame, co_player: CoPlayer, episodes: int = 512, seed: int = 0) -> Probe:
    """Play ``episodes`` against ``co_player``, the focal policy in seat 0 of every game."""
    seats = _one_with_the_other(game, episodes)
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
    policy: SequencePolicy, game: BatchedGame, names: Sequence[str] = (), episodes: int = 512, seed: int = 0
) -> list[Probe]:
    """``probe`` against each named co-player, by default those of ``suite_of``."""
    names = names or suite_of(game)
    return [probe(policy, game, make_co_player(name, game), episodes, seed) for name in names]


def meet(first: SequencePolicy, second: SequencePolicy, game: BatchedGame, episodes: int = 512, seed: int = 0) -> Probe:
    """What ``first`` does against ``second``, who takes all seats but the first; ``best`` is None."""
    seats = _one_with_the_other(game, episodes)
    matchups = Matchups(("first", "second"), (LEARNER, LEARNER), 2, seats)
    node = SeedNode(seed).child(Purpose.EVALUATE)
    alike = first.config == second.config
    stack = PolicyStack([first, second], fused=alike)
    played = play(game, matchups, stack, [[0], [1]], {}, node, opponent_id=is_told(first, game))
    return _probe(LEARNER, played, game)


def _probe(kind: str, played: Trajectory, game: BatchedGame, best: float | None = None) -> Probe:
    """What the agent in seat 0 of every game did."""
    rates = _rates(played)
    mean = (played.rewards * played.mask[:, None]).sum((0, 2)) / played.mask.sum()
    after, visits = memory1_response(played.outcomes[:, 0], played.actions[:, 0], played.mask, game.spec.num_outcomes)
    return Probe(kind, *rates, float(mean[0]), float(mean[1:].mean()), after, visits, best)


def _one_with_the_other(game: BatchedGame, episodes: int) -> NDArray[np.int16]:
    """Seats [P, B] of agent 0, who sits in the first one of every game, and agent 1, in all others."""
    seats = np.ones((game.spec.num_players, episodes), dtype=np.int16)
    seats[0] = 0
    return seats


def _rates(played: Trajectory) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rate of cooperation by round [T] in the first seat and in the others, over games still being played."""
    cooperated, chose = played.cooperation()
    rates = []
    for seats in (slice(0, 1), slice(1, None)):
        did, could = cooperated[:, seats].sum((1, 2)), chose[:, seats].sum((1, 2))
        rate = did / np.maximum(could, 1)
        rates.append(rate if played.cooperated is None else np.where(could > 0, rate, np.nan))
    return rates[0], rates[1]


def _mean(rates: NDArray[np.float64]) -> float:
    """Over rounds, without those that have no rate."""
    rates = rates if np.isfinite(rates).all() else rates[np.isfinite(rates)]
    return float(rates.mean()) if len(rates) else float("nan")
