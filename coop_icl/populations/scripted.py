"""Co-players for any number of actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

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


@dataclass(frozen=True)
class BiasedAction:
    """Plays each action with a probability of its own, drawn anew for every episode, whatever happens.

    Attributes:
        num_actions: actions of the game.
        concentration: equal parameters of the Dirichlet distribution that probabilities are drawn from; 1 draws them
            evenly, small ones make players that hardly ever change their action.
        kind: family name.
    """

    num_actions: int
    concentration: float = 1.0
    kind: str = "biased"
    observes: Literal["outcomes", "observations"] = "outcomes"

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            ValueError: unless the concentration is positive and finite.
        """
        if not 0 < self.concentration < np.inf:
            raise ValueError(f"concentration of '{self.kind}' must be a positive number, got {self.concentration}")

    @property
    def num_parameters(self) -> int:
        """One for each action."""
        return self.num_actions

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chances of the first, the first two, ... all actions, [B, A], from uniform numbers [B, A]."""
        shares = np.maximum(gammaincinv(self.concentration, uniforms), np.finfo(np.float64).tiny)  # 0 where all are
        return np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Actions [B] with the probabilities of the episode."""
        actions = (uniforms[:, None] >= state).sum(axis=1)
        return np.minimum(actions, self.num_actions - 1), state
