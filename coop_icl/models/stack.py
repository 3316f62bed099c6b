"""Several policies evaluated side by side, in the fastest way their shapes allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from coop_icl.models import gru_kernel
from coop_icl.models.fused_group import FusedGroup
from coop_icl.models.groups import PlainGroup, PolicyGroup, is_one_gru
from coop_icl.models.gru_learning import action_log_probabilities
from coop_icl.models.kernel_group import KernelGroup
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.sampling import log_probabilities


class PolicyStack:
    """Policies that act and learn together, each on lanes of its own.

    Args:
        policies: at least one.
        fused: False forces the plain path; kernel: False forces torch operations (tests hold all equal).

    Attributes:
        groups: the policies in groups that can be evaluated at the same time, with the place of each among
            ``policies``. They depend on the policies only, so that the numbers do not depend on the number of threads.
    """

    def __init__(self, policies: Sequence[SequencePolicy], fused: bool = True, kernel: bool = True) -> None:
        self.policies = list(policies)
        alone = len(self.policies) <= 2 or (fused and kernel and _compiles(self.policies))
        size = 1 if alone else 2  # compiled policies share no work; of others larger groups save little
        places = [slice(first, first + size) for first in range(0, len(self.policies), size)]
        self.groups = [(place, _group(self.policies[place], fused, kernel)) for place in places]

    @property
    def fused(self) -> bool:
        """Whether no group takes the plain path."""
        return not any(isinstance(group, PlainGroup) for _, group in self.groups)

    @property
    def plans(self) -> bool:
        """Whether a policy draws numbers of its own."""
        return any(policy.plans for policy in self.policies)

    @property
    def compiled(self) -> bool:
        """Whether all groups use the compiled GRU."""
        return all(isinstance(group, KernelGroup) for _, group in self.groups)

    def forward(self, observations: Sequence[Tensor | Observations]) -> list[tuple[Tensor, Tensor]]:
        """Scores [T, N, A] and values [T, N] of each policy for its observations [T, N, F], from empty memory."""
        coded = [Observations.of(x) for x in observations]
        return [pair for place, group in self.groups for pair in group.forward(coded[place])]

    def log_probabilities(self, scores: Tensor, actions: Tensor) -> Tensor:
        """Of actions [T, N] under scores [A, T, N]: to the last bit what an update computes; without a gradient."""
        if self.compiled and len(scores) == 2:
            return action_log_probabilities(scores, actions)
        return log_probabilities(scores.movedim(0, -1)).gather(2, actions[:, :, None])[:, :, 0]

    def actor(self, lanes: Sequence[int], seed: int = 0) -> StackActor:
        """Something that steps all policies on ``lanes`` lanes each, starting from empty memory.

        ``seed`` is the root of the numbers that policies which plan draw, each its own.
        """
        return StackActor(self, lanes, seed)


class StackActor:
    """Steps the policies of a stack."""

    def __init__(self, stack: PolicyStack, lanes: Sequence[int], seed: int) -> None:
        drawn = np.random.SeedSequence(seed).generate_state(len(lanes), np.uint64)
        seeds = [int(one >> np.uint64(1)) for one in drawn]
        self._actors = [(place, group.actor(lanes[place], seeds[place])) for place, group in stack.groups]

    def step(self, observations: Sequence[Tensor]) -> list[Tensor]:
        """See ``Actor``."""
        return [outputs for place, actor in self._actors for outputs in actor.step(observations[place])]


def _group(policies: Sequence[SequencePolicy], fused: bool, kernel: bool) -> PolicyGroup:
    if not fused or any(policy.plans for policy in policies) or not is_one_gru(policies):
        return PlainGroup(policies)
    return KernelGroup(policies) if kernel and _compiles(policies) else FusedGroup(policies)


def _compiles(policies: Sequence[SequencePolicy]) -> bool:
    first = policies[0]
    return is_one_gru(policies) and gru_kernel.fits(first.action_head.weight, first.config.hidden_size)
