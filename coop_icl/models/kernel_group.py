"""One-layer GRUs in compiled code (``gru_kernel``)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from coop_icl.models.buffers import Buffers
from coop_icl.models.groups import Actor, gru_weights, nothing
from coop_icl.models.gru_kernel import Stepper, gru_sequence
from coop_icl.models.policy import SequencePolicy


class KernelGroup:
    """Policies evaluated one after the other, each in one call a pass."""

    def __init__(self, policies: Sequence[SequencePolicy]) -> None:
        self.policies = list(policies)
        self._buffers = Buffers()

    def forward(self, observations: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """See ``PolicyGroup``."""
        return [self._one(policy, x) for policy, x in zip(self.policies, observations, strict=True)]

    def actor(self, lanes: Sequence[int]) -> Actor:
        """See ``PolicyGroup``."""
        return KernelActor(self.policies, lanes)

    def _one(self, policy: SequencePolicy, observations: Tensor) -> tuple[Tensor, Tensor]:
        if not observations.shape[1]:
            return nothing(policy, observations)
        return policy.heads(gru_sequence(gru_weights(policy), observations, self._buffers))


class KernelActor:
    """Steps each policy in one call a round, in place."""

    @torch.no_grad()
    def __init__(self, policies: Sequence[SequencePolicy], lanes: Sequence[int]) -> None:
        heads = [policy.action_head for policy in policies]
        self._parts = [
            (Stepper(gru_weights(policy), n), policy.activate, head.weight.detach(), head.bias.detach())
            for policy, head, n in zip(policies, heads, lanes, strict=True)
        ]

    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """See ``Actor``."""
        return [
            F.linear(activate(stepper.step(x)), weight, bias)
            for (stepper, activate, weight, bias), x in zip(self._parts, observations, strict=True)
        ]
