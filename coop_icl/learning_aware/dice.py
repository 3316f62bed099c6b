"""LOLA from samples, by DiCE: an objective whose derivatives of any order are estimates of those of the return.

Foerster et al. (2018), *DiCE: The Infinitely Differentiable Monte Carlo Estimator*, ICML, arXiv 1802.05098.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coop_icl.learning_aware.sampling import Sample, log_probabilities, play, values_on
from coop_icl.learning_aware.world import World


def magic_box(exponent: Tensor) -> Tensor:
    """1, with the derivatives of ``exp(exponent - its value)``."""
    return (exponent - exponent.detach()).exp()


def objective(logps: Tensor, rewards: Tensor, gamma: float, baselines: Tensor | None = None) -> Tensor:
    """DiCE's objective of sampled games, [...] from [T, ...]: its value is their discounted return.

    Every reward is multiplied by the magic box of all decisions up to its round.

    Args:
        logps: [T, ...], of the decisions of *all* players in each round.
        rewards: [T, ...], of one player.
        gamma: discount.
        baselines: [T, ...], what is expected of the return from each round on before it is played, any function of
            the past; lowers the variance of the first derivative and changes no expectation.
    """
    rounds = len(rewards)
    discounts = gamma ** torch.arange(rounds, dtype=rewards.dtype).view(-1, *[1] * (rewards.dim() - 1))
    total = (discounts * magic_box(logps.cumsum(0)) * rewards).sum(0)
    if baselines is not None:
        total = total + (discounts * (1 - magic_box(logps)) * baselines).sum(0)
    return total


def estimate(own: Tensor, other: Tensor, sample: Sample, world: World, player: int) -> Tensor:
    """The objective [N] of a player, the mean of a sample of which ``own`` was the first player."""
    logps = log_probabilities(own, sample, 0) + log_probabilities(other, sample, 1)
    baselines = values_on(sample, own, other, world)[player][:-1]
    return objective(logps, sample.rewards[player], world.gamma, baselines).mean(-1)


def lola_dice(own: Tensor, other: Tensor, world: World, rng: np.random.Generator) -> Tensor:
    """The gradient [N, 5] of the own return after the co-player's naive step, both from samples.

    Differs from the authors' in its baseline, which is exact here and learned there.
    """
    own, other = own.detach().requires_grad_(), other.detach().requires_grad_()
    theirs = estimate(own, other, play(own, other, world, rng), world, 1)
    step = torch.autograd.grad(theirs.sum(), other, create_graph=True)[0]
    moved = other + world.lookahead * step
    mine = estimate(own, moved, play(own, moved, world, rng), world, 0)
    return torch.autograd.grad(mine.sum(), own)[0]
