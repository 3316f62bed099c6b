"""Roll-outs inside a one-layer GRU in compiled code (``gru_plan`` in ``_gru.c``), as in ``planning.action_values``.

All lanes (decisions x actions x roll-outs) go through all rounds in one call that leaves the interpreter to other
threads. What a round contributes to the gates is a row of a table (action, observation), plus the reward times a
vector, plus what is told of the co-player; the heads are one product. Both products are taken in bfloat16 if the policy
asks for it.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from coop_icl.models import gru_kernel
from coop_icl.models.groups import gru_weights, is_one_gru
from coop_icl.models.gru_kernel import CPolicy, Packed, Weights, library, pointer
from coop_icl.models.planning import Memory, PlannerConfig

if TYPE_CHECKING:
    from coop_icl.models.predictive import PredictivePolicy

PAD = 16
"""Rows of outputs are a multiple of it wide."""
MOST = 128
"""Largest number of actions or observations (``gru_plan`` has room for so many probabilities)."""


class CModel(ctypes.Structure):
    """``struct model`` of ``_gru.c``."""

    _fields_ = (
        ("policy", CPolicy),
        *((name, ctypes.c_int) for name in ("actions", "outcomes", "width")),
        *((name, ctypes.c_void_p) for name in ("out", "bias", "reward")),
    )


def fits(policy: PredictivePolicy) -> bool:
    """Whether ``policy`` can plan in compiled code."""
    usable = is_one_gru([policy]) and gru_kernel.fits(policy.action_head.weight, policy.config.hidden_size)
    return usable and policy.num_outcomes <= MOST


@torch.no_grad()
def action_values(policy: PredictivePolicy, memory: Memory, planner: PlannerConfig, uniforms: Tensor) -> Tensor:
    """See ``planning.action_values``; equal to it up to rounding, which may turn the draw of a roll-out."""
    actions, outcomes, parts = policy.num_actions, policy.num_outcomes, policy.parts
    hidden, decisions = policy.config.hidden_size, len(uniforms)
    weights, bias = policy.all_heads()
    width = -(-len(weights) // PAD) * PAD
    out = F.pad(weights.T, (0, width - len(weights))).contiguous()
    bias = F.pad(bias, (0, width - len(bias))).contiguous()
    rows = torch.zeros(actions * outcomes, sum(parts))
    rows[:, :outcomes] = torch.eye(outcomes).repeat(actions, 1)
    rows[:, outcomes : outcomes + actions] = torch.eye(actions).repeat_interleave(outcomes, 0)
    packed = Packed(Weights(gru_weights(policy), weights[:0], bias[:0], *policy.options()), rows)
    out = gru_kernel.pairs(out) if packed.policy.half else out
    basis = torch.zeros(2, sum(parts))
    basis[1, outcomes + actions] = 1.0
    nothing, reward = packed.project(basis)
    reward = (reward - nothing).contiguous()
    told = memory["told"]
    if told.shape[1]:
        told = packed.project(F.pad(told, (sum(parts[:3]), 0))) - nothing
    model = CModel(packed.policy, actions, outcomes, width, out.data_ptr(), bias.data_ptr(), reward.data_ptr())
    states, uniforms = memory["features"].contiguous(), uniforms.contiguous()
    values = torch.zeros(decisions, actions, dtype=torch.float64)
    scratch = torch.empty(library().gru_plan_scratch(hidden, width))
    library().gru_plan(
        *(gru_kernel.level(), ctypes.c_long(decisions), planner.rollouts, planner.horizon),
        *(ctypes.c_double(planner.discount), ctypes.byref(model), pointer(states)),
        *(pointer(told) if told.shape[1] else None, pointer(uniforms), pointer(scratch), pointer(values)),
    )
    return (values / planner.rollouts).to(uniforms.dtype)
