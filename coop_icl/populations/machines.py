"""Co-players that are finite-state machines: anything that remembers finitely much, with exact best responses.

A strategy is written as a ``Machine`` in plain Python, over one episode; ``compiled`` turns it into tables and a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State

MAX_STATES = 20_000
"""More are taken as a sign that a machine counts without end."""


@dataclass(frozen=True)
class Machine:
    """A strategy as a finite-state machine of one player.

    Attributes:
        start: its first state.
        cooperates: probability of cooperating in a state.
        step: the state that follows, from the state and the actions of the round, own and other (0 cooperates).
    """

    start: Hashable
    cooperates: Callable[[Any], float]
    step: Callable[[Any, int, int], Hashable]


@dataclass(frozen=True, eq=False)
class FiniteStateCoPlayer:
    """A machine of S states as tables, batched.

    Attributes:
        kind: family name.
        cooperate: [S], probability of cooperating in each state.
        after: int [S, 4], the state that follows CC, CD, DC, DD, own action first.
        starts: first states; one is drawn for each episode.
    """

    kind: str
    cooperate: NDArray[np.float64]
    after: NDArray[np.int64]
    starts: tuple[int, ...] = (0,)
    observes: Literal["outcomes", "observations"] = "outcomes"

    @property
    def num_parameters(self) -> int:
        """One number where the first state is drawn."""
        return int(len(self.starts) > 1)

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """First states [B]."""
        if not self.num_parameters:
            return np.full(len(uniforms), self.starts[0], dtype=np.int64)
        return np.asarray(self.starts, dtype=np.int64)[(uniforms[:, 0] * len(self.starts)).astype(np.int64)]

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Move on by the outcome seen [B] (0, the start, moves nothing), then act by the new state."""
        seen = np.asarray(seen, dtype=np.int64)
        state = np.where(seen > 0, self.after[state, seen - 1], state)
        return (uniforms >= self.cooperate[state]).astype(np.int64), state


def compiled(kind: str, machines: Sequence[Machine]) -> FiniteStateCoPlayer:
    """The co-player that plays one of ``machines``, drawn for each episode.

    Raises:
        ValueError: if a machine has more than ``MAX_STATES`` states.
    """
    cooperate: list[float] = []
    after: list[list[int]] = []
    starts = []
    for which, machine in enumerate(machines):
        places: dict[Hashable, int] = {machine.start: len(cooperate)}
        starts.append(len(cooperate))
        waiting = [machine.start]
        cooperate.append(machine.cooperates(machine.start))
        after.append([])
        for state in waiting:  # grows as states are found
            for own, other in ((0, 0), (0, 1), (1, 0), (1, 1)):
                new = machine.step(state, own, other)
                if new not in places:
                    places[new] = len(cooperate)
                    waiting.append(new)
                    cooperate.append(machine.cooperates(new))
                    after.append([])
                after[places[state]].append(places[new])
            if len(waiting) > MAX_STATES:
                raise ValueError(f"machine {which} of '{kind}' has more than {MAX_STATES} states")
    return FiniteStateCoPlayer(kind, np.array(cooperate), np.array(after, dtype=np.int64), tuple(starts))


def noisy(machine: Machine, slip: float) -> Machine:
    """The same with a trembling hand: each action is the other one with probability ``slip``."""
    return Machine(
        machine.start,
        lambda state: (1 - slip) * machine.cooperates(state) + slip * (1 - machine.cooperates(state)),
        machine.step,
    )


def switching(first: Machine, second: Machine, rounds: int) -> Machine:
    """``first`` for ``rounds`` rounds, then ``second`` as if the episode began."""

    def step(state: tuple[int, Hashable], own: int, other: int) -> tuple[int, Hashable]:
        left, inner = state
        if left == 1:
            return 0, second.start
        if left == 0:
            return 0, second.step(inner, own, other)
        return left - 1, first.step(inner, own, other)

    return Machine(
        (rounds, first.start if rounds else second.start),
        lambda state: (first if state[0] else second).cooperates(state[1]),
        step,
    )
