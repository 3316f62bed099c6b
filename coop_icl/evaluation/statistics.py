"""Who cooperated with whom, and what it paid: statistics of trajectories, averaged over a window of updates.

Cooperation is the rate of action 0, whatever the number of actions, unless the game says itself what cooperating is; a
decision that is neither that nor the opposite is then left out. Rates and payoffs are those of learners, by the kind
of co-player they met; all are means over decisions, so longer episodes count for more.

In games of more than two, the kind is that of the seats that learners leave (``learner``: they leave none). What is
told of pairs is told of each two in a game, but for two learners in games among learners only.
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
        decisions: [L, A], decisions of each learner in games with each agent, in equal parts where these are several;
            payoffs: [L, A].
        choices, cooperations: [L, A], those of them that are cooperation or its opposite, and that are cooperation.
        other_choices, other_cooperations, other_payoffs: [L, A], the same of those agents in these games.
        outcomes: of learner-learner games; of two players [4], joint outcomes, the learner named first in ``agents``
            first; of more [P + 1], rounds by the number of those who cooperate.
        round_decisions, round_cooperations: [T, K], choices and cooperation of all learners by round and kind of
            co-player.
    """

    decisions: Floats
    payoffs: Floats
    choices: Floats
    cooperations: Floats
    other_choices: Floats
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
    """Sums over a trajectory."""
    matchups, mask = trajectory.matchups, trajectory.mask
    players, games = matchups.seats.shape
    learners, agents = matchups.num_learners, len(matchups.agents)
    cooperated, chose = trajectory.cooperation()
    payoffs = np.where(mask[:, None], trajectory.rewards, np.float32(0)).sum(0, dtype=np.float64)
    rounds = np.broadcast_to(mask.sum(0), (players, games))
    everything = trajectory.cooperated is None  # every decision is a choice
    lanes = {"decisions": rounds, "cooperations": cooperated.sum(0), "payoffs": payoffs}  # [P, B] each
    lanes["choices"] = rounds if everything else chose.sum(0)
    ours, theirs = _pairs(matchups)
    group = matchups.seats[ours].astype(np.int64) * agents + matchups.seats[theirs]
    lane = ours[0] * games + ours[1]
    share = 1 / np.bincount(lane, minlength=players * games)[lane]  # a decision counts once, whomever it is told with

    def by_pair(values: NDArray, side: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Floats:
        return np.bincount(group, values[side] * share, learners * agents).reshape(learners, agents).astype(np.float64)

    kinds = kinds_met(matchups)
    kind_of = np.array([kinds.index(kind) for kind in matchups.kinds])
    member = np.zeros((players, games, len(kinds)), dtype=np.float32)  # sums below 2^24 are exact
    seats, of = np.nonzero(matchups.seats < learners)
    member[seats, of, kind_of[matchups.company()[of]]] = 1.0
    flat = member.reshape(-1, len(kinds))
    round_choices = (
        mask.astype(np.float32) @ member.sum(0)
        if everything
        else chose.reshape(len(mask), -1).astype(np.float32) @ flat
    )
    return Counts(
        **{name: by_pair(values, ours) for name, values in lanes.items()},
        **{f"other_{name}": by_pair(lanes[name], theirs) for name in ("choices", "cooperations", "payoffs")},
        outcomes=(_outcomes if players == 2 else _cooperators)(cooperated, chose, matchups),
        round_decisions=round_choices.astype(np.float64),
        round_cooperations=(cooperated.reshape(len(mask), -1).astype(np.float32) @ flat).astype(np.float64),
    )


def _pairs(matchups: Matchups) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    """Seats and games of a learner, and of somebody else in its game: every two that are told of."""
    seats, among = matchups.seats, matchups.company() < matchups.num_learners
    own, other = [], []
    for one in range(len(seats)):
        for two in range(len(seats)):
            told = (seats[one] < matchups.num_learners) & (among | (seats[two] >= matchups.num_learners))
            games = np.flatnonzero(told) if one != two else np.zeros(0, np.intp)
            own.append((np.full(len(games), one), games))
            other.append((np.full(len(games), two), games))
    return tuple((np.concatenate([s for s, _ in side]), np.concatenate([g for _, g in side])) for side in (own, other))


def _outcomes(cooperated: NDArray[np.bool_], chose: NDArray[np.bool_], matchups: Matchups) -> Floats:
    """Joint outcomes [4] of games of two learners."""
    games = np.flatnonzero((matchups.seats < matchups.num_learners).all(0))
    first = matchups.seats[:, games].argmin(0)
    both = chose[:, 0, games] & chose[:, 1, games]
    one, two = cooperated[:, first, games] & both, cooperated[:, 1 - first, games] & both
    cc, one_c, two_c, played = (one & two).sum(), one.sum(), two.sum(), both.sum()
    return np.array([cc, one_c - cc, two_c - cc, played - one_c - two_c + cc], dtype=np.float64)


def _cooperators(cooperated: NDArray[np.bool_], chose: NDArray[np.bool_], matchups: Matchups) -> Floats:
    """Rounds [P + 1] of games among learners by how many cooperated, if each did so or the opposite."""
    games = (matchups.seats < matchups.num_learners).all(0)
    number = cooperated[:, :, games].sum(1)[chose[:, :, games].all(1)]
    return np.bincount(number, minlength=len(matchups.seats) + 1).astype(np.float64)


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
        ``outcomes/learner-learner/<CC, CD, DC, DD>`` shares of joint outcomes, the earlier learner's action first; of
        more than two, ``outcomes/learner-learner/<k>_of_<P>`` of rounds in which so many cooperated.
        """
        if self._matchups is None or self._counts is None:
            return {}
        m, c = self._matchups, self._counts
        tags: dict[str, float] = {}
        both = (
            ("cooperation", c.cooperations, c.choices, c.other_cooperations, c.other_choices),
            ("payoff", c.payoffs, c.decisions, c.other_payoffs, c.decisions),
        )
        for name, sums, numbers, others, other_numbers in both:
            for kind in kinds_met(m):
                met = np.array([k == kind for k in m.kinds])
                _put(tags, f"{name}/learner-{kind}", sums[:, met].sum(), numbers[:, met].sum())
                if kind != LEARNER:
                    _put(tags, f"{name}/{kind}-learner", others[:, met].sum(), other_numbers[:, met].sum())
                for i in range(m.num_learners):
                    _put(tags, f"{name}/{m.agents[i]}/{kind}", sums[i, met].sum(), numbers[i, met].sum())
        tags.update(_gaps(m.agents[: m.num_learners], c))
        players = m.num_players
        names = OUTCOMES if players == 2 else [f"{number}_of_{players}" for number in range(players + 1)]
        for outcome, number in zip(names, c.outcomes, strict=True):
            _put(tags, f"outcomes/{LEARNER}-{LEARNER}/{outcome}", number, c.outcomes.sum())
        return tags

    def by_round(self) -> dict[str, Floats]:
        """The learners' cooperation rate by round, ``{"learner-<kind>": [T]}``.

        An array ends with the last round in which there was anything to count, and is NaN in others without.
        """
        if self._matchups is None or self._counts is None:
            return {}
        curves = {}
        for k, kind in enumerate(kinds_met(self._matchups)):
            decisions = self._counts.round_decisions[:, k]
            reached = int(np.flatnonzero(decisions)[-1]) + 1 if decisions.any() else 0
            if reached:
                with np.errstate(invalid="ignore"):
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
