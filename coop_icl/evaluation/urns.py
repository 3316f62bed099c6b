"""A best responder that infers by counting: what in-context best response to a memory-1 co-player does.

It takes its co-player for a tabular agent, keeps a Beta urn for each of the five probabilities, and plays the best
response over the rounds ahead to their posterior means plus a standard deviation, as cooperation can only help: what it
does not know it tries. A reference, no upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.exact import MIRROR
from coop_icl.populations.coplayer import State

AHEAD = 15
"""Rounds that it plans ahead at most, as many as the paper's planner."""


@dataclass(frozen=True)
class UrnResponder:
    """Best response to the posterior, seen with optimism.

    Args:
        payoffs: own ones [2, 2] by own and the co-player's action.
        rounds: length of the game.
        prior: of either action in every urn, 1 for U(0, 1).
    """

    payoffs: NDArray[np.floating]
    rounds: int
    prior: float = 1.0
    kind: str = "urns"
    num_parameters: int = 0
    observes: Literal["outcomes", "observations"] = "outcomes"

    def initial_state(self, uniforms: NDArray[np.float64]) -> State:
        """Urns [B, 5, 2] by outcome in the own view, the outcome before the last round [B], and rounds played [B]."""
        lanes = len(uniforms)
        return np.full((lanes, 5, 2), self.prior), np.full(lanes, -1), np.zeros(lanes, dtype=np.int64)

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """The better action after outcomes [B]; ties cooperate."""
        urns, before, played = state
        seen = np.asarray(seen, dtype=np.int64)
        rows = np.flatnonzero(before >= 0)
        urns = urns.copy()
        urns[rows, before[rows], (seen[rows] - 1) % 2] += 1
        left = max(1, min(AHEAD, self.rounds - int(played[0]))) if len(seen) else 1
        number = urns.sum(2)
        mean = urns[:, :, 0] / number
        hoped = np.minimum(1.0, mean + np.sqrt(mean * (1 - mean) / (number + 1)))
        actions = self._respond(hoped, left)[np.arange(len(seen)), seen]
        return actions, (urns, seen, played + 1)

    def _respond(self, cooperates: NDArray[np.float64], left: int) -> NDArray[np.int64]:
        """Best actions [B, 5] by own outcome with ``left`` rounds to play, against probabilities [B, 5]."""
        table, value = np.asarray(self.payoffs, dtype=np.float64), np.zeros((len(cooperates), 2, 2))
        choices = np.zeros((len(cooperates), 5, 2))
        for _ in range(left):
            total = table + value
            for action in (0, 1):
                with_c, with_d = total[:, action, 0, None], total[:, action, 1, None]
                choices[:, :, action] = with_d + cooperates * (with_c - with_d)
            value = choices.max(2)[:, 1:].reshape(-1, 2, 2)
        return (choices[:, :, 1] > choices[:, :, 0] + 1e-12).astype(np.int64)


def posterior_means(
    outcomes: NDArray[np.integer], actions: NDArray[np.integer], prior: float = 1.0
) -> NDArray[np.float64]:
    """What a Bayesian makes of tabular agents: posterior means [T, N, 5] of cooperation *before* each round.

    Args:
        outcomes: [T, N], what the focal player saw before each round; actions: [T, N] of its co-player.
        prior: of either action in every urn.

    Returns:
        Indexed by the co-player's own view, as its five probabilities are.
    """
    visited = MIRROR[outcomes][..., None] == np.arange(5)
    seen = np.cumsum(visited, axis=0) - visited
    cooperated = visited & (actions == 0)[..., None]
    good = np.cumsum(cooperated, axis=0) - cooperated
    return (good + prior) / (seen + 2 * prior)
