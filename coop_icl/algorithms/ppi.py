"""Predictive Policy Improvement: what a phase learns (the paper, section on PPI; acting is ``models.planning``).

A phase draws new weights, fits the model to all trajectories so far, and then plays with it. Nothing else carries over
from phase to phase: what a learner has become is in its data. With ``continue_epochs`` later phases go on from the
weights they find instead, which costs a fraction (docs/decisions/0013).

Dimensions: T rounds, N trajectories, A actions, S observations; O = A + 2 A S outputs of a ``PredictivePolicy``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coop_icl.algorithms.update import apply_gradients
from coop_icl.models.buffers import Buffers
from coop_icl.models.observations import Observations
from coop_icl.models.planning import MOST, PlannerConfig
from coop_icl.models.predictive import PredictivePolicy
from coop_icl.models.sampling import log_probabilities


@dataclass
class PPIConfig:
    """Settings of PPI; ``train.updates`` counts phases, ``train.episodes_per_learner`` the new trajectories of each.

    The defaults are the paper's, but for ``pretraining_trajectories`` (200,000 there) and what it does not state.

    Attributes:
        planner: how learners act.
        rollouts_by_phase: roll-outs for each action in the first phase, the second, ..., and in all later ones the last
            number, in place of the planner's: few explore at little cost, many disturb cooperation less
            (docs/decisions/0013); empty, as in the paper, for the same number throughout.
        pretraining: who plays whom for the first data, ``{name, ...options}``: two of this co-player, drawn anew.
        pretraining_trajectories: of each learner.
        data: instead, trajectories that an earlier run has left, by learner: ``{learner_0: "EXPERIMENT:LEARNER"}`` or a
            folder.
        epochs, batch: passes over all data in a phase; trajectories in a gradient step.
        continue_epochs: passes of every phase after the first, from the weights of the phase before; 0, as in the
            paper, draws new weights in each phase and takes ``epochs`` passes.
        lr, weight_decay, beta1, beta2: AdamW's; max_grad_norm: per learner.
        reward_weight: of the squared error of rewards beside the two cross-entropies.
    """

    planner: PlannerConfig = field(default_factory=PlannerConfig)
    rollouts_by_phase: list[int] = field(default_factory=list)
    pretraining: dict[str, Any] = field(default_factory=lambda: {"name": "tabular"})
    pretraining_trajectories: int = 20_000
    data: dict[str, str] = field(default_factory=dict)
    epochs: int = 10
    continue_epochs: int = 0
    batch: int = 256
    lr: float = 1e-4
    weight_decay: float = 1e-2
    beta1: float = 0.9
    beta2: float = 0.98
    max_grad_norm: float = 1.0
    reward_weight: float = 1.0

    def check(self) -> None:
        """Raise ValueError naming the first value out of range."""
        try:
            self.planner.check()
        except ValueError as error:
            raise ValueError(f"ppi.planner.{error}") from None
        for name, least in (("pretraining_trajectories", 1), ("epochs", 1), ("batch", 1), ("continue_epochs", 0)):
            value = getattr(self, name)
            if not least <= value <= MOST:
                bound = f"at least {least}" if value < least else f"at most {MOST}"
                raise ValueError(f"ppi.{name}: got {value!r}; expected {bound}")
        for count in self.rollouts_by_phase:
            if not 1 <= count <= MOST:
                raise ValueError(f"ppi.rollouts_by_phase: got {count!r}; expected 1 to {MOST} in each phase")
        for name in ("lr", "max_grad_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"ppi.{name}: got {getattr(self, name)!r}; expected above 0 and finite")
        for name in ("weight_decay", "reward_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"ppi.{name}: got {getattr(self, name)!r}; expected at least 0 and finite")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"ppi.{name}: got {getattr(self, name)!r}; expected in [0, 1)")
        if not isinstance(self.pretraining.get("name"), str):
            raise ValueError(f"ppi.pretraining: got {self.pretraining!r}; expected the name of a co-player")

    def continues(self, phase: int) -> bool:
        """Whether a phase goes on from the weights of the one before."""
        return phase > 0 and self.continue_epochs > 0

    def planner_of(self, phase: int) -> PlannerConfig:
        """How learners act in a phase, 0-based."""
        numbers = self.rollouts_by_phase
        return replace(self.planner, rollouts=numbers[min(phase, len(numbers) - 1)]) if numbers else self.planner


@dataclass(frozen=True)
class Targets:
    """What is predicted in each round: int64 [T, N] own actions and what is seen after them, [T, N] rewards."""

    actions: Tensor
    following: Tensor
    rewards: Tensor

    def to(self, device: torch.device) -> Targets:
        """The same on another device."""
        return Targets(self.actions.to(device), self.following.to(device), self.rewards.to(device))


Batches = Callable[[np.ndarray], tuple[Observations, Targets]]
"""Trajectories by number [n], as inputs and targets."""


def prediction_loss(outputs: Tensor, targets: Targets, actions: int, weight: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of own actions and of observations, plus ``weight`` times the squared error of rewards.

    Means over rounds and trajectories.

    Args:
        outputs: [O, T, N].
        targets: see ``Targets``.
        actions: A.
        weight: of rewards.

    Returns:
        The loss and its parts.
    """
    _, rounds, lanes = outputs.shape
    own, of_actions = outputs[:actions], outputs[actions:].view(2, actions, -1, rounds, lanes)
    taken = targets.actions.expand(1, of_actions.shape[2], rounds, lanes)
    scores, rewards = (plane.gather(0, taken)[0] for plane in of_actions)
    action = -_picked(log_probabilities(own.movedim(0, -1)).movedim(-1, 0), targets.actions).mean()
    observation = -_picked(log_probabilities(scores.movedim(0, -1)).movedim(-1, 0), targets.following).mean()
    reward = (_picked(rewards, targets.following) - targets.rewards).square().mean()
    parts = {"action_loss": action, "observation_loss": observation, "reward_loss": reward}
    return action + observation + weight * reward, {name: part.detach() for name, part in parts.items()}


