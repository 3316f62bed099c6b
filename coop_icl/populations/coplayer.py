"""The contract of a co-player: a stateless object, explicit state, batched over B episodes.

Randomness comes in as uniform numbers, so an episode replays from its numbers alone.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

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


@runtime_checkable
class LearningCoPlayer(CoPlayer, Protocol):
    """A co-player that learns within the episode, by rules of its own; this run's updates do not reach it.

    Its games come in groups: each ``group`` consecutive games between it and one learner, in the same seats, begin from
    one state and are learned from together.
    """

    @property
    def group(self) -> int:
        """How many games share a state."""
        ...

    def learn(self, rewards: NDArray[np.floating], state: State) -> State:
        """The state after being paid [B] for the action it has just taken."""
        ...


def group_of(co_player: CoPlayer) -> int:
    """How many consecutive games of a co-player belong together; 1 unless it says so."""
    return co_player.group if isinstance(co_player, LearningCoPlayer) else 1
