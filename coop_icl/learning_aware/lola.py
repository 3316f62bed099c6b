"""Learning with opponent-learning awareness (LOLA) from exact values, and the naive gradient.

LOLA takes its co-player to follow the naive gradient, and counts what its own policy changes about that step.

Foerster et al. (2018), *Learning with Opponent-Learning Awareness*, AAMAS, arXiv 1709.04326. All functions return the
direction [N, 5] in which N learners move their logits.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coop_icl.learning_aware.world import World


def naive(own: Tensor, other: Tensor, world: World, rng: np.random.Generator) -> Tensor:
    """Gradient of the own return: the co-player is taken to stay as it is."""
    own = own.detach().requires_grad_()
    value, _ = world.values(own, other.detach())
    return torch.autograd.grad(value.sum(), own)[0]


def lola_exact(own: Tensor, other: Tensor, world: World, rng: np.random.Generator) -> Tensor:
    """LOLA's rule: the gradient, plus what the own policy changes about the co-player's next naive step.

    The first-order term of the own return after that step: grad_1 V1 + rate * (grad_2 V1)^T grad_1 grad_2 V2.
    """
    own, other = own.detach().requires_grad_(), other.detach().requires_grad_()
    mine, theirs = world.values(own, other)
    step = torch.autograd.grad(theirs.sum(), other, create_graph=True)[0]
    plain, worth = torch.autograd.grad(mine.sum(), (own, other), retain_graph=True)
    shaping = torch.autograd.grad((worth.detach() * step).sum(), own)[0]
    return plain + world.lookahead * shaping


def lola_lookahead(own: Tensor, other: Tensor, world: World, rng: np.random.Generator) -> Tensor:
    """The gradient of the own return after the co-player's naive step, as LOLA-DiCE estimates it."""
    own, other = own.detach().requires_grad_(), other.detach().requires_grad_()
    _, theirs = world.values(own, other)
    step = torch.autograd.grad(theirs.sum(), other, create_graph=True)[0]
    mine, _ = world.values(own, other + world.lookahead * step)
    return torch.autograd.grad(mine.sum(), own)[0]
