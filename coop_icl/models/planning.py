"""Planning inside a model of what comes next: the values of actions by Monte-Carlo roll-outs, as functions of tensors.

Predictive Policy Improvement (PPI, the paper's second algorithm) acts by pi(a | x) proportional to p(a | x)
exp(Q(x, a) / alpha), where p is what the model expects the agent itself to do, and Q the return over the next rounds in
roll-outs in which observations, rewards and the agent's own later actions are the model's.

Dimensions: N decisions, A actions, K roll-outs of each, S observations; M = N x A x K lanes of roll-outs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

MOST = 10**9
"""Largest count that a setting of a planner may have."""
Memory = Mapping[str, Tensor]
"""What a model remembers, tensors with lanes first."""


@dataclass
class PlannerConfig:
    """How a policy plans.

    Attributes:
        alpha: temperature; a difference of alpha in value makes an action e times as likely. The paper's 'beta = 0.01'
            is read as this temperature: as an inverse temperature (alpha 100) planning has no effect even with a
            perfect model (experiment ``ppi_literal_beta``).
        horizon: rounds of a roll-out, the decision's own included (paper: 15).
        rollouts: for each action (the paper does not say; with a small alpha, fewer than 64 cost payoff).
        discount: per round of a roll-out (the paper does not say).
        common_numbers: whether the roll-outs of all actions of a decision use the same random numbers, so that values
            differ by what the actions change and little by chance (common random numbers, a standard way to reduce
            variance); if not, all roll-outs are independent, which explores more (docs/decisions/0012, 0013).
    """

    alpha: float = 0.01
    horizon: int = 15
    rollouts: int = 64
    discount: float = 1.0
    common_numbers: bool = False

    def check(self) -> None:
        """Raise ValueError naming the first value out of range."""
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha: got {self.alpha!r}; expected above 0 and finite")
        for name in ("horizon", "rollouts"):
            value = getattr(self, name)
            if not 1 <= value <= MOST:
                raise ValueError(f"{name}: got {value!r}; expected {'at least 1' if value < 1 else f'at most {MOST}'}")
        if not 0 <= self.discount <= 1:
            raise ValueError(f"discount: got {self.discount!r}; expected in [0, 1]")


class WorldModel(Protocol):
    """A model of an agent's life: its own actions, and what it observes and earns."""

    def own(self, memory: Memory) -> Tensor:
        """Log-probabilities [M, A] of the own next action."""
        ...

    def following(self, memory: Memory, actions: Tensor) -> tuple[Tensor, Tensor]:
        """After actions [M]: log-probabilities [M, S] of what is observed next, and the reward [M, S] with each."""
        ...

    def advance(self, memory: Memory, actions: Tensor, outcomes: Tensor, rewards: Tensor) -> Memory:
        """Memory after actions, observations and rewards [M]."""
        ...


def action_values(model: WorldModel, memory: Memory, planner: PlannerConfig, uniforms: Tensor) -> Tensor:
    """Q [N, A]: mean return of roll-outs that begin with each action.

    Roll-outs are as independent of one another as ``uniforms`` are. Their noise is a part of the method: it is what
    makes an agent with a small alpha try the action that looks a little worse (docs/decisions/0012).

    Args:
        model: see ``WorldModel``.
        memory: of N decisions.
        planner: how far, how often.
        uniforms: [N, A, K, horizon, 2] in [0, 1), for the action and the observation of each round.
    """
    decisions, actions, rollouts, horizon, _ = uniforms.shape
    lanes = {name: tensor.repeat_interleave(actions * rollouts, 0) for name, tensor in memory.items()}
    numbers = uniforms.reshape(-1, horizon, 2)
    taken = torch.arange(actions).repeat_interleave(rollouts).repeat(decisions)
    returns, weight = torch.zeros(len(taken), dtype=torch.float64), 1.0
    for ahead in range(horizon):
        if ahead:
            taken = draw(model.own(lanes), numbers[:, ahead, 0])
        logp, rewards = model.following(lanes, taken)
        seen = draw(logp, numbers[:, ahead, 1])
        earned = rewards.gather(1, seen[:, None])[:, 0]
        returns += weight * earned
        weight *= planner.discount
        if ahead + 1 < horizon:
            lanes = model.advance(lanes, taken, seen, earned)
    return returns.view(decisions, actions, rollouts).mean(2).to(uniforms.dtype)


def improve(prior: Tensor, values: Tensor, alpha: float) -> Tensor:
    """Scores [N, A] of the improved policy, log p(a | x) + Q(x, a) / alpha up to a constant, from both [N, A]."""
    return prior + (values - values.amax(1, keepdim=True)) / alpha


def draw(logp: Tensor, uniforms: Tensor) -> Tensor:
    """Integers [M] by inverting the distributions with log-probabilities [M, X] at uniforms [M]."""
    return (uniforms[:, None] >= logp.exp().cumsum(1)[:, :-1]).sum(1)
