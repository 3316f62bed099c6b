"""One update of all learners from one batch of their own trajectories: the training step, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from coop_icl.algorithms import compiled_gradient
from coop_icl.algorithms.advantages import prepare
from coop_icl.algorithms.alignment import aligned
from coop_icl.algorithms.losses import LOSSES, Coefficients, Targets
from coop_icl.algorithms.returns import gae
from coop_icl.algorithms.shaping import Shaping
from coop_icl.models.groups import PolicyGroup
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.trajectory import LearnerBatch

Encoder = Callable[[LearnerBatch], Observations]
"""Maps a learner's batch to what its lanes saw."""
Synchronise = Callable[[Sequence[SequencePolicy]], None]
"""Averages the gradients of some policies over learner processes."""


@dataclass(frozen=True)
class UpdateSettings:
    """What an update does with a batch; see ``coop_icl.config.TrainConfig`` for the meaning of each.

    With ``shaping`` its weights take the place of discounted returns, less the values; lambdas do not matter then.
    """

    algorithm: str
    epochs: int
    minibatches: int
    gamma: float
    gae_lambda: float
    td_lambda: float
    reward_scale: float
    centring: str
    scale_advantages: bool
    max_grad_norm: float
    alignment: float = 0.0
    shaping: Shaping | None = None


def update(
    stack: PolicyStack,
    optimizers: Sequence[Optimizer],
    batches: Sequence[LearnerBatch],
    encode: Encoder,
    settings: UpdateSettings,
    coefficients: Coefficients,
    rng: np.random.Generator,
    synchronise: Synchronise | None = None,
    threads: int = 1,
) -> list[dict[str, float]]:
    """Improve every policy of ``stack`` on its own lanes.

    Args:
        stack: policies, changed in place.
        optimizers: one a policy.
        batches: one a policy; whole episodes.
        encode: gives the observations of a batch.
        settings: what to do.
        coefficients: weights of the loss in this update.
        rng: deals lanes to minibatches.
        synchronise: called between the backward pass and the clipping of gradients.
        threads: how many threads share the groups of policies, which learn apart from each other; the numbers are the
            same with any. One is used on a GPU and when there is something to synchronise.

    Returns:
        Statistics of each policy: means over gradient steps, ``ratio_error`` of the first step (the distance of the
        probability ratio from 1 before any change), ``skipped`` steps that were left out, because the gradient or
        anything it was made of was not finite.
    """
    deals = [_deal(batches, settings.minibatches, rng) for _ in range(settings.epochs)]
    together = synchronise is not None or stack.policies[0].action_head.weight.device.type != "cpu"

    def learn(place: slice, group: PolicyGroup) -> list[dict[str, float]]:
        mine = [[lanes[place] for lanes in deal] for deal in deals]
        return _learn(group, optimizers[place], batches[place], encode, settings, coefficients, mine, synchronise)

    if together or threads == 1:
        return [stats for place, group in stack.groups for stats in learn(place, group)]
    with ThreadPoolExecutor(min(threads, len(stack.groups))) as pool:
        return [stats for some in pool.map(lambda one: learn(*one), stack.groups) for stats in some]


def _learn(
    group: PolicyGroup,
    optimizers: Sequence[Optimizer],
    batches: Sequence[LearnerBatch],
    encode: Encoder,
    settings: UpdateSettings,
    coefficients: Coefficients,
    deals: Sequence[Sequence[Sequence[Tensor]]],
    synchronise: Synchronise | None,
) -> list[dict[str, float]]:
    """``update`` of one group; ``deals`` has the lanes [epoch][minibatch][policy]."""
    device = group.policies[0].action_head.weight.device
    inputs = [encode(batch).to(device) for batch in batches]
    targets = [_targets(batch, settings, device) for batch in batches]
    sound = [_sound(seen, made_of) for seen, made_of in zip(inputs, targets, strict=True)]
    history: list[list[Mapping[str, Tensor | float]]] = [[] for _ in batches]
    made = compiled_gradient.CompiledGradient if compiled_gradient.fits(group, settings.algorithm) else LossGradient
    gradient = made(group, inputs, targets, settings.algorithm, coefficients)  # type: ignore[arg-type]
    for deal in deals:
        for lanes in deal:
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            statistics = gradient(lanes)
            for policy, good in zip(group.policies, sound, strict=True):
                if not good:
                    _spoil(policy)
            if synchronise is not None:
                synchronise(group.policies)
            for i, (policy, optimizer) in enumerate(zip(group.policies, optimizers, strict=True)):
                history[i].append({**statistics[i], **apply_gradients(policy, optimizer, settings.max_grad_norm)})
    return [_summary(steps) for steps in history]


