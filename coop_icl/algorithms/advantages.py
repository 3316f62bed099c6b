"""Centring and scaling of advantages over a learner's batch."""

from __future__ import annotations

import torch
from torch import Tensor

CENTRINGS = ("none", "batch", "kind")
"""``kind`` centres within each kind of co-player, as the paper's A2C does."""


def prepare(advantages: Tensor, mask: Tensor, kinds: Tensor, centring: str, scale: bool) -> Tensor:
    """Centre, then scale to unit standard deviation.

    Args:
        advantages: [T, N].
        mask: [T, N], rounds that were played.
        kinds: [N] integers, equal for equal kinds of co-player.
        centring: one of ``CENTRINGS``.
        scale: divide by the standard deviation over all played rounds of the batch.
    """
    weights = mask.to(advantages.dtype)
    if centring == "batch":
        advantages = advantages - (advantages * weights).sum() / weights.sum().clamp(min=1)
    elif centring == "kind":
        _, index = torch.unique(kinds, return_inverse=True)
        groups = int(index.max()) + 1 if index.numel() else 0
        sums = advantages.new_zeros(groups).index_add_(0, index, (advantages * weights).sum(0))
        counts = advantages.new_zeros(groups).index_add_(0, index, weights.sum(0))
        advantages = advantages - (sums / counts.clamp(min=1))[index]
    if scale:
        mean = (advantages * weights).sum() / weights.sum().clamp(min=1)
        variance = ((advantages - mean).square() * weights).sum() / weights.sum().clamp(min=1)
        advantages = advantages / (variance.sqrt() + 1e-8)
    return advantages * weights
