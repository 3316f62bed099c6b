"""Several policies evaluated side by side, in one batched product where their shapes allow it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from coop_icl.models.cores import GRUCore, State
from coop_icl.models.fused_gru import Buffers, StackedWeights, gru_sequence, round_, stack_weights
from coop_icl.models.policy import SequencePolicy


class PolicyStack:
    """Policies that act and learn together, each on lanes of its own.

    Args:
        policies: at least one.
        fused: False forces the plain path (tests hold the two equal).

    Attributes:
        groups: the policies in groups that can be evaluated at the same time, with the place of each among
            ``policies``. They depend on the number of policies only, so that the numbers do not depend on the machine.
    """

    def __init__(self, policies: Sequence[SequencePolicy], fused: bool = True) -> None:
        self.policies = list(policies)
        size = 1 if len(self.policies) <= 2 else 2  # larger groups save little, smaller ones cost little
        places = [slice(first, first + size) for first in range(0, len(self.policies), size)]
        self.groups = [(place, PolicyGroup(self.policies[place], fused)) for place in places]

    @property
    def fused(self) -> bool:
        """Whether all groups take the fused path."""
        return all(group.fused for _, group in self.groups)

    def forward(self, observations: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Scores [T, N, A] and values [T, N] of each policy for its observations [T, N, F], from empty memory."""
        return [pair for place, group in self.groups for pair in group.forward(observations[place])]

    def actor(self, lanes: Sequence[int]) -> StackActor:
        """Something that steps all policies on ``lanes`` lanes each, starting from empty memory."""
        return StackActor(self, lanes)


class StackActor:
    """Steps the policies of a stack."""

    def __init__(self, stack: PolicyStack, lanes: Sequence[int]) -> None:
        self._actors = [(place, group.actor(lanes[place])) for place, group in stack.groups]

    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """Scores [N, A] of each policy after one more round of observations [N, F]."""
        return [scores for place, actor in self._actors for scores in actor.step(observations[place])]


class PolicyGroup:
    """Policies evaluated together; one-layer GRUs of equal shape share each product (the fused path)."""

    def __init__(self, policies: Sequence[SequencePolicy], fused: bool = True) -> None:
        self.policies = list(policies)
        first = self.policies[0]
        alike = all(p.config == first.config and p.parts == first.parts for p in self.policies)
        on_cpu = first.action_head.weight.device.type == "cpu"
        self.fused = fused and alike and on_cpu and first.config.core == "gru" and first.config.num_layers == 1
        self._buffers = Buffers()

    def forward(self, observations: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """As ``PolicyStack.forward``."""
        if not self.fused:
            return [
                policy(x)[:2] if x.shape[1] else _nothing(policy, x)
                for policy, x in zip(self.policies, observations, strict=True)
            ]
        lanes = [x.shape[1] for x in observations]
        features = gru_sequence(self._weights(), _lanes_last(observations), self._buffers)
        heads, bias = self._heads()
        scores = torch.matmul(heads, self._activate(features)) + bias  # [T, L, A + 1, N]
        return [(scores[:, i, :-1, :n].transpose(1, 2), scores[:, i, -1, :n]) for i, n in enumerate(lanes)]

    def actor(self, lanes: Sequence[int]) -> PlainActor | FusedActor:
        """As ``PolicyStack.actor``."""
        return FusedActor(self, lanes) if self.fused else PlainActor(self, lanes)

    def _weights(self) -> StackedWeights:
        """GRU weights with the linear embedding folded in (both are linear)."""
        stacks = [[] for _ in range(4)]
        for policy in self.policies:
            core = policy.core
            assert isinstance(core, GRUCore)
            rnn = core.rnn
            w_ih, b_ih = rnn.weight_ih_l0, rnn.bias_ih_l0
            if policy.embeddings is not None:
                folded = torch.block_diag(*(embedding.weight for embedding in policy.embeddings))  # type: ignore[misc]
                b_ih = b_ih + w_ih @ torch.cat([embedding.bias for embedding in policy.embeddings])  # type: ignore[misc]
                w_ih = w_ih @ folded
            for stack, tensor in zip(stacks, (w_ih, rnn.weight_hh_l0, b_ih, rnn.bias_hh_l0), strict=True):
                stack.append(tensor)
        return stack_weights(*(torch.stack(stack) for stack in stacks))

    def _heads(self) -> tuple[Tensor, Tensor]:
        """Both heads as one product: [L, A + 1, H] and [L, A + 1, 1]."""
        weight = [torch.cat([p.action_head.weight, p.value_head.weight]) for p in self.policies]
        bias = [torch.cat([p.action_head.bias, p.value_head.bias]) for p in self.policies]
        return torch.stack(weight), torch.stack(bias)[:, :, None]

    def _activate(self, features: Tensor) -> Tensor:
        return F.silu(features) if self.policies[0].config.activation == "swish" else features


class PlainActor:
    """Steps each policy by itself."""

    def __init__(self, group: PolicyGroup, lanes: Sequence[int]) -> None:
        self._policies = group.policies
        self._states: list[State] = [p.initial_state(n) for p, n in zip(group.policies, lanes, strict=True)]

    @torch.no_grad()
    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """Scores [N, A] of each policy after one more round of observations [N, F]."""
        scores = []
        for i, (policy, x) in enumerate(zip(self._policies, observations, strict=True)):
            if not len(x):
                scores.append(x.new_zeros(0, policy.num_actions))
                continue
            logits, _, self._states[i] = policy.step(x, self._states[i])
            scores.append(logits)
        return scores


class FusedActor:
    """Steps all policies in one product, in place."""

    @torch.no_grad()
    def __init__(self, group: PolicyGroup, lanes: Sequence[int]) -> None:
        self._lanes, self._activate = list(lanes), group._activate
        self._weights = group._weights()
        self._heads, self._bias = group._heads()
        learners, hidden, width = self._weights.new_input.shape
        most = max(lanes)
        new = self._weights.gates.new_zeros
        self._hx = new(learners, hidden + width, most)
        self._hx[:, -1] = 1.0
        self._gates, self._new = new(learners, 3 * hidden, most), new(learners, hidden, most)
        self._hidden = hidden

    @torch.no_grad()
    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """Scores [N, A] of each policy after one more round of observations [N, F]."""
        for i, x in enumerate(observations):
            self._hx[i, self._hidden : -1, : len(x)] = x.T
        features = self._hx[:, : self._hidden]
        round_(self._weights, self._hx, self._gates, self._new, features)
        scores = torch.matmul(self._heads, self._activate(features)) + self._bias
        return [scores[i, :-1, :n].T for i, n in enumerate(self._lanes)]


def _lanes_last(observations: Sequence[Tensor]) -> Tensor:
    """[T, N, F] of each learner as one [T, L, F, N], missing lanes zero."""
    most = max(x.shape[1] for x in observations)
    rounds, _, width = observations[0].shape
    stacked = observations[0].new_zeros(rounds, len(observations), width, most)
    for i, x in enumerate(observations):
        stacked[:, i, :, : x.shape[1]] = x.transpose(1, 2)
    return stacked


def _nothing(policy: SequencePolicy, observations: Tensor) -> tuple[Tensor, Tensor]:
    rounds = observations.shape[0]
    return observations.new_zeros(rounds, 0, policy.num_actions), observations.new_zeros(rounds, 0)
