"""Co-players that need more than the last joint outcome, or any number of actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State


@dataclass(frozen=True)
class Grim:
    """Cooperates until the co-player has defected once, then defects (Friedman 1971); two actions."""

    kind: str = "grim"
    num_parameters: int = 0
    observes: Literal["outcomes", "observations"] = "outcomes"

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the co-player has defected yet, bool [B]."""
        return np.zeros(len(uniforms), dtype=np.bool_)

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Defect (1) from the round after the co-player's first defection (outcome CD = 2 or DD = 4)."""
        betrayed = state | (seen == 2) | (seen == 4)
        return betrayed.astype(np.int64), betrayed


@dataclass(frozen=True)
class RandomAction:
    """Plays every action with the same probability, whatever happens."""

    num_actions: int
    kind: str = "uniform"
    num_parameters: int = 0
    observes: Literal["outcomes", "observations"] = "outcomes"

    def initial_state(self, uniforms: NDArray[np.float64]) -> None:
        """Nothing is remembered."""
        return

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Uniform actions [B]."""
        return np.minimum((uniforms * self.num_actions).astype(np.int64), self.num_actions - 1), state
