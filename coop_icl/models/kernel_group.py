"""One-layer GRUs in compiled code (``gru_kernel``)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coop_icl.models.buffers import Buffers
from coop_icl.models.groups import Actor, encoded, encoding, gru_weights, nothing
from coop_icl.models.gru_kernel import Stepper, Weights, gru_sequence
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy


class KernelGroup:
    """Policies evaluated one after the other, each in one call a pass."""

    def __init__(self, policies: Sequence[SequencePolicy]) -> None:
        self.policies = list(policies)
        self.buffers = Buffers()

    @property
    def has_two_actions(self) -> bool:
        """Whether ``gru_learning`` has their losses."""
        return self.policies[0].num_actions == 2

    def forward(self, observations: Sequence[Observations]) -> list[tuple[Tensor, Tensor]]:
        """See ``PolicyGroup``."""
        return [self._one(policy, x) for policy, x in zip(self.policies, observations, strict=True)]

    def actor(self, lanes: Sequence[int], seeds: Sequence[int]) -> Actor:
        """See ``PolicyGroup``."""
        return KernelActor(self.policies, lanes)

    def _one(self, policy: SequencePolicy, observations: Observations) -> tuple[Tensor, Tensor]:
        if not observations.num_lanes:
            return nothing(policy, observations)
        return gru_sequence(weights(policy), encoded(policy, observations), self.buffers)


class KernelActor:
    """Steps each policy in one call a round, in place."""

    @torch.no_grad()
    def __init__(self, policies: Sequence[SequencePolicy], lanes: Sequence[int]) -> None:
        self._encode = [encoding(policy) for policy in policies]
        self._steppers = [Stepper(weights(policy), n) for policy, n in zip(policies, lanes, strict=True)]

    @torch.no_grad()
    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """See ``Actor``."""
        each = zip(self._encode, self._steppers, observations, strict=True)
        return [stepper.step(encode(x)) for encode, stepper, x in each]


def weights(policy: SequencePolicy) -> Weights:
    """Both heads of a policy as one: outputs are the scores, then the value."""
    heads = torch.cat([policy.action_head.weight, policy.value_head.weight])
    bias = torch.cat([policy.action_head.bias, policy.value_head.bias])
    config = policy.config
    return Weights(gru_weights(policy), heads, bias, config.activation == "swish", config.precision == "bfloat16")
