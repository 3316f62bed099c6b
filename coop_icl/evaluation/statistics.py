"""Who cooperated with whom, and what it paid: statistics of trajectories, averaged over a window of updates.

Cooperation is the rate of action 0, whatever the number of actions. Rates and payoffs are those of learners, by the
kind of co-player they met; all are means over decisions, so longer episodes count for more.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from coop_icl.matchups import LEARNER, Matchups
from coop_icl.trajectory import Trajectory

Floats = NDArray[np.float64]
OUTCOMES = ("CC", "CD", "DC", "DD")


@dataclass(frozen=True)
class Counts:
    """Sums from which every statistic follows; L learners, A agents, K kinds of co-player, T rounds.

    Attributes:
        decisions, cooperations: [L, A], decisions of each learner in games with each agent; payoffs: [L, A].
        other_cooperations, other_payoffs: [L, A], the same of those agents in these games.
        outcomes: [4], joint outcomes of learner-learner games, the learner named first in ``agents`` first.
        round_decisions, round_cooperations: [T, K], of all learners by round and kind of co-player.
    """

    decisions: Floats
    cooperations: Floats
    payoffs: Floats
    other_cooperations: Floats
    other_payoffs: Floats
    outcomes: Floats
    round_decisions: Floats
    round_cooperations: Floats

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def kinds_met(matchups: Matchups) -> tuple[str, ...]:
    """The K kinds of co-player a learner can meet, in the order of ``matchups.kinds``."""
    return tuple(dict.fromkeys(matchups.kinds))


def count(trajectory: Trajectory) -> Counts:
    """Sums over a trajectory.

    Raises:
        ValueError: unless games have two seats.
    """
    matchups, mask = trajectory.matchups, trajectory.mask
    if len(matchups.seats) != 2:
        raise ValueError(f"statistics are of games with two seats, not {len(matchups.seats)}")
    learners, agents = matchups.num_learners, len(matchups.agents)
    own = matchups.seats.reshape(-1).astype(np.int64)  # lanes [2 * B], by seat, then game
    other = matchups.seats[::-1].reshape(-1).astype(np.int64)
    ours = np.flatnonzero(own < learners)
    cooperated = (trajectory.actions == 0) & mask[:, None]
    payoffs = np.where(mask[:, None], trajectory.rewards, np.float32(0)).sum(0, dtype=np.float64)
    group = own[ours] * agents + other[ours]

    def by_pair(lanes: NDArray) -> Floats:
        return np.bincount(group, lanes[ours], learners * agents).reshape(learners, agents).astype(np.float64)

    kinds = kinds_met(matchups)
    kind_of = np.array([kinds.index(kind) for kind in matchups.kinds])
    member = np.zeros((len(own), len(kinds)), dtype=np.float32)  # sums below 2^24 are exact
    member[ours, kind_of[other[ours]]] = 1.0
    rounds = len(mask)
    round_cooperations = cooperated.reshape(rounds, -1).astype(np.float32) @ member
    round_decisions = mask.astype(np.float32) @ member.reshape(2, -1, len(kinds)).sum(0)
    return Counts(
        by_pair(np.tile(mask.sum(0), 2)),
        by_pair(cooperated.sum(0).reshape(-1)),
        by_pair(payoffs.reshape(-1)),
        by_pair(cooperated.sum(0)[::-1].reshape(-1)),
        by_pair(payoffs[::-1].reshape(-1)),
        _outcomes(cooperated, mask, matchups),
        round_decisions.astype(np.float64),
        round_cooperations.astype(np.float64),
    )


def _outcomes(cooperated: NDArray[np.bool_], mask: NDArray[np.bool_], matchups: Matchups) -> Floats:
    """Joint outcomes [4] of games between learners."""
    games = np.flatnonzero((matchups.seats < matchups.num_learners).all(0))
    first = matchups.seats[:, games].argmin(0)
    one, two = cooperated[:, first, games], cooperated[:, 1 - first, games]
    cc, one_c, two_c, played = (one & two).sum(), one.sum(), two.sum(), mask[:, games].sum()
    return np.array([cc, one_c - cc, two_c - cc, played - one_c - two_c + cc], dtype=np.float64)


class StatisticsWindow:
    """Adds up trajectories of the same learners and co-players until it is cleared."""

    def __init__(self) -> None:
        self._matchups: Matchups | None = None
        self._counts: Counts | None = None

    def add(self, trajectory: Trajectory) -> None:
        """Add a trajectory.

        Raises:
            ValueError: if its agents or its number of rounds differ from those already in the window.
        """
        new, old = trajectory.matchups, self._matchups
        counts = count(trajectory)
        if old is None or self._counts is None:
            self._matchups, self._counts = new, counts
            return
        same = (new.agents, new.kinds, new.num_learners) == (old.agents, old.kinds, old.num_learners)
        if not same or counts.round_decisions.shape != self._counts.round_decisions.shape:
            raise ValueError("a window takes trajectories of the same agents and rounds; clear it in between")
        self._counts = self._counts + counts

    def clear(self) -> None:
        """Forget all that was added."""
        self._matchups = self._counts = None

    def scalars(self) -> dict[str, float]:
        """Means over the window by tag; what did not occur is left out.

        ``cooperation/learner-<kind>`` and ``payoff/learner-<kind>`` (payoff a round) are over all learners,
        ``cooperation/<learner>/<kind>`` and ``payoff/<learner>/<kind>`` of one; ``cooperation/<kind>-learner`` and
        ``payoff/<kind>-learner`` are what co-players of a kind did and earned with learners. In learner-learner games:
        ``payoff_gap/<a>-<b>`` is a's mean payoff minus b's against each other, ``payoff_gap/<a>`` a's minus its
        co-players', ``payoff_gap/learners`` the best learner's minus the worst's, and
        ``outcomes/learner-learner/<CC, CD, DC, DD>`` shares of joint outcomes, the earlier learner's action first.
        """
        if self._matchups is None or self._counts is None:
            return {}
        m, c = self._matchups, self._counts
        tags: dict[str, float] = {}
        both = (("cooperation", c.cooperations, c.other_cooperations), ("payoff", c.payoffs, c.other_payoffs))
        for name, sums, others in both:
            for kind in kinds_met(m):
                met = np.array([k == kind for k in m.kinds])
                _put(tags, f"{name}/learner-{kind}", sums[:, met].sum(), c.decisions[:, met].sum())
                if kind != LEARNER:
                    _put(tags, f"{name}/{kind}-learner", others[:, met].sum(), c.decisions[:, met].sum())
                for i in range(m.num_learners):
                    _put(tags, f"{name}/{m.agents[i]}/{kind}", sums[i, met].sum(), c.decisions[i, met].sum())
        tags.update(_gaps(m.agents[: m.num_learners], c))
        for outcome, number in zip(OUTCOMES, c.outcomes, strict=True):
            _put(tags, f"outcomes/{LEARNER}-{LEARNER}/{outcome}", number, c.outcomes.sum())
        return tags

    def by_round(self) -> dict[str, Floats]:
        """The learners' cooperation rate by round, ``{"learner-<kind>": [T]}``.

        An array ends with the last round that any game of its kind reached.
        """
        if self._matchups is None or self._counts is None:
            return {}
        curves = {}
        for k, kind in enumerate(kinds_met(self._matchups)):
            decisions = self._counts.round_decisions[:, k]
            reached = int((decisions > 0).sum())
            if reached:
                curves[f"learner-{kind}"] = self._counts.round_cooperations[:reached, k] / decisions[:reached]
        return curves


def _gaps(names: tuple[str, ...], c: Counts) -> dict[str, float]:
    """Differences of mean payoffs in games between learners."""
    learners = len(names)
    payoffs, decisions = c.payoffs[:, :learners], c.decisions[:, :learners]
    tags, means = {}, []
    for i, name in enumerate(names):
        if decisions[i].sum():
            means.append(payoffs[i].sum() / decisions[i].sum())
            tags[f"payoff_gap/{name}"] = float(means[-1] - payoffs[:, i].sum() / decisions[:, i].sum())
        for j in range(i + 1, learners):
            _put(tags, f"payoff_gap/{name}-{names[j]}", payoffs[i, j] - payoffs[j, i], decisions[i, j])
    if means:
        tags["payoff_gap/learners"] = float(max(means) - min(means))
    return tags


def _put(tags: dict[str, float], tag: str, total: float, number: float) -> None:
    if number:
        tags[tag] = float(total / number)
