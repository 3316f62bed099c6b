"""An agent whose actions are memory-1 policies: M-FOS's meta-agent."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

STATE = 10
"""Numbers of a meta-state: chances of cooperating of both policies, the own ones first."""


def meta_state(own: Tensor, other: Tensor) -> Tensor:
    """Both players' memory-1 policies as a network sees them, [..., 10] in -1 to 1, from logits [..., 5]."""
    return torch.cat([own.sigmoid(), other.sigmoid()], dim=-1) * 2 - 1


class MetaAgent(nn.Module):
    """Chooses its next memory-1 policy by what both players' policies are now, and says what that is worth.

    The actor gives means and deviations of normal logits, the critic the discounted meta-return, divided by ``scale``.

    Args:
        hidden: width of the two hidden layers of actor and critic.
        scale: size of meta-returns.
        generator: draws the initial weights.
    """

    def __init__(self, hidden: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = scale
        self.actor, self.critic = _network(hidden, 10, generator, 0.1), _network(hidden, 1, generator, 1.0)

    def choices(self, state: Tensor) -> Independent:
        """The distribution of the next policy's logits [..., 5] in meta-states [..., 10]."""
        means, spread = self.actor(state).chunk(2, dim=-1)
        return Independent(Normal(means, nn.functional.softplus(spread).sqrt() + 0.01), 1)

    def value(self, state: Tensor) -> Tensor:
        """What is expected of the discounted meta-return, [...]."""
        return self.critic(state)[..., 0] * self.scale

    @torch.no_grad()
    def choose(self, own: Tensor, other: Tensor, generator: torch.Generator | None) -> Tensor:
        """The next policy [N, 5]: drawn by ``generator``, or the mean without one."""
        found = self.choices(meta_state(own, other))
        if generator is None:
            return found.mean
        return found.mean + found.stddev * torch.randn(found.mean.shape, generator=generator)


def _network(hidden: int, outputs: int, generator: torch.Generator, gain: float) -> nn.Sequential:
    layers = [nn.Linear(STATE, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs)]
    for layer, factor in zip(layers, (1.0, 1.0, gain), strict=True):
        drawn = torch.randn(layer.weight.shape, generator=generator)
        nn.init.zeros_(layer.bias)
        with torch.no_grad():
            layer.weight.copy_(drawn * factor / layer.in_features**0.5)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])
