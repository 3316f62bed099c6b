"""The contract of a co-player: a stateless object, explicit state, batched over B episodes.

Randomness comes in as uniform numbers, so an episode replays from its numbers alone.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

State = Any
"""Whatever a co-player remembers: arrays with a leading dimension B, or None."""


class CoPlayer(Protocol):
    """An agent whose weights this run does not update."""

    @property
    def kind(self) -> str:
        """Name of the family, used for centring and in metrics."""
        ...

    @property
    def num_parameters(self) -> int:
        """How many uniform numbers one episode's initial state consumes."""
        ...

    @property
    def observes(self) -> Literal["outcomes", "observations"]:
        """Whether ``act`` takes joint outcomes int64 [B] or observation vectors float32 [B, F]."""
        ...

    def initial_state(self, uniforms: NDArray[np.float64]) -> State:
        """State before the first round of B episodes from uniforms [B, num_parameters]."""
        ...

    def act(self, seen: NDArray, state: State, uniforms: NDArray[np.float64]) -> tuple[NDArray[np.int64], State]:
        """Actions [B] and the next state; one uniform number [B] a decision (0 is the first action's end)."""
        ...
