"""Whether an agent extorts: the zero-determinant family fitted to its play, and the line of payoffs that it enforces.

An extortioner holds own - P = chi (other - P) against whomever it plays (``extortion``). The first is fitted to the
agent's memory-1 summary against each co-player; the second is seen in payoffs against many tabular co-players, over the
second half of the episodes, where neither player's opening counts any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from coop_icl.evaluation.analysis import Analysis, Effort, Subject
from coop_icl.evaluation.batches import as_co_player, play_each
from coop_icl.evaluation.dilemma import prisoners_dilemma
from coop_icl.evaluation.extortion import fit_extortion, memory1_response
from coop_icl.evaluation.probes import SUITE
from coop_icl.evaluation.resampling import interval, resampled_means
from coop_icl.models.policy import SequencePolicy
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.memory_one import fixed
from coop_icl.populations.registry import make_co_player
from coop_icl.seeding import Purpose, SeedNode, Stream
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame

SPREAD = 100
"""Tabular co-players, drawn once, of which each is a point."""
STRAIGHT = 0.9
"""Share of the payoffs' second moment from which on they lie on a line."""


def payoff_line(points: NDArray[np.floating], baseline: float, node: SeedNode) -> dict[str, Any]:
    """The line through (P, P) nearest to points [C, 2] of own and the co-player's payoff, in least squares across it.

    Returns:
        ``chi``: its slope, own by other, with an interval over co-players; ``explained``: share of the second moment
        along it, 1 if all points lie on it, 1/2 if they have no direction; ``straight``: whether that is a line.
    """
    own, other = (np.asarray(points, dtype=np.float64) - baseline).T
    xx, yy, xy = resampled_means(np.stack([other**2, own**2, other * own], axis=1), node).T
    slopes = np.tan(np.arctan2(2 * xy, xx - yy) / 2)
    along = (xx[0] + yy[0]) / 2 + np.hypot((xx[0] - yy[0]) / 2, xy[0])
    explained = float(along / max(xx[0] + yy[0], 1e-12))
    return {"chi": interval(slopes), "explained": round(explained, 4), "straight": explained >= STRAIGHT}


def feasible(payoffs: NDArray[np.floating]) -> list[list[float]]:
    """Corners of the region of mean payoffs (own, other) that two players can reach, in order around it.

    ``payoffs`` are own ones [2, 2] of a symmetric game, by own and other action.
    """
    own = np.asarray(payoffs, dtype=np.float64)
    corners = np.stack([own, own.T], axis=-1).reshape(-1, 2)
    return corners[ConvexHull(corners).vertices].tolist()


def run(subject: Subject, effort: Effort) -> dict[str, Any]:
    """Fits and payoffs of one agent.

    Returns:
        ``fits``: for every named co-player and other learner ``after`` (cooperation after CC, CD, DC, DD), ``visits``,
        ``chi``, ``phi``, ``residual``, ``random_residual`` and ``worse_at_random`` (``extortion.ExtortionFit``), and
        the mean payoffs. ``points``: own and other payoff against each tabular co-player; ``line``: see
        ``payoff_line``. ``region``: see ``feasible``. ``with_learners``: own payoff less theirs.
    """
    game, policy = subject.game(), subject.policy
    payoffs = np.asarray(game.payoffs, dtype=np.float64)[0]  # type: ignore[attr-defined]
    node = SeedNode(effort.seed).child(Purpose.EVALUATE)
    named = [make_co_player(name, game) for name in SUITE]
    learners = [as_co_player(name, other.policy, game) for name, other in subject.others.items()]
    co_players = [*named, *learners]
    played = play_each(policy, game, co_players, [effort.episodes] * len(co_players), node)
    fits = [
        {"co_player": one.kind, "learner": at >= len(named), **_fit(played, at, effort.episodes, payoffs)}
        for at, one in enumerate(co_players)
    ]
    points = _points(policy, game, max(8, effort.episodes // 8), node.child(1))
    ahead = [fit["payoff"] - fit["other_payoff"] for fit in fits if fit["learner"]]
    return {
        "payoffs": payoffs.tolist(),
        "baseline": float(payoffs[1, 1]),
        "region": feasible(payoffs),
        "episodes": effort.episodes,
        "fits": fits,
        "points": np.round(points, 4).tolist(),
        "line": payoff_line(points, float(payoffs[1, 1]), node),
        "with_learners": round(float(np.mean(ahead)), 4) if ahead else None,
    }


EXTORTION = Analysis("whether it extorts", prisoners_dilemma, run)


def _fit(played: Trajectory, place: int, games: int, payoffs: NDArray[np.float64]) -> dict[str, Any]:
    """The fit to games [place * games, (place + 1) * games)."""
    at = slice(place * games, (place + 1) * games)
    seen, actions = played.outcomes[:, 0, at], played.actions[:, 0, at]
    after, visits = memory1_response(seen, actions, played.mask[:, at])
    fit = fit_extortion(after[1:], payoffs)
    own, other = played.rewards[..., at].mean((0, 2))
    return {
        "after": [None if np.isnan(p) else round(float(p), 4) for p in after[1:]],
        "visits": visits[1:].tolist(),
        "chi": None if fit.chi is None else round(fit.chi, 3),
        "phi": round(fit.phi, 4),
        "residual": round(fit.residual, 4),
        "random_residual": round(fit.random_residual, 4),
        "worse_at_random": round(fit.worse_at_random, 4),
        "payoff": round(float(own), 4),
        "other_payoff": round(float(other), 4),
    }


def _points(policy: SequencePolicy, game: BatchedGame, games: int, node: SeedNode) -> NDArray[np.float64]:
    """Mean payoffs [C, 2] in the second half of games with tabular agents, ``games`` with each."""
    tables = node.rng(Stream.MATCHUP).random((SPREAD, 5))
    agents: Sequence[CoPlayer] = [fixed(f"tabular_{i}", tuple(table)) for i, table in enumerate(tables)]
    played = play_each(policy, game, agents, [games] * SPREAD, node)
    settled = played.rewards[len(played.rewards) // 2 :].mean(0, dtype=np.float64)
    return settled.reshape(2, SPREAD, games).mean(2).T