class LossGradient:
    """Puts the gradients of a loss on the policies of a group, by automatic differentiation.

    Args:
        group: the policies; inputs, targets: of each of them.
        algorithm: one of ``LOSSES``; coefficients: of the loss.
    """

    def __init__(
        self,
        group: PolicyGroup,
        inputs: Sequence[Observations],
        targets: Sequence[Targets],
        algorithm: str,
        coefficients: Coefficients,
    ) -> None:
        self._group, self._inputs, self._targets = group, inputs, targets
        self._loss, self._coefficients = LOSSES[algorithm], coefficients

    def __call__(self, lanes: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Statistics of each policy over some of its lanes (indices [n])."""
        outputs = self._group.forward([x.lanes(some) for x, some in zip(self._inputs, lanes, strict=True)])
        total, statistics = outputs[0][0].new_zeros(()), []
        for (scores, values), targets, some in zip(outputs, self._targets, lanes, strict=True):
            loss, stats = self._loss(scores, values, targets.lanes(some), self._coefficients)
            total = total + loss
            statistics.append(stats)
        total.backward()
        return statistics


def _targets(batch: LearnerBatch, s: UpdateSettings, device: torch.device) -> Targets:
    """Advantages and returns under the values that the policy had when it played."""
    actions, logp, values, rewards, mask, kinds = (
        torch.from_numpy(array).to(device)
        for array in (batch.actions, batch.logp, batch.values, batch.rewards, batch.mask, batch.kinds)
    )
    rewards = rewards * s.reward_scale
    if s.shaping is not None:
        returns = s.shaping.weights(rewards, kinds.long(), s.gamma)
        advantages = (returns - values) * mask
    else:
        advantages = gae(rewards, values, mask, s.gamma, s.gae_lambda)
        same = s.td_lambda == s.gae_lambda
        returns = values + (advantages if same else gae(rewards, values, mask, s.gamma, s.td_lambda))
    if s.alignment:
        theirs = _co_player_advantages(batch, s, mask, kinds)
        own, other = (prepare(x, mask, kinds.long(), s.centring, s.scale_advantages) for x in (advantages, theirs))
        advantages = aligned(own, other, s.gamma, s.alignment)
    prepared = prepare(advantages, mask, kinds.long(), s.centring, s.scale_advantages)
    return Targets(actions.long(), logp, prepared, returns, mask.to(returns.dtype))


def _co_player_advantages(batch: LearnerBatch, s: UpdateSettings, mask: Tensor, kinds: Tensor) -> Tensor:
    """Of the co-players of the lanes [T, N], under their own values; 0 where the co-player does not learn."""
    if batch.co_rewards is None or batch.co_values is None:
        raise ValueError("Advantage Alignment learns from what co-players earn too; see trajectory.with_co_player")
    rewards, values = (torch.from_numpy(of).to(mask.device) for of in (batch.co_rewards, batch.co_values))
    return gae(rewards * s.reward_scale, values, mask, s.gamma, s.gae_lambda) * (kinds == 0)


def _sound(inputs: Observations, targets: Targets) -> bool:
    """Whether all numbers to learn from are finite; a loss that clips or compares may lose those that are not."""
    floats = (inputs.table, targets.logp, targets.advantages, targets.returns)
    return all(bool(torch.isfinite(some.sum())) or bool(torch.isfinite(some).all()) for some in floats)


def _spoil(policy: torch.nn.Module) -> None:
    """Make a gradient one that is not stepped along, here and, once averaged, in every Learner."""
    for parameter in policy.parameters():
        if parameter.grad is not None:
            parameter.grad.fill_(torch.nan)


def _deal(batches: Sequence[LearnerBatch], parts: int, rng: np.random.Generator) -> list[list[Tensor]]:
    """Lanes [minibatch][policy] of an epoch; with one minibatch nothing is drawn."""
    if parts == 1:
        return [[torch.arange(len(batch)) for batch in batches]]
    dealt = [np.array_split(rng.permutation(len(batch)), parts) for batch in batches]
    return [[torch.from_numpy(hands[part]) for hands in dealt] for part in range(parts)]


def apply_gradients(policy: torch.nn.Module, optimizer: Optimizer, max_norm: float) -> dict[str, Tensor]:
    """Clip and step; a gradient that is not finite leaves the weights as they are."""
    norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), max_norm)
    finite = torch.isfinite(norm)
    if finite:
        optimizer.step()
    return {"grad_norm": norm.detach(), "skipped": (~finite).to(norm.dtype)}


def _summary(steps: Sequence[Mapping[str, Tensor | float]]) -> dict[str, float]:
    means = {name: _mean([step[name] for step in steps]) for name in steps[0]}
    means["ratio_error"] = float(steps[0]["ratio_error"])
    means["skipped"] = float(sum(float(step["skipped"]) for step in steps))
    return means


def _mean(values: Sequence[Tensor | float]) -> float:
    """Of numbers, or of tensors where they are."""
    if isinstance(values[0], Tensor):
        return float(torch.stack(values).mean())  # type: ignore[arg-type]
    return sum(map(float, values)) / len(values)
