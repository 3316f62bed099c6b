"""Exact discounted values of memory-1 policies in two-player, two-action games that go on for ever, differentiable.

Two memory-1 policies make a Markov chain on the joint outcomes CC, CD, DC, DD. Shapes: N pairs, a policy is five logits
[N, 5] of cooperating after start, CC, CD, DC, DD, each player's in its own view.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MIRROR = (0, 1, 3, 2, 4)
"""Each joint outcome as the other player sees it."""


class Chain(NamedTuple):
    """The game of N pairs from the first player's view.

    Attributes:
        first: [N, 4], chances of the joint outcomes of the first round.
        after: [N, 4, 4], chances of the next joint outcome after each one.
    """

    first: Tensor
    after: Tensor


def chain(own: Tensor, other: Tensor) -> Chain:
    """The Markov chain of policies [N, 5]."""
    mine, theirs = own.sigmoid(), other.sigmoid()[..., list(MIRROR)]
    joint = torch.stack([mine * theirs, mine * (1 - theirs), (1 - mine) * theirs, (1 - mine) * (1 - theirs)], dim=-1)
    return Chain(joint[..., 0, :], joint[..., 1:, :])


def state_values(own: Tensor, other: Tensor, payoffs: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Discounted returns of both players from each state on.

    v = (1 - gamma P)^-1 P r over the chain P, as in Foerster et al. (2018, LOLA, arXiv 1709.04326, section 4).

    Args:
        own, other: [N, 5].
        payoffs: [2, 2, 2], ``payoffs[p][a][b]`` as ``MatrixGame`` has them.
        gamma: discount, below 1.

    Returns:
        Values [N, 5] of the first player and of the second, both by the state as the *first* player sees it.
    """
    of = chain(own, other)
    rewards = payoffs.reshape(2, 4).T.to(own)  # [4, 2]
    system = torch.eye(4, dtype=own.dtype) - gamma * of.after
    later = torch.linalg.solve(system, of.after @ rewards)  # [N, 4, 2]
    start = of.first[..., None, :] @ (rewards + gamma * later)
    values = torch.cat([start, later], dim=-2)
    return values[..., 0], values[..., 1]


def values(own: Tensor, other: Tensor, payoffs: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Discounted returns [N] of both players from the start; times 1 - gamma they are mean payoffs."""
    first, second = state_values(own, other, payoffs, gamma)
    return first[..., 0], second[..., 0]


def cooperation(own: Tensor, other: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """How often each player cooperates [N], rounds weighted by the discount."""
    acts = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
    first, second = values(own, other, acts, gamma)
    return first * (1 - gamma), second * (1 - gamma)