def fit(
    policy: PredictivePolicy,
    optimizer: torch.optim.Optimizer,
    count: int,
    batches: Batches,
    config: PPIConfig,
    rng: np.random.Generator,
    epochs: int | None = None,
) -> dict[str, float]:
    """Fit a model to ``count`` trajectories, in place.

    Args:
        policy: its weights are where learning begins.
        optimizer: of its weights; what it remembers of earlier phases is dropped.
        count: trajectories there are; batches: gives some of them.
        config: epochs, batch, gradient norm and weight of rewards.
        rng: orders the trajectories of each epoch.
        epochs: passes, if not those of the config.

    Returns:
        Means of losses and gradient norm over the last epoch, the number of gradient steps, and how many of them were
        ``skipped`` because their gradient was not finite.
    """
    optimizer.state.clear()
    buffers, steps, history = Buffers(), 0, []
    device = policy.action_head.weight.device
    skipped = torch.zeros((), device=device)
    for _ in range(epochs or config.epochs):
        history, order = [], rng.permutation(count)
        for first in range(0, count, config.batch):
            observations, targets = batches(order[first : first + config.batch])
            outputs = policy.predict(observations.to(device), buffers)
            loss, parts = prediction_loss(outputs, targets.to(device), policy.num_actions, config.reward_weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            history.append({**parts, **apply_gradients(policy, optimizer, config.max_grad_norm)})
            skipped += history[-1]["skipped"]
            steps += 1
    means = {name: float(torch.stack([row[name] for row in history]).mean()) for name in history[0]}
    return {**means, "gradient_steps": float(steps), "skipped": float(skipped), "trajectories": float(count)}


def _picked(planes: Tensor, which: Tensor) -> Tensor:
    """Of planes [X, T, N] the one that ``which`` [T, N] names in each place."""
    return planes.gather(0, which[None])[0]
