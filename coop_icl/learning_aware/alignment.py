"""Advantage Alignment between memory-1 policies."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coop_icl.algorithms.alignment import aligned
from coop_icl.learning_aware.sampling import log_probabilities, play, values_on
from coop_icl.learning_aware.world import World


def alignment(own: Tensor, other: Tensor, world: World, rng: np.random.Generator) -> Tensor:
    """The policy gradient [N, 5] with aligned advantages, from sampled games.

    The authors learn a value function; here it is exact, and an advantage is the error of one step,
    r + gamma v' - v, whose mean over what follows is the advantage. Rounds count by gamma^t, as in the return.
    """
    own = own.detach().requires_grad_()
    sample = play(own, other, world, rng)
    mine, theirs = (
        rewards + world.gamma * value[1:] - value[:-1]
        for rewards, value in zip(sample.rewards, values_on(sample, own, other, world), strict=True)
    )
    credit = aligned(mine, theirs, world.gamma, world.alignment)
    discounts = world.gamma ** torch.arange(len(credit), dtype=credit.dtype).view(-1, 1, 1)
    surrogate = (discounts * credit * log_probabilities(own, sample, 0)).sum(0).mean(-1)
    return torch.autograd.grad(surrogate.sum(), own)[0]
