"""Policies evaluated together: the interface, and the plain way of one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from coop_icl.models.cores import GRUCore, GRUWeights, State
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy


class Actor(Protocol):
    """Steps policies from round to round."""

    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """Scores and, last, the value [N, A + 1] of each policy after one more round of observations [N, F].

        The next call may overwrite them.
        """
        ...


class PolicyGroup(Protocol):
    """Policies evaluated together."""

    policies: list[SequencePolicy]

    def forward(self, observations: Sequence[Observations]) -> list[tuple[Tensor, Tensor]]:
        """Scores [T, N, A] and values [T, N] of each policy for its observations, from empty memory."""
        ...

    def actor(self, lanes: Sequence[int], seeds: Sequence[int]) -> Actor:
        """Something that steps all policies on ``lanes`` lanes each, starting from empty memory; one seed a policy."""
        ...


class PlainGroup:
    """Each policy by itself, as it is written down."""

    def __init__(self, policies: Sequence[SequencePolicy]) -> None:
        self.policies = list(policies)

    def forward(self, observations: Sequence[Observations]) -> list[tuple[Tensor, Tensor]]:
        """See ``PolicyGroup``."""
        return [
            policy(x.vectors())[:2] if x.num_lanes else nothing(policy, x)
            for policy, x in zip(self.policies, observations, strict=True)
        ]

    def actor(self, lanes: Sequence[int], seeds: Sequence[int]) -> Actor:
        """See ``PolicyGroup``."""
        return PlainActor(self.policies, lanes, seeds)


class PlainActor:
    """Steps each policy by itself."""

    def __init__(self, policies: Sequence[SequencePolicy], lanes: Sequence[int], seeds: Sequence[int]) -> None:
        self._policies = policies
        each = zip(policies, lanes, seeds, strict=True)
        self._states: list[State] = [policy.initial_state(n, seed) for policy, n, seed in each]

    @torch.no_grad()
    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """See ``Actor``."""
        outputs = []
        for i, (policy, x) in enumerate(zip(self._policies, observations, strict=True)):
            if not len(x):
                outputs.append(x.new_zeros(0, policy.num_actions + 1))
                continue
            scores, values, self._states[i] = policy.step(x, self._states[i])
            outputs.append(torch.cat([scores, values[:, None]], 1))
        return outputs


def is_one_gru(policies: Sequence[SequencePolicy]) -> bool:
    """Whether all are one-layer GRUs of equal shape, on a CPU; what encodes their observations does not matter."""
    first = policies[0]
    alike = all(p.config == first.config and p.parts == first.parts for p in policies)
    on_cpu = first.action_head.weight.device.type == "cpu"
    plain = first.config.core == "gru" and first.config.num_layers == 1
    return alike and on_cpu and plain


def gru_weights(policy: SequencePolicy) -> GRUWeights:
    """A one-layer GRU's weights with the linear embedding folded in (both are linear)."""
    core = policy.core
    assert isinstance(core, GRUCore)
    rnn = core.rnn
    w_ih, b_ih, w_hh, b_hh = (getattr(rnn, f"{name}_l0") for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh"))
    if policy.embeddings is not None:
        folded = torch.block_diag(*(embedding.weight for embedding in policy.embeddings))  # type: ignore[misc]
        b_ih = b_ih + w_ih @ torch.cat([embedding.bias for embedding in policy.embeddings])  # type: ignore[misc]
        w_ih = w_ih @ folded
    return GRUWeights(w_ih, w_hh, b_ih, b_hh)


def encoded(policy: SequencePolicy, observations: Observations) -> Observations:
    """What ``gru_weights`` take: observations behind the encoder, or as they are where that is linear."""
    if policy.encoder is None:
        return observations
    return Observations(observations.codes, policy.encoder(observations.table))


def encoding(policy: SequencePolicy) -> Callable[[Tensor], Tensor]:
    """The same of observation vectors [..., F], without a gradient."""
    return (lambda vectors: vectors) if policy.encoder is None else policy.encoder.fixed()


def nothing(policy: SequencePolicy, observations: Observations) -> tuple[Tensor, Tensor]:
    """What a policy makes of no lanes."""
    rounds, new = observations.codes.shape[0], observations.table.new_zeros
    return new(rounds, 0, policy.num_actions), new(rounds, 0)
