"""Naive learners: memory-1 co-players that follow their own policy gradient from one inner episode to the next.

As in COALA-PG (Meulemans et al. 2025, arXiv 2410.18636), a naive learner plays a batch of games side by side and learns
from all of them after each inner episode, by advantage actor-critic, taking its co-player to stay as it is. The
authors' naive learners are networks; here policy and critic are tables of five numbers, so that gradients are closed
forms, and the steps are plain gradient steps, which at their rate of .005 hardly move a table: to learn anything
within 20 inner episodes of 10 rounds it takes a rate of about 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from coop_icl.populations.coplayer import State
from envs.checks import MOST_ROUNDS

STATE = np.dtype(
    [
        ("logits", np.float64, 5),  # of cooperating after start, CC, CD, DC, DD
        ("values", np.float64, 5),  # the critic: return to the end of the inner episode, from such an outcome on
        ("score", np.float64, 5),  # d log pi of this inner episode's actions, each discounted since it was taken
        ("visit", np.float64, 5),  # the same of visits to the five outcomes
        ("gradient", np.float64, 5),  # sum of d log pi times advantage over the inner episode's rounds so far
        ("errors", np.float64, 5),  # sum of return minus value over visits so far
        ("visits", np.float64, 5),
        ("rounds", np.int64),  # of this inner episode
    ]
)
"""What a naive learner remembers in each of its games; the first two are the same in all games of a group."""


@dataclass(frozen=True)
class NaiveLearner:
    """Memory-1 policies that learn by advantage actor-critic (Mnih et al. 2016) within an episode.

    A step is logits + ``lr`` * mean over the group of sum over rounds of (return - value) * d log pi, where returns are
    discounted and end with the inner episode, and values + ``critic_lr`` * mean of (return - value) over visits.

    Attributes:
        every: rounds of an inner episode, after each of which it learns.
        group: consecutive games that share one learner, all of one length.
        lr: step of the policy; critic_lr: step of the critic, in [0, 1].
        gamma: discount per round.
        scale: standard deviation of initial logits, drawn for each group.
        kind: family name.
    """

    every: int
    group: int = 1
    lr: float = 0.005
    critic_lr: float = 0.5
    gamma: float = 0.99
    scale: float = 1.0
    kind: str = "naive"
    num_parameters: int = 5
    observes: Literal["outcomes", "observations"] = "outcomes"

    def __post_init__(self) -> None:
        for name in ("every", "group"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= MOST_ROUNDS:
                raise ValueError(
                    f"{name} of '{self.kind}' must be a whole number from 1 to {MOST_ROUNDS}, got {value!r}"
                )
        for name in ("lr", "scale"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} of '{self.kind}' must be at least 0 and finite, got {getattr(self, name)}")
        for name in ("critic_lr", "gamma"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} of '{self.kind}' must be in [0, 1], got {getattr(self, name)}")

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray[np.void]:
        """One ``STATE`` a game [B]; the first game of a group draws the logits of all."""
        state = np.zeros(len(uniforms), dtype=STATE)
        first = np.arange(len(uniforms)) // self.group * self.group
        state["logits"] = self.scale * ndtri(np.clip(uniforms[first], 1e-12, 1 - 1e-12))
        return state

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.void]]:
        """Cooperate (0) where the number lies below the probability for the outcome seen [B]."""
        games, seen = np.arange(len(seen)), np.asarray(seen, dtype=np.int64)
        chance = expit(state["logits"][games, seen])
        actions = (uniforms >= chance).astype(np.int64)
        score, after = (actions == 0) - chance, state.copy()
        for trace, amount in (("score", score), ("visit", 1.0)):
            after[trace] *= self.gamma
            after[trace][games, seen] += amount
        value = state["values"][games, seen]
        after["gradient"][games, seen] -= value * score
        after["errors"][games, seen] -= value
        after["visits"][games, seen] += 1
        return actions, after

    def learn(self, rewards: NDArray[np.floating], state: State) -> NDArray[np.void]:
        """The state after being paid [B] for the last action; a step is made where an inner episode ends."""
        after = state.copy()
        # a payoff counts for every earlier action of the inner episode, as much as is left of it
        after["gradient"] += rewards[:, None] * after["score"]
        after["errors"] += rewards[:, None] * after["visit"]
        after["rounds"] += 1
        if len(after) and after["rounds"][0] >= self.every:
            self._step(after)
        return after

    def _step(self, state: NDArray[np.void]) -> None:
        """Learn from all games of each group, and begin a new inner episode."""
        edges = np.arange(0, len(state), self.group)
        member = np.arange(len(state)) // self.group
        games = np.bincount(member)[:, None]
        sums = {name: np.add.reduceat(state[name], edges, axis=0) for name in ("gradient", "errors", "visits")}
        state["logits"] += self.lr * (sums["gradient"] / games)[member]
        state["values"] += self.critic_lr * (sums["errors"] / np.maximum(sums["visits"], 1))[member]
        for name in ("score", "visit", "gradient", "errors", "visits", "rounds"):
            state[name] = 0
