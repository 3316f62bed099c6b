"""Who plays whom: matchups of a batch of episodes, drawn jointly from a weighted mixture of co-players."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coop_icl.matchups import LEARNER, Matchups
from coop_icl.populations.coplayer import CoPlayer, group_of
from coop_icl.seeding import SeedNode, Stream


@dataclass(frozen=True)
class Component:
    """One part of the mixture: the share of each learner's episodes, and the co-player (None: another learner)."""

    weight: float
    co_player: CoPlayer | None


class Population:
    """A mixture from which each learner meets every kind of co-player in a fixed share of its episodes.

    Args:
        learners: names of the learners, at least one.
        components: weights need not sum to one; they are shares of *each learner's* episodes.
        shuffle_seats: put the two agents of a game in a random order.

    Raises:
        ValueError: naming what is wrong with the mixture.
    """

    def __init__(self, learners: Sequence[str], components: Sequence[Component], shuffle_seats: bool = True) -> None:
        if not components or any(not 0 < c.weight < np.inf for c in components):
            raise ValueError("population needs at least one entry, each with a positive weight")
        if sum(c.co_player is None for c in components) > 1:
            raise ValueError("population names 'learner' more than once; give it one weight")
        if len(learners) < 2 and any(c.co_player is None for c in components):
            raise ValueError("population pairs learners with each other but there is one learner; set learners to 2")
        self.learners = tuple(learners)
        self.components = tuple(components)
        self.shuffle_seats = shuffle_seats
        self.co_players: tuple[CoPlayer, ...] = tuple(c.co_player for c in components if c.co_player is not None)
        kinds = [c.kind for c in self.co_players]
        if len(set(kinds)) != len(kinds) or LEARNER in kinds or set(kinds) & set(learners):
            raise ValueError(f"kinds of co-players must be distinct, got {kinds}; set 'kind' on one of them")
        self.agents = (*self.learners, *kinds)
        self.kinds = (*(LEARNER for _ in learners), *kinds)

    def draw(self, node: SeedNode, episodes_per_learner: int) -> Matchups:
        """All matchups of a block in which each learner plays ``episodes_per_learner`` episodes.

        Shares are met exactly up to rounding, which is itself drawn, so that the expected share is exact. Co-players
        that learn are met in whole groups, each with one learner and in one order of seats.

        Raises:
            ValueError: if the share of a co-player that learns is no multiple of its group.
        """
        rng = node.rng(Stream.MATCHUP)
        weights = np.array([c.weight for c in self.components])
        counts = self._quota(weights / weights.sum(), episodes_per_learner, rng)
        groups = [1 if c.co_player is None else group_of(c.co_player) for c in self.components]
        self._check_groups(weights / weights.sum() * episodes_per_learner, groups)
        pairs: list[NDArray[np.int16]] = []
        agent = len(self.learners)
        for component, count in zip(self.components, counts, strict=True):
            if component.co_player is None:
                pairs.append(self._pair_learners(int(count), rng))
            else:
                focal = np.repeat(np.arange(len(self.learners)), count)
                pairs.append(np.stack([focal, np.full_like(focal, agent)]).astype(np.int16))
                agent += 1
        seats = np.concatenate(pairs, axis=1)
        if self.shuffle_seats:
            swap = rng.random(seats.shape[1]) < 0.5
            swap = swap[_first_of_group([pair.shape[1] for pair in pairs], groups)]
            seats = np.where(swap, seats[::-1], seats)
        return Matchups(self.agents, self.kinds, len(self.learners), np.ascontiguousarray(seats))

    def draw_one(self, node: SeedNode) -> Matchups:
        """One matchup, each kind of game as often as in ``draw`` (for env runners that play one game at a time)."""
        many = self.draw(node, 64 * len(self.components))
        game = int(node.rng(Stream.GAME).integers(many.num_games))
        return Matchups(many.agents, many.kinds, many.num_learners, many.seats[:, game : game + 1])

    def _quota(self, shares: NDArray[np.float64], total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Integers that sum to ``total`` and whose expectation is shares * total (systematic sampling)."""
        step = 2 if len(self.learners) % 2 and len(self.learners) > 1 else 1
        edges = np.round(np.concatenate([[0.0], np.cumsum(shares)]) * (total // step), 9)
        counts = np.diff(np.floor(edges + rng.random())).astype(np.int64) * step
        counts[-1] += total - counts.sum()
        return counts

    def _check_groups(self, expected: NDArray[np.float64], groups: Sequence[int]) -> None:
        """Raise ValueError unless learning co-players get whole groups of each learner's ``expected`` episodes."""
        for component, share, group in zip(self.components, expected, groups, strict=True):
            if component.co_player is not None and abs(share / group - round(share / group)) > 1e-6 and group > 1:
                raise ValueError(
                    f"'{component.co_player.kind}' plays in groups of {group} but has {share:g} episodes of each "
                    "learner in a block; change its weight or train.episodes_per_learner"
                )

    def _pair_learners(self, count: int, rng: np.random.Generator) -> NDArray[np.int16]:
        """Games in which every learner meets another one ``count`` times, int16 [2, count * learners / 2]."""
        n = len(self.learners)
        if n % 2 == 0:  # perfect matchings
            order = rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
            return order.reshape(-1, 2).T.astype(np.int16)
        if count % 2:
            raise ValueError("an odd number of learners needs an even number of episodes a block with other learners")
        order = rng.permuted(np.tile(np.arange(n), (count // 2, 1)), axis=1)  # rings: everyone meets two others
        return np.stack([order, np.roll(order, 1, axis=1)]).reshape(2, -1).astype(np.int16)


def _first_of_group(counts: Sequence[int], groups: Sequence[int]) -> NDArray[np.int64]:
    """For each game the first game of its group; components have ``counts`` games in groups of ``groups``."""
    starts = np.cumsum([0, *counts[:-1]])
    firsts = [start + np.arange(n) // size * size for start, n, size in zip(starts, counts, groups, strict=True)]
    return np.concatenate(firsts)
