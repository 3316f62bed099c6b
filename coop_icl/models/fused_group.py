"""One-layer GRUs of equal shape side by side in torch operations (``fused_gru``)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coop_icl.models.buffers import Buffers
from coop_icl.models.fused_gru import StackedWeights, gru_sequence, round_, stack_weights
from coop_icl.models.groups import Actor, encoded, encoding, gru_weights
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy


class FusedGroup:
    """Policies that share each product."""

    def __init__(self, policies: Sequence[SequencePolicy]) -> None:
        self.policies = list(policies)
        self._buffers = Buffers()

    def forward(self, observations: Sequence[Observations]) -> list[tuple[Tensor, Tensor]]:
        """See ``PolicyGroup``."""
        each = zip(self.policies, observations, strict=True)
        vectors = [encoded(policy, x).vectors() for policy, x in each]
        lanes = [x.shape[1] for x in vectors]
        features = gru_sequence(self.weights(), _lanes_last(vectors), self._buffers)
        heads, bias = self.heads()
        scores = torch.matmul(heads, self.policies[0].activate(features)) + bias  # [T, L, A + 1, N]
        return [(scores[:, i, :-1, :n].transpose(1, 2), scores[:, i, -1, :n]) for i, n in enumerate(lanes)]

    def actor(self, lanes: Sequence[int], seeds: Sequence[int]) -> Actor:
        """See ``PolicyGroup``."""
        return FusedActor(self, lanes)

    def weights(self) -> StackedWeights:
        """Of all policies."""
        return stack_weights(*map(torch.stack, zip(*map(gru_weights, self.policies), strict=True)))

    def heads(self) -> tuple[Tensor, Tensor]:
        """Both heads as one product: [L, A + 1, H] and [L, A + 1, 1]."""
        weight = [torch.cat([p.action_head.weight, p.value_head.weight]) for p in self.policies]
        bias = [torch.cat([p.action_head.bias, p.value_head.bias]) for p in self.policies]
        return torch.stack(weight), torch.stack(bias)[:, :, None]


class FusedActor:
    """Steps all policies in one product, in place."""

    @torch.no_grad()
    def __init__(self, group: FusedGroup, lanes: Sequence[int]) -> None:
        self._lanes, self._activate = list(lanes), group.policies[0].activate
        self._encode = [encoding(policy) for policy in group.policies]
        self._weights = group.weights()
        self._heads, self._bias = group.heads()
        learners, hidden, width = self._weights.new_input.shape
        most = max(lanes)
        new = self._weights.gates.new_zeros
        self._hx = new(learners, hidden + width, most)
        self._hx[:, -1] = 1.0
        self._gates, self._new = new(learners, 3 * hidden, most), new(learners, hidden, most)
        self._hidden = hidden

    @torch.no_grad()
    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """See ``Actor``."""
        for i, (encode, x) in enumerate(zip(self._encode, observations, strict=True)):
            self._hx[i, self._hidden : -1, : len(x)] = encode(x).T
        features = self._hx[:, : self._hidden]
        round_(self._weights, self._hx, self._gates, self._new, features)
        scores = torch.matmul(self._heads, self._activate(features)) + self._bias
        return [scores[i, :, :n].T for i, n in enumerate(self._lanes)]


def _lanes_last(observations: Sequence[Tensor]) -> Tensor:
    """[T, N, F] of each learner as one [T, L, F, N], missing lanes zero."""
    most = max(x.shape[1] for x in observations)
    rounds, _, width = observations[0].shape
    stacked = observations[0].new_zeros(rounds, len(observations), width, most)
    for i, x in enumerate(observations):
        stacked[:, i, :, : x.shape[1]] = x.transpose(1, 2)
    return stacked
