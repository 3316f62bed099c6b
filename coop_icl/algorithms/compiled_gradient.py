"""Gradients of ``losses`` for groups that have them compiled: GRUs with two actions (``models/gru_learning.py``)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coop_icl.algorithms.losses import Coefficients, Targets
from coop_icl.models import gru_learning
from coop_icl.models.groups import PolicyGroup, encoded
from coop_icl.models.gru_learning import CCoefficients, Sums
from coop_icl.models.kernel_group import KernelGroup, weights
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy


def fits(group: PolicyGroup, algorithm: str) -> bool:
    """Whether ``CompiledGradient`` can be used."""
    return isinstance(group, KernelGroup) and group.has_two_actions and algorithm in ("ppo", "a2c")


class CompiledGradient:
    """Puts gradients on the policies of a group; the twin of ``update.LossGradient``.

    Args:
        group, algorithm: such that they ``fits``.
        inputs, targets: of each policy.
        coefficients: of the loss.
    """

    def __init__(
        self,
        group: KernelGroup,
        inputs: Sequence[Observations],
        targets: Sequence[Targets],
        algorithm: str,
        coefficients: Coefficients,
    ) -> None:
        self._group, self._algorithm, self._coefficients = group, algorithm, coefficients
        self._inputs = [Observations(x.codes.contiguous(), x.table) for x in inputs]
        self._tensors = [
            [x.contiguous() for x in (t.actions, t.logp, t.advantages, t.returns, t.mask)] for t in targets
        ]
        self._learned = [gru_learning.targets(*tensors) for tensors in self._tensors]
        self._counts = [t.mask.sum(0) for t in targets]

    def __call__(self, lanes: Sequence[torch.Tensor]) -> list[dict[str, float]]:
        """Statistics of each policy, as its loss gives them, over some of its lanes (indices [n])."""
        return [
            self._one(i, policy, some) for i, (policy, some) in enumerate(zip(self._group.policies, lanes, strict=True))
        ]

    def _one(self, i: int, policy: SequencePolicy, lanes: torch.Tensor) -> dict[str, float]:
        c, count = self._coefficients, max(1.0, float(self._counts[i][lanes].sum()))
        made = CCoefficients(self._algorithm == "ppo", c.clip, c.value, c.entropy, 1 / count)
        of = weights(policy)
        seen = encoded(policy, self._inputs[i])
        gradients, sums = gru_learning.gradients(of, seen, lanes, self._learned[i], made, self._group.buffers)
        if len(lanes):
            asking = [seen.table] if seen.table.requires_grad else []
            torch.autograd.backward([*of.gru, of.heads, of.bias, *asking], gradients)
        return _statistics(sums, count, self._algorithm)


def _statistics(sums: Sums, count: float, algorithm: str) -> dict[str, float]:
    """The names of ``losses``; the policy's loss is what is minimised."""
    error, mean = sums.squared_error / count, sums.returns / count
    spread = sums.squared_returns / count - mean * mean
    found = {
        "policy_loss": -sums.surrogate / count,
        "value_loss": 0.5 * error,
        "entropy": sums.entropy / count,
        "explained_variance": 1 - error / max(spread, 1e-12),
        "kl": sums.kl / count,
        "ratio_error": sums.distance,
    }
    return {**found, "clip_fraction": sums.clipped / count} if algorithm == "ppo" else found
