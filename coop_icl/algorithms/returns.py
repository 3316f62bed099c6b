"""Returns and advantages of whole episodes, without loops over rounds. Shapes [T, N], time first."""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def discounted_sums(values: Tensor, discount: float) -> Tensor:
    """Sum over s >= t of discount^(s - t) * values[s], for every t, as one product with a triangular matrix."""
    return _discounts(values.shape[0], discount, values.dtype, values.device) @ values


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016) of episodes that all end for good.

    Args:
        rewards: [T, N], 0 after the end.
        values: [T, N], value before each round.
        mask: [T, N], rounds that were played; the value after the last one counts as 0.
        gamma: discount.
        lam: lambda; 1 gives the discounted return minus the value.

    Returns:
        Advantages [T, N], 0 where ``mask`` is False.
    """
    values = values * mask
    following = torch.cat([values[1:], torch.zeros_like(values[:1])])
    deltas = (rewards + gamma * following - values) * mask
    return discounted_sums(deltas, gamma * lam) * mask


@functools.lru_cache(maxsize=16)
def _discounts(rounds: int, discount: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    steps = torch.arange(rounds, device=device)
    ahead = steps[None, :] - steps[:, None]
    powers = torch.as_tensor(discount, dtype=torch.float64, device=device) ** ahead.clamp(min=0)
    return torch.where(ahead >= 0, powers, 0.0).to(dtype)
