"""Agents whose actions are memory-1 policies: M-FOS's meta-agents."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

STATE = 10
"""Numbers of a meta-state: chances of cooperating of both policies, the own ones first."""


def meta_state(own: Tensor, other: Tensor) -> Tensor:
    """Both players' memory-1 policies as a network sees them, [..., 10] in -1 to 1, from logits [..., 5]."""
    return torch.cat([own.sigmoid(), other.sigmoid()], dim=-1) * 2 - 1


class MetaAgents(nn.Module):
    """S agents, each with meta-games of its own, that choose their next policies by what both players' are now.

    An agent has an actor, for means and deviations of normal logits, and a critic, for the discounted meta-return
    divided by ``scale``. All of them are computed at once. Shapes: M = S N meta-games, an agent's N next to each other.

    Args:
        hidden: width of the hidden layer.
        scale: size of meta-returns.
        generators: one an agent, for its initial weights.
    """

    def __init__(self, hidden: int, scale: float, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.scale, self.size = scale, len(generators)
        inner = normal(generators, 2, STATE, hidden) / STATE**0.5
        outer = normal(generators, 2, hidden, 10) / hidden**0.5
        outer[::2] *= 0.1
        self.inner, self.inner_bias = nn.Parameter(inner), nn.Parameter(torch.zeros(2 * self.size, 1, hidden))
        self.outer, self.outer_bias = nn.Parameter(outer), nn.Parameter(torch.zeros(2 * self.size, 1, 10))

    def forward(self, states: Tensor) -> tuple[Independent, Tensor]:
        """In meta-states [..., M, 10]: the distribution of the next logits [..., M, 5], and values [..., M]."""
        shape = states.shape[:-1]
        mine = states.reshape(-1, self.size, shape[-1] // self.size, STATE).transpose(0, 1)
        flat = mine.reshape(self.size, -1, STATE).repeat_interleave(2, dim=0)
        hidden = torch.baddbmm(self.inner_bias, flat, self.inner).tanh()
        out = torch.baddbmm(self.outer_bias, hidden, self.outer).reshape(self.size, 2, *mine.shape[1:3], 10)
        actor, critic = out.permute(1, 2, 0, 3, 4).reshape(2, *shape, 10)
        means, spread = actor.chunk(2, dim=-1)
        deviations = nn.functional.softplus(spread).sqrt() + 0.01
        choices = Independent(Normal(means, deviations, validate_args=False), 1, validate_args=False)
        return choices, critic[..., 0] * self.scale

    @torch.no_grad()
    def choose(self, own: Tensor, other: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
        """The next policies [M, 5], drawn by ``generators``, one an agent; without them the means."""
        choices, _ = self(meta_state(own, other))
        if generators is None:
            return choices.mean
        return choices.mean + choices.stddev * normal(generators, len(own) // self.size, 5)


def normal(generators: Sequence[torch.Generator], size: int, *shape: int) -> Tensor:
    """Normal numbers [S size, ...], the same for an agent whoever else there is."""
    return torch.cat([torch.randn(size, *shape, generator=generator) for generator in generators])
