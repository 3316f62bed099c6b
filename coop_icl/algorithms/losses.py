"""Policy-gradient losses as functions of tensors. Shapes: [T, N], scores [T, N, A]; means are over played rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from coop_icl.models.sampling import log_probabilities


@dataclass(frozen=True)
class Targets:
    """What stays fixed while a batch is learned from.

    Attributes:
        actions: int64 [T, N]; logp: [T, N] under the policy that acted; advantages: [T, N], centred and scaled;
        returns: [T, N], regression targets of the value; mask: [T, N], 1 in rounds that were played, else 0.
    """

    actions: Tensor
    logp: Tensor
    advantages: Tensor
    returns: Tensor
    mask: Tensor

    def lanes(self, rows: Tensor) -> Targets:
        """Those of some lanes, by index."""
        if len(rows) == self.mask.shape[1] and bool((rows[1:] > rows[:-1]).all()):
            return self
        return Targets(*(getattr(self, name)[:, rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Coefficients:
    """Weights of the parts of a loss; ``clip`` is PPO's."""

    entropy: float
    value: float
    clip: float


Loss = Callable[[Tensor, Tensor, Targets, Coefficients], tuple[Tensor, dict[str, Tensor]]]


def ppo(scores: Tensor, values: Tensor, targets: Targets, c: Coefficients) -> tuple[Tensor, dict[str, Tensor]]:
    """Clipped surrogate (Schulman et al. 2017) with value regression and entropy bonus."""
    logp, entropy = _logp_entropy(scores, targets.actions)
    log_ratio = logp - targets.logp
    ratio = log_ratio.exp()
    surrogate = torch.minimum(ratio * targets.advantages, ratio.clamp(1 - c.clip, 1 + c.clip) * targets.advantages)
    loss, stats = _combine(-surrogate, values, entropy, targets, c)
    mask = targets.mask
    with torch.no_grad():
        stats["kl"] = _mean(ratio - 1 - log_ratio, mask)
        off = (ratio - 1).abs() * mask
        stats["clip_fraction"] = (off > c.clip).sum() / mask.sum().clamp(min=1)
        stats["ratio_error"] = _largest(off)
    return loss, stats


def a2c(scores: Tensor, values: Tensor, targets: Targets, c: Coefficients) -> tuple[Tensor, dict[str, Tensor]]:
    """Advantage actor-critic (Mnih et al. 2016) with value regression and entropy bonus."""
    logp, entropy = _logp_entropy(scores, targets.actions)
    loss, stats = _combine(-logp * targets.advantages, values, entropy, targets, c)
    with torch.no_grad():
        log_ratio = logp - targets.logp
        stats["kl"] = _mean(log_ratio.exp() - 1 - log_ratio, targets.mask)
        stats["ratio_error"] = _largest((log_ratio.exp() - 1).abs() * targets.mask)
    return loss, stats


LOSSES: dict[str, Loss] = {"ppo": ppo, "a2c": a2c}
"""Losses by the name an experiment file uses."""


def _logp_entropy(scores: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    logs = log_probabilities(scores)
    logp = logs.gather(-1, actions[..., None])[..., 0]
    return logp, -(logs.exp() * logs).sum(-1)


def _largest(values: Tensor) -> Tensor:
    """The maximum, 0 of nothing (a share of a batch in which a learner has no lanes)."""
    return values.max() if values.numel() else values.new_zeros(())


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _combine(
    policy: Tensor, values: Tensor, entropy: Tensor, targets: Targets, c: Coefficients
) -> tuple[Tensor, dict[str, Tensor]]:
    """Policy loss + value coefficient * 0.5 * squared error - entropy coefficient * entropy."""
    policy_loss = _mean(policy, targets.mask)
    value_loss = 0.5 * _mean((values - targets.returns).square(), targets.mask)
    mean_entropy = _mean(entropy, targets.mask)
    loss = policy_loss + c.value * value_loss - c.entropy * mean_entropy
    with torch.no_grad():
        spread = _mean((targets.returns - _mean(targets.returns, targets.mask)).square(), targets.mask)
        explained = 1 - 2 * value_loss / spread.clamp(min=1e-12)
    return loss, {
        "policy_loss": policy_loss.detach(),
        "value_loss": value_loss.detach(),
        "entropy": mean_entropy.detach(),
        "explained_variance": explained,
    }
