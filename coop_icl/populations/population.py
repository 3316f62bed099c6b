"""Who plays whom: matchups of a batch of episodes, drawn jointly from a weighted mixture of co-players.

Dimensions: P seats of a game, B games.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coop_icl.matchups import LEARNER, Matchups
from coop_icl.populations.coplayer import CoPlayer, group_of
from coop_icl.seeding import SeedNode, Stream

MOST_AGENTS = 2**15
"""Agents that fit into the int16 of ``Matchups.seats``."""


@dataclass(frozen=True)
class Component:
    """One part of the mixture.

    Attributes:
        weight: share of each learner's episodes.
        co_player: sits in the seats that learners leave, in each as a draw of its own; None: learners sit in all.
        learners: how many different ones sit in a game with the co-player, fewer than P.
    """

    weight: float
    co_player: CoPlayer | None
    learners: int = 1


class Population:
    """A mixture from which each learner meets every kind of co-player in a fixed share of its episodes.

    Args:
        learners: names of the learners, at least one.
        components: weights need not sum to one; they are shares of *each learner's* episodes.
        shuffle_seats: put the agents of a game in a random order.
        players: P, at least 2.

    Raises:
        ValueError: naming what is wrong with the mixture.
    """

    def __init__(
        self, learners: Sequence[str], components: Sequence[Component], shuffle_seats: bool = True, players: int = 2
    ) -> None:
        if not components or any(not 0 < c.weight < np.inf for c in components):
            raise ValueError("population needs at least one entry, each with a positive weight")
        if sum(c.co_player is None for c in components) > 1:
            raise ValueError("population names 'learner' more than once; give it one weight")
        for component in components:
            if component.co_player is not None and not 1 <= component.learners < players:
                most = f"from 1 to {players - 1} (of {players} players)"
                raise ValueError(f"learners of '{component.co_player.kind}' must be {most}, got {component.learners}")
            seated = players if component.co_player is None else component.learners
            if len(learners) < seated:
                raise ValueError(
                    f"population seats {seated} different learners in a game but there are {len(learners)}; "
                    f"set train.learners to at least {seated}"
                )
        self.learners = tuple(learners)
        self.components = tuple(components)
        self.shuffle_seats, self.players = shuffle_seats, players
        self.co_players: tuple[CoPlayer, ...] = tuple(c.co_player for c in components if c.co_player is not None)
        kinds = [c.kind for c in self.co_players]
        if len(set(kinds)) != len(kinds) or LEARNER in kinds or set(kinds) & set(learners):
            raise ValueError(f"kinds of co-players must be distinct, got {kinds}; set 'kind' on one of them")
        self.agents = (*self.learners, *kinds)
        if len(self.agents) > MOST_AGENTS:
            raise ValueError(
                f"got {len(self.agents)} learners and co-players; expected at most {MOST_AGENTS} (16 bits)"
            )
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
        games: list[NDArray[np.int16]] = []
        agent = len(self.learners)
        for component, count in zip(self.components, counts, strict=True):
            learners = self._deal_learners(self._seated(component), int(count), rng)
            others = np.full((self.players - len(learners), learners.shape[1]), agent, dtype=np.int16)
            games.append(np.concatenate([learners, others]))
            agent += component.co_player is not None
        seats = np.concatenate(games, axis=1)
        if self.shuffle_seats and self.players == 2:
            swap = rng.random(seats.shape[1]) < 0.5
            swap = swap[_first_of_group([part.shape[1] for part in games], groups)]
            seats = np.where(swap, seats[::-1], seats)
        elif self.shuffle_seats:
            seats = rng.permuted(seats, axis=0)
        return Matchups(self.agents, self.kinds, len(self.learners), np.ascontiguousarray(seats))

    def draw_one(self, node: SeedNode) -> Matchups:
        """One matchup, each kind of game as often as in ``draw`` (for env runners that play one game at a time)."""
        many = self.draw(node, math.ceil(64 * len(self.components) / self._lot()) * self._lot())
        game = int(node.rng(Stream.GAME).integers(many.num_games))
        return Matchups(many.agents, many.kinds, many.num_learners, many.seats[:, game : game + 1])

    def games_per_episode(self) -> float:
        """Games played for each episode of each learner, on average, in units of the number of learners."""
        total = sum(c.weight for c in self.components)
        return sum(c.weight / total / self._seated(c) for c in self.components)

    def _seated(self, component: Component) -> int:
        """How many learners sit in a game of this kind."""
        return self.players if component.co_player is None else component.learners

    def _lot(self) -> int:
        """Episodes come in multiples of it, so that learners can be dealt into whole games whatever the kind."""
        n = len(self.learners)
        sizes = {self._seated(c) for c in self.components}
        if self.players == 2 and n > 1:  # kept, whatever the mixture, so that two players' draws stay as they were
            sizes.add(2)
        return math.lcm(*(size // math.gcd(n, size) for size in sizes))

    def _quota(self, shares: NDArray[np.float64], total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Integers that sum to ``total`` and whose expectation is shares * total (systematic sampling)."""
        lot = self._lot()
        edges = np.round(np.concatenate([[0.0], np.cumsum(shares)]) * (total // lot), 9)
        counts = np.diff(np.floor(edges + rng.random())).astype(np.int64) * lot
        counts[-1] += total - counts.sum()
        return counts

    def _check_groups(self, expected: NDArray[np.float64], groups: Sequence[int]) -> None:
        """Raise ValueError unless learning co-players get whole groups of each learner's ``expected`` episodes."""
        for component, share, group in zip(self.components, expected, groups, strict=True):
            if component.co_player is not None and abs(share - round(share / group) * group) > 1e-6 and group > 1:
                raise ValueError(
                    f"'{component.co_player.kind}' plays in groups of {group} but has {share:g} episodes of each "
                    "learner in a block; change its weight or train.episodes_per_learner"
                )

    def _deal_learners(self, size: int, count: int, rng: np.random.Generator) -> NDArray[np.int16]:
        """Games of ``size`` different learners in which each takes part ``count`` times, int16 [size, games]."""
        n = len(self.learners)
        if size == 1:
            return np.repeat(np.arange(n, dtype=np.int16), count)[None]
        if n % size == 0:  # everyone is in one of n / size games at a time
            order = rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
            return order.reshape(-1, size).T.astype(np.int16)
        shared = math.gcd(n, size)
        times = size // shared
        if count % times:
            raise ValueError(
                f"{n} learners cannot be dealt into games of {size} in {count} episodes each; make "
                f"train.episodes_per_learner / ray.blocks a multiple of {times}"
            )
        order = rng.permuted(np.tile(np.arange(n), (count // times, 1)), axis=1)  # rings: neighbours meet
        return (
            np.stack([np.roll(order, by, axis=1)[:, ::shared] for by in range(size)]).reshape(size, -1).astype(np.int16)
        )


def _first_of_group(counts: Sequence[int], groups: Sequence[int]) -> NDArray[np.int64]:
    """For each game the first game of its group; components have ``counts`` games in groups of ``groups``."""
    starts = np.cumsum([0, *counts[:-1]])
    firsts = [start + np.arange(n) // size * size for start, n, size in zip(starts, counts, groups, strict=True)]
    return np.concatenate(firsts)
