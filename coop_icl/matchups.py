"""Matchups: who sits in which seat for one episode, for a batch of episodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEARNER = "learner"
"""The kind of a co-player that is itself learning in this run."""


@dataclass(frozen=True)
class Matchups:
    """Who sits in which seat, for B episodes.

    Attributes:
        agents: names of all agents; the first ``num_learners`` are learners.
        kinds: kind of each agent as its co-players see it (``learner``, ``tabular``, ``tft``, ...).
        seats: int16 [P, B], index of the agent in each seat.
    """

    agents: tuple[str, ...]
    kinds: tuple[str, ...]
    num_learners: int
    seats: NDArray[np.int16]

    @property
    def num_games(self) -> int:
        """B."""
        return self.seats.shape[1]

    @property
    def num_players(self) -> int:
        """P."""
        return self.seats.shape[0]

    def company(self) -> NDArray[np.int16]:
        """What kind of company the learners of each game are in, int16 [B]: index of its co-player, 0 if it has none.

        Of several co-players the last one in ``agents`` counts.
        """
        last = self.seats.max(0)
        return np.where(last < self.num_learners, 0, last).astype(np.int16)

    def games_of(self, agent: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Seats [N] and games [N] in which ``agent`` sits, ordered by seat, then game."""
        seats, games = np.nonzero(self.seats == agent)
        return seats, games

    def describe(self, game: int) -> dict[str, str]:
        """Names by seat, for logs: ``{"player_0": "learner_1", "player_1": "tft"}``."""
        return {f"player_{seat}": self.agents[index] for seat, index in enumerate(self.seats[:, game])}
