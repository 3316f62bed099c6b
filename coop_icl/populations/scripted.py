"""Co-players for any number of actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State


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
